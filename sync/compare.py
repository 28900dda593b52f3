"""Desired x pushed x live -> changes: the truth table of the design, in one place.

D is what we want, P what we last wrote, L what the tracker carries now; only labels inside our families.

    D        add                     D L      nothing, it is not ours     P L    remove
    D P      a person removed it     D P L    nothing                     P      forget
    L        a pin if it names a known capability, else left and reported
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from connectors.model import Issue, IssueRef
from mappings.labels import LabelScheme
from sync.changes import ChangeSet, CommentChange, LabelChange, Reason
from sync.desired import Wish

SuspicionKind = Literal["veto", "pin", "pin-lifted", "veto-lifted", "origin"]
CommentDrift = Literal["edited", "deleted", "taken over"]
"""What a person did to our comment; one without our marker (or author) is taken over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspicion:
    """It looks as if a person decided something. To be checked by a direct read before it is recorded."""

    ref: IssueRef
    kind: SuspicionKind
    label: str
    needs_history: bool = False
    """This store cannot know who put the label: the issue's history has to say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """Something that a person should know, and that changes nothing."""

    ref: IssueRef
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisions:
    """People's recorded decisions about labels, by issue (label names in lower case)."""

    pins: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    vetoes: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    held: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    left: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """Labels of unknown or human origin that are left alone and mean nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelWorld:
    """What the comparison of labels looks at."""

    wishes: Mapping[IssueRef, Wish]
    live: Mapping[IssueRef, Issue]
    pushed: Mapping[IssueRef, frozenset[str]]
    decisions: Decisions
    scheme: LabelScheme
    capabilities: frozenset[str]
    unproven: Mapping[IssueRef, frozenset[str]]
    """Labels that were on an older issue when this store saw it first: their origin is not known here."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Old label -> new label, from ``previously`` in the plans."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelOutcome:
    changes: tuple[LabelChange, ...] = ()
    suspicions: tuple[Suspicion, ...] = ()
    forget: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    observations: tuple[Observation, ...] = ()


def compare_labels(world: LabelWorld) -> LabelOutcome:
    """Compare every wish with what is there. An issue under suspicion gets no change until it is checked."""
    changes, suspicions, observations = [], [], []
    forget: dict[IssueRef, frozenset[str]] = {}
    for ref in sorted(world.wishes):
        table = _Table(world, world.wishes[ref], world.live[ref])
        suspicions += table.suspicions
        observations += table.observations
        if table.gone:
            forget[ref] = table.gone
        if not table.suspicions and (change := table.change()):
            changes.append(change)
    return LabelOutcome(
        changes=tuple(changes),
        suspicions=tuple(suspicions),
        forget=forget,
        observations=tuple(observations),
    )


class _Table:
    """The truth table of one issue."""

    def __init__(self, world: LabelWorld, wish: Wish, issue: Issue) -> None:
        self.world, self.wish, self.issue = world, wish, issue
        ref = wish.ref
        self.names = {label.lower(): label for label in world.scheme.ours(issue.labels)}
        self.live = frozenset(self.names)
        self.pushed = world.pushed.get(ref, frozenset())
        self.pins = world.decisions.pins.get(ref, frozenset())
        self.vetoes = world.decisions.vetoes.get(ref, frozenset())
        self.left = world.decisions.left.get(ref, frozenset())
        held = world.decisions.held.get(ref, frozenset())
        foreign = self.live - self.pushed - frozenset(wish.labels)
        self.observations: list[Observation] = []
        self.suspicions: list[Suspicion] = []
        self.gone: frozenset[str] = frozenset()
        withheld = self._families_of_people(foreign) if wish.is_anchor else frozenset()
        self.desired = {
            label: reason
            for label, reason in wish.labels.items()
            if label not in self.vetoes | held and world.scheme.family(label) not in withheld
        }
        if wish.read:
            self._judge(foreign)

    def _judge(self, foreign: frozenset[str]) -> None:
        for label in sorted((frozenset(self.desired) & self.pushed) - self.live):
            self._suspect("veto", label)
        for label in sorted(self.pins - self.live):
            self._suspect("pin-lifted", label)
        for label in sorted(self.vetoes & self.live):
            self._suspect("pin" if self._names_capability(label) else "veto-lifted", label)
        for label in sorted(foreign - self.pins - self.left - self.vetoes):
            self._judge_foreign(label)
        self.gone = self.pushed - frozenset(self.desired) - self.live

    def _judge_foreign(self, label: str) -> None:
        unproven = label in self.world.unproven.get(self.wish.ref, frozenset())
        if self._names_capability(label) and not self.wish.is_anchor:
            self._suspect("pin", label, needs_history=unproven)
        elif unproven:
            self._suspect("origin", label, needs_history=True)
        else:
            self.observations.append(
                Observation(ref=self.wish.ref, text=f"carries {label}, which a person put; left alone")
            )

    def _suspect(self, kind: SuspicionKind, label: str, *, needs_history: bool = False) -> None:
        self.suspicions.append(
            Suspicion(ref=self.wish.ref, kind=kind, label=label, needs_history=needs_history)
        )

    def _names_capability(self, label: str) -> bool:
        return self.world.scheme.capability_of(label) in self.world.capabilities

    def _families_of_people(self, foreign: frozenset[str]) -> frozenset[str]:
        """On an anchor, a person's state, health or flag label stands alone: ours of that family waits."""
        unproven = self.world.unproven.get(self.wish.ref, frozenset()) - self.left
        families = {self.world.scheme.family(label) for label in foreign - unproven}
        return frozenset(f for f in families if f in ("state", "health", "flag"))

    def change(self) -> LabelChange | None:
        if not (self.wish.read and self.wish.may_write):
            return None
        add = {label: self.desired[label] for label in sorted(frozenset(self.desired) - self.live)}
        leaving = sorted((self.pushed & self.live) - frozenset(self.desired))
        coming = {self.world.scheme.family(label) for label in add}
        pure = [label for label in leaving if self._goes_alone(label, coming)]
        if self.wish.no_pure_removal:
            leaving, pure = [label for label in leaving if label not in pure], []
        if not add and not leaving:
            return None
        return LabelChange(
            ref=self.wish.ref,
            container=self.wish.container,
            add=add,
            remove={self.names[label]: self._why_remove(label) for label in leaving},
            before=tuple(sorted(self.names.values())),
            pure_removals=tuple(self.names[label] for label in pure),
        )

    def _goes_alone(self, label: str, coming: set[str | None]) -> bool:
        is_renamed = self.world.renamed.get(label) in self.desired
        return not is_renamed and self.world.scheme.family(label) not in coming

    def _why_remove(self, label: str) -> Reason:
        if label in self.wish.labels:
            return Reason(text="a person's label of the same kind stands on this anchor")
        if self.pins and self.world.scheme.family(label) in ("capability", "increment"):
            return Reason(text="a person pinned the issue elsewhere")
        return Reason(text="we put it, and the rules do not ask for it any more")


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentWish:
    """The status comment that a subject should have."""

    subject: str
    ref: IssueRef
    body: str
    urgent_hash: str
    full_hash: str
    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenComment:
    """The status comment that we last wrote for a subject."""

    ref: IssueRef
    comment_id: str
    urgent_hash: str
    full_hash: str
    edited_at: datetime
    deleted_by_person: bool = False


def compare_comments(
    wishes: tuple[CommentWish, ...],
    written: Mapping[str, WrittenComment],
    *,
    now: datetime,
    counts_every: timedelta,
    drift: Mapping[str, CommentDrift] | None = None,
) -> tuple[tuple[CommentChange, ...], tuple[Observation, ...]]:
    """A comment is edited at once when its urgent part changed, for the rest at most every ``counts_every``.

    ``drift``: subjects whose comment was found to be different from what we wrote and is to be repaired.
    """
    changes, observations = [], []
    for wish in wishes:
        last = written.get(wish.subject)
        drifted = (drift or {}).get(wish.subject)
        if last and last.ref == wish.ref and drifted:
            changes.append(_repair(wish, last, drifted))
        elif last and last.ref == wish.ref and last.deleted_by_person:
            observations.append(
                Observation(
                    ref=wish.ref,
                    text=f"a person deleted the status comment of {wish.subject}; not posted again",
                )
            )
        elif last is None or last.ref != wish.ref:
            changes.append(_comment_change(wish, None))
        elif last.urgent_hash != wish.urgent_hash or (
            last.full_hash != wish.full_hash and now - last.edited_at >= counts_every
        ):
            changes.append(_comment_change(wish, last))
    return tuple(changes), tuple(observations)


def _repair(wish: CommentWish, last: WrittenComment, drifted: CommentDrift) -> CommentChange:
    """What was edited is written again; what is not there, or not ours any more, gets a successor."""
    change = _comment_change(wish, last if drifted == "edited" else None)
    return replace(change, reason=Reason(text=f"the status comment of {wish.subject} was {drifted} by hand"))


def _comment_change(wish: CommentWish, last: WrittenComment | None) -> CommentChange:
    return CommentChange(
        ref=wish.ref,
        subject=wish.subject,
        body=wish.body,
        urgent_hash=wish.urgent_hash,
        full_hash=wish.full_hash,
        reason=wish.reason,
        comment_id=last.comment_id if last else None,
        before_hash=last.full_hash if last else None,
    )


def change_set(labels: LabelOutcome, comments: tuple[CommentChange, ...]) -> ChangeSet:
    """All changes of a run, labels before comments."""
    return ChangeSet(labels=labels.changes, comments=comments)
