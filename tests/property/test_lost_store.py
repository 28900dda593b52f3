"""A lost store changes no label, whatever people did before."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.writing_world import FEATURES, INCREMENT, MODEL, WritingWorld

KEYS = ("DS-2", "DS-3", "acme/churn#2", "acme/churn#3")
ACTS = ("run", "run", "take off", "take off the increment", "pin", "unpin", "ask for the other", "close")

Acts = list[tuple[str, str]]


def settled(world: WritingWorld) -> dict[str, set[str]]:
    """Return the labels after a run without changes."""
    for _ in range(4):
        outcome = world.run()
        assert not outcome.refusals
        if not len(outcome.changes):
            return {key: world.labels(key) for key in (*KEYS, "DS-1", "acme/churn#1")}
    raise AssertionError("runs go on changing labels")


def _place(key: str) -> tuple[str, ...]:
    return (key.partition("#")[0],) if "#" in key else (key.partition("-")[0],)


def _act(world: WritingWorld, act: str, key: str) -> None:
    tracker, labels = world.tracker_of(key), world.labels(key)
    ours = next((label for label in (FEATURES, MODEL) if label in labels), None)
    match act:
        case "run":
            world.run()
        case "take off" if ours:
            tracker.unlabel(key, ours)
        case "take off the increment":
            tracker.unlabel(key, INCREMENT)
        case "pin" if MODEL not in labels:
            tracker.label(key, MODEL)
        case "unpin":
            tracker.unlabel(key, MODEL)
        case "ask for the other":
            for old, new in (("features", "model"), ("model", "features")):
                if old in labels:
                    tracker.unlabel(key, old)
                    tracker.label(key, new)
        case "close":
            tracker.close(key)


@settings(max_examples=6)
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from(KEYS)), max_size=8))
def test_labels_stay_as_they_were_when_the_store_is_lost(acts: Acts) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = WritingWorld(Path(folder))
        for key in KEYS:
            world.tracker_of(key).add_issue(*_place(key), f"Work {key}", labels=["features"])
        world.run()
        for act, key in acts:
            world.pass_time(minutes=10)
            _act(world, act, key)
        before = settled(world)
        world.lose_store()
        assert settled(world) == before
