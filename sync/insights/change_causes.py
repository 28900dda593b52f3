"""Why an issue counts differently from before. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import MatchResult, Overrides
from mappings.rules.fields import EDITABLE_ATTRIBUTES
from sync.model.attribution import CountedState, CountRecord, Transition
from sync.model.rollup import CountedIssue
from sync.rollup.membership import VANISHED

CountKey = tuple[IssueRef, str]
"""An issue in a capability, by the capability's id of today."""

OWN_WRITE: Final = timedelta(minutes=5)
"""An issue whose last edit is so near to our own label was edited by us."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributionContext:
    """What is known besides the roll-up when a run notes down how issues count."""

    at: datetime
    run_id: str
    previous: datetime | None
    """When the run that noted down last began to read; None the first time."""
    rules_changed: bool
    """Whether the files of plans and mappings are others than then."""
    planned_before: frozenset[str]
    """The capabilities that the plans had then, under their names of today."""
    planned: frozenset[str]
    matched: MatchResult
    known: Mapping[IssueRef, KnownIssue]
    overrides: Overrides
    labels_written_at: Mapping[IssueRef, datetime]
    """When we last put a label on an issue."""
    scheme: LabelScheme


def counted_state(issue: CountedIssue) -> CountedState:
    if issue.state.because == VANISHED:
        return "vanished"
    return issue.state.state if issue.state.known else "unknown"


def fingerprint(issue: Issue, scheme: LabelScheme) -> str:
    """Hash of everything that rules and flow states depend on, except managed labels and the time of the last edit."""
    values = (
        issue.ref.key,
        issue.resolution,
        issue.flagged,
        issue.parent,
        sorted(scheme.unmanaged(issue.labels)),
        sorted(issue.fields.items()),
        *(getattr(issue, name) for name in EDITABLE_ATTRIBUTES if name != "fields"),
    )
    return hashlib.sha256(repr(values).encode("utf-8", "replace")).hexdigest()[:16]


class CauseFinder:
    """Finds out why an issue counts differently."""

    def __init__(
        self,
        current: Mapping[CountKey, CountRecord],
        before: Mapping[IssueRef, CountRecord],
        now: Mapping[CountKey, CountedIssue],
        context: AttributionContext,
    ) -> None:
        self._before, self._context = before, context
        self._capabilities_before: dict[IssueRef, list[str]] = {}
        self._capabilities_now: dict[IssueRef, list[str]] = {}
        for ref, capability in current:
            self._capabilities_before.setdefault(ref, []).append(capability)
        for ref, capability in now:
            self._capabilities_now.setdefault(ref, []).append(capability)
        self._current, self._now = current, now
        self._assigned = {(each.ref, each.capability) for each in context.matched.assignments}
        self._conflicts = {each.ref for each in context.matched.conflicts}

    def cause_of_start(self, key: CountKey, issue: CountedIssue, row: CountRecord | None) -> Transition:
        """``row``: how it counted in the same capability until now."""
        if self._context.previous is None:
            return Transition(cause="first", why="counted when figures began to be kept")
        if row is not None:
            return self._changed_row(issue, row)
        if turn := self._override_start(key, issue):
            return turn
        if key[1] not in self._context.planned_before:
            return Transition(cause="plan", why=f"capability {key[1]} came into the plan")
        return self._rule_start(issue)

    def _override_start(self, key: CountKey, issue: CountedIssue) -> Transition | None:
        ref, capability = key
        last = self._before.get(ref)
        was_vetoed = last is not None and last.ended is not None and last.ended.cause == "veto"
        if last is not None and was_vetoed and last.capability == capability:
            return Transition(cause="veto", why="a person put our label back")
        if issue.by == "pin":
            return Transition(cause="pin", why=f"a person pinned it to {capability}")
        left = next((self._current[ref, each] for each in self._capabilities_left(ref)), None)
        if left is not None and left.rule is None:
            return Transition(cause="pin", why=f"the pin to {left.capability} was taken back")
        return None

    def _rule_start(self, issue: CountedIssue) -> Transition:
        known, situation = self._context.known[issue.ref], self._context
        came_from = self._capabilities_left(issue.ref)
        where = f" instead of {came_from[0]}" if came_from else ""
        if situation.previous and known.first_seen > situation.previous:
            is_new = known.issue.created > situation.previous
            why = "a new issue" if is_new else "came into what is read"
            return Transition(cause="issue", why=f"{why}: rule {issue.rule} takes it")
        row = self._current[issue.ref, came_from[0]] if came_from else self._before.get(issue.ref)
        if not self._is_unedited(issue.ref, row):
            return Transition(cause="issue", why=f"the issue was edited: rule {issue.rule} takes it{where}")
        if situation.rules_changed:
            return Transition(cause="rules", why=f"the rules were edited: {issue.rule} takes it{where}")
        return Transition(cause="family", why="its parents, its children or the increment changed")

    def _changed_row(self, issue: CountedIssue, row: CountRecord) -> Transition:
        state = counted_state(issue)
        if state == "vanished":
            return Transition(cause="gone", why="not found on its tracker for seven days")
        if state == row.state and row.capability not in self._context.planned:
            return Transition(cause="plan", why=f"capability {row.capability} was renamed in the plan")
        if state == row.state:
            return Transition(
                cause="rules", why=f"taken by {issue.rule or 'a pin'} instead of {row.rule or 'a pin'}"
            )
        if self._context.rules_changed and self._is_unedited(issue.ref, row):
            why = f"the team's states were edited: {state} instead of {row.state}"
            return Transition(cause="rules", why=why)
        return Transition(cause="issue", why=_describe_state_change(issue, row))

    def cause_of_end(self, key: CountKey, row: CountRecord) -> Transition:
        """Of an issue that counts in this capability no more."""
        ref, capability = key
        situation = self._context
        if ref not in situation.known:
            return Transition(cause="gone", why="not among the stored issues any more")
        if capability not in situation.planned:
            return Transition(cause="plan", why=f"capability {capability} was taken out of the plan")
        if turn := self._override_end(ref, capability, row):
            return turn
        if key in self._assigned and situation.known[ref].issue.closed and row.scope_status == "open":
            return Transition(cause="time", why="closed before the increment's start")
        if key in self._assigned:
            return Transition(cause="family", why="its children count in its place")
        return self._rule_end(ref, row)

    def _override_end(self, ref: IssueRef, capability: str, row: CountRecord) -> Transition | None:
        pinned = [each for each in self._capabilities_now.get(ref, ()) if self._now[ref, each].by == "pin"]
        if pinned:
            return Transition(cause="pin", why=f"a person pinned it to {pinned[0]}")
        if capability in self._context.overrides.vetoes.get(ref, frozenset()):
            return Transition(cause="veto", why="a person took our label off")
        if row.rule is None:
            return Transition(cause="pin", why="the pin was taken back")
        return None

    def _rule_end(self, ref: IssueRef, row: CountRecord) -> Transition:
        went = [each for each in self._capabilities_now.get(ref, ()) if (ref, each) not in self._current]
        where = f"counts for {went[0]} now" if went else "no rule takes it now"
        if ref in self._conflicts:
            where = "rules of several teams claim it now"
        if self._context.rules_changed and self._is_unedited(ref, row):
            return Transition(cause="rules", why=f"the rules were edited: {where}")
        if self._is_unedited(ref, row):
            return Transition(cause="family", why=f"its parents or the increment changed: {where}")
        return Transition(cause="issue", why=f"the issue was edited: {where}")

    def _capabilities_left(self, ref: IssueRef) -> list[str]:
        """The capabilities in which it counted and does not any more."""
        return [each for each in self._capabilities_before.get(ref, ()) if (ref, each) not in self._now]

    def _is_unedited(self, ref: IssueRef, row: CountRecord | None) -> bool:
        """Whether nobody but us edited the issue since figures were kept last."""
        issue, previous = self._context.known[ref].issue, self._context.previous
        if row is not None and row.fingerprint == fingerprint(issue, self._context.scheme):
            return True
        if previous is None or issue.updated < previous:
            return True
        ours = self._context.labels_written_at.get(ref)
        # What it was like before is not known without a row; with one, an edit shows.
        return row is None and ours is not None and ours > previous and abs(issue.updated - ours) <= OWN_WRITE


_STATE_NAMES: Final[Mapping[CountedState, str]] = {
    "todo": "to do",
    "doing": "under way",
    "done": "done",
    "unknown": "in a status that nobody knows",
    "dropped": "closed as will not do",
    "vanished": "not found",
}


def _describe_state_change(issue: CountedIssue, row: CountRecord) -> str:
    if row.state == "vanished":
        return "found on its tracker again"
    if row.state == "dropped":
        return f"taken up again: {_STATE_NAMES[counted_state(issue)]}"
    return f"{_STATE_NAMES[counted_state(issue)]} (was {_STATE_NAMES[row.state]})"
