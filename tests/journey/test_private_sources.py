"""What is private stays private: a comment that anybody can read names no issue that not everybody can read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.journey_world import FEATURES, GOAL, MAPPING, PLAN, JourneyWorld, github_seed, jira_seed

MIXED = MAPPING.replace(
    "rules:", "  - github: {repo: acme/secret}\nstates: {blocked: {labels: [blocked]}}\nrules:"
)
PUBLIC_GOAL = PLAN.replace("anchor: jira:DS-1\n", "anchor: github:acme/churn#2\n")
BLOCKED = {"labels": ["features", "blocked"], "created": "20d ago", "title": "Name of a merger"}


def seeds(*, anchor_is_private: bool = False, other_is_private: bool = True) -> dict[str, Any]:
    """All blocked: DS-50 on Jira, #7 in the repository of the anchor, #9 in another one."""
    jira, github = jira_seed(1), github_seed(1)
    summary = {"summary": BLOCKED["title"], "labels": BLOCKED["labels"], "created": "20d ago"}
    jira["projects"]["DS"]["issues"].append({"key": "DS-50", "status": "In Progress", **summary})
    churn = github["repos"]["acme/churn"]
    churn["private"] = anchor_is_private
    churn["issues"] += [{"number": 2, "title": "Goal", "created": "60d ago"}, {"number": 7, **BLOCKED}]
    rights = {"permissions": {"sync-robot": "write", "ada": "write"}}
    other = {"private": other_is_private, "labels": ["features"], "issues": [{"number": 9, **BLOCKED}]}
    github["repos"]["acme/secret"] = rights | other
    return {"jira": jira, "github": github}


def world_of(root: Path, plan: str = PLAN, **visibility: bool) -> JourneyWorld:
    return JourneyWorld(root, mapping=MIXED, plan=plan, **seeds(**visibility))


def comment(world: JourneyWorld, key: str = FEATURES) -> str:
    result = world.run()
    assert result.code == 0, result
    (text,) = world.comments(key)
    assert BLOCKED["title"] not in text, "no comment holds a title"
    return text


def share(world: JourneyWorld, *names: str) -> None:
    world.edit(
        "increment-sync.yaml",
        "push: {enabled: true}",
        f"push: {{enabled: true, share: [{', '.join(names)}]}}",
    )


def test_in_a_public_repository_private_issues_are_only_counted(tmp_path: Path) -> None:
    with world_of(tmp_path) as world:
        text = comment(world)
    assert "- Blocked (and 2 private issues): `acme/churn#7`" in text
    assert "DS-50" not in text
    assert "acme/secret" not in text


def test_issues_of_another_public_repository_are_named(tmp_path: Path) -> None:
    with world_of(tmp_path, other_is_private=False) as world:
        text = comment(world)
    assert "- Blocked (and 1 private issue): `acme/churn#7`, `acme/secret#9`" in text


def test_in_a_private_place_everything_is_named(tmp_path: Path) -> None:
    with world_of(tmp_path, anchor_is_private=True) as world:
        text = comment(world)
        jira = world.comments(GOAL)[0]
    assert "- Blocked: `acme/churn#7`, `acme/secret#9`, `DS-50`" in text
    assert "DS-50" in jira
    assert "acme/secret#9" in jira


def test_the_goals_of_public_repositories_are_as_discreet(tmp_path: Path) -> None:
    with world_of(tmp_path, plan=PUBLIC_GOAL) as world:
        text = comment(world, "acme/churn#2")
    assert "Blocked in Churn features (and 2 private issues): `acme/churn#7`" in text


def test_sources_may_be_allowed_by_name(tmp_path: Path) -> None:
    with world_of(tmp_path) as world:
        share(world, "jira:DS")
        text = comment(world)
    assert "- Blocked (and 1 private issue): `acme/churn#7`, `DS-50`" in text


def test_a_source_that_nobody_reads_cannot_be_allowed(tmp_path: Path) -> None:
    with world_of(tmp_path) as world:
        share(world, "jira:DSX")
        result = world.run()
    assert (result.code, world.requests) == (3, ())
    assert "no team reads 'jira:DSX'; did you mean \"jira:DS\"?" in result.err


@pytest.mark.parametrize(("hidden", "called"), [(True, "a private source"), (False, "github:acme/secret")])
def test_a_private_source_that_cannot_be_read_is_not_named_in_public(
    tmp_path: Path, hidden: bool, called: str
) -> None:
    with world_of(tmp_path, other_is_private=hidden) as world:
        comment(world)
        world.fault("status", status=500, tracker="github", path="*/repos/acme/secret/issues*", times=None)
        world.run()
        world.run(after=timedelta(hours=30))
        (text,) = world.comments(FEATURES)
    assert f"UTC**: {called}" in text.replace("\u200b", "").replace("&#58;", ":")


@pytest.mark.parametrize("private", [True, False])
def test_who_can_read_is_asked_once_a_day_and_nothing_flaps_when_it_cannot_be_asked(
    tmp_path: Path, private: bool
) -> None:
    with world_of(tmp_path, anchor_is_private=private) as world:
        before = comment(world)
        world.run()
        assert not [line for line in world.reads("github") if line.split()[2].count("/") == 3]
        world.fault("status", status=500, tracker="github", path="*/repos/acme/churn", times=None)
        assert world.run(after=timedelta(hours=30)).out == "nothing to change\n"
        assert world.comments(FEATURES) == [before]


def test_a_repository_that_becomes_public_makes_its_comments_discreet(tmp_path: Path) -> None:
    with world_of(tmp_path, anchor_is_private=True) as world:
        assert "DS-50" in comment(world)
        world.github.repo("acme/churn").private = False
        world.run(after=timedelta(hours=30))
        (text,) = world.comments(FEATURES)
    assert "DS-50" not in text
