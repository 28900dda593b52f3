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
    invocation = world.invocation()
    if environment:
        invocation = replace(invocation, environment=environment)
    return world._call(lambda: explain(invocation, key, live=True))


def live_json(world: JourneyWorld, key: str) -> Any:
    return world._call(lambda: explain(world.invocation(as_json=True), key, live=True)).json


def new_issue(world: JourneyWorld, project: str = "DS", **facts: Any) -> str:
    """Somebody writes an issue that no run has seen."""
    return str(world.jira.add_issue(project, "New here", by="ada", **facts))


def test_live_values_decide(world: JourneyWorld) -> None:
    world.run()
    world.unlabel("DS-11", "model")
    assert "counts towards model" in world._call(lambda: explain(world.invocation(), "DS-11")).out
    result = live(world, "DS-11")
    assert "unplanned (no-rule)" in result.out
    assert "changed since the last run:" in result.out
    assert (
        "labels capability:model, increment:2026-q4, model -> capability:model, increment:2026-q4"
        in result.out
    )
    assert world.reads() == ["jira: GET /rest/api/2/issue/DS-11 -> 200"]


def test_live_explain_writes_nothing_on_trackers_or_in_the_store(world: JourneyWorld) -> None:
    world.run()
    received = world.snapshot()
    runs = world._call(lambda: history(world.invocation(as_json=True), None, None, 20)).json
    world.unlabel("DS-12", "model")
    before = world.snapshot()
    live(world, "DS-12")
    assert world.writes() == []
    assert world.snapshot() == before != received
    assert world._call(lambda: history(world.invocation(as_json=True), None, None, 20)).json == runs
    assert "counts towards model" in world._call(lambda: explain(world.invocation(), "DS-12")).out


def test_an_unread_issue_of_a_source_is_explained(world: JourneyWorld) -> None:
    world.run()
    result = live(world, new_issue(world, labels=["model"]))
    assert "no run has read it yet" in result.out
    assert "read now, belongs to jira:DS" in result.out
    assert "counts towards model" in result.out
    assert "0 of 3 issues done" in result.out


def test_it_works_before_the_first_run(world: JourneyWorld) -> None:
    answer = live_json(world, "acme/churn#11")
    assert (answer["issue"], answer["capability"], answer["live"]) == (
        "github:acme/churn#11",
        "features",
        True,
    )


def test_a_browser_url_finds_the_issue(world: JourneyWorld) -> None:
    for key in ("DS-11", "acme/churn#11"):
        result = live_json(world, key)
        assert live_json(world, result["url"])["issue"] == result["issue"]


def test_an_issue_outside_of_all_sources_is_not_assigned(world: JourneyWorld) -> None:
    result = live(world, new_issue(world, "OPS", labels=["model"]))
    assert result.code == 0
    assert "No team has a source that contains it." in result.out


def test_ancestors_are_read_like_in_a_run(make_world: MakeWorld) -> None:
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


def test_at_most_ten_ancestors_are_read(make_world: MakeWorld) -> None:
    world = make_world(mapping=PARENT_RULE)
    world.run()
    line = [new_issue(world, parent="DS-2")]
    for _ in range(12):
        line.append(new_issue(world, parent=line[-1]))
    result = live(world, line[-1])
    assert len(world.reads()) == 11
    assert f"no more than 10 ancestors are read: {line[-12]} is not" in result.out


def test_an_unreadable_ancestor_is_named(make_world: MakeWorld) -> None:
    world = make_world(mapping=PARENT_RULE)
    parent = new_issue(world, parent="DS-2")
    child = new_issue(world, parent=parent)
    world.fault("status", path=f"*/issue/{parent}", status=404)
    result = live(world, child)
    assert result.code == 0
    assert f"its ancestor {parent} could not be read" in result.out


def test_membership_in_a_jql_source_is_noted_as_unknown(make_world: MakeWorld) -> None:
    world = make_world(mapping=NARROWED)
    world.run()
    result = live(world, new_issue(world, labels=["model"]))
    assert "the next run finds out if the jql matches the issue" in result.out
    assert "counts towards model" in result.out
    assert "finds out if the jql" not in live(world, "DS-11").out


def test_manually_moved_labels_are_noted(world: JourneyWorld) -> None:
    world.run()
    world.unlabel("DS-11", "capability:model")
    world.label("DS-11", "capability:features")
    result = live(world, "DS-11")
    assert "capability:features was added by hand; the next run takes it as a pin" in result.out
    assert "capability:model was removed by hand; the next run takes it as a veto" in result.out
    assert "by hand" not in live(world, "DS-12").out


def test_a_missing_issue_is_reported(world: JourneyWorld) -> None:
    result = live(world, "DS-4711")
    assert (result.code, result.out) == (1, "")
    assert "DS-4711" in result.err


def test_only_the_tracker_of_the_issue_needs_credentials(world: JourneyWorld) -> None:
    github_only = {"GH_TOKEN": TOKENS["GH_TOKEN"]}
    assert live(world, "acme/churn#11", **github_only).code == 0
    result = live(world, "DS-11", **github_only)
    assert result.code == 3
    assert "JIRA_API_TOKEN" in result.err
    assert world.requests == ()


def test_an_ambiguous_key_has_to_name_its_tracker(make_world: MakeWorld) -> None:
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
    result = live(world, "DS-11")
    assert result.code == 1
    assert "write jira:DS-11 or old:DS-11" in result.err
    assert live(world, "jira:DS-11").code == 0


def test_an_unchanged_issue_is_reported_as_unchanged(world: JourneyWorld) -> None:
    world.run()
    world.run()
    assert "as the last run read it" in live(world, "DS-12").out
    world.jira.comment("DS-12", "Any news?", "ada")
    assert "in no field that most rules use" in live(world, "DS-12").out
