"""An older backup of the store is put back: our own labels stay ours, and decisions of people stay theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.support.journey_world import FEATURES, GOAL, JourneyWorld

MakeWorld = Callable[..., JourneyWorld]
LABELS = {"DS-11": "capability:model", "acme/churn#11": "capability:features"}


def store_files(world: JourneyWorld) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in world.root.rglob("state.db*")}


def put_back(world: JourneyWorld, backup: dict[Path, bytes]) -> None:
    for file in store_files(world):
        file.unlink()
    for file, content in backup.items():
        file.write_bytes(content)


def test_work_and_vetoes_since_the_backup_are_known_from_the_histories(make_world: MakeWorld) -> None:
    world = make_world(jira=2, github=2)
    world.run()
    backup = store_files(world)
    for key, label in LABELS.items():
        world.unlabel(key, label)
    world.close("DS-12")
    assert world.run().code == 0
    before = world.snapshot()
    put_back(world, backup)
    result = world.run()
    assert result.code == 0, result.err
    assert world.snapshot() == before
    rows = world.overrides()["overrides"]
    assert {(row["ref"].partition(":")[2], row["kind"], row["label"]) for row in rows} == {
        (key, "veto", label) for key, label in LABELS.items()
    }
    assert all(row["note"].startswith("from the tracker's history: ") for row in rows)
    assert world.run().code == 0
    assert world.writes() == []


@contextmanager
def delivering_comments_twice() -> Iterator[None]:
    """Send each creation of a comment twice, as a proxy does that got no answer in time."""
    real = HTTPAdapter.send

    def send(self: HTTPAdapter, request: requests.PreparedRequest, *rest: Any) -> requests.Response:
        response = real(self, request, *rest)
        if request.method == "POST" and str(request.url).endswith(("/comment", "/comments")):
            real(self, request, *rest)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPAdapter, "send", send)
        yield


@pytest.mark.parametrize("anchor", [GOAL, FEATURES])
def test_reconcile_removes_a_comment_that_was_delivered_twice(make_world: MakeWorld, anchor: str) -> None:
    world = make_world(jira=1, github=1)
    with delivering_comments_twice():
        world.run()
    both = world.comments(anchor)
    assert len(both) == 2
    asked = world.reconcile(answer="n")
    assert "delete duplicate of the status comment of" in asked.out
    assert len(world.comments(anchor)) == 2
    assert world.reconcile(yes=True).code == 0
    assert world.comments(anchor) == both[:1]
    assert world.run().code == 0
    assert world.writes() == []
