"""``demo`` and ``sandbox``: the whole thing against the embedded trackers, nothing real touched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync.cli.commands.report import ChartLibraryMissing, render_report, report_data_of
from sync.cli.commands.run import run
from sync.cli.commands.status import status
from sync.model.run import RunOptions
from sync.runtime.invocation import Invocation, print_error, print_line
from sync.runtime.session import pulled_context

if TYPE_CHECKING:
    from connectors.sandbox.server import Sandbox

DEMO_TOKENS = {
    "JIRA_EMAIL": "robot@acme.example",
    "JIRA_API_TOKEN": "jira-demo-token",
    "GH_TOKEN": "github-demo-token",
}
"""Of the accounts in ``demo.yaml``; they open nothing but the sandbox."""

_SETTINGS = """\
instance: demo
timezone: Europe/Berlin
store: sqlite:///.increment-sync/state.db
trackers:
  jira: {{kind: jira-cloud, url: {jira}, write_spacing: 0}}
  github: {{kind: github, url: {github}, write_spacing: 0}}
push: {{enabled: true}}
"""


class SandboxUnavailable(LookupError):
    """The sandbox cannot be started: its extra is not installed, its seed is broken, its port is taken."""


def demo(invocation: Invocation, folder: Path | None, report_file: Path | None = None) -> int:
    """First run, second run, a person's decision, third run; and the report of it all."""
    with _folder(folder) as root, _sandbox(None, 0) as box:
        write_demo_workspace(root, box, invocation.now())
        demo_ways = Invocation(
            workspace=root,
            log_level=invocation.log_level or "error",
            environment={**invocation.environment, **DEMO_TOKENS},
            now=invocation.now,
        )
        code = _show(demo_ways, box)
        _report(demo_ways, report_file)
        print_line("Try `increment-sync sandbox` to play with these trackers yourself.")
        if folder:
            print_line(f"The workspace is kept in {root}; its trackers ended with this demo.")
        return code


def sandbox(seed: Path | None, port: int, *, verbose: bool) -> int:
    """Serve the trackers until interrupted."""
    with _sandbox(seed, port, verbose=verbose) as box:
        print_line(f"Look-alike trackers at {box.base_url} (only on this machine; Ctrl-C ends them)")
        for name in box.trackers:
            print_line(f"  {name:8} {box.trackers[name].kind:11} {box.url(name)}")
        print_line()
        if seed is None:
            print_line("Credentials for them, to paste into another terminal:")
            for variable, value in DEMO_TOKENS.items():
                print_line(f"  export {variable}={value}")
            print_line()
            print_line(
                "To act on them as a person, say with curl: ada@acme.example with ada-demo-token (Jira),"
            )
            print_line("ada-demo-token (GitHub).")
            print_line()
            print_line("A workspace for them:")
            print_line(
                f"  increment-sync init try-out --jira {box.url('jira')} "
                f"--github acme/churn --github-url {box.url('github')}"
            )
            print_line()
        print_line(f"What was asked of them: {box.base_url}/_sandbox/log")
        try:
            box.wait()
        except KeyboardInterrupt:
            print_error("sandbox ended")
    return 0


def write_demo_workspace(root: Path, box: Sandbox, now: datetime) -> None:
    """The demo's plan, around today, and the two example mappings."""
    start, end = (now - timedelta(days=45)).date(), (now + timedelta(days=46)).date()
    plan = files("sync.cli").joinpath("templates/demo/plan.yaml").read_text(encoding="utf-8")
    texts = {
        root / "increment-sync.yaml": _SETTINGS.format(jira=box.url("jira"), github=box.url("github")),
        root / "plans" / "this-increment.yaml": plan.format(start=start, end=end),
    }
    for team in ("churn-science", "serving"):
        texts[root / "mappings" / f"{team}.yaml"] = (
            files("mappings").joinpath(f"teams/{team}.yaml").read_text(encoding="utf-8")
        )
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _show(invocation: Invocation, box: Sandbox) -> int:
    print_line("== A Jira site, a GitHub repository, two teams: the first run reads, rolls up and writes ==")
    first = _run(invocation, box)
    print_line("\n== Where the increment stands ==")
    status(invocation, None)
    print_line("== The status comment that the goal's issue DS-100 carries now ==")
    print_line(_comment(box))
    print_line("\n== Nothing changed: the second run writes nothing ==")
    second = _run(invocation, box)
    print_line("\n== Ada takes a label off acme/churn#8 and closes acme/churn#7 ==")
    repository: Any = box.trackers["github"]
    repository.state.unlabel("acme/churn", 8, "capability:churn-features", by="ada")
    repository.state.close("acme/churn", 7, "completed", by="ada")
    third = _run(invocation, box)
    print_line("\n== Her decision stays: #8 counts nowhere, and the label does not come back ==")
    fourth = _run(invocation, box)
    return max(first, second, third, fourth)


def _report(invocation: Invocation, target: Path | None) -> None:
    """Written at the end, where it outlives the demo's workspace."""
    print_line("\n== The same for executives, leads and teams, on one page ==")
    try:
        with pulled_context(invocation) as job:
            page = render_report(report_data_of(job), "html")
    except ChartLibraryMissing as missing:
        print_line(f"No report: {missing}")
        return
    if target is None:
        handle, name = tempfile.mkstemp(prefix="increment-sync-report-", suffix=".html")
        os.close(handle)
        target = Path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    print_line(f"Open this in a browser: {target.resolve()}")


def _run(invocation: Invocation, box: Sandbox) -> int:
    box.log.clear()
    code = run(invocation, RunOptions())
    entries = box.log.entries
    writes = [
        entry
        for entry in entries
        if entry.method != "GET" and "search" not in entry.path and "bulkfetch" not in entry.path
    ]
    print_line(f"({len(entries)} requests, {len(writes)} of them writes)")
    return code


def _comment(box: Sandbox) -> str:
    site: Any = box.trackers["jira"]
    return "\n".join(
        f"  | {line}" for c in site.state.issue("DS-100").comments for line in c.body.split("\n")
    )


@contextmanager
def _folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        if folder.exists() and any(folder.iterdir()):
            raise LookupError(f"{folder} is not empty; name a new folder for the demo")
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="increment-sync-demo-") as temporary:
        yield Path(temporary)


@contextmanager
def _sandbox(seed: Path | None, port: int, *, verbose: bool = False) -> Iterator[Sandbox]:
    try:
        from connectors.sandbox.core.seed import SeedError
        from connectors.sandbox.server import Sandbox, SandboxError
    except ModuleNotFoundError as error:
        raise SandboxUnavailable(
            f"the sandbox needs {error.name}: install it with `pip install 'increment-sync[sandbox]'`"
        ) from None
    source: Path | Mapping[str, Any] = seed or Path(str(files("connectors").joinpath("sandbox/demo.yaml")))
    try:
        box = Sandbox.from_seed(source, port=port, verbose=verbose).start()
    except (SeedError, SandboxError) as error:
        raise SandboxUnavailable(str(error)) from None
    try:
        yield box
    finally:
        box.close()
