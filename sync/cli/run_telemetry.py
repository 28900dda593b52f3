"""Report the start and the end of a run to outside monitoring: metrics, and pings of a health check.

A failure to report is a note on stderr; it never fails the run. The health check is healthchecks.io or a compatible
service: a run started, succeeded or failed. Its URL is a secret and is part of no message.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from connectors.escape import escape_sentence
from connectors.http.usage import RequestStats
from mappings.problems import InvalidWorkspace
from sync.cli.errors import exit_code_for
from sync.cli.exit_codes import ExitCode
from sync.cli.metrics.definitions import (
    MetricSamples,
    MetricValues,
    add_request_counts,
    rate_limit_metrics,
    run_end_metrics,
    run_result_metrics,
    store_metrics,
)
from sync.cli.metrics.exporters import push_metrics, write_textfile
from sync.cli.output import Output
from sync.config.credentials import ping_url
from sync.config.secret_lookup import CredentialError
from sync.config.settings import Settings, store_url
from sync.model.interruption import as_interruption
from sync.model.run import RunResult
from sync.pull.current_sources import workspace_sources
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.session import start_logging
from sync.store import StoreError, open_store

PingSignal = Literal["start", "success", "fail"]
_SECONDS: Final = 5.0
_MAX_BYTES: Final = 1 << 20


class _HealthCheck:
    """Pings of one run; none without a URL."""

    def __init__(self, invocation: Invocation) -> None:
        self._note = Output(invocation).note
        self._run = str(uuid.uuid4())
        self._url: SecretStr | None = None
        try:
            self._url = ping_url(invocation.secrets)
        except CredentialError as error:
            self._note(f"note: no health check is pinged: {error}")

    def ping(self, signal: PingSignal) -> None:
        """Send one signal. A failure is a note; a redirect is one, too."""
        if self._url is None:
            return
        import requests

        from connectors.http.bounded_adapter import BoundedAdapter, ResponseLimits
        from connectors.http.session import configure_session

        try:
            url = self._url_for(self._url.get_secret_value(), signal)
            adapter = BoundedAdapter(ResponseLimits(seconds=_SECONDS, max_bytes=_MAX_BYTES))
            with configure_session(requests.Session(), adapter) as session:
                status = session.get(url, timeout=_SECONDS, allow_redirects=False).status_code
        except (OSError, ValueError) as error:  # their texts hold the URL
            self._note(f"note: the health check cannot be reached ({type(error).__name__})")
            return
        if status != 200:
            self._note(f"note: the health check answered HTTP {status}; check INCREMENT_SYNC_PING_URL")

    def _url_for(self, url: str, signal: PingSignal) -> str:
        """Add the signal and the id of the run (``rid``), by which the service tells overlapping runs apart."""
        parts = urlsplit(url)
        path = parts.path.rstrip("/") + ("" if signal == "success" else f"/{signal}")
        query = urlencode([*parse_qsl(parts.query), ("rid", self._run)])
        return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


@dataclass(kw_only=True, slots=True)
class ObservedRun:
    """A run as seen from outside; the run sets the fields as soon as it has them."""

    context: RunContext | None = None
    result: RunResult | None = None


def run_with_telemetry(
    invocation: Invocation, textfile: Path | None, work: Callable[[ObservedRun], int]
) -> int:
    """Call ``work`` and report how it ended. Return its exit code.

    ``textfile`` is the metrics file, instead of the one of the settings.
    """
    start_logging(invocation, online=True)
    check, started = _HealthCheck(invocation), invocation.now()
    observed, code = ObservedRun(), int(ExitCode.INTERRUPTED)
    check.ping("start")
    try:
        code = work(observed)
    except KeyboardInterrupt as stop:
        code = as_interruption(stop).exit_code
        raise
    except Exception as error:
        code = int(exit_code_for(error))
        raise
    finally:
        refusals = len(observed.result.refusals) if observed.result else 0
        end_metrics = partial(
            run_end_metrics, started=started, ended=invocation.now(), exit_code=code, refusals=refusals
        )
        _export_metrics(invocation, textfile, observed, end_metrics)
        # The other run that holds the lock sends the ping.
        if code != ExitCode.LOCKED:
            check.ping("success" if code == 0 else "fail")
    return code


def metrics_path(settings: Settings, root: Path) -> Path | None:
    """Return the metrics file of the settings; a relative path starts at the workspace."""
    return root / settings.metrics.textfile if settings.metrics.textfile else None


def _export_metrics(
    invocation: Invocation,
    textfile: Path | None,
    observed: ObservedRun,
    end_metrics: Callable[[], MetricValues],
) -> None:
    settings = observed.context.settings if observed.context else _settings(invocation)
    gateway = settings.metrics.pushgateway if settings else None
    if textfile is None and settings:
        textfile = metrics_path(settings, invocation.root)
    if textfile is None and gateway is None:
        return
    with _failures_noted(invocation, "the metrics cannot be made"):
        metrics = {**_collect_metrics(invocation, settings, observed), **end_metrics()}
        if textfile is not None:
            with _failures_noted(invocation, f"the metrics file {textfile} cannot be written"):
                write_textfile(textfile, metrics, settings.instance if settings else None)
        if gateway is not None and settings is not None:
            with _failures_noted(invocation, "the metrics cannot be pushed to metrics.pushgateway"):
                push_metrics(gateway, metrics, settings.instance)


def _collect_metrics(
    invocation: Invocation, settings: Settings | None, observed: ObservedRun
) -> dict[str, MetricSamples]:
    """Collect metrics from the store, then from the run itself, which knows newer values."""
    context, result = observed.context, observed.result
    metrics: dict[str, MetricSamples] = {}
    if settings is not None:
        metrics["interval_seconds"] = {(): settings.metrics.interval.total_seconds()}
        with suppress(StoreError):  # the run itself reports a store that it cannot open
            metrics |= _store_metrics(invocation, settings, context)
    if context is not None:
        metrics |= rate_limit_metrics(context.request_stats)
        if result is not None:
            metrics |= run_result_metrics(result, context.workspace)
    return metrics


def _store_metrics(
    invocation: Invocation, settings: Settings, context: RunContext | None
) -> dict[str, MetricSamples]:
    sources = {source.name for source in workspace_sources(context.workspace)} if context else None
    stats, run_id = (context.request_stats, context.run_id) if context else (RequestStats(), None)
    with closing(open_store(store_url(settings, invocation.root), now=invocation.now)) as store:
        return add_request_counts(store, stats) | store_metrics(store, settings.trackers, sources, run_id)


def _settings(invocation: Invocation) -> Settings | None:
    """Load the settings, or return None: the run needs them, too, and reports why they cannot be read."""
    with suppress(InvalidWorkspace, OSError):
        return invocation.settings
    return None


@contextmanager
def _failures_noted(invocation: Invocation, what: str) -> Iterator[None]:
    """Turn every error of the block into a note, without secrets."""
    try:
        yield
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        text = str(reason or error or type(error).__name__)
        Output(invocation).note(f"note: {what}: {escape_sentence(invocation.redactor.redact(text))}")
