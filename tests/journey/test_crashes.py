"""Killed runs and lost responses at any write: the next run reaches the same state, with no second comment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import requests

from sync.runtime.context import RunCache
from sync.store import Store
from tests.support.journey_world import FEATURES, GOAL, MODEL, JourneyWorld

MakeWorld = Callable[..., JourneyWorld]


class Killed(BaseException):
    """Stands for the end of a killed process: nothing that would run afterwards runs."""


@contextmanager
def kill_run(at: int, *, after: bool) -> Iterator[list[str]]:
    """Kill the run at write number ``at``, before or after it takes effect. Yields the writes sent."""
    sent: list[str] = []
    real = requests.Session.request

    def request(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        if method == "GET" or "/search" in url or "/comment/list" in url or "/bulkfetch" in url:
            return real(self, method, url, **more)
        sent.append(f"{method} {url}")
        if len(sent) == at and not after:
            raise Killed
        response = real(self, method, url, **more)
        if len(sent) == at:
            raise Killed
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "request", request)
        for owner, name in ((Store, "release_lease"), (Store, "finish_run"), (RunCache, "flush")):
            patch.setattr(owner, name, lambda *_, **__: None)
        yield sent


def run_until_killed(world: JourneyWorld, at: int, *, after: bool) -> None:
    with kill_run(at, after=after) as sent, pytest.raises(Killed):
        world.run()
    assert len(sent) == at


def assert_same_state(world: JourneyWorld, expected: Any) -> None:
    result = world.run()
    assert result.code == 0, result.err
    assert world.snapshot() == expected
    assert [len(world.comments(anchor)) for anchor in (GOAL, MODEL, FEATURES)] == [1, 1, 1]
    world.run()
    assert world.writes() == []
    assert world.snapshot() == expected


@pytest.fixture(scope="module")
def state_after_first_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the state of the trackers after a first run without faults."""
    with JourneyWorld(tmp_path_factory.mktemp("undisturbed") / "workspace", jira=1, github=1) as world:
        world.run()
        assert len(world.writes()) == FIRST_WRITES
        return world.snapshot()


FIRST_WRITES = 11
"""Labels of three anchors and two issues, three new labels on GitHub, three comments."""


@pytest.mark.parametrize("at", range(1, FIRST_WRITES + 1))
def test_a_first_run_can_be_killed_after_any_write(
    make_world: MakeWorld, state_after_first_run: Any, at: int
) -> None:
    world = make_world(jira=1, github=1)
    run_until_killed(world, at, after=True)
    assert_same_state(world, state_after_first_run)


@pytest.mark.parametrize("at", [1, 2, 6, 9, 11])
def test_a_first_run_can_be_killed_between_journalling_and_sending_a_write(
    make_world: MakeWorld, state_after_first_run: Any, at: int
) -> None:
    world = make_world(jira=1, github=1)
    run_until_killed(world, at, after=False)
    assert_same_state(world, state_after_first_run)


def change_mapping_and_close_an_issue(world: JourneyWorld) -> None:
    """Cause writes of every kind: labels to swap and to remove, comments to edit."""
    world.edit("mappings/science.yaml", "labels: [features]", "labels: [chores]")
    world.close("DS-11")


SECOND_WRITES = 10


@pytest.fixture(scope="module")
def state_after_second_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with JourneyWorld(tmp_path_factory.mktemp("undisturbed") / "workspace", jira=1, github=1) as world:
        world.run()
        change_mapping_and_close_an_issue(world)
        world.run()
        assert len(world.writes()) == SECOND_WRITES, world.writes()
        return world.snapshot()


@pytest.mark.parametrize("at", range(1, SECOND_WRITES + 1))
def test_a_later_run_can_be_killed_at_any_write(
    make_world: MakeWorld, state_after_second_run: Any, at: int
) -> None:
    world = make_world(jira=1, github=1)
    world.run()
    change_mapping_and_close_an_issue(world)
    run_until_killed(world, at, after=True)
    assert_same_state(world, state_after_second_run)


# ---- lost responses


LOSSES = {
    "reset after the write": {"kind": "reset_after"},
    "reset before the write": {"kind": "reset_before"},
    "gateway timeout, written": {"kind": "timeout", "carried_out": True},
    "truncated response": {"kind": "truncated"},
}
WRITES = {
    "Jira comment": {"tracker": "jira", "method": "POST", "path": "*/issue/*/comment"},
    "Jira labels": {"tracker": "jira", "method": "PUT", "path": "*/issue/*"},
    "GitHub comment": {"tracker": "github", "method": "POST", "path": "*/comments"},
    "GitHub labels": {"tracker": "github", "method": "POST", "path": "*/issues/*/labels"},
    "GitHub new label": {"tracker": "github", "method": "POST", "path": "*/churn/labels"},
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("write", ["Jira comment", "GitHub comment"])
def test_a_lost_response_to_a_comment_leads_to_the_same_state(
    make_world: MakeWorld, state_after_first_run: Any, write: str, loss: str
) -> None:
    world = make_world(jira=1, github=1)
    world.fault(**LOSSES[loss], **WRITES[write])
    world.run()
    assert_same_state(world, state_after_first_run)


@pytest.mark.parametrize("write", ["Jira labels", "GitHub labels", "GitHub new label"])
def test_a_lost_response_to_labels_leads_to_the_same_state(
    make_world: MakeWorld, state_after_first_run: Any, write: str
) -> None:
    world = make_world(jira=1, github=1)
    world.fault("reset_after", **WRITES[write], times=2)
    world.run()
    assert_same_state(world, state_after_first_run)


LIES = {
    "success without effect": {"status": 200, "carried_out": False},
    "partial answer": {"status": 206, "carried_out": True},
    "not modified": {"status": 304, "carried_out": True},
    "redirect to a login": {"status": 302, "carried_out": True},
    "client closed request": {"status": 499, "carried_out": True},
}
LATER_WRITES = {
    "Jira comment edit": {"tracker": "jira", "method": "PUT", "path": "*/issue/*/comment/*"},
    "Jira swap": {"tracker": "jira", "method": "PUT", "path": "*/issue/*"},
    "GitHub comment edit": {"tracker": "github", "method": "PATCH", "path": "*/comments/*"},
    "GitHub removal": {"tracker": "github", "method": "DELETE", "path": "*/issues/*/labels/*"},
}


@pytest.mark.parametrize(
    ("write", "lie"),
    [
        ("Jira comment", "redirect to a login"),
        ("Jira labels", "success without effect"),
        ("GitHub comment", "client closed request"),
        ("GitHub labels", "not modified"),
    ],
)
def test_an_undocumented_answer_to_a_first_write_is_checked(
    make_world: MakeWorld, state_after_first_run: Any, write: str, lie: str
) -> None:
    world = make_world(jira=1, github=1)
    world.fault("status", **LIES[lie], **WRITES[write], times=None)
    world.run()
    world.box.faults.clear()
    assert_same_state(world, state_after_first_run)
    assert not world.overrides()["overrides"]


@pytest.mark.parametrize(
    ("write", "lie"),
    [
        ("Jira comment edit", "partial answer"),
        ("Jira swap", "not modified"),
        ("GitHub comment edit", "redirect to a login"),
        ("GitHub removal", "partial answer"),
    ],
)
def test_an_undocumented_answer_to_a_later_write_is_checked(
    make_world: MakeWorld, state_after_second_run: Any, write: str, lie: str
) -> None:
    world = make_world(jira=1, github=1)
    world.run()
    change_mapping_and_close_an_issue(world)
    world.fault("status", **LIES[lie], **LATER_WRITES[write], times=None)
    world.run()
    world.box.faults.clear()
    assert_same_state(world, state_after_second_run)
    assert not world.overrides()["overrides"]


@pytest.mark.parametrize("status", [403, 410])
@pytest.mark.parametrize("write", ["Jira labels", "GitHub labels"])
def test_a_rejected_retry_does_not_prove_that_the_first_attempt_failed(
    make_world: MakeWorld, state_after_first_run: Any, write: str, status: int
) -> None:
    world = make_world(jira=1, github=1)
    world.fault("timeout", carried_out=True, times=1, **WRITES[write])
    world.fault("status", status=status, nth=2, **WRITES[write])
    world.run()
    assert_same_state(world, state_after_first_run)
    with world.opened_store() as store:
        pushed = {ref.key: labels for ref, labels in store.pushed_labels().items()}
    assert all(set(labels) <= world.labels(key) for key, labels in pushed.items())
    assert sum(map(len, pushed.values())) == 7  # three anchors' states, and two labels on each of two issues


@pytest.mark.parametrize("tracker", ["jira", "github"])
def test_a_comment_is_posted_once_even_if_every_response_is_lost(
    make_world: MakeWorld, state_after_first_run: Any, tracker: str
) -> None:
    world = make_world(jira=1, github=1)
    world.fault("reset_after", tracker=tracker, method="POST", path="*comment*", times=None)
    for _ in range(3):
        world.run()
    world.box.faults.clear()
    assert_same_state(world, state_after_first_run)


def test_a_run_reports_an_unreachable_tracker_after_a_lost_response(
    make_world: MakeWorld, state_after_first_run: Any
) -> None:
    world = make_world(jira=1, github=1)
    world.fault("reset_after", tracker="jira", method="POST", path="*/issue/*/comment")
    world.fault("status", tracker="jira", method="GET", path="*/comment", nth=2, times=None, status=503)
    result = world.run()
    assert result.code == 1
    assert "failed: jira:DS-1" in result.out
    result = world.run()
    assert result.code == 1
    assert "the result of an earlier create-comment is unknown" in result.err
    world.box.faults.clear()
    assert_same_state(world, state_after_first_run)


# ---- the run lock


def test_a_second_run_does_not_start_while_one_is_running(world: JourneyWorld) -> None:
    with world.opened_store() as store:
        store.acquire_lease("20261120-090000-abcd", "ada@laptop pid 7", timedelta(hours=2))
        before = world.snapshot()
        result = world.run()
        assert result.code == 6
        assert "ada@laptop pid 7" in result.err
        assert world.requests == ()
        assert world.preview().code == 6
        assert world.snapshot() == before


def test_the_expired_lock_of_a_killed_run_is_taken_over(
    make_world: MakeWorld, state_after_first_run: Any
) -> None:
    world = make_world(jira=1, github=1)
    run_until_killed(world, 5, after=True)
    assert world.run(after=timedelta(minutes=4)).code == 6
    assert_same_state(world, state_after_first_run)


def test_a_run_that_lost_its_lease_stops_writing(make_world: MakeWorld) -> None:
    world = make_world(jira=1, github=1)
    real = requests.Session.request

    def slow(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        response = real(self, method, url, **more)
        if method == "PUT":
            world.clock.advance(timedelta(minutes=10))
            with world.opened_store() as store:
                store.acquire_lease("20261120-120000-ffff", "somebody else", timedelta(minutes=5))
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "request", slow)
        result = world.run()
    assert result.code == 6, result.err
    assert len(world.writes("jira")) == 1
