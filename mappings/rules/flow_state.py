"""Flow state of an issue: first the exceptions of the team, then the status category, else unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from connectors.model import Issue, IssueRef
from connectors.text import fold_name, show_invisible
from mappings.model import Answer, FlowState, IssueState, StateRule, TeamMapping
from mappings.problems import Origin

DROPPED_RESOLUTIONS: Final = frozenset(
    {
        # reasons of closings
        "not planned",
        "duplicate",
        # Names in use where trackers have no category for "will not be done".
        "abandoned",
        "by design",
        "cancelled",
        "canceled",
        "cannot reproduce",
        "can't reproduce",
        "could not reproduce",
        "declined",
        "deferred",
        "discarded",
        "duplicated",
        "incomplete",
        "invalid",
        "no longer needed",
        "no longer relevant",
        "not a bug",
        "not a problem",
        "not an issue",
        "not applicable",
        "obsolete",
        "out of scope",
        "rejected",
        "superseded",
        "won't do",
        "won't fix",
        "will not do",
        "will not fix",
        "wontdo",
        "wontfix",
        "works as designed",
        "works as intended",
    }
)
"""Resolutions of closed issues that mean "will not be done". Teams can add others."""

DONE_RESOLUTIONS: Final = frozenset(
    {
        "closed",
        "complete",
        "completed",
        "delivered",
        "deployed",
        "done",
        "finished",
        "fixed",
        "implemented",
        "released",
        "resolved",
        "shipped",
    }
)
"""Resolutions of closed issues that certainly mean "done". Others count as done, too, and are reported."""

_STATES: Final[tuple[FlowState, ...]] = ("todo", "doing", "done", "dropped")
_CACHE_SIZE: Final = 10_000

State = TypeVar("State", bound=str)


class StateResolver:
    """Cached ``state_of`` for the issues of one team."""

    def __init__(self, mapping: TeamMapping) -> None:
        self._mapping = mapping
        rules = mapping.states.values()
        self._state_labels = {fold_name(name) for rule in rules for name in rule.labels}
        self._state_labels |= set(map(fold_name, mapping.answers.values()))
        self._cache: dict[tuple[object, ...], IssueState] = {}
        opening = [mapping.states[state] for state in ("todo", "doing") if state in mapping.states]
        self.never_reopens = not any(rule.statuses or rule.types for rule in opening)
        """True if issues in the category done are always done or dropped for the team. Labels never reopen them."""
        closing = [mapping.states[state] for state in ("done", "dropped") if state in mapping.states]
        self.closes_like_tracker = self.never_reopens and not any(
            rule.statuses or rule.labels or rule.types for rule in closing
        )
        """True if an issue is closed for the team exactly while it is closed for its tracker."""

    def resolve(self, issue: Issue, *, experiment: bool) -> IssueState:
        """Return ``state_of`` of the issue. The cache key must contain everything that it reads of an issue."""
        labels = tuple(label for label in issue.labels if fold_name(label) in self._state_labels)
        status = (issue.status, issue.category, issue.resolution, issue.type, issue.flagged, issue.blocked_by)
        key = (status, labels, experiment)
        known = self._cache.get(key)
        if known is None:
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            known = self._cache[key] = state_of(issue, self._mapping, experiment=experiment)
        return known


def state_of(issue: Issue, mapping: TeamMapping, *, experiment: bool = False) -> IssueState:
    """Return the flow state of an issue for a team, its blocked flag, and the answer of an experiment.

    ``experiment``: the matching rule marks the issue as one. A closed experiment is done whatever its answer; closed
    as "will not do" without an answer, it is dropped.
    """
    labels = sorted(set(map(fold_name, issue.labels)))
    state, because = _listed(issue, mapping, labels, _STATES) or _tracker_state(issue, mapping, experiment)
    known = state is not None
    found = [name for name, label in mapping.answers.items() if fold_name(label) in labels]
    answers = found if experiment else []
    if state == "dropped" and answers:
        state, because = "done", f"an experiment is done when it is answered ({because})"
    flow: FlowState = state or "todo"
    is_open = flow in ("todo", "doing")
    blockers = _open_blockers(issue, mapping) if is_open else ()
    blocked = _blocked_reason(issue, mapping, labels, blockers) if is_open else None
    answer = answers[0] if len(answers) == 1 else None
    also = [because, blocked, _answer_reason(mapping, answer) if answer else None]
    return IssueState(
        state=flow,
        known=known,
        blocked=blocked is not None,
        blockers=blockers,
        answer=answer,
        because="; ".join(each for each in also if each),
    )


def _answer_reason(mapping: TeamMapping, answer: Answer) -> str:
    key = f"answers.{answer}"
    return f'{key}: "{mapping.answers[answer]}"{_origin_suffix(mapping.origins.get(key))}'


def _listed(
    issue: Issue, mapping: TeamMapping, labels: Sequence[str], states: Sequence[State]
) -> tuple[State, str] | None:
    """Return the state under which the team lists the status, else the type, else a label, with the reason."""
    types = [issue.type] if issue.type else []
    for kind, names in (("statuses", [issue.status]), ("types", types), ("labels", labels)):
        for state in states:
            # People leave "in progress" on closed issues: such a label does not reopen them.
            if kind == "labels" and issue.category == "done" and state in ("todo", "doing"):
                continue
            rule = mapping.states.get(state, StateRule())
            listed = set(map(fold_name, getattr(rule, kind)))
            for name in names:
                if fold_name(name) in listed:
                    return state, _state_reason(rule, state, kind, name)
    return None


def _state_reason(rule: StateRule, state: str, kind: str, name: str) -> str:
    """``states.doing: "Peer review" (defaults.yaml:3:11)``."""
    key = f"states.{state}" if kind == "statuses" else f"states.{state}.{kind}"
    origin = rule.origins.get((kind, fold_name(name)))
    return f'{key}: "{show_invisible(name)}"{_origin_suffix(origin)}'


def _origin_suffix(origin: Origin | None) -> str:
    return f" ({origin})" if origin else ""


def _tracker_state(issue: Issue, mapping: TeamMapping, experiment: bool) -> tuple[FlowState | None, str]:
    if issue.category is None:
        return None, f'status "{show_invisible(issue.status)}" has no known category; counted as todo'
    if issue.category == "done" and issue.resolution:
        name, because = (
            normalize_resolution(issue.resolution),
            f'resolution "{show_invisible(issue.resolution)}"',
        )
        if name in map(normalize_resolution, mapping.dropped_resolutions):
            return "dropped", because + _origin_suffix(mapping.origins.get("dropped_resolutions"))
        if name in map(normalize_resolution, mapping.done_resolutions):
            return "done", because + _origin_suffix(mapping.origins.get("done_resolutions"))
        # "Rejected" on an experiment is its answer; a rejected hypothesis is not dropped work.
        if name in DROPPED_RESOLUTIONS and not (experiment and name == "rejected"):
            return "dropped", because
    return issue.category, f"status category {issue.category}"


def unknown_resolution(issue: Issue, mapping: TeamMapping) -> str | None:
    """Return the resolution because of which an issue counts as done although nobody knows its meaning."""
    if issue.category != "done" or not issue.resolution:
        return None
    name = normalize_resolution(issue.resolution)
    declared = map(normalize_resolution, (*mapping.dropped_resolutions, *mapping.done_resolutions))
    if name in DONE_RESOLUTIONS | DROPPED_RESOLUTIONS or name in declared:
        return None
    labels = sorted(set(map(fold_name, issue.labels)))
    return None if _listed(issue, mapping, labels, _STATES) else issue.resolution


def normalize_resolution(name: str) -> str:
    """Return the form in which resolutions are equal: without case, underscores and repeated blanks."""
    return " ".join(fold_name(name).replace("\u2019", "'").replace("_", " ").split())


def _open_blockers(issue: Issue, mapping: TeamMapping) -> tuple[IssueRef, ...]:
    """Return the open blockers of the issue that count for the team."""
    links = mapping.states.get("blocked", StateRule()).dependencies
    if not issue.blocked_by or links is None:
        return ()
    return tuple(each.ref for each in issue.blocked_by if each.is_open and each.link in links)


def _blocked_reason(
    issue: Issue, mapping: TeamMapping, labels: Sequence[str], blockers: Sequence[IssueRef]
) -> str | None:
    """Return why the issue is blocked, or None."""
    listed = _listed(issue, mapping, labels, ("blocked",))
    reasons = ["flagged on the tracker"] if issue.flagged else [listed[1]] if listed else []
    if blockers:
        names = ", ".join(sorted({show_invisible(each.key) for each in blockers if each.key}))
        origin = mapping.states["blocked"].origins.get(("dependencies", ""))
        by = f"blocked by {names or 'an issue that cannot be read'}"
        reasons.append(f"states.blocked.dependencies: {by}{_origin_suffix(origin)}")
    return "; ".join(reasons) or None
