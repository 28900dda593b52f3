"""Why an issue counts differently from before. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import Matched, Overrides
from sync.model.attribution import Counted, CountedState, Turn
from sync.model.rollup import CountedIssue
from sync.rollup.membership import VANISHED

Place = tuple[IssueRef, str]
"""An issue in a capability, by the capability's id of today."""

OWN_WRITE: Final = timedelta(minutes=5)
"""An issue whose last edit is so near to our own label was edited by us."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
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
    matched: Matched
    known: Mapping[IssueRef, KnownIssue]
    overrides: Overrides
    written: Mapping[IssueRef, datetime]
    """When we last put a label on an issue."""
    scheme: LabelScheme


def counted_state(issue: CountedIssue) -> CountedState:
    if issue.state.because == VANISHED:
        return "vanished"
    return issue.state.state if issue.state.known else "unknown"


def fingerprint(issue: Issue, scheme: LabelScheme) -> str:
    """Of everything that rules and team states can see, our own labels and the time of the last edit left out."""
    seen = (
        issue.ref.key,
        issue.title,
        issue.body,
        issue.type,
        issue.status,
        issue.category,
        issue.resolution,
        issue.flagged,
        sorted(scheme.not_ours(issue.labels)),
        issue.components,
        issue.fix_versions,
        issue.milestone,
        issue.sprint,
        issue.parent,
        issue.assignees,
        issue.author,
        sorted(issue.fields.items()),
    )
    return hashlib.sha256(repr(seen).encode("utf-8", "replace")).hexdigest()[:16]


class Causes:
    """Finds out why an issue counts differently."""

    def __init__(
        self,
        held: Mapping[Place, Counted],
        before: Mapping[IssueRef, Counted],
        now: Mapping[Place, CountedIssue],
        situation: Situation,
    ) -> None:
        self._before, self._situation = before, situation
        self._was_at: dict[IssueRef, list[str]] = {}
        self._is_at: dict[IssueRef, list[str]] = {}
        for ref, capability in held:
            self._was_at.setdefault(ref, []).append(capability)
        for ref, capability in now:
            self._is_at.setdefault(ref, []).append(capability)
        self._held, self._now = held, now
        self._assigned = {(each.ref, each.capability) for each in situation.matched.assignments}
        self._conflicts = {each.ref for each in situation.matched.conflicts}

    def of_beginning(self, place: Place, issue: CountedIssue, row: Counted | None) -> Turn:
        """``row``: how it counted in the same capability until now."""
        if self._situation.previous is None:
            return Turn(cause="first", why="counted when figures began to be kept")
        if row is not None:
            return self._of_anothercounted_state(issue, row)
        if turn := self._by_decision_on(place, issue):
            return turn
        if place[1] not in self._situation.planned_before:
            return Turn(cause="plan", why=f"capability {place[1]} came into the plan")
        return self._by_rules(issue)

    def _by_decision_on(self, place: Place, issue: CountedIssue) -> Turn | None:
        ref, capability = place
        last = self._before.get(ref)
        was_vetoed = last is not None and last.ended is not None and last.ended.cause == "veto"
        if last is not None and was_vetoed and last.capability == capability:
            return Turn(cause="veto", why="a person put our label back")
        if issue.by == "pin":
            return Turn(cause="pin", why=f"a person pinned it to {capability}")
        left = next((self._held[ref, each] for each in self._left(ref)), None)
        if left is not None and left.rule is None:
            return Turn(cause="pin", why=f"the pin to {left.capability} was taken back")
        return None

    def _by_rules(self, issue: CountedIssue) -> Turn:
        known, situation = self._situation.known[issue.ref], self._situation
        came_from = self._left(issue.ref)
        where = f" instead of {came_from[0]}" if came_from else ""
        if situation.previous and known.first_seen > situation.previous:
            is_new = known.issue.created > situation.previous
            why = "a new issue" if is_new else "came into what is read"
            return Turn(cause="issue", why=f"{why}: rule {issue.rule} takes it")
        row = self._held[issue.ref, came_from[0]] if came_from else self._before.get(issue.ref)
        if not self._is_untouched(issue.ref, row):
            return Turn(cause="issue", why=f"the issue was edited: rule {issue.rule} takes it{where}")
        if situation.rules_changed:
            return Turn(cause="rules", why=f"the rules were edited: {issue.rule} takes it{where}")
        return Turn(cause="family", why="its parents, its children or the increment changed")

    def _of_anothercounted_state(self, issue: CountedIssue, row: Counted) -> Turn:
        state = counted_state(issue)
        if state == "vanished":
            return Turn(cause="gone", why="not found on its tracker for seven days")
        if state == row.state and row.capability not in self._situation.planned:
            return Turn(cause="plan", why=f"capability {row.capability} was renamed in the plan")
        if state == row.state:
            return Turn(
                cause="rules", why=f"taken by {issue.rule or 'a pin'} instead of {row.rule or 'a pin'}"
            )
        if self._situation.rules_changed and self._is_untouched(issue.ref, row):
            why = f"the team's states were edited: {state} instead of {row.state}"
            return Turn(cause="rules", why=why)
        return Turn(cause="issue", why=_became(issue, row))

    def of_end(self, place: Place, row: Counted) -> Turn:
        """Of an issue that counts in this capability no more."""
        ref, capability = place
        situation = self._situation
        if ref not in situation.known:
            return Turn(cause="gone", why="not among the stored issues any more")
        if capability not in situation.planned:
            return Turn(cause="plan", why=f"capability {capability} was taken out of the plan")
        if turn := self._by_decision(ref, capability, row):
            return turn
        if place in self._assigned and situation.known[ref].issue.closed and row.standing == "open":
            return Turn(cause="time", why="closed before the increment's start")
        if place in self._assigned:
            return Turn(cause="family", why="its children count in its place")
        return self._out_by_rules(ref, row)

    def _by_decision(self, ref: IssueRef, capability: str, row: Counted) -> Turn | None:
        pinned = [each for each in self._is_at.get(ref, ()) if self._now[ref, each].by == "pin"]
        if pinned:
            return Turn(cause="pin", why=f"a person pinned it to {pinned[0]}")
        if capability in self._situation.overrides.vetoes.get(ref, frozenset()):
            return Turn(cause="veto", why="a person took our label off")
        if row.rule is None:
            return Turn(cause="pin", why="the pin was taken back")
        return None

    def _out_by_rules(self, ref: IssueRef, row: Counted) -> Turn:
        went = [each for each in self._is_at.get(ref, ()) if (ref, each) not in self._held]
        where = f"counts for {went[0]} now" if went else "no rule takes it now"
        if ref in self._conflicts:
            where = "rules of several teams claim it now"
        if self._situation.rules_changed and self._is_untouched(ref, row):
            return Turn(cause="rules", why=f"the rules were edited: {where}")
        if self._is_untouched(ref, row):
            return Turn(cause="family", why=f"its parents or the increment changed: {where}")
        return Turn(cause="issue", why=f"the issue was edited: {where}")

    def _left(self, ref: IssueRef) -> list[str]:
        """The capabilities in which it counted and does not any more."""
        return [each for each in self._was_at.get(ref, ()) if (ref, each) not in self._now]

    def _is_untouched(self, ref: IssueRef, row: Counted | None) -> bool:
        """Whether nobody but us edited the issue since figures were kept last."""
        issue, previous = self._situation.known[ref].issue, self._situation.previous
        if row is not None and row.fingerprint == fingerprint(issue, self._situation.scheme):
            return True
        if previous is None or issue.updated < previous:
            return True
        ours = self._situation.written.get(ref)
        # What it was like before is not known without a row; with one, an edit shows.
        return row is None and ours is not None and ours > previous and abs(issue.updated - ours) <= OWN_WRITE


_WORDS: Final[Mapping[CountedState, str]] = {
    "todo": "to do",
    "doing": "under way",
    "done": "done",
    "unknown": "in a status that nobody knows",
    "dropped": "closed as will not do",
    "vanished": "not found",
}


def _became(issue: CountedIssue, row: Counted) -> str:
    if row.state == "vanished":
        return "found on its tracker again"
    if row.state == "dropped":
        return f"taken up again: {_WORDS[counted_state(issue)]}"
    return f"{_WORDS[counted_state(issue)]} (was {_WORDS[row.state]})"
