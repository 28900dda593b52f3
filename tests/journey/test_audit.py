"""Integrity findings: what looks better than it is, with evidence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sync.cli.commands.audit import show_audit
from tests.support.journey_world import JourneyWorld, jira_seed

MakeWorld = Callable[..., JourneyWorld]


def audited(world: JourneyWorld, days: int = 14) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (kind, subject) -> finding."""
    result = world._call(lambda: show_audit(world.invocation(as_json=True), None, days, strict=False))
    assert result.code == 0, result.err
    return {(each["kind"], each["subject"]): each for each in result.json["findings"]}


def keys(finding: dict[str, Any]) -> list[str]:
    return [each["ref"].partition(":")[2] for each in finding["evidence"]]


def test_a_healthy_increment_has_no_findings(world: JourneyWorld) -> None:
    world.run()
    world.close("DS-11")
    world.run()
    assert audited(world) == {}


def test_a_stalled_goal_that_does_not_look_green_is_no_finding(world: JourneyWorld) -> None:
    world.close("DS-11")
    world.run()
    world.run(after=timedelta(days=20))
    assert audited(world) == {}


def test_a_green_goal_without_changes_is_stalled(make_world: MakeWorld) -> None:
    world = make_world(jira=3, github=1)
    for key in ("DS-11", "DS-12", "acme/churn#11"):
        world.close(key)
    world.run()
    assert audited(world) == {}
    world.run(after=timedelta(days=13))
    assert audited(world) == {}
    world.run(after=timedelta(days=1))
    finding = audited(world)["stalled", "goal:retention"]
    assert keys(finding) == ["DS-13"]
    assert (
        finding["text"]
        == "in-progress, 3 of 4 issues done, and no issue has changed its state since 2026-11-20"
    )
    world.close("DS-13")
    world.run()
    assert audited(world) == {}


def test_removed_work_is_reported_with_its_cause(world: JourneyWorld) -> None:
    world.run()
    world.jira.set_status("DS-11", "Done", "ada", "Won't Do")
    world.unlabel("DS-12", "capability:model")
    world.edit("mappings/science.yaml", "when: {labels: [features]}", "when: {labels: [other]}")
    world.run(max_removals=99)
    found = audited(world)
    assert keys(found["dropped", "capability:model"]) == ["DS-11"]
    (vetoed,) = found["remapped", "capability:model"]["evidence"]
    assert vetoed["text"] == "a person removed our label"
    assert vetoed["at"] and vetoed["run_id"]
    out = found["remapped", "capability:features"]
    assert out["text"].startswith("3 issues of 3 removed")
    assert {each["text"] for each in out["evidence"]} == {
        "the rules were edited: no rule matches it any more"
    }


def test_a_weakened_plan_is_reported(world: JourneyWorld) -> None:
    world.run()
    world.edit(
        "plans/2026-q4.yaml",
        "{id: model, title: Churn model,",
        "{id: scores, previously: [model], required: false, title: Churn model,",
    )
    world.edit("plans/2026-q4.yaml", "commitment: committed", "commitment: stretch")
    world.edit("plans/2026-q4.yaml", "title: Churn features,", "title: Churn features, cancelled: true,")
    world.edit("mappings/science.yaml", "assign: model", "assign: scores")
    world.run()
    found = audited(world)
    assert {subject: each["text"] for (_, subject), each in found.items()} == {
        "goal:retention": "changed to a stretch goal after the start",
        "capability:scores": "renamed; no longer required after the start",
        "capability:features": "cancelled after the start",
    }
    (softer,) = found["plan-changed", "goal:retention"]["evidence"]
    assert softer["text"] == "commitment: committed -> stretch"
    assert softer["run_id"]


def test_work_older_than_the_usual_duration_is_aging(make_world: MakeWorld) -> None:
    seed = jira_seed(11)
    world = make_world(jira=seed)
    for number in range(11, 21):
        world.jira.set_status(f"DS-{number}", "In Progress", "ada")
    world.clock.advance(timedelta(days=2))
    for number in range(11, 20):
        world.close(f"DS-{number}")
    world.run()
    world.clock.advance(timedelta(days=20))
    world.jira.set_status("DS-21", "In Progress", "ada")
    world.run()
    assert ("aging-wip", "team:science") not in audited(world)
    world.close("DS-20")
    world.run()
    world.clock.advance(timedelta(days=23))
    world.run()
    finding = audited(world)["aging-wip", "team:science"]
    assert keys(finding) == ["DS-21"]


def test_text_output_has_sentences_and_strict_fails(world: JourneyWorld) -> None:
    world.run()
    world.jira.set_status("DS-11", "Done", "ada", "Won't Do")
    world.run()
    result = world._call(lambda: show_audit(world.invocation(), None, 14, strict=True))
    assert result.code == 1
    assert "dropped: Churn model: 1 issue of 3 dropped since the commitment (2026-11-20)" in result.out
    assert "DS-11: closed as won't do (was to do) (run 2026" in result.out
    assert "changes of rules and plans are known since 2026-11-20 09:30 UTC" in result.err
