"""``doctor``: everything that a run needs, looked at without writing anything on a tracker."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from connectors.model import Finding
from mappings.load import check_workspace
from mappings.model import Workspace
from mappings.problems import MappingInvalid, Problem
from sync.cli.commands.doctor_trackers import look_at_trackers
from sync.cli.run_telemetry import metrics_file
from sync.config.check_push import unknown_in_push
from sync.config.credentials import PING_URL, CredentialError, ping_url
from sync.config.escape import neutral_terminal
from sync.config.settings import FILE_NAME, Settings, load_settings, store_url
from sync.runtime.invocation import Ways, counted, say, say_json
from sync.runtime.session import logs
from sync.store import Store, StoreError, open_store

_OURS_TO_CONFIGURE = frozenset({"settings", "mappings", "credentials"})
"""Checks whose problems mean exit code 3: somebody has to edit a file or set a variable."""
_SENTENCE = 1000
"""More than any sentence of ours, so that only what others said is cut."""


def doctor(ways: Ways) -> int:
    """Print a line for each check. 3 when files or credentials are wrong, 1 when a tracker or right is not there.

    Warnings change nothing about the exit code.
    """
    logs(ways)
    found: list[Finding] = []
    for finding in _checks(ways):
        found.append(finding)
        if not ways.as_json:
            say(_line(finding))
    code = _exit_code(found)
    if ways.as_json:
        checks = [asdict(finding) for finding in found]
        say_json({"version": 1, "ok": code == 0, "exit_code": code, "checks": checks})
    else:
        say(_summary(found))
    return code


def _line(finding: Finding) -> str:
    what = finding.check if finding.check == finding.subject else f"{finding.check} {finding.subject}"
    text = finding.text.removeprefix(f"{finding.subject}: ")
    return f"{finding.level:7}  " + neutral_terminal(f"{what}: {text}", _SENTENCE)


def _summary(found: Iterable[Finding]) -> str:
    levels = [finding.level for finding in found]
    counts = {name: levels.count(name) for name in ("problem", "warning")}
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items())


def _exit_code(found: Iterable[Finding]) -> int:
    problems = [finding for finding in found if finding.level == "problem"]
    if any(finding.check in _OURS_TO_CONFIGURE for finding in problems):
        return 3
    return 1 if problems else 0


def _checks(ways: Ways) -> Iterator[Finding]:
    try:
        settings = load_settings(ways.root)
    except MappingInvalid as invalid:
        yield from (_of_file("settings", problem) for problem in invalid.problems)
        return
    yield _ok("settings", FILE_NAME, f"in {ways.root}, {len(settings.trackers)} trackers")
    workspace, problems = check_workspace(
        ways.root,
        trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
        timezone=settings.timezone,
        labels=settings.scheme,
    )
    problems = (*problems, *(unknown_in_push(settings, workspace) if workspace else ()))
    yield from (_of_file("mappings", problem) for problem in problems)
    if workspace is not None:
        yield _ok(
            "mappings",
            "plans and mappings",
            f"{counted(len(workspace.increments), 'increment')}, {counted(len(workspace.teams), 'team')}",
        )
    yield from look_at_trackers(ways, settings, workspace)
    yield from _store(ways, settings)
    yield _push(settings, workspace)
    yield from _watching(ways, settings)


def _of_file(check: str, problem: Problem) -> Finding:
    place = f"{problem.path}: " if problem.path else ""
    return Finding(
        level="problem" if problem.severity == "error" else "warning",
        check=check,
        subject=str(problem.origin),
        text=f"{place}{problem.message}",
    )


def _store(ways: Ways, settings: Settings) -> Iterator[Finding]:
    """Whether the store opens (which creates or migrates it), takes a write, and who works on it."""
    try:
        store = open_store(store_url(settings, ways.root), now=ways.now)
        try:
            store.cache.put("doctor", ways.now().isoformat(), days=1)
            yield _ok("store", "store", f"opens, is up to date and can be written ({_where(settings)})")
            yield from _lease(ways, store)
        finally:
            store.close()
    except StoreError as error:
        yield Finding(level="problem", check="store", subject="store", text=str(error))


def _where(settings: Settings) -> str:
    """The kind of the store; its URL may hold a password."""
    return "SQLite" if settings.store.startswith("sqlite") else "PostgreSQL"


def _lease(ways: Ways, store: Store) -> Iterator[Finding]:
    lease = store.lease()
    if lease is None:
        yield _ok("lease", "store", "no run is at work")
    elif lease.expires > ways.now():
        text = f"run {lease.run_id} ({lease.holder}) is at work since {lease.since:%Y-%m-%d %H:%M} UTC"
        yield _ok("lease", "store", text)
    else:
        text = f"run {lease.run_id} ({lease.holder}) did not end properly; the next run takes its place"
        yield Finding(level="warning", check="lease", subject="store", text=text)


def _push(settings: Settings, workspace: Workspace | None) -> Finding:
    if not settings.push.enabled:
        text = f"is off: `run` writes nothing on the trackers until push.enabled is true in {FILE_NAME}"
    elif settings.push.teams is None:
        text = "is on for all teams"
    else:
        silent = [t.team for t in workspace.teams if not settings.may_push(t.team)] if workspace else []
        besides = f", not for {', '.join(silent)}" if silent else ""
        text = f"is on for {', '.join(settings.push.teams) or 'no team'}{besides}"
    return _ok("push", "push", text)


def _watching(ways: Ways, settings: Settings) -> Iterator[Finding]:
    """Whether somebody hears when runs fail or stop. No one is called for that: it would be heard as a run."""
    try:
        pinged = ping_url(ways.environment) is not None
    except CredentialError as error:
        yield Finding(level="problem", check="credentials", subject="health check", text=str(error))
        pinged = True
    file = metrics_file(settings, ways.root)
    if file is not None:
        yield _metrics_file(file)
    if file is None and settings.metrics.pushgateway is None and not pinged:
        text = f"nobody hears when runs fail or stop: set metrics in {FILE_NAME}, or {PING_URL}"
        yield _ok("watching", "watching", text)


def _metrics_file(file: Path) -> Finding:
    missing = not file.parent.is_dir()
    if missing or not os.access(file.parent, os.W_OK | os.X_OK):
        what = "does not exist; make it" if missing else "cannot be written; correct its permissions"
        return Finding(
            level="problem", check="metrics", subject="metrics file", text=f"the folder {file.parent} {what}"
        )
    if file.suffix != ".prom":
        text = f"node_exporter reads only names that end in .prom, not {file.name}"
        return Finding(level="warning", check="metrics", subject="metrics file", text=text)
    return _ok("metrics", "metrics file", f"{file} can be written")


def _ok(check: str, subject: str, text: str) -> Finding:
    return Finding(level="ok", check=check, subject=subject, text=text)
