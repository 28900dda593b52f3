"""``make bench``: forecast of 1,000 capabilities of 20 teams with 40,000 past issues. Prints; nothing here is a test.

Times are CPU seconds of one core, so that other work on the machine has little effect.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import timedelta

from mappings.model import Increment
from sync.forecast.forecasts import build_forecasts
from sync.forecast.remaining_work import ForecastInputs
from sync.forecast.team_model import build_team_model
from sync.model.flow import IssueFlow
from sync.model.forecast import PastIssue
from tests.support.rollup_world import MIDWAY, capability, goal, increment, issue, roll_up_plan, workspace

CAPABILITIES, TEAMS, PAST_ISSUES = 1_000, 20, 2_000
_DAY = timedelta(days=1)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CAPABILITIES
    random_ = random.Random(1)
    plan = _plan(count)
    material_of_teams = {f"team-{number}": _history(random_) for number in range(TEAMS)}
    entries = [
        issue(f"DS-{each}-{number}", capability=f"c-{each}", team=f"team-{each % TEAMS}")
        for each in range(count)
        for number in range(random_.randint(3, 17))
    ]
    rollup = roll_up_plan(*entries, plan=workspace(plan)).increments[0]
    flow = {known.issue.ref: _flow_issue(known.issue.ref, random_) for _, known in entries}
    began = time.process_time()
    teams = {name: build_team_model(name, issues, MIDWAY) for name, issues in material_of_teams.items()}
    fitted = time.process_time()
    found = build_forecasts(rollup, plan, ForecastInputs(at=MIDWAY, flow=flow, team_models=teams))
    done = time.process_time()
    sys.stdout.write(
        f"forecast of {count:,} capabilities in {count // 4:,} goals  {done - fitted:.2f} s\n"
        f"  before it the past of {TEAMS} teams with {PAST_ISSUES:,} issues each  {fitted - began:.2f} s\n"
        f"  {len(entries):,} open issues, {sum(each.probability is not None for each in found):,} probabilities\n"
    )


def _plan(count: int) -> Increment:
    goals = [
        goal(*(capability(f"c-{each}") for each in range(first, min(first + 4, count))), name=f"g-{first}")
        for first in range(0, count, 4)
    ]
    return increment(*goals)


def _history(random_: random.Random) -> list[PastIssue]:
    issues = []
    for number in range(PAST_ISSUES):
        created = MIDWAY - random_.uniform(0, 1200) * _DAY
        closed = created + random_.expovariate(1 / random_.choice([5, 80])) * _DAY
        labels = (f"part-{number // 10}",)
        issues.append(PastIssue(created=created, closed=closed if closed <= MIDWAY else None, labels=labels))
    return issues


def _flow_issue(ref: object, random_: random.Random) -> IssueFlow:
    return IssueFlow(
        ref=ref,  # type: ignore[arg-type]
        created=MIDWAY - random_.uniform(1, 120) * _DAY,
        complete=True,
    )


if __name__ == "__main__":
    main()
