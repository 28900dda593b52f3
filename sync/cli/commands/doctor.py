"""``doctor``: checks of everything that a run needs, without writing anything on a tracker."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

from connectors.check_result import CheckResult
from connectors.escape import escape_sentence
from mappings.model import Workspace
from mappings.problems import InvalidWorkspace, Problem
from sync.cli.commands.doctor_trackers import check_result, check_trackers
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, pluralize, utc
from sync.cli.run_telemetry import metrics_path
from sync.config.check_push import check_push_names
from sync.config.credentials import PING_URL, ping_url
from sync.config.private_files import is_shared
from sync.config.secret_lookup import CredentialError
from sync.config.settings import FILE_NAME, Settings, store_file, store_url
from sync.config.workspace import read_with_settings
from sync.runtime.invocation import Invocation
from sync.runtime.session import start_logging
from sync.store import Store, StoreError, open_store

_CONFIGURATION_CHECKS = frozenset({"settings", "mappings", "credentials"})
"""Checks whose problems mean ``ExitCode.INVALID``: somebody has to edit a file or set a variable."""


def doctor(invocation: Invocation) -> int:
    """Run all checks and print the result of each as soon as it is there.

    Return 3 when files or credentials are wrong, 1 for other problems, 0 when there are at most warnings.
    """
    start_logging(invocation, online=True)
    output = Output(invocation)
    results: list[CheckResult] = []
    for result in _checks(invocation):
        results.append(result)
        if not output.as_json:
            output.line(_line(result))
    code = _exit_code(results)
    output.show(
        lambda: {"ok": code == ExitCode.DONE, "exit_code": code, "checks": results},
        lambda: [_summary(results)],
    )
    return code


def _line(result: CheckResult) -> str:
    what = result.check if result.check == result.subject else f"{result.check} {result.subject}"
    text = result.text.removeprefix(f"{result.subject}: ")
    return f"{result.level:7}  " + escape_sentence(f"{what}: {text}")


def _summary(results: Iterable[CheckResult]) -> str:
    levels = [result.level for result in results]
    return ", ".join(pluralize(levels.count(level), level) for level in ("problem", "warning"))


def _exit_code(results: Iterable[CheckResult]) -> ExitCode:
    problems = [result.check for result in results if result.level == "problem"]
    if _CONFIGURATION_CHECKS.intersection(problems):
        return ExitCode.INVALID
    return ExitCode.FAILED if problems else ExitCode.DONE


def _checks(invocation: Invocation) -> Iterator[CheckResult]:
    try:
        settings = invocation.settings
    except InvalidWorkspace as invalid:
        yield from (_result_of_problem("settings", problem) for problem in invalid.problems)
        return
    yield check_result(
        "ok", "settings", FILE_NAME, f"in {invocation.root}, {pluralize(len(settings.trackers), 'tracker')}"
    )
    loaded = read_with_settings(invocation.root, settings)
    workspace = loaded.workspace
    problems = (*loaded.problems, *(check_push_names(settings, workspace) if workspace else ()))
    yield from (_result_of_problem("mappings", problem) for problem in problems)
    if workspace is not None:
        teams = pluralize(len(workspace.teams), "team")
        text = f"{pluralize(len(workspace.increments), 'increment')}, {teams}"
        yield check_result("ok", "mappings", "plans and mappings", text)
    yield from check_trackers(invocation, settings, workspace)
    yield from _store(invocation, settings)
    yield _push(settings, workspace)
    yield from _check_monitoring(invocation, settings)


def _result_of_problem(check: str, problem: Problem) -> CheckResult:
    level: Literal["problem", "warning"] = "problem" if problem.severity == "error" else "warning"
    path = f"{problem.path}: " if problem.path else ""
    return check_result(level, check, str(problem.origin), f"{path}{problem.message}")


def _store(invocation: Invocation, settings: Settings) -> Iterator[CheckResult]:
    """Open the store (which creates or migrates it), write to it, and read its lease."""
    try:
        with closing(open_store(store_url(settings, invocation.root), now=invocation.now)) as store:
            store.cache.put("doctor", invocation.now().isoformat(), days=1)
            text = f"opens, is up to date and can be written ({_store_kind(settings)})"
            yield check_result("ok", "store", "store", text)
            yield _lease(invocation, store)
        yield from _store_permissions(store_file(settings, invocation.root))
    except StoreError as error:
        yield check_result("problem", "store", "store", str(error))


def _store_permissions(file: Path | None) -> Iterator[CheckResult]:
    """Warn about a store that others can read; those of earlier versions were created so."""
    if file is not None and is_shared(file):
        text = f"others than its owner may open {file}, which holds titles and people: `chmod 600` it"
        yield check_result("warning", "store", "store", text)


def _store_kind(settings: Settings) -> str:
    """Return the kind of database; the URL may hold a password."""
    return "SQLite" if settings.store.startswith("sqlite") else "PostgreSQL"


def _lease(invocation: Invocation, store: Store) -> CheckResult:
    lease = store.lease()
    if lease is None:
        return check_result("ok", "lease", "store", "no run is running")
    run = f"run {lease.run_id} ({lease.holder})"
    if lease.expires > invocation.now():
        return check_result("ok", "lease", "store", f"{run} is running since {utc(lease.since)}")
    text = f"{run} did not end properly; the next run takes its place"
    return check_result("warning", "lease", "store", text)


def _push(settings: Settings, workspace: Workspace | None) -> CheckResult:
    if not settings.push.enabled:
        text = f"is off: `run` writes nothing on the trackers until push.enabled is true in {FILE_NAME}"
    elif settings.push.teams is None:
        text = "is on for all teams"
    else:
        skipped = [t.team for t in workspace.teams if not settings.may_push(t.team)] if workspace else []
        besides = f", not for {', '.join(skipped)}" if skipped else ""
        text = f"is on for {', '.join(settings.push.teams) or 'no team'}{besides}"
    return check_result("ok", "push", "push", text)


def _check_monitoring(invocation: Invocation, settings: Settings) -> Iterator[CheckResult]:
    """Check that failing or missing runs are noticed. No ping is sent, because it would count as a run."""
    try:
        pinged = ping_url(invocation.secrets) is not None
    except CredentialError as error:
        yield check_result("problem", "credentials", "health check", str(error))
        pinged = True
    file = metrics_path(settings, invocation.root)
    if file is not None:
        yield _metrics_file(file)
    if file is None and settings.metrics.pushgateway is None and not pinged:
        text = f"nobody is notified when runs fail or stop: set metrics in {FILE_NAME}, or {PING_URL}"
        yield check_result("ok", "watching", "watching", text)


def _metrics_file(file: Path) -> CheckResult:
    missing = not file.parent.is_dir()
    if missing or not os.access(file.parent, os.W_OK | os.X_OK):
        what = "does not exist; create it" if missing else "cannot be written; correct its permissions"
        return check_result("problem", "metrics", "metrics file", f"the folder {file.parent} {what}")
    if file.suffix != ".prom":
        text = f"node_exporter reads only names that end in .prom, not {file.name}"
        return check_result("warning", "metrics", "metrics file", text)
    return check_result("ok", "metrics", "metrics file", f"{file} can be written")
