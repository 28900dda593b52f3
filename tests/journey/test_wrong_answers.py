"""Single wrong responses of a tracker: what would count as an override is read twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.journey_world import FEATURES, MODEL, JourneyWorld

MakeWorld = Callable[..., JourneyWorld]
GONE_ONCE = {
    FEATURES: {"kind": "status", "status": 404, "method": "GET", "path": "*/issues/comments/*"},
    MODEL: {"kind": "empty_page", "method": "POST", "path": "*/comment/list"},
}
"""By the anchor of the capability whose comment is to be edited."""


@pytest.mark.parametrize("anchor", GONE_ONCE)
def test_comment_missing_once_does_not_count_as_deleted(make_world: MakeWorld, anchor: str) -> None:
    world = make_world(github=1, jira=1)
    world.run()
    world.close("acme/churn#11" if anchor == FEATURES else "DS-11")
    world.fault(**GONE_ONCE[anchor])
    result = world.run()
    assert "1 of 1 issue done" in world.comments(anchor)[0], result.err
    assert "was deleted by a person" not in result.out + result.err


def test_stale_response_about_another_comment_is_rejected(
    make_world: MakeWorld,
) -> None:
    world = make_world(github=1, jira=1)
    world.run()
    world.close("DS-11")
    world.fault("repeat_page", tracker="jira", method="POST", path="*/comment/list", nth=2)
    world.run()
    assert "1 of 1 issue done" in world.comments(MODEL)[0]
    world.run()
    assert world.writes() == []


def test_labels_missing_from_a_response_are_read_again_and_known_as_ours(make_world: MakeWorld) -> None:
    world = make_world(github=1, jira=1)
    world.fault("empty_page", tracker="github", method="POST", path="*/issues/11/labels", times=3)
    assert world.run().code == 1
    assert world.run().code == 0
    world.unlabel("acme/churn#11", "features")
    world.run()
    assert world.labels("acme/churn#11") == set()


@pytest.mark.parametrize("tracker", ["jira", "github"])
def test_source_that_looks_empty_is_pulled_twice(make_world: MakeWorld, tracker: str) -> None:
    world = make_world(github=1, jira=1)
    path = "*/search/jql" if tracker == "jira" else "*/churn/issues"
    world.fault("empty_page", tracker=tracker, path=path)
    result = world.run()
    assert result.code == 0, result.err
    anchor = MODEL if tracker == "jira" else FEATURES
    assert "0 of 1 issue done" in world.comments(anchor)[0]
    assert "Scope" not in world.comments(anchor)[0]
