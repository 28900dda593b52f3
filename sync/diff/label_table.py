"""Decision table for the labels of one issue.

``label_case`` is the table: desired by the rules, last pushed, live on the tracker. ``IssueLabelDiff`` applies it to
each label of an issue. Its methods named ``_is_...``, ``_check_...`` and ``_stays_...`` are the exceptions; each says
when it applies.

Lists of issues can be stale. Whatever the comparison would conclude about a person (a veto, a pin) or about a missing
label is therefore a ``SuspectedOverride``, and an issue with one gets no change until a direct read has checked it.
"""

from __future__ import annotations

from typing import Final, Literal

from connectors.model import Issue
from sync.diff.label_inputs import ComparedLabel, LabelDiffInputs
from sync.model.changes import LabelChange, Reason
from sync.model.labels import DesiredLabels, Notice, SuspectedOverride, SuspicionKind

LabelCase = Literal["add", "veto", "keep", "foreign", "remove", "forget", "pin", "absent"]

_NO_LABELS: Final[frozenset[str]] = frozenset()
_ANCHOR_FAMILIES: Final = frozenset({"state", "health", "flag"})
"""On an anchor, a label of these families that a person put replaces ours."""


def label_case(*, desired: bool, pushed: bool, live: bool) -> LabelCase:
    """Return the row of the decision table for one label on one issue.

    ``desired``: the rules ask for it. ``pushed``: increment-sync put it there. ``live``: the issue has it now.
    """
    match desired, pushed, live:
        case True, False, False:
            return "add"
        case True, True, False:
            return "veto"  # a person removed it
        case True, True, True:
            return "keep"
        case True, False, True:
            return "foreign"  # a person put it: nothing to do, and nothing to remove later
        case False, True, True:
            return "remove"
        case False, True, False:
            return "forget"  # it is gone on both sides
        case False, False, True:
            return "pin"  # a person put it
        case _:
            return "absent"


class IssueLabelDiff:
    """The decision table applied to the labels of one issue.

    ``desired``, ``pushed`` and ``live`` hold label texts, ``..._names`` what they mean (``ComparedLabel.name``).
    """

    def __init__(self, inputs: LabelDiffInputs, desired: DesiredLabels, issue: Issue) -> None:
        self.inputs, self.target, self.ref = inputs, desired, desired.ref
        self.suspicions: list[SuspectedOverride] = []
        self.notices: list[Notice] = []
        self.leaving: list[ComparedLabel] = []
        self._load_live_and_pushed(issue)
        self._load_overrides()
        self._load_desired()
        for text in sorted({*self.desired, *self.pushed, *self.live}):
            self._decide(inputs.parse(text))
        self._check_lifted_overrides()

    # Intake: each label is parsed once

    def _load_live_and_pushed(self, issue: Issue) -> None:
        inputs, ref = self.inputs, self.ref
        # Sorted, so that of two labels that differ in case only the comparison always uses the same one.
        self.spellings = {label.lower(): label for label in sorted(inputs.scheme.managed(issue.labels))}
        self.live = frozenset(self.spellings)
        self.live_names = frozenset(map(inputs.current_name, self.live))
        pushed = inputs.pushed.get(ref, _NO_LABELS)
        is_exact = ref.tracker in inputs.case_sensitive_trackers
        self.respelled = (pushed & self.live) - issue.labels if is_exact else _NO_LABELS
        """Pushed labels that a person replaced by another spelling, where that is another label."""
        self.pushed = pushed - self.respelled
        self.foreign = self.live - self.pushed - self.target.labels.keys()

    def _load_overrides(self) -> None:
        inputs, ref, overrides = self.inputs, self.ref, self.inputs.overrides
        self.pins = overrides.pins.get(ref, _NO_LABELS)
        self.vetoes = overrides.vetoes.get(ref, _NO_LABELS)
        self.ignored = overrides.ignored.get(ref, _NO_LABELS)
        self.put_by_people = overrides.put_by_people.get(ref, _NO_LABELS)
        self.unproven = inputs.unproven.get(ref, _NO_LABELS)
        reverted = [inputs.parse(label) for label in overrides.reverted.get(ref, _NO_LABELS)]
        self.reverted = {label.name for label in reverted}
        self.reverted_families = {label.family for label in reverted} - {None, "flag"}

    def _load_desired(self) -> None:
        """Keep the desired labels that no override withholds."""
        parse = self.inputs.parse
        self.withheld_families = self._families_put_by_people() if self.target.is_anchor else _NO_LABELS
        by_people = {label.name: label.text for label in map(parse, self.foreign) if not label.is_outdated}
        self.desired: dict[str, Reason] = {}
        for text, reason in self.target.labels.items():
            label = parse(text)
            if (
                label.name in self.vetoes
                or self._is_reverted(label)
                or label.family in self.withheld_families
            ):
                continue
            # A person's label with another team's prefix means the same and is enough.
            spelled = text if text in self.live else by_people.get(label.name, text)
            self.desired[spelled] = reason
        self.desired_texts = {parse(text).name: text for text in self.desired}
        self.desired_families = {parse(text).family for text in self.desired}

    def _families_put_by_people(self) -> frozenset[str]:
        """Anchor families: a state, health or flag label that a person put withholds ours of that family."""
        labels = map(self.inputs.parse, self.foreign)
        proven = {
            label.family for label in labels if label.text not in self.unproven or self._is_ignored(label)
        }
        return _ANCHOR_FAMILIES.intersection(proven)

    # The decision table and its exceptions

    def _decide(self, label: ComparedLabel) -> None:
        """Apply the table to one label. Nothing follows from ``keep``, ``foreign`` and ``absent``."""
        text = label.text
        if text in self.respelled:
            self._suspect("gone", text)
        match label_case(desired=text in self.desired, pushed=text in self.pushed, live=text in self.live):
            case "add":
                self._check_unrecovered(text)
            case "veto":
                self._check_unrecovered(text)
                if not self._is_present_otherwise(label):
                    self._suspect("veto", text)
            case "forget":
                self._suspect("veto" if self._is_vetoed_under_former_name(label) else "gone", text)
            case "remove":
                self._check_contradicted_veto(label)
                self._remove(label)
            case "pin":
                self._check_contradicted_veto(label)
                self._check_foreign(label)

    def _check_foreign(self, label: ComparedLabel) -> None:
        """Judge a label that is live, but neither desired nor put by increment-sync."""
        if label.text in self.target.labels:
            return  # the rules ask for it, but an override withholds it
        if self._is_replaced_by_new_name(label):
            self._remove(label)
        elif label.name in self.pins | self.vetoes | self.desired_texts.keys():
            return
        elif self._is_ignored(label) and not (self._can_pin(label) and label.name in self.put_by_people):
            origin = ", put by a person" if label.name in self.put_by_people else " of unknown origin"
            self._note(f"has {label.text}{origin}; left alone")
        elif self._can_pin(label):
            self._suspect("pin", label.text, needs_history=label.text in self.unproven)
        else:
            self._suspect("origin", label.text, needs_history=True)

    def _check_unrecovered(self, text: str) -> None:
        """Lost store: before the label is added, the history of the issue says whether a person removed it."""
        if self.ref in self.inputs.unrecovered and self.target.may_write:
            self._suspect("before-store", text, needs_history=True)

    def _check_contradicted_veto(self, label: ComparedLabel) -> None:
        """Veto: the label is live again, so a person put it and lifted the veto."""
        if label.name in self.vetoes:
            self._suspect("pin" if label.is_capability else "veto-lifted", label.text)

    def _check_lifted_overrides(self) -> None:
        """Pins and ignored labels end when no live label has their name."""
        for text in sorted(self.pins - self.live_names):
            self._suspect("pin-lifted", text)
        for text in sorted(self.ignored - self.live_names):
            self._suspect("ignored-lifted", text)

    def _is_present_otherwise(self, label: ComparedLabel) -> bool:
        """No veto: a label with the same name is live (another prefix, a former name) or pinned."""
        return label.name in self.live_names or label.name in self.pins

    def _is_vetoed_under_former_name(self, label: ComparedLabel) -> bool:
        """``previously``: the label is desired under its new name, and a person removed the former one."""
        return label.name in self.desired_texts and not self._is_present_otherwise(label)

    def _is_replaced_by_new_name(self, label: ComparedLabel) -> bool:
        """``previously``: a person's label with a former name goes when the desired new name comes."""
        return label.is_outdated and label.name in self.desired_texts and not self._is_ignored(label)

    def _is_reverted(self, label: ComparedLabel) -> bool:
        """``undo``: a reverted label stays as it is, and so do others of a family with one label an issue."""
        return label.name in self.reverted or label.family in self.reverted_families

    def _can_pin(self, label: ComparedLabel) -> bool:
        """Only a capability of the plans pins, and no anchor is pinned."""
        return label.is_capability and not self.target.is_anchor

    def _is_ignored(self, label: ComparedLabel) -> bool:
        """The history says that a person put it, or does not say who did."""
        return label.name in self.ignored

    def _stays_after_finish(self, label: ComparedLabel) -> bool:
        """Finished increment: its labels stay on the issues done there, unless a successor takes over."""
        names = map(self.inputs.current_name, self.pushed)
        return (
            label.family in ("capability", "increment")
            and "capability" not in self.desired_families
            and not self.inputs.finished_increment_labels.isdisjoint(names)
        )

    def _remove(self, label: ComparedLabel) -> None:
        if not self._is_reverted(label) and not self._stays_after_finish(label):
            self.leaving.append(label)

    def _suspect(self, kind: SuspicionKind, text: str, *, needs_history: bool = False) -> None:
        self.suspicions.append(
            SuspectedOverride(ref=self.ref, kind=kind, label=text, needs_history=needs_history)
        )

    def _note(self, text: str) -> None:
        self.notices.append(Notice(ref=self.ref, text=text))

    # The resulting change

    def change(self) -> LabelChange | None:
        """Return the label operations for this issue; None if there are none or writing is off."""
        if not self.target.may_write:
            return None
        leaving = self.leaving
        pure = [label for label in leaving if self._has_no_successor(label)]
        if self.target.no_pure_removal:
            leaving, pure = [label for label in leaving if label not in pure], []
        add = {text: self.desired[text] for text in sorted(self.desired.keys() - self.live)}
        if not add and not leaving:
            return None
        return LabelChange(
            ref=self.ref,
            container=self.target.container,
            add=add,
            remove={self.spellings[label.text]: self._removal_reason(label) for label in leaving},
            before=tuple(sorted(self.spellings.values())),
            pure_removals=tuple(self.spellings[label.text] for label in pure),
            renames={
                label.text: new
                for label in leaving
                if label.is_outdated and (new := self.desired_texts.get(label.name)) in add
            },
            team=self.target.team,
        )

    def _has_no_successor(self, label: ComparedLabel) -> bool:
        """Pure removal: no label of the family comes or stays, and no override of a person explains the removal."""
        families = self.desired_families | self.withheld_families
        if label.family in families or (label.family == "unplanned" and "capability" in families):
            return False
        return not (label.family == "increment" and self._has_capability_veto())

    def _has_capability_veto(self) -> bool:
        return any(self.inputs.parse(text).family == "capability" for text in self.vetoes)

    def _removal_reason(self, label: ComparedLabel) -> Reason:
        if new := self.desired_texts.get(label.name):
            return Reason(text=f"renamed to {new}")
        if label.text in self.target.labels:
            return Reason(text="a person put another label of this family on the anchor")
        if label.family == "increment" and self._has_capability_veto():
            return Reason(text="a person removed the issue from its capability")
        if self.pins and label.family in ("capability", "increment"):
            return Reason(text="a person pinned the issue to another capability")
        return Reason(text="no rule asks for it now")
