"""Predictability of increments: planned and actual values, carried over work, ad-hoc share."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sync.cli.commands.predictability import show_predictability
from sync.model.plan_facts import plan_facts
from sync.runtime.bootstrap import load_configuration
from sync.runtime.session import open_workspace_store
from tests.support.match_world import issue
from tests.support.offline_world import NOW, OfflineWorld

Q3 = """\
increment: 2026-q3
start: 2026-07-01
end: 2026-09-30
goals:
  - id: scores
    title: Scores
    value: 8
    actual_value: 6
    capabilities: [{id: scoring, title: Scoring, team: science}]
  - id: dashboard
    title: Dashboard
    capabilities: [{id: charts, title: Charts, team: science}]
  - id: extra
    title: Extra
    commitment: stretch
    value: 5
    actual_value: 5
    capabilities: [{id: extras, title: Extras, team: ops}]
"""
Q4 = """\
increment: 2026-q4
start: 2026-10-01
end: 2026-12-31
goals:
  - id: retention
    title: Keep subscribers
    capabilities: [{id: scoring-2, title: Scoring again, team: science, continues: scoring}]
"""
MAPPING = """\
team: science
sources:
  - jira: {project: DS}
rules:
  - {id: scoring, when: {labels: [scoring]}, assign: scoring}
  - {id: charts, when: {labels: [charts]}, assign: charts}
  - {id: extras, when: {labels: [extras]}, assign: extras}
"""
IN_Q3 = datetime(2026, 8, 1, tzinfo=UTC)


def finished(key: str, *labels: str) -> Any:
    facts = {"status": "Done", "category": "done", "closed": IN_Q3, "updated": IN_Q3}
    return issue(key, created=datetime(2026, 7, 2, tzinfo=UTC), labels=list(labels), **facts)


def waiting(key: str, *labels: str) -> Any:
    return issue(key, created=datetime(2026, 7, 2, tzinfo=UTC), labels=list(labels))


def world(root: Path, q3: str = Q3) -> OfflineWorld:
    made = OfflineWorld(root, plan=Q4, mapping=MAPPING, more={"plans/2026-q3.yaml": q3})
    made.pull(
        [
            finished("DS-1", "scoring"),
            waiting("DS-2", "scoring"),
            finished("DS-3", "charts"),
            finished("DS-4", "extras"),
            finished("DS-5"),
        ]
    )
    return made


def assess(made: OfflineWorld, increment: str = "2026-q3") -> Any:
    answer = made.call(lambda invocation: show_predictability(invocation, increment), as_json=True)
    assert answer.code == 0, answer.err
    (found,) = answer.json["increments"]
    return found


def test_stretch_goals_count_in_the_numerator_alone(tmp_path: Path) -> None:
    found = assess(world(tmp_path))
    assert (found["planned"], found["actual"], found["share"]) == (9, 12, 12 / 9)
    assert found["goals"][1]["basis"] == "done"


def test_an_actual_value_is_entered_by_people_and_never_computed(tmp_path: Path) -> None:
    found = assess(world(tmp_path, Q3.replace("    actual_value: 6\n", "")))
    assert (found["share"], found["not_entered"]) == (None, ["scores"])
    text = world(tmp_path, Q3.replace("    actual_value: 6\n", "")).call(
        lambda invocation: show_predictability(invocation, None)
    )
    assert (
        "not known (actual 6 of planned 9; `actual_value` in the plan is not entered for scores)" in text.out
    )


def test_open_work_is_carried_over_into_its_successor(tmp_path: Path) -> None:
    (carried,) = assess(world(tmp_path))["carried"]
    assert (carried["capability"], carried["remaining"], carried["into"]) == ("scoring", 1, "scoring-2")
    (still_open,) = assess(world(tmp_path), "2026-q4")["carried"]
    assert (still_open["capability"], still_open["times"]) == ("scoring-2", 2)


def test_the_share_of_ad_hoc_work_is_that_of_the_increment(tmp_path: Path) -> None:
    found = assess(world(tmp_path))
    assert (found["ad_hoc"]["closed"], found["ad_hoc"]["unplanned"]) == (4, 1)
    assert found["ad_hoc_share_by_team"] == {"ops": None, "science": 0.25}


def test_a_running_increment_is_reported_so_far(tmp_path: Path) -> None:
    found = assess(world(tmp_path), "2026-q4")
    assert (found["so_far"], found["share"], found["planned"]) == (True, 0, 1)


def test_the_commitment_is_the_plan_at_the_start(tmp_path: Path) -> None:
    """A committed goal that is later changed to a stretch goal, cancelled or removed does not raise the measure."""
    made = world(tmp_path)
    configured = load_configuration(tmp_path)
    with open_workspace_store(configured, lambda: NOW) as store:
        facts = plan_facts(configured.workspace, datetime(2026, 6, 28, tzinfo=UTC), "a-run")
        store.save_count_records(facts.at, (), (), facts)
    weakened = Q3.replace("title: Scores", "title: Scores\n    commitment: stretch")
    made.write("plans/2026-q3.yaml", weakened)
    found = assess(made)
    assert (found["planned"], found["committed_on"]) == (9, "2026-06-28")
    made.write("plans/2026-q3.yaml", Q3.replace("title: Scores", "title: Scores\n    cancelled: true"))
    assert assess(made)["planned"] == 9
    without = Q3.replace(Q3[Q3.index("  - id: scores") : Q3.index("  - id: dashboard")], "")
    made.write("plans/2026-q3.yaml", without)
    made.write("plans/2026-q4.yaml", Q4.replace(", continues: scoring", ""))
    made.write(
        "mappings/science.yaml",
        MAPPING.replace("  - {id: scoring, when: {labels: [scoring]}, assign: scoring}\n", ""),
    )
    found = assess(made)
    assert (found["planned"], [goal["state"] for goal in found["goals"]]) == (9, ["done", "done", "removed"])
