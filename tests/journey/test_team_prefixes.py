"""Label prefixes of a team, on issues of its rules and on anchors of its capabilities."""

from pathlib import Path

import pytest

from sync.cli.commands.explain import explain
from tests.support.journey_world import FEATURES, GOAL, MAPPING, MODEL, JourneyWorld

Q4 = "increment:2026-q4"
OWN = MAPPING + "labels: {capability: {prefix: 'sci:', color: '00ff00'}, state: {prefix: 'sci.'}}\n"
OTHERS = """\
team: platform
sources: [{jira: {project: OPS}}]
rules: [{id: ops, when: {labels: [model]}, assign: model}]
unplanned_label: true
labels: {unplanned: {prefix: ad-hoc}}
"""


@pytest.fixture
def world(tmp_path: Path) -> JourneyWorld:
    return JourneyWorld(tmp_path, mapping=OWN, more_mappings={"platform": OTHERS})


def test_the_team_that_assigns_an_issue_and_the_one_that_owns_an_anchor_decide(world: JourneyWorld) -> None:
    with world:
        world.jira.add_issue("OPS", summary="Deploy the model", labels=["model"])
        world.jira.add_issue("OPS", summary="Something urgent")
        assert world.run().code == 0
        assert world.labels("DS-11") == {"model", "sci:model", Q4}
        assert world.labels("acme/churn#11") == {"features", "sci:features", Q4}
        assert world.labels("OPS-1") == {"model", "capability:model", Q4}
        assert world.labels("OPS-2") == {"ad-hoc"}
        assert world.labels(MODEL) == world.labels(FEATURES) == {"sci.planned"}
        assert world.labels(GOAL) == {"state:planned"}
        (color,) = {
            label.color
            for label in world.github.issue("acme/churn", 11).labels
            if label.name == "sci:features"
        }
        assert color == "00ff00"
        world.run()
        assert world.writes() == []


def test_a_pin_with_another_team_s_prefix_is_a_pin_and_stays_as_it_was_put(world: JourneyWorld) -> None:
    with world:
        world.run()
        world.label("DS-11", "capability:features")
        world.run()
        assert world.labels("DS-11") == {"model", "capability:features", Q4}
        world.unlabel("DS-11", "capability:features")
        world.run()
        assert world.labels("DS-11") == {"model", "sci:model", Q4}
        assert world.overrides()["overrides"] == []


def test_a_veto_holds_also_when_the_team_gets_another_prefix(world: JourneyWorld) -> None:
    with world:
        world.run()
        world.unlabel("DS-11", "sci:model")
        world.run()
        world.edit("mappings/science.yaml", "prefix: 'sci:'", "prefix: 'science:', previously: ['sci:']")
        assert world.run(max_removals=0).code == 0
        assert world.labels("DS-11") == {"model"}
        assert world.labels("DS-12") == {"model", "science:model", Q4}
        assert world.labels("acme/churn#12") == {"features", "science:features", Q4}
        world.run()
        assert world.writes() == []


def test_a_team_that_begins_to_have_its_own_prefix_moves_its_issues_alone(world: JourneyWorld) -> None:
    with world:
        world.jira.add_issue("OPS", summary="Deploy the model", labels=["model"])
        world.write("mappings/science.yaml", MAPPING)
        world.run()
        world.write("mappings/science.yaml", OWN)
        assert world.run(max_removals=0).code == 0
        assert world.labels("DS-11") == {"model", "sci:model", Q4}
        assert world.labels("acme/churn#11") == {"features", "sci:features", Q4}
        assert world.labels("OPS-1") == {"model", "capability:model", Q4}
        world.run()
        assert world.writes() == []


def test_a_team_that_gives_its_prefix_up_has_to_say_so(world: JourneyWorld) -> None:
    with world:
        world.run()
        world.write("mappings/science.yaml", MAPPING)
        result = world.run()
        assert result.code == 3
        assert "mappings/science.yaml:1:1" in result.err
        assert "previously: ['sci:']" in result.err
        world.write(
            "mappings/science.yaml",
            MAPPING + "labels: {capability: {previously: 'sci:'}, state: {previously: sci.}}\n",
        )
        assert world.run(max_removals=0).code == 0
        assert world.labels("DS-11") == {"model", "capability:model", Q4}
        assert world.labels(MODEL) == {"state:planned"}


def test_explain_names_the_line_that_won(world: JourneyWorld) -> None:
    with world:
        world.edit("increment-sync.yaml", "push: {", "labels: {increment: {prefix: 'inc:'}}\npush: {")
        world.run()
        result = world._call(lambda: explain(world.invocation(), "DS-11"))
        assert "its capability label begins with sci: (mappings/science.yaml:8:10)" in result.out
        assert "its increment label begins with inc: (increment-sync.yaml:5:22)" in result.out
        result = world._call(lambda: explain(world.invocation(as_json=True), MODEL))
        assert result.json["prefixes"] == [
            {"family": "state", "prefix": "sci.", "origin": "mappings/science.yaml:8:57"}
        ]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("{state: {prefix: 'capability:x'}}", "mappings/science.yaml:8:"),
        (
            "{capability: {prefix: 'capability:sci:'}}",
            "the prefix 'capability:' of capability are ambiguous",
        ),
        ("{capability: {prefix: 'ad-hoc'}}", "in team 'platform'"),
        (
            "{capability: {previously: 'state:'}}",
            "the former prefix 'state:' of capability in team 'science'",
        ),
        ("{capability: {prefix: 'A B'}}", "not a legal label"),
        ("{capabilty: {prefix: 'a'}}", "unknown family 'capabilty'"),
        (f"{{capability: {{prefix: '{'x' * 45}:'}}}}", "shorten the id"),
    ],
)
def test_ambiguous_prefixes_are_refused(world: JourneyWorld, labels: str, message: str) -> None:
    with world:
        world.write("mappings/science.yaml", MAPPING + f"labels: {labels}\n")
        result = world.run()
        assert result.code == 3
        assert message in result.err
        assert world.requests == ()


def test_rules_of_no_team_see_the_labels_of_any(world: JourneyWorld) -> None:
    with world:
        world.edit("mappings/platform.yaml", "labels: [model]", "labels: ['sci:*']")
        assert "a label that increment-sync manages" in world.run().err
