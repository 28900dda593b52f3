"""Model of a random world: who put and removed each label, and what follows from that.

Independent of the code that decides: it reads the records of the trackers, not the store, and knows the rules of the
two capabilities only. A decision of a person is *firm* when a run could see it while the rules wanted the label: a
removal that the rules would have made anyway says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from sync.simulation.invariants import IssueKey, Violation
from sync.simulation.user_actions import VisibleIssue
from sync.simulation.worlds.scenario import CAPABILITIES, INCREMENT

Actor = Literal["person", "program", "repository", "undo"]
"""``repository``: a label was deleted or renamed as a whole. ``undo``: an operator reverted a run."""
WorkState = Literal["todo", "done"]
LabelKey = tuple[IssueKey, str]

INCREMENT_LABEL: Final = f"increment:{INCREMENT}"
CAPABILITY_LABELS: Final = {f"capability:{name}": name for name in CAPABILITIES}
_FAMILIES: Final = ("capability:", "increment:", "state:")
_KIND_OF_OVERRIDE: Final = {"veto": "removed", "pin": "put", "left": "put"}


def family(label: str) -> str:
    """Return the prefix of a label that the program may write here, '' for any other."""
    return next((prefix for prefix in _FAMILIES if label.startswith(prefix)), "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Act:
    """A label was put on an issue or removed from it."""

    issue: IssueKey
    label: str
    by: Actor
    added: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedOverride:
    """A decision that the program has recorded."""

    issue: IssueKey
    kind: str
    label: str


@dataclass(kw_only=True)
class WorldModel:
    """The truth about one world, kept up to date by its player."""

    anchors: Mapping[str, IssueKey]
    states: dict[IssueKey, WorkState] = field(default_factory=dict)
    """Issues that count, as people left them."""
    last: dict[LabelKey, Act] = field(default_factory=dict)
    owner: dict[LabelKey, Actor] = field(default_factory=dict)
    """Who put the label last."""
    pending: set[LabelKey] = field(default_factory=set)
    """Removals of program labels by people that no run has seen."""
    firm: set[LabelKey] = field(default_factory=set)
    vetoed: set[LabelKey] = field(default_factory=set)
    """Recorded vetoes, as of the last run, that a person made."""
    reverted: set[tuple[IssueKey, str]] = field(default_factory=set)
    """Issue and family of labels that ``undo`` holds, and anchors with '' for their comments."""
    deleted_comments: set[IssueKey] = field(default_factory=set)
    """Anchors whose status comment a person deleted."""
    forgotten_comments: set[IssueKey] = field(default_factory=set)
    """Those of which a later store knows nothing: no tracker records who deleted a comment."""
    store_is_behind: bool = False
    """True from the replacement of the store to the next whole run, which finds our comments."""

    # ---- what happens

    def record(self, acts: Iterable[Act]) -> Iterator[Violation]:
        """Record label changes in their order; yield those by which the program overrules a person."""
        for act in acts:
            key = act.issue, act.label
            if act.by in ("program", "undo") and family(act.label):
                yield from self._check(act, self.last.get(key))
            if act.by == "undo":
                self._hold(act)
            if act.by == "repository" and not act.added:
                # No history says any more who removed a label under its former name.
                self.pending -= {each for each in self.pending if each[1] == act.label}
                self.firm -= {each for each in self.firm if each[1] == act.label}
            if act.by == "person":
                self._decide(key, act)
            self.last[key] = act
            if act.added:
                self.owner[key] = "program" if act.by == "undo" else act.by

    def _check(self, act: Act, before: Act | None) -> Iterator[Violation]:
        key = act.issue, act.label
        if act.added and key in self.firm:
            yield _violation("lost decision", act, "which a person had removed")
        if not act.added and before and before.added and before.by == "person":
            yield _violation("lost decision", act, "which a person had put")

    def _hold(self, act: Act) -> None:
        self.reverted.add((act.issue, family(act.label)))
        self.reverted |= {(anchor, "") for anchor in self.anchors.values()}

    def _decide(self, key: LabelKey, act: Act) -> None:
        self.pending.discard(key)
        self.firm.discard(key)
        if not act.added and self.owner.get(key) == "program":
            self.pending.add(key)

    def begin_run(self, issues: Mapping[IssueKey, VisibleIssue]) -> None:
        """Make firm what a run sees that starts now."""
        for issue, label in sorted(self.pending):
            if label in self.wanted(issue, issues):
                self.firm.add((issue, label))

    def end_run(self, overrides: Iterable[RecordedOverride], *, completed: bool) -> None:
        """Note what the run recorded. ``completed``: it read and wrote everything."""
        if completed:
            self.pending.clear()
            self.store_is_behind = False
        self.vetoed = {
            (each.issue, each.label)
            for each in overrides
            if each.kind == "veto" and not [*self.check_overrides([each])]
        }

    # ---- what follows

    def wanted(self, issue: IssueKey, issues: Mapping[IssueKey, VisibleIssue]) -> set[str]:
        """Return the labels that the rules and people want there, whether vetoed or not."""
        subject = next((name for name, key in self.anchors.items() if key == issue), None)
        if subject:
            return {f"state:{self._anchor_state(subject, issues)}"}
        if issue not in self.states:
            return set()
        ruled, counted = self._ruled(issue, issues), self.capability(issue, issues)
        labels = {f"capability:{name}" for name in (counted or ruled,) if name}
        return labels | ({INCREMENT_LABEL} if counted else set())

    def capability(self, issue: IssueKey, issues: Mapping[IssueKey, VisibleIssue]) -> str | None:
        """Return where an issue counts: the only pin, else by the first rule without a veto."""
        pins = {
            name
            for label, name in CAPABILITY_LABELS.items()
            if label in issues[issue].labels and self.owner.get((issue, label)) == "person"
        }
        if len(pins) == 1:
            return next(iter(pins))
        ruled = self._ruled(issue, issues)
        return None if (issue, f"capability:{ruled}") in self.vetoed else ruled

    def _ruled(self, issue: IssueKey, issues: Mapping[IssueKey, VisibleIssue]) -> str | None:
        return next((name for name in CAPABILITIES if name in issues[issue].labels), None)

    def _anchor_state(self, subject: str, issues: Mapping[IssueKey, VisibleIssue]) -> str:
        if subject != "goal":
            counted = Counter(
                state for issue, state in self.states.items() if self.capability(issue, issues) == subject
            )
            if not counted:
                return "empty"
            return "planned" if not counted["done"] else "in-progress" if counted["todo"] else "done"
        parts = {self._anchor_state(name, issues) for name in CAPABILITIES}
        if parts == {"done"}:
            return "done"
        return "in-progress" if parts & {"in-progress", "done"} else "planned"

    # ---- what must hold

    def check_overrides(self, overrides: Iterable[RecordedOverride]) -> Iterator[Violation]:
        """Yield each recorded decision that no person made."""
        for each in overrides:
            kind, act = _KIND_OF_OVERRIDE.get(each.kind), self.last.get((each.issue, each.label))
            if kind is None:
                continue
            is_theirs = act is not None and act.by == "person" and act.added == (kind == "put")
            renamed = act is not None and act.by == "repository" and act.added and kind == "put"
            if not is_theirs and not renamed:
                text = f"{each.kind} of {each.label} on {':'.join(each.issue)} is recorded, and no person {kind} it"
                yield Violation("invented decision", text)

    def check_labels(self, issues: Mapping[IssueKey, VisibleIssue]) -> Iterator[Violation]:
        """Yield each label of the program that is wrong or missing once nothing is left to do."""
        for issue in (*self.states, *self.anchors.values()):
            live = {label for label in issues[issue].labels if family(label)}
            ours = {label for label in live if self.owner.get((issue, label)) == "program"}
            wanted, name = self.wanted(issue, issues), ":".join(issue)
            for label in sorted(wanted ^ live):
                prefix = family(label)
                if (issue, prefix) in self.reverted:
                    continue
                if label in ours:
                    yield Violation(
                        "wrong label", f"{label} of the program stays on {name}; wanted: {wanted}"
                    )
                if label in wanted - live and self._is_missed(issue, label, live):
                    yield Violation("wrong label", f"{label} is missing on {name}, and no person removed it")

    def _is_missed(self, issue: IssueKey, label: str, live: set[str]) -> bool:
        removed = self.last.get((issue, label))
        if removed and removed.by == "person":
            return False
        theirs = {
            other
            for other in live
            if self.owner.get((issue, other)) == "person" and family(other) == "state:"
        }
        return not (family(label) == "state:" and theirs)

    def check_comments(self, counts: Mapping[IssueKey, int]) -> Iterator[Violation]:
        """Check the number of status comments by anchor: one, or none where a person deleted it."""
        for issue in self.anchors.values():
            if (issue, "") in self.reverted:
                continue
            expected = (
                {0, 1} if issue in self.forgotten_comments else {int(issue not in self.deleted_comments)}
            )
            if counts[issue] not in expected:
                text = f"{':'.join(issue)} has {counts[issue]} status comments, expected: {expected}"
                yield Violation("one comment", text)


def _violation(kind: Literal["lost decision"], act: Act, why: str) -> Violation:
    verb = "added" if act.added else "removed"
    return Violation(kind, f"the program {verb} {act.label} on {':'.join(act.issue)}, {why}")
