"""Work that waits for other work: dependencies of GitHub and links of Jira, across teams and trackers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.cli.commands.explain import explain
from tests.support.journey_world import (
    FEATURES,
    GOAL,
    MAPPING,
    MODEL,
    PLAN,
    JourneyWorld,
    github_seed,
    jira_seed,
)

MakeWorld = Callable[..., JourneyWorld]
DEPENDENCIES = MAPPING.replace("rules:", "states: {blocked: {dependencies: true}}\nrules:")
OPS = "team: ops\nsources:\n  - jira: {project: OPS}\n"
DAY = timedelta(hours=25)


def seeds(*, private: bool = False) -> dict[str, Any]:
    """DS-11 waits for OPS-7 of another team, #11 for #12 and for #5 of a repository that nobody reads."""
    jira, github = jira_seed(2), github_seed(3)
    jira["projects"]["DS"]["issues"][2]["blocked_by"] = ["OPS-7"]
    jira["projects"]["OPS"] = {"issues": [{"key": "OPS-7", "summary": "Order servers", "created": "30d ago"}]}
    churn, attic = github["repos"]["acme/churn"], github["repos"]["acme/attic"]
    churn["issues"][1]["blocked_by"] = [12, "acme/attic#5"]
    attic["issues"] = [{"number": 5, "title": "Old stuff", "created": "30d ago"}]
    attic["private"] = private
    return {"jira": jira, "github": github}


def world_with(make_world: MakeWorld, mapping: str = DEPENDENCIES, **options: Any) -> JourneyWorld:
    return make_world(mapping=mapping, more_mappings={"ops": OPS}, **seeds(**options))


def comment(world: JourneyWorld, key: str) -> str:
    return world.comments(key)[-1]


def asked(world: JourneyWorld) -> list[str]:
    """Return for the blockers of which issues the last command asked."""
    return [line.split("/issues/")[1].split("/")[0] for line in world.reads() if "/dependencies/" in line]


def test_open_blockers_of_any_team_are_named_until_they_are_closed(make_world: MakeWorld) -> None:
    world = world_with(make_world)
    assert world.run().code == 0
    assert "* Blocked: {{DS-11}}\n* Blocked by: {{OPS-7}}" in comment(world, MODEL)
    assert "- Blocked: `acme/churn#11`" in comment(world, FEATURES)
    goal = comment(world, GOAL)
    assert "* Blocked in Churn model: {{DS-11}}\n* Blocked in Churn features: {{acme/churn#11}}" in goal
    assert "* Blocked by: {{OPS-7}}, {{acme/churn#12}}, {{acme/attic#5}}" in goal, "from both trackers"

    world.close("OPS-7")
    world.close("acme/churn#12")
    world.run(after=DAY)
    assert "Blocked" not in comment(world, MODEL)
    assert "Blocked by: {{acme/attic#5}}" in comment(world, GOAL)

    world.close("acme/attic#5")
    world.touch("acme/churn#11")
    world.run(after=DAY)
    assert "locked" not in comment(world, FEATURES) + comment(world, GOAL)


def test_a_blocker_that_opens_again_blocks_again(make_world: MakeWorld) -> None:
    world = world_with(make_world)
    world.close("OPS-7")
    world.run()
    assert "Blocked" not in comment(world, MODEL)
    world.jira.set_status("OPS-7", "To Do", "ada")
    world.run(after=DAY)
    assert "Blocked by: {{OPS-7}}" in comment(world, MODEL)


def test_explain_names_the_blockers_and_the_line_of_the_mapping(make_world: MakeWorld) -> None:
    world = world_with(make_world)
    world.run()
    text = world.explain("acme/churn#11").out
    reason = "states.blocked.dependencies: blocked by acme/attic#5, acme/churn#12 (mappings/science.yaml:5:"
    assert reason in text
    assert "states.blocked.dependencies: blocked by OPS-7" in world.explain("DS-11").out


def test_live_and_json_output_name_them(make_world: MakeWorld) -> None:
    world = world_with(make_world)
    world.run()
    world.github.unblock(("acme/churn", 11), ("acme/churn", 12))
    text = world._call(lambda: explain(world.invocation(), "acme/churn#11", live=True)).out
    assert "blocked_by acme/attic#5, acme/churn#12 -> acme/attic#5" in text
    world.run()
    (model, _) = world.status()["increments"][0]["goals"][0]["capabilities"]
    (blocked,) = [each for each in model["issues"] if each["blocked"]]
    assert (blocked["issue"], blocked["blockers"]) == ("jira:DS-11", ["jira:OPS-7"])


def test_in_public_private_blockers_are_only_counted(make_world: MakeWorld) -> None:
    world = world_with(make_world, private=True)
    world.run()
    assert "- Blocked by (and 1 private issue): `acme/churn#12`" in comment(world, FEATURES)
    assert "attic" not in comment(world, FEATURES)
    assert "{{acme/attic#5}}" in comment(world, GOAL)


def test_blockers_that_github_hides_from_us_block_without_a_name(make_world: MakeWorld) -> None:
    world = world_with(make_world)
    world.github.revoke_access("acme/attic", "sync-robot")
    assert world.run().code == 0
    lines = comment(world, FEATURES).splitlines()
    assert {"- Blocked: `acme/churn#11`", "- Blocked by: `acme/churn#12`"} <= set(lines)
    assert "- Blocked by issues that increment-sync cannot read" in lines


@pytest.mark.parametrize("status", [403, 404, 500])
def test_names_that_cannot_be_requested_leave_the_issue_blocked_and_are_asked_again(
    make_world: MakeWorld, status: int
) -> None:
    world = world_with(make_world)
    world.fault("status", status=status, tracker="github", path="*/dependencies/*", times=None)
    assert world.run().code == 0
    assert "- Blocked by issues that increment-sync cannot read" in comment(world, FEATURES)
    world.box.faults.clear()
    world.touch("acme/churn#11")
    world.run(after=DAY)
    assert "- Blocked by (and 1 private issue): `acme/churn#12`" in comment(world, FEATURES), (
        "nobody reads attic"
    )


def test_a_team_that_does_not_ask_for_dependencies_has_none_and_pays_nothing(make_world: MakeWorld) -> None:
    world = world_with(make_world, MAPPING)
    world.run()
    assert asked(world) == []
    assert "locked" not in "".join(comment(world, key) for key in (MODEL, FEATURES, GOAL))
    assert "blocked" not in world.explain("DS-11").out


def test_dependencies_cost_one_request_for_each_blocked_issue_of_github_that_changed(
    make_world: MakeWorld,
) -> None:
    world = world_with(make_world)
    world.run()
    assert asked(world) == ["11"]
    world.run()  # returns what the first one wrote
    world.run()
    assert len(world.requests) == 2, "an ordinary run costs as much as without dependencies"
    world.touch("acme/churn#12")
    world.run()
    assert asked(world) == [], "it blocks and is not blocked"
    world.touch("acme/churn#11")
    world.run()
    assert asked(world) == ["11"]
    world.run(after=DAY)
    assert asked(world) == [], "the census lists all, and no count has changed"
    world.close("acme/attic#5")
    world.run(after=DAY)
    assert asked(world) == ["11"], "the census sees what changed elsewhere"
    assert "Blocked by: `acme/churn#12`" in comment(world, FEATURES)


def test_a_rule_that_reads_blockers_needs_no_state(make_world: MakeWorld) -> None:
    rule = "  - {id: waiting, when: {blocked_by: [OPS-*, 'github:acme/attic#5']}, assign: model}\n"
    world = world_with(make_world, MAPPING.replace("rules:\n", "rules:\n" + rule))
    result = world.run()
    assert result.code == 0, result
    assert "capability:model" in world.labels("acme/churn#11")
    assert "(by rule waiting)" in world.explain("DS-11").out
    assert "locked" not in comment(world, MODEL)
    world.close("OPS-7")
    world.run()
    assert "(by rule model)" in world.explain("DS-11").out


def test_jira_links_of_other_types_count_where_the_mapping_names_them(make_world: MakeWorld) -> None:
    mapping = MAPPING.replace("rules:", "states: {blocked: {dependencies: [Waits For]}}\nrules:")
    world = world_with(make_world, mapping)
    kind = {"type": "Wait", "texts": ("waits for", "holds up")}
    world.jira.block("DS-12", "OPS-7", **kind)
    world.jira.block("OPS-7", "DS-11", type="Cloners", texts=("is cloned by", "clones"))
    world.run()
    assert "* Blocked: {{DS-11}}, {{DS-12}}\n* Blocked by: {{OPS-7}}" in comment(world, MODEL)
    world.edit("mappings/science.yaml", "[Waits For]", "true")
    world.run(after=DAY)
    assert "* Blocked: {{DS-11}}\n" in comment(world, MODEL)


def test_an_old_server_and_data_center_answer_as_far_as_they_know(tmp_path: Path) -> None:
    trees = seeds()
    trees["github"]["server"] = "enterprise"
    trees["jira"]["kind"] = "jira-dc"
    environment = {"JIRA_PAT": "jira-token", "GH_TOKEN": "github-token"}

    def trackers(box: Any) -> str:
        return (
            f"  jira: {{kind: jira-dc, url: '{box.url('jira')}', write_spacing: 0}}\n"
            f"  github: {{kind: github, url: '{box.url('github')}', write_spacing: 0}}"
        )

    with JourneyWorld(
        tmp_path,
        mapping=DEPENDENCIES,
        more_mappings={"ops": OPS},
        plan=PLAN,
        trackers=trackers,
        environment=environment,
        **trees,
    ) as world:
        result = world.run()
        assert result.code == 0, result
        assert asked(world) == []
        assert "Blocked by: {{OPS-7}}" in comment(world, MODEL)
        assert "locked" not in comment(world, FEATURES)


def test_rules_match_github_issue_types_and_sub_issues_of_other_repositories(make_world: MakeWorld) -> None:
    github = github_seed(0)
    churn, attic = github["repos"]["acme/churn"], github["repos"]["acme/attic"]
    attic["issues"] = [{"number": 5, "title": "Epic", "created": "30d ago", "parent": "acme/churn#20"}]
    churn["issues"] += [
        {"number": 20, "title": "Initiative", "created": "30d ago"},
        {"number": 21, "title": "Part", "created": "20d ago", "parent": "acme/attic#5"},
        {"number": 22, "title": "Spike", "created": "20d ago", "type": "Experiment"},
    ]
    rules = (
        "  - {id: below, when: {parent: 'acme/churn#20'}, assign: features}\n"
        "  - {id: types, when: {type: experiment}, assign: model}\n"
    )
    mapping = MAPPING.replace("rules:\n", "  - github: {repo: acme/attic}\nrules:\n" + rules)
    world = make_world(mapping=mapping, github=github)
    assert world.run().code == 0
    assert "capability:features" in world.labels("acme/churn#21"), "by an ancestor two levels above"
    assert "capability:model" in world.labels("acme/churn#22")
    world.run()
    assert len(world.reads("github")) == 2, "lists carry types and parents: one request for each repository"
