"""How a rehearsal looks at a stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sync.simulation.environment import Ran, Stage
from sync.simulation.invariants import End, Key
from sync.simulation.user_actions import Face, Toggle

Marks = Mapping[str, Counter[str]]
"""Tracker -> issue -> how often one of its labels was put or taken off so far."""


def end_of(stage: Stage) -> End:
    """Where a stage stands."""
    store = stage.store
    return End(
        faces=faces_of(stage),
        pushed=frozenset(
            (ref.tracker, ref.key, label) for ref, labels in store.pushed_labels().items() for label in labels
        ),
        decided=frozenset((row.ref.tracker, row.ref.key, row.kind, row.label) for row in store.overrides()),
        comments={name: each.state for name, each in store.pushed_comments().items()},
    )


def faces_of(stage: Stage) -> dict[Key, Face]:
    """Every issue as people see it."""
    return {(name, key): site.face(key) for name, site in stage.sites.items() for key in site.issues()}


def marks_of(stage: Stage) -> Marks:
    """What to count from, for ``since``."""
    return {name: Counter(each.issue for each in site.toggles()) for name, site in stage.sites.items()}


def since(toggles: Iterable[Toggle], marks: Counter[str]) -> list[Toggle]:
    """The changes of labels that came after the marks, in the order of each issue."""
    seen: Counter[str] = Counter()
    late = []
    for toggle in toggles:
        seen[toggle.issue] += 1
        if seen[toggle.issue] > marks[toggle.issue]:
            late.append(toggle)
    return late


def mails_of(stage: Stage) -> int:
    """How many mails people got."""
    return sum(len(site.mails()) for site in stage.sites.values())


def complaint(ran: Ran) -> str:
    """What a run that did not go well said."""
    outcome = ran.outcome
    if outcome is None:
        return ran.stopped or ""
    failed = [each.reason for each in outcome.collected.failed]
    refused = [each.text for each in outcome.refusals]
    applied = [why for _, why in outcome.applied.failed] if outcome.applied else []
    unread = outcome.collected.unread_anchors.values()
    return "; ".join([*failed, *refused, *applied, *outcome.still_open, *unread])
