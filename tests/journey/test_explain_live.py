"""``explain --live``: the issue comes from its tracker, everything else from the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sync.cli.commands.explain import explain
from sync.cli.commands.history import history
from tests.support.journey_world import MAPPING, TOKENS, CommandResult, JourneyWorld, github_seed, jira_seed

MakeWorld = Callable[..., JourneyWorld]

PARENT_RULE = """\
team: science
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
rules:
  - {id: model, when: {parent: DS-2}, assign: model}
"""
NARROWED = """\
team: science
sources:
  - jira: {project: DS, jql: "labels = model"}
  - github: {repo: acme/churn}
rules:
  - {id: model, when: {labels: [model]}, assign: model}
"""


def live(world: JourneyWorld, key: str, **environment: str) -> CommandResult:
    ways = world.invocation()
    if environment:
        ways = replace(ways, environment=environment)
    return world._call(lambda: explain(ways, key, live=True))


def live_json(world: JourneyWorld, key: str) -> Any:
    return world._call(lambda: explain(world.invocation(as_json=True), key, live=True)).json


def new_issue(world: JourneyWorld, project: str = "DS", **facts: Any) -> str:
    """Somebody writes an issue that no run has seen."""
    return str(world.jira.add_issue(project, "New here", by="ada", **facts))


def test_what_changed_since_the_last_run_decides(world: JourneyWorld) -> None:
    world.run()
    world.unlabel("DS-11", "model")
    assert "counts towards model" in world._call(lambda: explain(world.invocation(), "DS-11")).out
    told = live(world, "DS-11")
    assert "unplanned (no-rule)" in told.out
    assert "changed since the last run:" in told.out
    assert (
        "labels capability:model, increment:2026-q4, model -> capability:model, increment:2026-q4" in told.out
    )
    assert world.reads() == ["jira: GET /rest/api/2/issue/DS-11 -> 200"]


def test_nothing_is_written_neither_on_the_tracker_nor_in_the_store(world: JourneyWorld) -> None:
    world.run()
    seen = world.snapshot()
    runs = world._call(lambda: history(world.invocation(as_json=True), None, None, 20)).json
    world.unlabel("DS-12", "model")
    before = world.snapshot()
    live(world, "DS-12")
    assert world.writes() == []
    assert world.snapshot() == before != seen
    assert world._call(lambda: history(world.invocation(as_json=True), None, None, 20)).json == runs
    assert "counts towards model" in world._call(lambda: explain(world.invocation(), "DS-12")).out


def test_an_issue_that_no_run_has_read_is_explained_when_it_lies_in_a_source(world: JourneyWorld) -> None:
    world.run()
    told = live(world, new_issue(world, labels=["model"]))
    assert "no run has read it yet" in told.out
    assert "read now, belongs to jira:DS" in told.out
    assert "counts towards model" in told.out
    assert "0 of 3 issues done" in told.out


def test_it_works_before_the_first_run(world: JourneyWorld) -> None:
    answer = live_json(world, "acme/churn#11")
    assert (answer["issue"], answer["capability"], answer["live"]) == (
        "github:acme/churn#11",
        "features",
        True,
    )


def test_an_address_from_the_browser_leads_to_the_issue(world: JourneyWorld) -> None:
    for key in ("DS-11", "acme/churn#11"):
        told = live_json(world, key)
        assert live_json(world, told["url"])["issue"] == told["issue"]


def test_an_issue_outside_of_all_sources_belongs_to_nobody(world: JourneyWorld) -> None:
    told = live(world, new_issue(world, "OPS", labels=["model"]))
    assert told.code == 0
    assert "No team has a source that contains it." in told.out


def test_ancestors_that_the_next_run_would_read_are_read(make_world: MakeWorld) -> None:
    world = make_world(mapping=PARENT_RULE)
    world.run()
    child = new_issue(world, parent="DS-2")
    grandchild = new_issue(world, parent=child)
    answer = live_json(world, grandchild)
    assert answer["ancestors"] == [child, "DS-2"]
    assert answer["capability"] == "model"
    assert world.reads() == [
        f"jira: GET /rest/api/2/issue/{grandchild} -> 200",
        f"jira: GET /rest/api/2/issue/{child} -> 200",
    ]


def test_no_more_than_ten_ancestors_are_asked_for(make_world: MakeWorld) -> None:
    world = make_world(mapping=PARENT_RULE)
    world.run()
    line = [new_issue(world, parent="DS-2")]
    for _ in range(12):
        line.append(new_issue(world, parent=line[-1]))
    told = live(world, line[-1])
    assert len(world.reads()) == 11
    assert f"no more than 10 ancestors are read: {line[-12]} is not" in told.out


def test_an_ancestor_that_cannot_be_read_is_named(make_world: MakeWorld) -> None:
    world = make_world(mapping=PARENT_RULE)
    parent = new_issue(world, parent="DS-2")
    child = new_issue(world, parent=parent)
    world.fault("status", path=f"*/issue/{parent}", status=404)
    told = live(world, child)
    assert told.code == 0
    assert f"its ancestor {parent} could not be read" in told.out


def test_what_a_jql_holds_is_left_to_the_run_and_said(make_world: MakeWorld) -> None:
    world = make_world(mapping=NARROWED)
    world.run()
    told = live(world, new_issue(world, labels=["model"]))
    assert "the next run finds out if the jql matches the issue" in told.out
    assert "counts towards model" in told.out
    assert "finds out if the jql" not in live(world, "DS-11").out


def test_a_label_of_ours_that_somebody_moved_by_hand_is_announced(world: JourneyWorld) -> None:
    world.run()
    world.unlabel("DS-11", "capability:model")
    world.label("DS-11", "capability:features")
    told = live(world, "DS-11")
    assert "capability:features was put by hand; the next run takes it as a pin" in told.out
    assert "capability:model was taken off by hand; the next run takes it as a veto" in told.out
    assert "by hand" not in live(world, "DS-12").out


def test_an_issue_that_is_not_there_is_said_to_be_gone(world: JourneyWorld) -> None:
    told = live(world, "DS-4711")
    assert (told.code, told.out) == (1, "")
    assert "DS-4711" in told.err


def test_only_the_issue_s_own_tracker_needs_credentials(world: JourneyWorld) -> None:
    github_only = {"GH_TOKEN": TOKENS["GH_TOKEN"]}
    assert live(world, "acme/churn#11", **github_only).code == 0
    told = live(world, "DS-11", **github_only)
    assert told.code == 3
    assert "JIRA_API_TOKEN" in told.err
    assert world.requests == ()


def test_a_key_that_fits_two_trackers_has_to_name_one(make_world: MakeWorld) -> None:
    def two_sites(box: Any) -> str:
        return "\n".join(
            f"  {name}: {{kind: {kind}, url: '{box.url(of)}', write_spacing: 0}}"
            for name, kind, of in (
                ("jira", "jira-cloud", "jira"),
                ("old", "jira-cloud", "jira"),
                ("github", "github", "github"),
            )
        )

    environment = {
        **TOKENS,
        "INCREMENT_SYNC_OLD_EMAIL": TOKENS["JIRA_EMAIL"],
        "INCREMENT_SYNC_OLD_TOKEN": TOKENS["JIRA_API_TOKEN"],
    }
    world = make_world(
        trackers=two_sites,
        environment=environment,
        jira=jira_seed(1),
        github=github_seed(1),
        mapping=MAPPING,
    )
    told = live(world, "DS-11")
    assert told.code == 1
    assert "write jira:DS-11 or old:DS-11" in told.err
    assert live(world, "jira:DS-11").code == 0


def test_an_issue_that_nobody_touched_is_as_the_last_run_saw_it(world: JourneyWorld) -> None:
    world.run()
    world.run()
    assert "as the last run saw it" in live(world, "DS-12").out
    world.jira.comment("DS-12", "Any news?", "ada")
    assert "in nothing that most rules ask for" in live(world, "DS-12").out
