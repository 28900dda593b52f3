"""Tells those who watch a run from outside that it began and how it ended; no run fails by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.http.usage import RequestStats
from mappings.problems import InvalidWorkspace
from sync.cli.exit_codes import exit_code_for
from sync.cli.metrics.collect import add_request_counts, rate_limit_metrics, run_result_metrics, store_metrics
from sync.cli.metrics.definitions import MetricSamples, run_end_metrics
from sync.cli.metrics.exporters import push_metrics, write_textfile
from sync.cli.metrics.healthcheck import HealthCheck, PingFailed, PingSignal
from sync.config.credentials import CredentialError, ping_url
from sync.config.escape import escape_terminal
from sync.config.settings import Settings, store_url
from sync.model.run import RunResult
from sync.pull.current_sources import workspace_sources
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, print_error
from sync.runtime.session import start_logging
from sync.store import StoreError, open_store

EXIT_LOCKED, EXIT_INTERRUPTED = 6, 130


@dataclass(kw_only=True, slots=True)
class ObservedRun:
    """What is known of a run; it fills this in while it works."""

    job: RunContext | None = None
    outcome: RunResult | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _End:
    started: datetime
    ended: datetime
    exit_code: int


def run_with_telemetry(
    invocation: Invocation, textfile: Path | None, work: Callable[[ObservedRun], int]
) -> int:
    """Do the work, tell how it ended, and give its exit code. ``textfile``: in place of the one of the settings."""
    start_logging(invocation)
    check, started, seen, code = _health_check(invocation), invocation.now(), ObservedRun(), EXIT_INTERRUPTED
    _ping(check, "start")
    try:
        code = work(seen)
    except Exception as error:
        code = exit_code_for(error)
        raise
    finally:
        _export_metrics(
            invocation, textfile, seen, _End(started=started, ended=invocation.now(), exit_code=code)
        )
        # A run that found another one at work says nothing: the other one will.
        if code != EXIT_LOCKED:
            _ping(check, "success" if code == 0 else "fail")
    return code


def metrics_path(settings: Settings, root: Path) -> Path | None:
    """The file that the settings name; a relative one lies in the workspace."""
    return root / settings.metrics.textfile if settings.metrics.textfile else None


def _export_metrics(invocation: Invocation, textfile: Path | None, observed: ObservedRun, end: _End) -> None:
    settings = observed.job.settings if observed.job else _settings(invocation)
    gateway = settings.metrics.pushgateway if settings else None
    if textfile is None and settings:
        textfile = metrics_path(settings, invocation.root)
    if textfile is None and gateway is None:
        return
    with _reported_only(invocation, "the metrics cannot be made"):
        figures = _figures(invocation, settings, observed, end)
        if textfile is not None:
            with _reported_only(invocation, f"the metrics file {textfile} cannot be written"):
                write_textfile(textfile, figures, settings.instance if settings else None)
        if gateway is not None and settings is not None:
            with _reported_only(invocation, "the metrics cannot be pushed to metrics.pushgateway"):
                push_metrics(gateway, figures, settings.instance)


def _figures(
    invocation: Invocation, settings: Settings | None, observed: ObservedRun, end: _End
) -> dict[str, MetricSamples]:
    """What the store says, then what the run itself knows, which is newer."""
    refusals = len(observed.outcome.refusals) if observed.outcome else 0
    figures: dict[str, MetricSamples] = {}
    if settings is not None:
        figures["interval_seconds"] = {(): settings.metrics.interval.total_seconds()}
        with suppress(StoreError):  # a run that cannot open it says so itself
            figures |= _stored(invocation, settings, observed)
    if observed.job is not None:
        figures |= rate_limit_metrics(observed.job.request_stats)
        if observed.outcome is not None:
            figures |= run_result_metrics(observed.outcome, observed.job.workspace)
    return figures | run_end_metrics(
        started=end.started, ended=end.ended, exit_code=end.exit_code, refusals=refusals
    )


def _stored(invocation: Invocation, settings: Settings, observed: ObservedRun) -> dict[str, MetricSamples]:
    job = observed.job
    sources = {source.name for source in workspace_sources(job.workspace)} if job else None
    store = open_store(store_url(settings, invocation.root), now=invocation.now)
    try:
        sent = add_request_counts(store, job.request_stats if job else RequestStats())
        return store_metrics(store, settings.trackers, sources, job.run_id if job else None) | sent
    finally:
        store.close()


def _settings(invocation: Invocation) -> Settings | None:
    """Why they cannot be read is told by the run, which needs them as well."""
    with suppress(InvalidWorkspace, OSError):
        return invocation.settings
    return None


def _health_check(invocation: Invocation) -> HealthCheck | None:
    try:
        url = ping_url(invocation.environment)
    except CredentialError as error:
        print_error(f"note: no health check is pinged: {error}")
        return None
    return HealthCheck(url) if url else None


def _ping(check: HealthCheck | None, signal: PingSignal) -> None:
    if check is None:
        return
    try:
        check.ping(signal)
    except PingFailed as failed:
        print_error(f"note: {failed}")


@contextmanager
def _reported_only(invocation: Invocation, what: str) -> Iterator[None]:
    """Whatever goes wrong while figures are told is said, and nothing more comes of it."""
    try:
        yield
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        said = invocation.redactor.redact(str(reason or error or type(error).__name__))
        print_error(f"note: {what}: {escape_terminal(said)}")
