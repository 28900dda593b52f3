"""``make bench``: cost of mappings over 100,000 issues, 200 rules and 20 teams. Prints; nothing here is a test.

The matcher is compared with the simplest correct one (every rule tried on every issue, see ``plain.py``); both have
to give the same result. Times are CPU seconds of one core unless a row says wall, so that other work on the
machine disturbs little; compare rows of one table with each other, not with another machine.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mappings.model import MatchResult, Overrides
from mappings.rules.matcher import Matcher
from sync.config.workspace import LoadedWorkspace
from tests.bench.plain import plain_match
from tests.bench.world import TODAY, fill_store, issues, mapping_text, write_workspace

ISSUES = 100_000
_LIVE = 0.4
"""Years: nearly all issues are open or within the increment, so that no shortcut applies."""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ISSUES
    # As the program itself does at start.
    gc.set_threshold(250_000, 50, 100)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _, yardstick = _timed(lambda: sum(range(30_000_000)))
        _print_row("this machine now: sum of thirty million numbers", f"{yardstick:.2f}")
        _print_row(f"matcher: {count:,} issues x 200 rules in 20 teams", "CPU s", "times", "assigned")
        own = write_workspace(root / "own")
        _compare_with_plain("each team its own source, old tracker", own, count, years=4)
        _compare_with_plain("each team its own source, all live", own, count, years=_LIVE)
        shared = write_workspace(root / "shared", shared=True)
        _compare_with_plain("all teams share all sources, all live", shared, count, years=_LIVE)
        _memory(own, count)
        del shared
        fill_store(own, count).close()
        _impact(root, own)
        _explain(root / "own")


def _compare_with_plain(name: str, configured: LoadedWorkspace, count: int, *, years: float) -> None:
    known = list(issues(count, years=years))
    matched, matcher_time = _timed(
        lambda: Matcher(configured.workspace, configured.workspace.labels, TODAY).match(known, Overrides())
    )
    claims, plain = _timed(lambda: plain_match(configured.workspace.teams, known))
    _check_same(matched, claims)
    _print_row(f"  {name}: every rule tried", f"{plain:.2f}", "1.0", "")
    _print_row(
        f"  {name}: matcher_time",
        f"{matcher_time:.2f}",
        f"{plain / matcher_time:.1f}",
        f"{len(matched.assignments):,}",
    )


def _check_same(matched: MatchResult, claims: dict[str, list[str]]) -> None:
    """Compare the results; only the matcher leaves out work closed before the increment."""
    for assignment in matched.assignments:
        if set(claims[assignment.ref.key]) != {assignment.capability}:
            raise SystemExit(f"the matchers disagree about {assignment.ref}")
    for conflict in matched.conflicts:
        if set(claims[conflict.ref.key]) != {claim.capability for claim in conflict.claims}:
            raise SystemExit(f"the matchers disagree about {conflict.ref}")
    for unplanned in matched.unplanned:
        if unplanned.ref.key in claims:
            raise SystemExit(f"the matchers disagree about {unplanned.ref}")


def _memory(configured: LoadedWorkspace, count: int) -> None:
    """Print the peak memory per issue of a match, from the difference between all issues and a fifth of them."""
    peaks = []
    for part in (count // 5, count):
        known = list(issues(part, years=_LIVE))
        matcher = Matcher(configured.workspace, configured.workspace.labels, TODAY)
        matcher.match(known[:1000], Overrides())
        tracemalloc.start()
        matched = matcher.match(known, Overrides())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        del matched
    grown = (peaks[1] - peaks[0]) / (count - count // 5)
    _print_row("memory of a match, result included (tracemalloc, peak)", f"{grown:.0f} B", "", "an issue")


def _impact(root: Path, own: LoadedWorkspace) -> None:
    """Print the cost of the whole command, start included."""
    before = root / "before"
    for name in ("increment-sync.yaml", "plans/bench.yaml"):
        _copy(own.root / name, before / name)
    for team in range(20):
        name = f"mappings/team-{team:02}.yaml"
        _copy(own.root / name, before / name)
    _print_row("mappings impact over the store", "wall s", "CPU s")
    arguments = ["mappings", "impact", "--json", "--against", str(before)]
    _command("  nothing changed", own.root, arguments, times=2)
    edited = own.root / "mappings" / "team-03.yaml"
    edited.write_text(mapping_text(3).replace("[planned, committed]", "[planned, committed, customer]"))
    _command("  a rule of one team changed", own.root, arguments, times=2)
    plan = own.root / "plans" / "bench.yaml"
    plan.write_text(plan.read_text().replace("Goal 7", "Another goal"))
    _command("  a rule and a title in the plan changed", own.root, arguments, times=2)
    snapshot = root / "snapshot.jsonl.gz"
    _command("  (snapshot export)", own.root, ["snapshot", "export", str(snapshot), "--json"])
    from_file = [*arguments, "--snapshot", str(snapshot)]
    _command("  the same, from an exported snapshot", own.root, from_file, times=2)
    more = '      - {id: cap-3-new, title: One more, team: team-3, anchor: "jira:T3-9"}\n'
    plan.write_text(plan.read_text().replace('anchor: "jira:T3-3"}\n', f'anchor: "jira:T3-3"}}\n{more}'))
    edited.write_text(edited.read_text().replace("assign: cap-3-1", "assign: cap-3-new", 1))
    _command("  a rule, and one more capability in the plan", own.root, arguments, times=2)
    plan.write_text(plan.read_text().replace("end: ", "grace_days: 6\nend: "))
    _command("  the same, and other dates: every issue is matched twice", own.root, arguments, times=2)


def _explain(root: Path) -> None:
    """Print the cost of the whole command, of importing libraries, and of its work on workspace and store."""
    _print_row("explain ISSUE from the store", "wall s", "CPU s")
    whole = _command("  the command", root, ["explain", "T3-77", "--json"], times=5)
    libraries = json.loads(_python(root, _LIBRARIES_OF_EXPLAIN))
    loading = f"import {', '.join(libraries)}"
    alone = _command("  import of the libraries that it loads", root, [], times=5, code=loading)
    work = min(
        (json.loads(_python(root, _WORK_OF_EXPLAIN)) for _ in range(5)), key=lambda each: each["explain"]
    )
    _print_row("  its work: read and check the workspace files", f"{work['configure']:.3f}")
    _print_row("  its work: open the store, look up, explain, print", f"{work['explain']:.3f}")
    start = whole - work["configure"] - work["explain"]
    _print_row(
        "  its start-up (all the rest), and relative to the imports",
        f"{start:.2f}",
        f"{start / alone:.2f} x",
    )


_LIBRARIES_OF_EXPLAIN = """
import io, json, sys
stdout, sys.stdout = sys.stdout, io.StringIO()
from sync.cli import main as cli
sys.argv = ["increment-sync", "explain", "T3-77", "--json"]
try:
    cli.main()
except SystemExit:
    pass
own = ("sync", "mappings", "connectors", "__main__")
names = [name for name, module in sys.modules.items() if "site-packages" in (getattr(module, "__file__", "") or "")]
print(json.dumps([name for name in names if name.split(".")[0] not in own and "-" not in name]), file=stdout)
"""
_WORK_OF_EXPLAIN = """
import contextlib, io, json, os, time
from pathlib import Path
import sync.runtime.session as session
from sync.cli.commands.explain import explain
from sync.runtime.invocation import Invocation
spent = {"configure": 0.0}
real = session.load_configuration
def load_configuration(*arguments, **more):
    started = time.perf_counter()
    try:
        return real(*arguments, **more)
    finally:
        spent["configure"] = time.perf_counter() - started
session.load_configuration = load_configuration
with contextlib.redirect_stdout(io.StringIO()):
    started = time.perf_counter()
    explain(Invocation(workspace=Path.cwd(), environment={}, as_json=True), "T3-77")
    spent["explain"] = time.perf_counter() - started - spent["configure"]
print(json.dumps(spent))
"""


def _python(root: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=_environment(), check=True, capture_output=True, text=True
    )
    return done.stdout


def _command(
    name: str, root: Path, arguments: list[str], *, times: int = 1, code: str | None = None
) -> float:
    """Print the best of some executions; return its wall time in seconds."""
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "sync", *arguments]
    best: tuple[float, float] | None = None
    for _ in range(times):
        started = time.perf_counter()
        with subprocess.Popen(command, cwd=root, env=_environment(), stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command[:6])} ended with {process.returncode}")
        cost = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
        best = cost if best is None else min(best, cost)
    assert best is not None
    _print_row(name, f"{best[0]:.2f}", f"{best[1]:.2f}")
    return best[0]


def _environment() -> dict[str, str]:
    """Return the environment with bytecode enabled, as for an installed program; otherwise only its own modules would
    be compiled at every start."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": str(Path(__file__).parents[2])}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def _print_row(name: str, *cells: str) -> None:
    print(f"{name:<64}" + "".join(f"{cell:>11}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
