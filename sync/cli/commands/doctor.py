"""``doctor``: everything that a run needs, looked at without writing anything on a tracker."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from connectors.model import CheckResult
from mappings.load import check_workspace
from mappings.model import Workspace
from mappings.problems import InvalidWorkspace, Problem
from sync.cli.commands.doctor_trackers import check_trackers
from sync.cli.run_telemetry import metrics_path
from sync.config.check_push import check_push_names
from sync.config.credentials import PING_URL, CredentialError, ping_url
from sync.config.escape import escape_terminal
from sync.config.settings import FILE_NAME, Settings, store_url
from sync.runtime.invocation import Invocation, pluralize, print_json, print_line
from sync.runtime.session import start_logging
from sync.store import Store, StoreError, open_store

_CONFIGURATION_CHECKS = frozenset({"settings", "mappings", "credentials"})
"""Checks whose problems mean exit code 3: somebody has to edit a file or set a variable."""
_MAX_TEXT = 1000
"""More than any sentence of ours, so that only what others said is cut."""


def doctor(invocation: Invocation) -> int:
    """Print a line for each check. 3 when files or credentials are wrong, 1 when a tracker or right is not there.

    Warnings change nothing about the exit code.
    """
    start_logging(invocation)
    found: list[CheckResult] = []
    for finding in _checks(invocation):
        found.append(finding)
        if not invocation.as_json:
            print_line(_line(finding))
    code = _exit_code(found)
    if invocation.as_json:
        checks = [asdict(finding) for finding in found]
        print_json({"version": 1, "ok": code == 0, "exit_code": code, "checks": checks})
    else:
        print_line(_summary(found))
    return code


def _line(finding: CheckResult) -> str:
    what = finding.check if finding.check == finding.subject else f"{finding.check} {finding.subject}"
    text = finding.text.removeprefix(f"{finding.subject}: ")
    return f"{finding.level:7}  " + escape_terminal(f"{what}: {text}", _MAX_TEXT)


def _summary(found: Iterable[CheckResult]) -> str:
    levels = [finding.level for finding in found]
    counts = {name: levels.count(name) for name in ("problem", "warning")}
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items())


def _exit_code(found: Iterable[CheckResult]) -> int:
    problems = [finding for finding in found if finding.level == "problem"]
    if any(finding.check in _CONFIGURATION_CHECKS for finding in problems):
        return 3
    return 1 if problems else 0


def _checks(invocation: Invocation) -> Iterator[CheckResult]:
    try:
        settings = invocation.settings
    except InvalidWorkspace as invalid:
        yield from (_finding_of_problem("settings", problem) for problem in invalid.problems)
        return
    yield _ok("settings", FILE_NAME, f"in {invocation.root}, {len(settings.trackers)} trackers")
    workspace, problems = check_workspace(
        invocation.root,
        trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
        timezone=settings.timezone,
        labels=settings.label_scheme,
    )
    problems = (*problems, *(check_push_names(settings, workspace) if workspace else ()))
    yield from (_finding_of_problem("mappings", problem) for problem in problems)
    if workspace is not None:
        yield _ok(
            "mappings",
            "plans and mappings",
            f"{pluralize(len(workspace.increments), 'increment')}, {pluralize(len(workspace.teams), 'team')}",
        )
    yield from check_trackers(invocation, settings, workspace)
    yield from _store(invocation, settings)
    yield _push(settings, workspace)
    yield from _check_monitoring(invocation, settings)


def _finding_of_problem(check: str, problem: Problem) -> CheckResult:
    place = f"{problem.path}: " if problem.path else ""
    return CheckResult(
        level="problem" if problem.severity == "error" else "warning",
        check=check,
        subject=str(problem.origin),
        text=f"{place}{problem.message}",
    )


def _store(invocation: Invocation, settings: Settings) -> Iterator[CheckResult]:
    """Whether the store opens (which creates or migrates it), takes a write, and who works on it."""
    try:
        store = open_store(store_url(settings, invocation.root), now=invocation.now)
        try:
            store.cache.put("doctor", invocation.now().isoformat(), days=1)
            yield _ok("store", "store", f"opens, is up to date and can be written ({_where(settings)})")
            yield from _lease(invocation, store)
        finally:
            store.close()
    except StoreError as error:
        yield CheckResult(level="problem", check="store", subject="store", text=str(error))


def _where(settings: Settings) -> str:
    """The kind of the store; its URL may hold a password."""
    return "SQLite" if settings.store.startswith("sqlite") else "PostgreSQL"


def _lease(invocation: Invocation, store: Store) -> Iterator[CheckResult]:
    lease = store.lease()
    if lease is None:
        yield _ok("lease", "store", "no run is at work")
    elif lease.expires > invocation.now():
        text = f"run {lease.run_id} ({lease.holder}) is at work since {lease.since:%Y-%m-%d %H:%M} UTC"
        yield _ok("lease", "store", text)
    else:
        text = f"run {lease.run_id} ({lease.holder}) did not end properly; the next run takes its place"
        yield CheckResult(level="warning", check="lease", subject="store", text=text)


def _push(settings: Settings, workspace: Workspace | None) -> CheckResult:
    if not settings.push.enabled:
        text = f"is off: `run` writes nothing on the trackers until push.enabled is true in {FILE_NAME}"
    elif settings.push.teams is None:
        text = "is on for all teams"
    else:
        silent = [t.team for t in workspace.teams if not settings.may_push(t.team)] if workspace else []
        besides = f", not for {', '.join(silent)}" if silent else ""
        text = f"is on for {', '.join(settings.push.teams) or 'no team'}{besides}"
    return _ok("push", "push", text)


def _check_monitoring(invocation: Invocation, settings: Settings) -> Iterator[CheckResult]:
    """Whether somebody hears when runs fail or stop. No one is called for that: it would be heard as a run."""
    try:
        pinged = ping_url(invocation.environment) is not None
    except CredentialError as error:
        yield CheckResult(level="problem", check="credentials", subject="health check", text=str(error))
        pinged = True
    file = metrics_path(settings, invocation.root)
    if file is not None:
        yield _metrics_file(file)
    if file is None and settings.metrics.pushgateway is None and not pinged:
        text = f"nobody hears when runs fail or stop: set metrics in {FILE_NAME}, or {PING_URL}"
        yield _ok("watching", "watching", text)


def _metrics_file(file: Path) -> CheckResult:
    missing = not file.parent.is_dir()
    if missing or not os.access(file.parent, os.W_OK | os.X_OK):
        what = "does not exist; make it" if missing else "cannot be written; correct its permissions"
        return CheckResult(
            level="problem", check="metrics", subject="metrics file", text=f"the folder {file.parent} {what}"
        )
    if file.suffix != ".prom":
        text = f"node_exporter reads only names that end in .prom, not {file.name}"
        return CheckResult(level="warning", check="metrics", subject="metrics file", text=text)
    return _ok("metrics", "metrics file", f"{file} can be written")


def _ok(check: str, subject: str, text: str) -> CheckResult:
    return CheckResult(level="ok", check=check, subject=subject, text=text)
