"""A lost store, a changed account, and a second instance on the same trackers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from sync.diff.comment_markup import wrap_block
from tests.support.journey_world import (
    FEATURES,
    GOAL,
    MODEL,
    PLAN,
    TOKENS,
    JourneyWorld,
    github_seed,
    jira_seed,
)

SET = "increment-sync.yaml"
OTHER = {"JIRA_EMAIL": "second@acme.example", "JIRA_API_TOKEN": "jira-second", "GH_TOKEN": "github-second"}


def seeds(issues: int = 3) -> dict[str, Any]:
    """Seeds in which both trackers know a second account."""
    jira, github = jira_seed(issues), github_seed(issues)
    jira["accounts"].append(
        {
            "id": "robot-2",
            "email": "second@acme.example",
            "token": "jira-second",
            "permissions": ["browse", "edit", "comment", "edit_all_comments"],
        }
    )
    github["accounts"].append({"login": "second-robot", "token": "github-second"})
    github["repos"]["acme/churn"]["permissions"]["second-robot"] = "write"
    return {"jira": jira, "github": github}


@pytest.fixture
def world(tmp_path: Path) -> JourneyWorld:
    return JourneyWorld(tmp_path / "first", **seeds())


class Second(JourneyWorld):
    """Another workspace on the same trackers."""

    def __init__(self, first: JourneyWorld, root: Path, **options: Any) -> None:
        super().__init__(root, **options)
        self._unused: Sandbox = self.box
        self.box, self.clock = first.box, first.clock

    def __exit__(self, *_: object) -> None:
        """Leave the trackers running."""

    def __enter__(self) -> Second:
        start, self.box.start = self.box.start, lambda: None  # type: ignore[method-assign, assignment, return-value]
        try:
            super().__enter__()
        finally:
            self.box.start = start  # type: ignore[method-assign]
        self.edit(SET, "instance: journey", "instance: second")
        return self


def second(first: JourneyWorld, root: Path, **options: Any) -> Second:
    return Second(first, root, **options)


def lose_store(world: JourneyWorld) -> None:
    for file in (world.root / ".increment-sync").glob("state.db*"):
        file.unlink()


def account_of(world: JourneyWorld, login: str) -> str:
    return str(world.github.account_for(login).id)


# ---- a lost store


@pytest.mark.parametrize("with_pins", [False, True])
def test_a_first_run_with_an_empty_store_changes_no_label_and_doubles_no_comment(
    tmp_path: Path, with_pins: bool
) -> None:
    with JourneyWorld(tmp_path, **seeds(25)) as world:
        world.run()
        for key in ("DS-11", "acme/churn#11"):
            world.close(key)
        if with_pins:
            world.label("DS-12", "capability:features")
            world.label("acme/churn#12", "capability:model")
        world.label(MODEL, "flag:released")
        world.run()
        world.run(after=timedelta(days=1))
        before = world.snapshot()
        lose_store(world)
        result = world.run(max_removals=0, max_comments=0)
        assert result.code == 0, result.err
        if with_pins:
            # How the scope moved was known to the store alone, so the comments say it no more.
            assert len(world.writes()) == 3
            assert faces(world.snapshot()) == faces(before)
        else:
            assert world.writes() == []
            assert world.snapshot() == before
        assert world.run().code == 0
        assert world.writes() == []
        # What was adopted is ours again: it follows when the world moves on.
        world.edit("mappings/science.yaml", "labels: [model]", "labels: [other]")
        assert world.run(max_removals=100).code == 0
        assert "capability:model" not in world.labels("DS-13")
        assert "capability:features" in world.labels("DS-12") or not with_pins


def faces(snapshot: Any) -> Any:
    """Return labels and the number of comments by author."""
    return {
        tracker: {key: (labels, [by for by, _ in comments]) for key, (labels, comments) in issues.items()}
        for tracker, issues in snapshot.items()
    }


def test_many_comments_of_ours_are_adopted_not_counted_as_new(world: JourneyWorld) -> None:
    with world:
        world.run()
        lose_store(world)
        assert world.run(max_comments=0).code == 0
        assert len(world.comments(GOAL)) == 1


def test_the_store_of_another_instance_is_refused_before_any_request(world: JourneyWorld) -> None:
    with world:
        world.run()
        world.edit(SET, "instance: journey", "instance: renamed")
        result = world.run()
        assert result.code == 3
        assert "set `instance: journey`" in result.err
        assert world.requests == ()


# ---- two installations


def test_two_instances_with_one_account_are_refused(world: JourneyWorld, tmp_path: Path) -> None:
    with world:
        world.run()
        before = world.snapshot()
        with second(world, tmp_path / "second") as other:
            other.edit("mappings/science.yaml", "assign: model", "assign: features")
            result = other.run()
            assert result.code == 4
            assert "for the instance 'journey', and this one is 'second'" in result.err
            assert other.writes() == []
        assert world.snapshot() == before
        world.run()
        assert world.writes() == []


def test_two_instances_with_two_accounts_leave_each_others_anchors_alone(
    world: JourneyWorld, tmp_path: Path
) -> None:
    with world:
        world.run()
        before = world.snapshot()
        with second(world, tmp_path / "second", environment={**TOKENS, **OTHER}) as other:
            other.edit("mappings/science.yaml", "assign: model", "assign: features")
            result = other.run()
            assert result.code == 1
            assert "the instance 'journey' keeps goal:retention there" in result.err
            assert "remove the anchor of goal:retention from one of the two plans" in result.err
            assert world.snapshot() == before
            assert {row["kind"] for row in other.overrides()["overrides"]} == {"held"}
            assert other.run().code == 1
            assert other.reads("jira") == [line for line in other.reads("jira") if "/comment" not in line]
            assert world.snapshot() == before
        world.run()
        assert world.writes() == []


@pytest.mark.parametrize(("account", "code"), [({}, 4), (OTHER, 1)])
def test_a_preview_and_a_saved_change_set_refuse_what_a_run_would(
    world: JourneyWorld, tmp_path: Path, account: dict[str, str], code: int
) -> None:
    """Saved before the other instance came to the anchor, and checked again afterwards."""
    with world, second(world, tmp_path / "second", environment={**TOKENS, **account}) as other:
        file = tmp_path / "changes.json"
        assert other.preview(file).code == 0
        theirs = wrap_block("**Churn features**", "journey", "capability:features")
        world.github.comment("acme/churn", 1, theirs, by="sync-robot")
        before = world.snapshot()
        result = other.apply(file)
        assert result.code == 4
        assert "the instance 'journey'" in result.err
        assert other.writes() == []
        result = other.preview()
        assert result.code == code
        assert "the instance 'journey'" in result.err
        assert world.snapshot() == before


def test_two_instances_with_separate_plans_do_not_interfere(world: JourneyWorld, tmp_path: Path) -> None:
    plan = (
        PLAN.replace("retention", "growth")
        .replace("id: model", "id: ops")
        .replace("id: features", "id: more")
    )
    plan = (
        plan.replace("jira:DS-1", "jira:OPS-1")
        .replace("jira:DS-2", "jira:OPS-2")
        .replace("churn#1", "attic#1")
    )
    mapping = "team: science\nsources: [{jira: {project: OPS}}]\nrules: [{id: a, when: {labels: [x]}, assign: ops}]\n"
    with world:
        for _ in range(2):
            world.jira.add_issue("OPS", summary="An anchor")
        world.github.add_issue("acme/attic", "An anchor")
        world.github.repo("acme/attic").permissions[world.github.account_for("second-robot").login] = "write"
        world.run()
        before = {key: world.labels(key) for key in ("DS-11", FEATURES, MODEL)}
        with second(
            world, tmp_path / "second", plan=plan, mapping=mapping, environment={**TOKENS, **OTHER}
        ) as other:
            assert other.run().code == 0
            assert len(other.comments("OPS-1")) == 1
        assert {key: world.labels(key) for key in before} == before


# ---- another account


def test_a_comment_by_a_former_account_is_reported_until_the_settings_name_the_account(
    world: JourneyWorld,
) -> None:
    with world:
        world.run()
        world.environment = {**TOKENS, **OTHER}
        for key in ("DS-11", "acme/churn#11"):
            world.close(key)
        result = world.run()
        assert result.code == 1
        assert 'former_accounts in increment-sync.yaml names that account ("robot-1")' in result.out
        for key in (GOAL, MODEL, FEATURES):
            assert len(world.comments(key)) == 1
        assert "Planned" in world.comments(MODEL)[0]
        assert world.overrides()["deleted_comments"] == []
        robots = {"jira": "robot-1", "github": account_of(world, "sync-robot")}
        for tracker, account in robots.items():
            world.edit(SET, f"{tracker}: {{", f"{tracker}: {{former_accounts: ['{account}'], ")
        assert world.run().code == 0
        for key in (GOAL, MODEL, FEATURES):
            (comment,) = world.comments(key)
            assert "In progress" in comment
        world.run()
        assert world.writes() == []


def test_a_reconcile_by_another_account_starts_no_second_comment(world: JourneyWorld) -> None:
    with world:
        world.run()
        world.environment = {**TOKENS, **OTHER}
        result = world.reconcile(yes=True)
        assert result.code == 1
        assert "former_accounts" in result.err
        assert all(len(world.comments(key)) == 1 for key in (GOAL, MODEL, FEATURES))


def test_labels_by_a_former_account_count_as_ours(world: JourneyWorld) -> None:
    with world:
        world.run()
        world.environment = {**TOKENS, **OTHER}
        world.edit(SET, "jira: {", "jira: {former_accounts: [robot-1], ")
        world.edit(SET, "github: {", f"github: {{former_accounts: ['{account_of(world, 'sync-robot')}'], ")
        lose_store(world)
        world.unlabel("DS-11", "model")
        world.label("DS-11", "features")
        assert world.run().code == 0
        assert world.labels("DS-11") == {"features", "capability:features", "increment:2026-q4"}
        assert world.overrides()["overrides"] == []
