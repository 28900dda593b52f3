"""Whatever dies or gets lost at whatever write: running again reaches the same end, with no second comment."""

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


class Died(BaseException):
    """The process was killed: nothing that would run afterwards runs."""


@contextmanager
def death(at: int, *, after: bool) -> Iterator[list[str]]:
    """Kill the run at its ``at``-th write, before or after the write took effect. Gives the writes sent."""
    sent: list[str] = []
    real = requests.Session.request

    def request(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        if method == "GET" or "/search" in url or "/comment/list" in url or "/bulkfetch" in url:
            return real(self, method, url, **more)
        sent.append(f"{method} {url}")
        if len(sent) == at and not after:
            raise Died
        answer = real(self, method, url, **more)
        if len(sent) == at:
            raise Died
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "request", request)
        for owner, name in ((Store, "release_lease"), (Store, "finish_run"), (RunCache, "flush")):
            patch.setattr(owner, name, lambda *_, **__: None)
        yield sent


def die(world: JourneyWorld, at: int, *, after: bool) -> None:
    with death(at, after=after) as sent, pytest.raises(Died):
        world.run()
    assert len(sent) == at


def assert_all_is_well(world: JourneyWorld, expected: Any) -> None:
    told = world.run()
    assert told.code == 0, told.err
    assert world.snapshot() == expected
    assert [len(world.comments(anchor)) for anchor in (GOAL, MODEL, FEATURES)] == [1, 1, 1]
    world.run()
    assert world.writes() == []
    assert world.snapshot() == expected


@pytest.fixture(scope="module")
def first_end(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """How the world looks after a first run that nothing disturbed."""
    with JourneyWorld(tmp_path_factory.mktemp("undisturbed") / "workspace", jira=1, github=1) as world:
        world.run()
        assert len(world.writes()) == FIRST_WRITES
        return world.snapshot()


FIRST_WRITES = 11
"""Three anchors and two issues to label, three labels to create on GitHub, three comments."""


@pytest.mark.parametrize("at", range(1, FIRST_WRITES + 1))
def test_a_first_run_can_be_killed_after_any_write(make_world: MakeWorld, first_end: Any, at: int) -> None:
    world = make_world(jira=1, github=1)
    die(world, at, after=True)
    assert_all_is_well(world, first_end)


@pytest.mark.parametrize("at", [1, 2, 6, 9, 11])
def test_a_first_run_can_be_killed_between_journalling_and_sending_a_write(
    make_world: MakeWorld, first_end: Any, at: int
) -> None:
    world = make_world(jira=1, github=1)
    die(world, at, after=False)
    assert_all_is_well(world, first_end)


def move_on(world: JourneyWorld) -> None:
    """Something of everything to write: labels to swap and to take away, comments to edit."""
    world.edit("mappings/science.yaml", "labels: [features]", "labels: [chores]")
    world.close("DS-11")


SECOND_WRITES = 10


@pytest.fixture(scope="module")
def second_end(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with JourneyWorld(tmp_path_factory.mktemp("undisturbed") / "workspace", jira=1, github=1) as world:
        world.run()
        move_on(world)
        world.run()
        assert len(world.writes()) == SECOND_WRITES, world.writes()
        return world.snapshot()


@pytest.mark.parametrize("at", range(1, SECOND_WRITES + 1))
def test_a_later_run_can_be_killed_at_any_write(make_world: MakeWorld, second_end: Any, at: int) -> None:
    world = make_world(jira=1, github=1)
    world.run()
    move_on(world)
    die(world, at, after=True)
    assert_all_is_well(world, second_end)


# ---- answers that are lost


LOSSES = {
    "reset after the write": {"kind": "reset_after"},
    "reset before the write": {"kind": "reset_before"},
    "gateway timeout, written": {"kind": "timeout", "carried_out": True},
    "answer cut short": {"kind": "truncated"},
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
    make_world: MakeWorld, first_end: Any, write: str, loss: str
) -> None:
    world = make_world(jira=1, github=1)
    world.fault(**LOSSES[loss], **WRITES[write])
    world.run()
    assert_all_is_well(world, first_end)


@pytest.mark.parametrize("write", ["Jira labels", "GitHub labels", "GitHub new label"])
def test_a_lost_response_to_labels_leads_to_the_same_state(
    make_world: MakeWorld, first_end: Any, write: str
) -> None:
    world = make_world(jira=1, github=1)
    world.fault("reset_after", **WRITES[write], times=2)
    world.run()
    assert_all_is_well(world, first_end)


@pytest.mark.parametrize("status", [403, 410])
@pytest.mark.parametrize("write", ["Jira labels", "GitHub labels"])
def test_a_rejected_retry_does_not_prove_that_the_first_attempt_failed(
    make_world: MakeWorld, first_end: Any, write: str, status: int
) -> None:
    world = make_world(jira=1, github=1)
    world.fault("timeout", carried_out=True, times=1, **WRITES[write])
    world.fault("status", status=status, nth=2, **WRITES[write])
    world.run()
    assert_all_is_well(world, first_end)
    with world.opened_store() as store:
        ours = {ref.key: labels for ref, labels in store.pushed_labels().items()}
    assert all(set(labels) <= world.labels(key) for key, labels in ours.items())
    assert sum(map(len, ours.values())) == 7  # three anchors' states, and two labels on each of two issues


@pytest.mark.parametrize("tracker", ["jira", "github"])
def test_a_comment_whose_every_answer_is_lost_is_still_posted_once(
    make_world: MakeWorld, first_end: Any, tracker: str
) -> None:
    world = make_world(jira=1, github=1)
    world.fault("reset_after", tracker=tracker, method="POST", path="*comment*", times=None)
    for _ in range(3):
        world.run()
    world.box.faults.clear()
    assert_all_is_well(world, first_end)


def test_a_run_reports_an_unreachable_tracker_after_a_lost_response(
    make_world: MakeWorld, first_end: Any
) -> None:
    world = make_world(jira=1, github=1)
    world.fault("reset_after", tracker="jira", method="POST", path="*/issue/*/comment")
    world.fault("status", tracker="jira", method="GET", path="*/comment", nth=2, times=None, status=503)
    told = world.run()
    assert told.code == 1
    assert "failed: jira:DS-1" in told.out
    told = world.run()
    assert told.code == 1
    assert "the result of an earlier create-comment is unknown" in told.err
    world.box.faults.clear()
    assert_all_is_well(world, first_end)


# ---- the lease


def test_while_one_run_is_at_work_another_stays_away(world: JourneyWorld) -> None:
    with world.opened_store() as store:
        store.acquire_lease("20261120-090000-abcd", "ada@laptop pid 7", timedelta(hours=2))
        before = world.snapshot()
        told = world.run()
        assert told.code == 6
        assert "ada@laptop pid 7" in told.err
        assert world.requests == ()
        assert world.preview().code == 6
        assert world.snapshot() == before


def test_the_expired_lock_of_a_killed_run_is_taken_over(make_world: MakeWorld, first_end: Any) -> None:
    world = make_world(jira=1, github=1)
    die(world, 5, after=True)
    assert world.run(after=timedelta(minutes=4)).code == 6
    assert_all_is_well(world, first_end)


def test_a_run_that_lost_its_lease_stops_writing(make_world: MakeWorld) -> None:
    world = make_world(jira=1, github=1)
    real = requests.Session.request

    def slow(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        answer = real(self, method, url, **more)
        if method == "PUT":
            world.clock.advance(timedelta(minutes=10))
            with world.opened_store() as store:
                store.acquire_lease("20261120-120000-ffff", "somebody else", timedelta(minutes=5))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "request", slow)
        told = world.run()
    assert told.code == 6, told.err
    assert len(world.writes("jira")) == 1
