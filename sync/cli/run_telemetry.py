"""Tells those who watch a run from outside that it began and how it ended; no run fails by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connectors.http.redaction import Hider
from connectors.http.usage import Traffic
from mappings.problems import MappingInvalid
from sync.cli.exit_codes import exit_code_for
from sync.cli.metrics.collect import count_requests, of_outcome, of_store, of_traffic
from sync.cli.metrics.definitions import Family, of_end
from sync.cli.metrics.exporters import push, write_textfile
from sync.cli.metrics.healthcheck import HealthCheck, PingFailed, Signal
from sync.config.credentials import CredentialError, ping_url, secrets_in
from sync.config.escape import neutral_terminal
from sync.config.settings import Settings, load_settings, store_url
from sync.model.run import Outcome
from sync.pull.current_sources import all_sources
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, complain
from sync.runtime.session import logs
from sync.store import StoreError, open_store

LOCKED, STOPPED = 6, 130


@dataclass(kw_only=True, slots=True)
class Watched:
    """What is known of a run; it fills this in while it works."""

    job: Job | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _End:
    started: datetime
    ended: datetime
    exit_code: int


def watched(ways: Ways, textfile: Path | None, work: Callable[[Watched], int]) -> int:
    """Do the work, tell how it ended, and give its exit code. ``textfile``: in place of the one of the settings."""
    logs(ways)
    check, started, seen, code = _health_check(ways), ways.now(), Watched(), STOPPED
    _ping(check, "start")
    try:
        code = work(seen)
    except Exception as error:
        code = exit_code_for(error)
        raise
    finally:
        _tell_metrics(ways, textfile, seen, _End(started=started, ended=ways.now(), exit_code=code))
        # A run that found another one at work says nothing: the other one will.
        if code != LOCKED:
            _ping(check, "success" if code == 0 else "fail")
    return code


def metrics_file(settings: Settings, root: Path) -> Path | None:
    """The file that the settings name; a relative one lies in the workspace."""
    return root / settings.metrics.textfile if settings.metrics.textfile else None


def _tell_metrics(ways: Ways, textfile: Path | None, seen: Watched, end: _End) -> None:
    settings = seen.job.settings if seen.job else _settings(ways)
    gateway = settings.metrics.pushgateway if settings else None
    if textfile is None and settings:
        textfile = metrics_file(settings, ways.root)
    if textfile is None and gateway is None:
        return
    with _said(ways, "the metrics cannot be made"):
        figures = _figures(ways, settings, seen, end)
        if textfile is not None:
            with _said(ways, f"the metrics file {textfile} cannot be written"):
                write_textfile(textfile, figures, settings.instance if settings else None)
        if gateway is not None and settings is not None:
            with _said(ways, "the metrics cannot be pushed to metrics.pushgateway"):
                push(gateway, figures, settings.instance)


def _figures(ways: Ways, settings: Settings | None, seen: Watched, end: _End) -> dict[str, Family]:
    """What the store says, then what the run itself knows, which is newer."""
    refusals = len(seen.outcome.refusals) if seen.outcome else 0
    figures: dict[str, Family] = {}
    if settings is not None:
        figures["interval_seconds"] = {(): settings.metrics.interval.total_seconds()}
        with suppress(StoreError):  # a run that cannot open it says so itself
            figures |= _stored(ways, settings, seen)
    if seen.job is not None:
        figures |= of_traffic(seen.job.traffic)
        if seen.outcome is not None:
            figures |= of_outcome(seen.outcome, seen.job.workspace)
    return figures | of_end(started=end.started, ended=end.ended, exit_code=end.exit_code, refusals=refusals)


def _stored(ways: Ways, settings: Settings, seen: Watched) -> dict[str, Family]:
    job = seen.job
    sources = {source.name for source in all_sources(job.workspace)} if job else None
    store = open_store(store_url(settings, ways.root), now=ways.now)
    try:
        sent = count_requests(store, job.traffic if job else Traffic())
        return of_store(store, settings.trackers, sources, job.run_id if job else None) | sent
    finally:
        store.close()


def _settings(ways: Ways) -> Settings | None:
    """Why they cannot be read is told by the run, which needs them as well."""
    with suppress(MappingInvalid, OSError):
        return load_settings(ways.root)
    return None


def _health_check(ways: Ways) -> HealthCheck | None:
    try:
        url = ping_url(ways.environment)
    except CredentialError as error:
        complain(f"note: no health check is pinged: {error}")
        return None
    return HealthCheck(url) if url else None


def _ping(check: HealthCheck | None, signal: Signal) -> None:
    if check is None:
        return
    try:
        check.ping(signal)
    except PingFailed as failed:
        complain(f"note: {failed}")


@contextmanager
def _said(ways: Ways, what: str) -> Iterator[None]:
    """Whatever goes wrong while figures are told is said, and nothing more comes of it."""
    try:
        yield
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        said = Hider(secrets_in(ways.environment)).text(str(reason or error or type(error).__name__))
        complain(f"note: {what}: {neutral_terminal(said)}")
