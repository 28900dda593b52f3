"""Attribute changes of how an issue counts to causes: the issue, the rules, the plan or a manual override. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import MatchResult, Overrides
from mappings.rules.fields import EDITABLE_ATTRIBUTES
from mappings.rules.subject import open_blockers
from sync.model.attribution import CountedState, CountRecord, Transition
from sync.model.rollup import CountedIssue
from sync.rollup.membership import VANISHED

CountKey = tuple[IssueRef, str]
"""Issue and current id of the capability that it counts towards."""

OWN_WRITE: Final = timedelta(minutes=5)
"""Maximum distance of an issue's last edit from our own label write that explains the edit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributionContext:
    """Inputs of the attribution besides the roll-up."""

    at: datetime
    run_id: str
    previous: datetime | None
    """Time at which the run that last recorded counts began to read; None the first time."""
    rules_changed: bool
    """The files of plans and mappings have changed since then."""
    planned_before: frozenset[str]
    """Capabilities of the plans at that time, under their current names."""
    planned: frozenset[str]
    matched: MatchResult
    known: Mapping[IssueRef, KnownIssue]
    overrides: Overrides
    labels_written_at: Mapping[IssueRef, datetime]
    """Issue -> time of our last label write."""
    scheme: LabelScheme


def counted_state(issue: CountedIssue) -> CountedState:
    """Return the state that is recorded for a counted issue."""
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
        *sorted(open_blockers(issue)),
    )
    return hashlib.sha256(repr(values).encode("utf-8", "replace")).hexdigest()[:16]


class CauseFinder:
    """Finds the cause for which an issue counts differently."""

    def __init__(
        self,
        current: Mapping[CountKey, CountRecord],
        before: Mapping[IssueRef, CountRecord],
        now: Mapping[CountKey, CountedIssue],
        context: AttributionContext,
    ) -> None:
        self._before, self._context = before, context
        self._current, self._now = current, now
        self._capabilities_before, self._capabilities_now = _by_issue(current), _by_issue(now)
        self._assigned = {(each.ref, each.capability) for each in context.matched.assignments}
        self._conflicts = {each.ref for each in context.matched.conflicts}

    def cause_of_start(self, key: CountKey, issue: CountedIssue, row: CountRecord | None) -> Transition:
        """Return why an issue counts from now on as it does.

        ``row``: how it counted in the same capability until now.
        """
        if self._context.previous is None:
            return Transition(cause="first", why="counted in the first recorded run")
        if row is not None:
            return self._changed_row(issue, row)
        if override := self._override_start(key, issue):
            return override
        if key[1] not in self._context.planned_before:
            return Transition(cause="plan", why=f"capability {key[1]} was added to the plan")
        return self._rule_start(issue)

    def _override_start(self, key: CountKey, issue: CountedIssue) -> Transition | None:
        ref, capability = key
        last = self._before.get(ref)
        if last and last.ended and last.ended.cause == "veto" and last.capability == capability:
            return Transition(cause="veto", why="a person added our label again")
        if issue.by == "pin":
            return Transition(cause="pin", why=f"a person pinned it to {capability}")
        previous = next((self._current[ref, each] for each in self._capabilities_left(ref)), None)
        if previous is not None and previous.rule is None:
            return Transition(cause="pin", why=f"the pin to {previous.capability} was removed")
        return None

    def _rule_start(self, issue: CountedIssue) -> Transition:
        context, known = self._context, self._context.known[issue.ref]
        came_from = self._capabilities_left(issue.ref)
        where = f" instead of {came_from[0]}" if came_from else ""
        if context.previous and known.first_seen > context.previous:
            why = "new issue" if known.issue.created > context.previous else "new in a source"
            return Transition(cause="issue", why=f"{why}: rule {issue.rule} matches it")
        row = self._current[issue.ref, came_from[0]] if came_from else self._before.get(issue.ref)
        if not self._is_unedited(issue.ref, row):
            return Transition(cause="issue", why=f"the issue was edited: rule {issue.rule} matches it{where}")
        if context.rules_changed:
            return Transition(cause="rules", why=f"the rules were edited: {issue.rule} matches it{where}")
        return Transition(cause="family", why="its parents, its children or the increment changed")

    def _changed_row(self, issue: CountedIssue, row: CountRecord) -> Transition:
        state = counted_state(issue)
        if state == "vanished":
            return Transition(cause="gone", why="not found on its tracker for seven days")
        if state == row.state and row.capability not in self._context.planned:
            return Transition(cause="plan", why=f"capability {row.capability} was renamed in the plan")
        if state == row.state:
            why = f"matched by {issue.rule or 'a pin'} instead of {row.rule or 'a pin'}"
            return Transition(cause="rules", why=why)
        if self._context.rules_changed and self._is_unedited(issue.ref, row):
            why = f"the team's states were edited: {state} instead of {row.state}"
            return Transition(cause="rules", why=why)
        return Transition(cause="issue", why=_describe_state_change(issue, row))

    def cause_of_end(self, key: CountKey, row: CountRecord) -> Transition:
        """Return why an issue no longer counts in a capability."""
        ref, capability = key
        context = self._context
        if ref not in context.known:
            return Transition(cause="gone", why="no longer among the stored issues")
        if capability not in context.planned:
            return Transition(cause="plan", why=f"capability {capability} was removed from the plan")
        if override := self._override_end(ref, capability, row):
            return override
        if key in self._assigned and context.known[ref].issue.closed and row.scope_status == "open":
            return Transition(cause="time", why="closed before the increment's start")
        if key in self._assigned:
            return Transition(cause="family", why="its children count instead")
        return self._rule_end(ref, row)

    def _override_end(self, ref: IssueRef, capability: str, row: CountRecord) -> Transition | None:
        pinned = [each for each in self._capabilities_now.get(ref, ()) if self._now[ref, each].by == "pin"]
        if pinned:
            return Transition(cause="pin", why=f"a person pinned it to {pinned[0]}")
        if capability in self._context.overrides.vetoes.get(ref, frozenset()):
            return Transition(cause="veto", why="a person removed our label")
        if row.rule is None:
            return Transition(cause="pin", why="the pin was removed")
        return None

    def _rule_end(self, ref: IssueRef, row: CountRecord) -> Transition:
        moved_to = [each for each in self._capabilities_now.get(ref, ()) if (ref, each) not in self._current]
        where = f"now counts for {moved_to[0]}" if moved_to else "no rule matches it any more"
        if ref in self._conflicts:
            where = "rules of several teams match it now"
        if self._context.rules_changed and self._is_unedited(ref, row):
            return Transition(cause="rules", why=f"the rules were edited: {where}")
        if self._is_unedited(ref, row):
            return Transition(cause="family", why=f"its parents or the increment changed: {where}")
        return Transition(cause="issue", why=f"the issue was edited: {where}")

    def _capabilities_left(self, ref: IssueRef) -> list[str]:
        """Return the capabilities in which an issue counted before and no longer counts."""
        return [each for each in self._capabilities_before.get(ref, ()) if (ref, each) not in self._now]

    def _is_unedited(self, ref: IssueRef, row: CountRecord | None) -> bool:
        """Return whether only we edited the issue since counts were last recorded."""
        issue, previous = self._context.known[ref].issue, self._context.previous
        if row is not None and row.fingerprint == fingerprint(issue, self._context.scheme):
            return True
        if previous is None or issue.updated < previous:
            return True
        written = self._context.labels_written_at.get(ref)
        # Without a row there is no fingerprint to compare: an edit right after our own label write is taken for ours.
        if row is not None or written is None or written <= previous:
            return False
        return abs(issue.updated - written) <= OWN_WRITE


def _by_issue(keys: Iterable[CountKey]) -> dict[IssueRef, list[str]]:
    capabilities: dict[IssueRef, list[str]] = {}
    for ref, capability in keys:
        capabilities.setdefault(ref, []).append(capability)
    return capabilities


_STATE_NAMES: Final[Mapping[CountedState, str]] = {
    "todo": "to do",
    "doing": "in progress",
    "done": "done",
    "unknown": "in an unknown status",
    "dropped": "closed as won't do",
    "vanished": "not found",
}


def _describe_state_change(issue: CountedIssue, row: CountRecord) -> str:
    if row.state == "vanished":
        return "found on its tracker again"
    if row.state == "dropped":
        return f"reopened: {_STATE_NAMES[counted_state(issue)]}"
    return f"{_STATE_NAMES[counted_state(issue)]} (was {_STATE_NAMES[row.state]})"
