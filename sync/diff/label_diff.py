"""Desired x pushed x live -> changes: the truth table of the design, in one place.

D is what we want, P what we last wrote, L what the tracker carries now; only labels inside our families.

    D        add                     D L      nothing, it is not ours     P L    remove
    D P      a person removed it     D P L    nothing                     P      forget
    L        a pin if it names a known capability, else left and reported

Lists can be stale, so whatever would be learned from a difference (a person's decision, a label that is gone) is
only suspected here, and an issue under suspicion gets no change until a direct read has settled it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from connectors.model import Issue, IssueRef
from mappings.labels import LabelScheme
from sync.model.changes import LabelChange, Reason
from sync.model.labels import (
    DesiredLabels,
    LabelDiff,
    Notice,
    RecordedOverrides,
    SuspectedOverride,
    SuspicionKind,
)
from sync.model.renames import current_label_name


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelDiffInputs:
    """What the comparison of labels looks at."""

    desired: Mapping[IssueRef, DesiredLabels]
    live: Mapping[IssueRef, Issue]
    pushed: Mapping[IssueRef, frozenset[str]]
    overrides: RecordedOverrides
    scheme: LabelScheme
    capability_ids: frozenset[str]
    unproven: Mapping[IssueRef, frozenset[str]]
    """Labels that were on an older issue when this store saw it first: their origin is not known here."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """Old label -> new label, from ``previously`` in the plans; both with the organisation's prefix."""
    finished_increment_labels: frozenset[str] = frozenset()
    """``increment:`` labels of increments that are closed for good: what was done there keeps its labels."""
    unrecovered: frozenset[IssueRef] = frozenset()
    """Issues on which people may have taken off labels of ours before this store was there."""
    case_sensitive_trackers: frozenset[str] = frozenset()
    """Trackers on which ``Capability:X`` is another label than our ``capability:x``: Jira, not GitHub."""

    def current_name(self, label: str) -> str:
        """What a label says, in the words of today and of the organisation: two labels that say the same thing
        have the same name here, whatever prefix their team has or had."""
        return current_label_name(label, self.scheme, self.renames)

    def is_outdated(self, label: str) -> bool:
        """Nobody calls it so any more: its prefix or its capability has another name."""
        return self.scheme.has_former_prefix(label) or self.scheme.canonical_name(label) in self.renames


def diff_labels(inputs: LabelDiffInputs) -> LabelDiff:
    """Compare every wish with what is there. An issue under suspicion gets no change until it is checked."""
    changes, suspicions, observations = [], [], []
    for ref in sorted(_issues_to_compare(inputs)):
        table = _IssueLabelDiff(inputs, inputs.desired[ref], inputs.live[ref])
        suspicions += table.suspicions
        observations += table.observations
        if not table.suspicions and (change := table.change()):
            changes.append(change)
    return LabelDiff(
        changes=_drop_conflicting_renames(changes),
        suspicions=tuple(suspicions),
        notices=tuple(observations),
    )


def _drop_conflicting_renames(changes: list[LabelChange]) -> tuple[LabelChange, ...]:
    """A label can be renamed in place only where all its issues want the same new name."""
    wanted: dict[tuple[str, str, str], set[str]] = {}
    for change in changes:
        for old, new in change.renames.items():
            wanted.setdefault((change.ref.tracker, change.container, old), set()).add(new)

    def agreed(change: LabelChange) -> LabelChange:
        place = change.ref.tracker, change.container
        kept = {old: new for old, new in change.renames.items() if len(wanted[*place, old]) == 1}
        return change if len(kept) == len(change.renames) else replace(change, renames=kept)

    return tuple(map(agreed, changes))


def _issues_to_compare(inputs: LabelDiffInputs) -> Iterator[IssueRef]:
    """Leaves out most issues of most trackers: nothing of ours is live, pushed or wanted, or all three agree; and
    nobody decided anything."""
    decided = inputs.overrides.refs
    for ref, wish in inputs.desired.items():
        ours = inputs.scheme.managed(inputs.live[ref].labels)
        live = frozenset(map(str.lower, ours)) if ours else _NOTHING
        pushed = inputs.pushed.get(ref, _NOTHING)
        settled = live == pushed == wish.labels.keys()
        if ref.tracker in inputs.case_sensitive_trackers:
            settled = settled and pushed <= inputs.live[ref].labels
        if wish.is_anchor or not settled or (decided and ref in decided):
            yield ref


_NOTHING: Final[frozenset[str]] = frozenset()


class _IssueLabelDiff:
    """The truth table of one issue."""

    def __init__(self, world: LabelDiffInputs, wish: DesiredLabels, issue: Issue) -> None:
        self.world, self.wish = world, wish
        ref, decisions = wish.ref, world.overrides
        # Sorted, so that of two labels that differ in case (Jira has that) always the same one is looked at.
        self.names = {label.lower(): label for label in sorted(world.scheme.managed(issue.labels))}
        self.live = frozenset(self.names)
        self.said = frozenset(map(world.current_name, self.live))
        """What the live labels say, whatever their spelling."""
        pushed = world.pushed.get(ref, _NOTHING)
        self.replaced = (
            (pushed & self.live) - issue.labels if ref.tracker in world.case_sensitive_trackers else _NOTHING
        )
        self.pushed = pushed - self.replaced
        self.pins = decisions.pins.get(ref, frozenset())
        self.vetoes = decisions.vetoes.get(ref, frozenset())
        self.left = decisions.ignored.get(ref, frozenset())
        self.unproven = world.unproven.get(ref, frozenset())
        self.foreign = self.live - self.pushed - frozenset(wish.labels)
        self.observations: list[Notice] = []
        self.suspicions: list[SuspectedOverride] = []
        self.held = frozenset(map(world.current_name, decisions.reverted.get(ref, _NOTHING)))
        self.held_families = self._families(self.held) - {None, "flag"}
        self.withheld = self._families_of_people() if wish.is_anchor else frozenset()
        by_hand = {world.current_name(label): label for label in self.foreign if not world.is_outdated(label)}
        self.desired = {
            self._as_people_say(label, by_hand): reason
            for label, reason in wish.labels.items()
            if world.current_name(label) not in self.vetoes
            and not self._is_held(label)
            and world.scheme.family_of(label) not in self.withheld
        }
        self.spelled = {world.current_name(label): label for label in self.desired}
        """What we want to say -> the label that says it here."""
        if wish.fully_read:
            self._judge()

    def _as_people_say(self, label: str, by_hand: Mapping[str, str]) -> str:
        """A person's label that says the same with another team's prefix is enough."""
        return label if label in self.live else by_hand.get(self.world.current_name(label), label)

    def _judge(self) -> None:
        wanted = frozenset(self.desired)
        unsaid = self.spelled.keys() - self.said - self.pins
        vetoed = {label for label in self.pushed - self.live if self.world.current_name(label) in unsaid}
        self._suspect("veto", vetoed)
        self._suspect("gone", ((self.pushed - wanted - self.live) | self.replaced) - vetoed)
        self._suspect("pin-lifted", self.pins - self.said)
        self._suspect("left-lifted", self.left - self.said)
        if self.wish.ref in self.world.unrecovered and self.wish.may_write:
            self._suspect("earlier", frozenset(self.desired) - self.live, needs_history=True)
        for label in sorted(self.live):
            if self.world.current_name(label) in self.vetoes:
                self._suspect("pin" if self._names_capability(label) else "veto-lifted", {label})
        for label in sorted(self.foreign):
            if self.world.current_name(label) not in self.pins | self.vetoes | self.spelled.keys():
                self._judge_foreign(label)

    def _judge_foreign(self, label: str) -> None:
        unproven = label in self.unproven
        if self._is_left(label):
            self._observe(f"carries {label}, of which nobody knows who put it; left alone")
        elif self._names_capability(label) and not self.wish.is_anchor:
            self._suspect("pin", {label}, needs_history=unproven)
        elif unproven:
            self._suspect("origin", {label}, needs_history=True)
        else:
            self._observe(f"carries {label}, which a person put; left alone")

    def _suspect(self, kind: SuspicionKind, labels: Iterable[str], *, needs_history: bool = False) -> None:
        self.suspicions += [
            SuspectedOverride(ref=self.wish.ref, kind=kind, label=label, needs_history=needs_history)
            for label in sorted(labels)
        ]

    def _observe(self, text: str) -> None:
        self.observations.append(Notice(ref=self.wish.ref, text=text))

    def _is_held(self, label: str) -> bool:
        return (
            self.world.current_name(label) in self.held
            or self.world.scheme.family_of(label) in self.held_families
        )

    def _names_capability(self, label: str) -> bool:
        return self.world.scheme.capability_of(label) in self.world.capability_ids

    def _families_of_people(self) -> frozenset[str]:
        """On an anchor, a person's state, health or flag label stands alone: ours of that family waits."""
        proven = {each for each in self.foreign if each not in self.unproven or self._is_left(each)}
        families = {self.world.scheme.family_of(label) for label in proven}
        return frozenset(f for f in families if f in ("state", "health", "flag"))

    def change(self) -> LabelChange | None:
        if not (self.wish.fully_read and self.wish.may_write):
            return None
        add = {label: self.desired[label] for label in sorted(frozenset(self.desired) - self.live)}
        leaving = self._leaving()
        pure = frozenset(label for label in leaving if self._goes_alone(label))
        if self.wish.no_pure_removal:
            leaving, pure = leaving - pure, frozenset()
        if not add and not leaving:
            return None
        return LabelChange(
            ref=self.wish.ref,
            container=self.wish.container,
            add=add,
            remove={self.names[label]: self._why_remove(label) for label in sorted(leaving)},
            before=tuple(sorted(self.names.values())),
            pure_removals=tuple(self.names[label] for label in sorted(pure)),
            renames={
                label: new
                for label in sorted(leaving)
                if self.world.is_outdated(label) and (new := self._instead(label)) in add
            },
            team=self.wish.team,
        )

    def _instead(self, label: str) -> str:
        """The label that says the same here; the empty text when nothing does."""
        return self.spelled.get(self.world.current_name(label), "")

    def _leaving(self) -> frozenset[str]:
        """Ours that nobody wants any more; and a person's label under its old name, once the new one comes."""
        leaving = (self.pushed & self.live) - frozenset(self.desired)
        leaving |= {
            label
            for label in self.foreign
            if self.world.is_outdated(label) and self._instead(label) and not self._is_left(label)
        }
        leaving = frozenset(label for label in leaving if not self._is_held(label))
        was_finished = not self.world.finished_increment_labels.isdisjoint(
            map(self.world.current_name, self.pushed)
        )
        if was_finished and "capability" not in self._families(self.desired):
            return frozenset(
                label
                for label in leaving
                if self.world.scheme.family_of(label) not in ("capability", "increment")
            )
        return leaving

    def _is_left(self, label: str) -> bool:
        return self.world.current_name(label) in self.left

    def _families(self, labels: Iterable[str]) -> set[str | None]:
        return {self.world.scheme.family_of(label) for label in labels}

    def _goes_alone(self, label: str) -> bool:
        """Nothing takes its place: no label of its family (ours or a person's), no new name, no decision of a
        person that it follows."""
        family = self.world.scheme.family_of(label)
        taking_over = self._families(self.desired) | self.withheld
        if family in taking_over or (family == "unplanned" and "capability" in taking_over):
            return False
        return not (family == "increment" and "capability" in self._families(self.vetoes))

    def _why_remove(self, label: str) -> Reason:
        if new := self._instead(label):
            return Reason(text=f"it is called {new} now")
        if label in self.wish.labels:
            return Reason(text="a person's label of the same kind stands on this anchor")
        if "capability" in self._families(self.vetoes) and self.world.scheme.family_of(label) == "increment":
            return Reason(text="a person took the issue out of its capability")
        if self.pins and self.world.scheme.family_of(label) in ("capability", "increment"):
            return Reason(text="a person pinned the issue elsewhere")
        return Reason(text="we put it, and the rules do not ask for it any more")
