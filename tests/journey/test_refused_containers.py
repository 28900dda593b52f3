"""Repositories and projects that reject all writes of a kind: one attempt in each run, and exit code 1 meanwhile."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.core.faults import Fault
from tests.support.journey_world import JourneyWorld, github_seed, jira_seed

QUARTER = timedelta(minutes=15)
MANY = 12


def jira_without(*missing: str, issues: int = MANY) -> dict[str, Any]:
    """A Jira site where our account lacks permissions."""
    seed = jira_seed(issues)
    rights = {"browse", "edit", "comment"}
    seed["accounts"][0]["permissions"] = sorted(rights.difference(missing))
    return seed


def labelled(world: JourneyWorld, tracker: str = "github") -> int:
    """Return the number of ordinary issues with their label."""
    keys = [f"acme/churn#{n}" if tracker == "github" else f"DS-{n}" for n in range(11, 11 + MANY)]
    wanted = "capability:features" if tracker == "github" else "capability:model"
    return sum(wanted in world.labels(key) for key in keys)


def refused(world: JourneyWorld) -> int:
    """Return the number of writes of the last run that a tracker refused."""
    return sum(line.endswith("-> 403") for line in world.writes())


def grant(world: JourneyWorld, level: str) -> None:
    world.github.repo("acme/churn").permissions["sync-robot"] = level


def test_a_token_that_may_only_read_tries_one_write_of_each_kind_in_each_run(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, jira=1, github=MANY) as world:
        grant(world, "read")
        for number in range(4):
            result = world.run(after=QUARTER)
            assert result.code == 1, number
            assert refused(world) == 1
            assert result.out.count("new labels are refused (HTTP 403: ") == 1
            assert f"{MANY} changes left untried; each run tries one of them" in result.out
            assert "the token needs issues=write" in result.out
        grant(world, "write")
        assert world.run(after=QUARTER).code == 0
        assert labelled(world) == MANY, "nothing waits any longer"
        world.run(after=QUARTER)
        assert world.writes() == []


def test_a_project_without_the_right_to_edit_still_gets_its_comments(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, jira=jira_without("edit"), github=0) as world:
        first = world.run(after=QUARTER)
        assert first.code == 1
        assert sum("PUT" in line for line in world.writes("jira")) == 2, "it takes two issues to be sure"
        assert "DS: changes of labels are refused (HTTP 403: " in first.out
        assert len(world.comments("DS-2")) == 1
        for _ in range(3):
            assert world.run(after=QUARTER).code == 1
            assert len(world.writes("jira")) == refused(world) == 1


def test_a_project_without_the_right_to_comment_still_gets_its_labels(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, jira=jira_without("comment"), github=0) as world:
        assert world.run(after=QUARTER).code == 1
        assert labelled(world, "jira") == MANY
        for _ in range(3):
            assert world.run(after=QUARTER).code == 1
            assert len(world.writes("jira")) == 1


def test_two_issues_that_reject_alike_delay_the_others_by_one_run(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, jira=MANY, github=0) as world:
        closed = {"errorMessages": ["The issue is not editable."], "errors": {}}
        stuck = [world.jira.require_issue(f"DS-{number}").id for number in (11, 12)]
        for issue in stuck:
            world.box.faults.add(
                Fault(
                    kind="status", status=400, method="PUT", path=f"*/issue/{issue}", body=closed, times=None
                )
            )
        assert world.run(after=QUARTER).code == 1
        assert world.run(after=QUARTER).code == 1
        assert labelled(world, "jira") == MANY - len(stuck)


def test_new_labels_that_are_refused_do_not_stop_labels_that_exist(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, jira=0, github=3) as world:
        assert world.run(after=QUARTER).code == 0
        grant(world, "triage")
        for number in (11, 12):
            world.close(f"acme/churn#{number}")
        world.unlabel("acme/churn#13", "features")
        assert world.run(after=QUARTER).code == 1
        assert refused(world) == 1, "the anchor's new state label"
        assert "capability:features" not in world.labels("acme/churn#13")


def test_a_repository_that_hides_its_writes_is_asked_no_more_than_twice(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, jira=1, github=MANY) as world:
        for path in ("*/churn/labels", "*/churn/issues/*/labels", "*/churn/issues/*/comments"):
            world.fault(
                "status", status=404, method="POST", path=path, body={"message": "Not Found"}, times=None
            )
        assert world.run(after=QUARTER).code == 1
        assert len(world.writes("github")) <= 3
        for _ in range(2):
            assert world.run(after=QUARTER).code == 1
            assert len(world.writes("github")) <= 2


@pytest.mark.parametrize("kind", ["edit", "comment"])
def test_the_only_issue_of_a_project_is_tried_in_each_run(tmp_path: Path, kind: str) -> None:
    with JourneyWorld(tmp_path, jira=jira_without(kind, issues=1), github=github_seed(1)) as world:
        for _ in range(4):
            assert world.run(after=QUARTER).code == 1
        assert len(world.writes("jira")) == 1
