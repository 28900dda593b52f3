"""``demo``: runs of the main job against mock servers, and the report about them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync.cli.commands.init import template
from sync.cli.commands.report import ChartLibraryMissing, render_report, report_data_of
from sync.cli.commands.run import run_and_print
from sync.cli.commands.sandbox import DEMO_TOKENS, open_sandbox
from sync.cli.commands.status import status
from sync.cli.output import Output, pluralize
from sync.cli.run_telemetry import ObservedRun
from sync.config.credentials import without_credentials
from sync.config.private_files import make_private_folder, write_private
from sync.model.run import RunOptions, RunResult
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context

if TYPE_CHECKING:
    from connectors.sandbox.server import Sandbox


def demo(invocation: Invocation, folder: Path | None, report_file: Path | None = None) -> int:
    """Show a first run, an empty second run, a manual override, the runs after it, and the report."""
    output = Output(invocation)
    with _workspace_folder(folder) as root, open_sandbox(None, 0) as box:
        write_demo_workspace(root, box, invocation.now())
        demo_invocation = Invocation(
            workspace=root,
            log_level=invocation.log_level or "error",
            environment=without_credentials(invocation.environment) | DEMO_TOKENS,
            now=invocation.now,
        )
        results = _show_runs(output, demo_invocation, box)
        _write_report(output, demo_invocation, report_file)
        output.line("Try `increment-sync sandbox` to play with these trackers yourself.")
        if folder:
            output.line(f"The workspace is kept in {root}; its trackers ended with this demo.")
        first, second, *_ = map(_written, results)
        output.line(f"demo: first run {pluralize(first, 'change')}, second run {pluralize(second, 'change')}")
        return max(result.exit_code for result in results)


def write_demo_workspace(root: Path, box: Sandbox, now: datetime) -> None:
    """Write settings, a plan for the time around now, and the two example mappings."""
    start, end = (now - timedelta(days=45)).date(), (now + timedelta(days=46)).date()
    plan = template("demo/plan")
    texts = {
        root / "increment-sync.yaml": template("demo/settings").format(
            jira=box.url("jira"), github=box.url("github")
        ),
        root / "plans" / "this-increment.yaml": plan.format(start=start, end=end),
    }
    for team in ("churn-science", "serving"):
        texts[root / "mappings" / f"{team}.yaml"] = (
            files("mappings").joinpath(f"teams/{team}.yaml").read_text(encoding="utf-8")
        )
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _show_runs(output: Output, invocation: Invocation, box: Sandbox) -> list[RunResult]:
    output.line("== A Jira site, a GitHub repository, two teams: the first run reads, rolls up and writes ==")
    first = _run(output, invocation, box)
    output.line("\n== Status of the increment ==")
    status(invocation, None)
    output.line("== The status comment on the goal's issue DS-100 ==")
    output.line(_goal_comment(box))
    output.line("\n== Nothing changed: the second run writes nothing ==")
    second = _run(output, invocation, box)
    output.line("\n== Ada removes a label from acme/churn#8 and closes acme/churn#7 ==")
    repository: Any = box.trackers["github"]
    repository.state.unlabel("acme/churn", 8, "capability:churn-features", by="ada")
    repository.state.close("acme/churn", 7, "completed", by="ada")
    third = _run(output, invocation, box)
    output.line("\n== Her override stays: #8 counts nowhere, and the label does not come back ==")
    fourth = _run(output, invocation, box)
    return [first, second, third, fourth]


def _written(result: RunResult) -> int:
    return result.applied.done if result.applied else 0


def _write_report(output: Output, invocation: Invocation, target: Path | None) -> None:
    """Write the report where it outlives the demo's workspace."""
    output.line("\n== The same for executives, leads and teams, on one page ==")
    try:
        with pulled_context(invocation) as context:
            page = render_report(report_data_of(context), "html")
    except ChartLibraryMissing as missing:
        output.line(f"No report: {missing}")
        return
    if target is None:
        handle, name = tempfile.mkstemp(prefix="increment-sync-report-", suffix=".html")
        os.close(handle)
        target = Path(name)
    make_private_folder(target.parent)
    write_private(target, page)
    output.line(f"Open this in a browser: {target.resolve()}")


def _run(output: Output, invocation: Invocation, box: Sandbox) -> RunResult:
    box.log.clear()
    result = run_and_print(invocation, RunOptions(), ObservedRun())
    entries = box.log.entries
    writes = [
        entry
        for entry in entries
        if entry.method != "GET" and "search" not in entry.path and "bulkfetch" not in entry.path
    ]
    output.line(f"({pluralize(len(entries), 'request')}, {len(writes)} of them writes)")
    return result


def _goal_comment(box: Sandbox) -> str:
    site: Any = box.trackers["jira"]
    comments = site.state.issue("DS-100").comments
    return "\n".join(f"  | {line}" for comment in comments for line in comment.body.split("\n"))


@contextmanager
def _workspace_folder(folder: Path | None) -> Iterator[Path]:
    """The named folder, which has to be empty; or a temporary one for the time of a block."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="increment-sync-demo-") as temporary:
            yield Path(temporary)
        return
    if folder.exists() and any(folder.iterdir()):
        raise LookupError(f"{folder} is not empty; name a new folder for the demo")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder.resolve()
