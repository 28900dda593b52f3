"""``make bench``: cost of a report of 20,000 issues. Prints seconds and megabytes; nothing here is a test.

Three teams, half a year of work before the increment, forty capabilities in ten goals. Aim: under 20 s and 6 MB.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from connectors.model import Issue
from sync.cli.commands.report import report
from tests.support.match_world import issue
from tests.support.offline_world import NOW, OfflineWorld, days_ago

SIZES = (1_000, 20_000)
TEAMS = ("science", "serving", "platform")
CAPABILITIES = 40


def main() -> None:
    sizes = tuple(int(size) for size in sys.argv[1:]) or SIZES
    print(f"{'issues':>7}  {'format':<9} {'wall s':>7} {'CPU s':>7} {'MB':>6}  peak MB")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            world = make_world(Path(folder), size)
            for format_ in ("json", "markdown", "html"):
                target = Path(folder) / f"report.{format_}"
                wall, cpu = time.perf_counter(), time.process_time()
                outcome = world.call(lambda ways: report(ways, None, target, format_, None))  # noqa: B023
                if outcome.code:
                    sys.exit(outcome.err)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                megabytes = target.stat().st_size / 1e6
                print(
                    f"{size:>7}  {format_:<9} {wall:>7.2f} {cpu:>7.2f} {megabytes:>6.2f}  {peak:.0f}",
                    flush=True,
                )


def make_world(root: Path, size: int) -> OfflineWorld:
    random_ = random.Random(size)
    goals = "\n".join(
        f"  - id: goal-{goal}\n    title: Goal number {goal}\n    capabilities:\n"
        + "\n".join(
            f"      - {{id: c-{n}, title: Capability number {n}, team: {TEAMS[n % 3]}}}"
            for n in range(goal, CAPABILITIES, 10)
        )
        for goal in range(10)
    )
    plan = f"increment: 2026-q4\nstart: 2026-10-01\nend: 2026-12-31\ngoals:\n{goals}\n"
    return OfflineWorld(
        root,
        *(_random_issue(random_, n) for n in range(size)),
        plan=plan,
        mapping=_mapping(0),
        more={f"mappings/{TEAMS[team]}.yaml": _mapping(team) for team in (1, 2)},
    )


def _mapping(team: int) -> str:
    rules = "\n".join(
        f"  - {{id: r-{n}, when: {{labels: [c-{n}]}}, assign: c-{n}}}"
        for n in range(CAPABILITIES)
        if n % 3 == team
    )
    return f"team: {TEAMS[team]}\nsources:\n  - jira: {{project: P{team}}}\nrules:\n{rules}\n"


def _random_issue(random_: random.Random, number: int) -> Issue:
    team = number % 3
    created = days_ago(random_.uniform(1, 240))
    ends = created + timedelta(days=random_.choice([random_.expovariate(1 / 4), random_.expovariate(1 / 40)]))
    facts = {"status": "Done", "category": "done", "closed": ends} if ends < NOW else {}
    capability = 3 * random_.randrange(CAPABILITIES // 3) + team
    return issue(
        f"P{team}-{number}",
        created=created,
        updated=min(ends, NOW),
        title=f"Something that has to be done, number {number}",
        labels=[f"c-{capability}"] if random_.random() < 0.7 else [],
        **facts,
    )


if __name__ == "__main__":
    main()
