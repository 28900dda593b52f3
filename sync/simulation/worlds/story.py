"""Stories of random worlds: events drawn from a seed, as values."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from sync.simulation.fault_schedule import UNTRUE_RESPONSES

_ISSUE_ACTS: Final = (
    "close",
    "reopen",
    "move",
    "leave",
    "open",
    "veto",
    "veto",
    "put back",
    "pin",
    "unpin",
    "take increment off",
)
_ANCHOR_ACTS: Final = ("put state", "take state off", "edit comment", "delete comment")
_STORE_ACTS: Final = ("back up", "back up", "restore", "restore", "lose")
_LABEL_ACTS: Final = ("delete label", "rename label")
_OTHER: Final = ("day", "undo")
_GROUPS: Final = (*(_ISSUE_ACTS,) * 6, _ANCHOR_ACTS, *(_STORE_ACTS,) * 3, _LABEL_ACTS, _OTHER)
_LOST_ANSWERS: Final = (
    "read timeout after the effect",
    "502 after the effect",
    "500 after the effect",
    "reset after the effect",
    "killed after a request",
)
FAULTS: Final = (*UNTRUE_RESPONSES, *_LOST_ANSWERS)
UNSEEN: Final = frozenset(
    {"success without effect", "200 without effect", "204 without effect", "delivered twice"}
)
"""Faults after which nothing changes on the tracker, so that only ``reconcile`` can see them."""
MAX_WRITE: Final = 4
"""A fault hits one of the first writes of a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happens. The numbers choose an issue and a value, modulo how many exist."""

    kind: str
    issue: int = 0
    choice: int = 0
    fault: str = ""
    """Of a run: what happens to its write number ``choice``, counted from 1."""

    def __str__(self) -> str:
        numbers = f" {self.issue}/{self.choice}" if self.kind != "run" else ""
        return f"{self.kind}{numbers}" + (f", write {self.choice}: {self.fault}" if self.fault else "")


def random_story(seed: int, *, max_steps: int) -> tuple[Event, ...]:
    """Return the story of a seed: up to ``max_steps`` runs, each after one to three other events."""
    random, events = Random(f"story {seed}"), []
    for _ in range(random.randint(1, max_steps)):
        events += [_random_event(random) for _ in range(random.randint(1, 3))]
        events.append(_random_run(random))
    return tuple(events)


def _random_event(random: Random) -> Event:
    kind = random.choice(random.choice(_GROUPS))
    return Event(kind=kind, issue=random.randrange(60), choice=random.randrange(60))


def _random_run(random: Random) -> Event:
    fault = random.choice(FAULTS) if random.random() < 0.4 else ""
    return Event(kind="run", choice=random.randint(1, MAX_WRITE), fault=fault)
