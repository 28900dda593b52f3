"""Refusals that hold for a whole container, such as a repository or project: no permission, archived.

After such a refusal the run tries no further change of this kind there, and each later run tries one. A tracker does
not always say what a refusal is about: the same answer for two issues, without a success before, counts as one about
their container. A later run tries an issue that was not refused so far. So a wrong conclusion, from two issues that
happen to refuse alike, lasts for one run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from connectors.errors import (
    ConnectorError,
    ContainerRejected,
    Gone,
    IssueRejected,
    Rejected,
    WriteRedirected,
)
from connectors.wording import pluralize
from sync.model.changes import Change, CommentRemoval, LabelChange
from sync.runtime.context import RunContext

_CACHE_KEY: Final = "refused-container:"
_MAX_REFS: Final = 500
"""Issues remembered as refused; with more of them, a run may try one again."""


class _Group(NamedTuple):
    """Changes that one missing permission can stop."""

    tracker: str
    container: str
    kind: str
    """Subject of "... are refused"."""

    @property
    def cache_key(self) -> str:
        return f"{_CACHE_KEY}{self.tracker}:{self.container.lower()}:{self.kind}"


@dataclass(kw_only=True, slots=True)
class _State:
    answer: str = ""
    """Answer to the last refused change."""
    refused: list[str] = field(default_factory=list)
    """Ids of the issues that got this answer, from this and earlier runs."""
    is_known: bool = False
    """True if it was concluded before that the container refuses; one more refusal ends its changes."""
    is_blocked: bool = False
    is_open: bool = False
    """True after a success in this run."""
    untried: int = 0
    issues: int = 0
    """Issues to change in this run."""


class ContainerRefusals:
    """Refusals of one run by container and kind of change, and those of earlier runs from the cache."""

    def __init__(self, context: RunContext, needs_label_object: Callable[[LabelChange], bool]) -> None:
        """``needs_label_object``: True for a change that creates or renames a label of the container first."""
        self._cache, self._container_of = context.store.cache, context.container_of
        self._needs_label_object = needs_label_object
        self._states: dict[_Group, _State] = {}

    def arrange(self, changes: Sequence[Change]) -> list[Change]:
        """Return the changes in the order to try them: where earlier ones were refused, a new issue comes first."""
        pairs = [(self._group_of(change), change) for change in changes]
        for group in dict.fromkeys(group for group, _ in pairs):
            places = [index for index, (other, _) in enumerate(pairs) if other == group]
            state, members = self._load(group), [pairs[place][1] for place in places]
            state.issues = len({change.ref.id for change in members})
            # A comment is removed before its subject gets a new one: their order stays.
            if state.is_known and not any(isinstance(change, CommentRemoval) for change in members):
                first = next((at for at in places if pairs[at][1].ref.id not in state.refused), places[0])
                pairs.insert(places[0], pairs.pop(first))
        return [change for _, change in pairs]

    def is_blocked(self, change: Change) -> bool:
        """Return True, and count the change, if the run tries no more changes like this one."""
        state = self._states.get(self._group_of(change))
        if state is None or not state.is_blocked:
            return False
        state.untried += 1
        return True

    def is_probe(self, change: Change) -> bool:
        """Return True if the change finds out if a container still refuses. It waits for nothing."""
        state = self._states.get(self._group_of(change))
        return state is not None and state.is_known and not state.is_open

    def record_refusal(self, change: Change, error: ConnectorError) -> bool:
        """Return True if the refusal is one of the whole container."""
        if not isinstance(error, Rejected | Gone) or isinstance(error, IssueRejected | WriteRedirected):
            return False
        if not error.answer:
            return False
        group = self._group_of(change)
        state = self._load(group)
        if error.answer != state.answer:
            state.answer, state.refused = error.answer, []
        if change.ref.id not in state.refused:
            state.refused = [*state.refused, change.ref.id][-_MAX_REFS:]
        if not self._concerns_container(state, error):
            return False
        state.is_known = state.is_blocked = True
        self._cache.put(group.cache_key, {"answer": state.answer, "refused": state.refused}, days=60)
        return True

    def _concerns_container(self, state: _State, error: ConnectorError) -> bool:
        if isinstance(error, ContainerRejected):
            return True
        is_only_issue = state.issues == 1 and error.answer.startswith("HTTP 403")
        return not state.is_open and (state.is_known or len(state.refused) > 1 or is_only_issue)

    def record_success(self, change: Change) -> None:
        """Note that the container accepts such changes."""
        for group in {self._group_of(change), self._plain_group_of(change)}:
            state = self._load(group)
            if state.is_known:
                self._cache.put(group.cache_key, None)
            self._states[group] = _State(is_open=True, issues=state.issues)

    def sentences(self) -> list[str]:
        """Return one sentence for each container with changes that were not tried."""
        return [
            f"{group.container}: {group.kind} are refused ({state.answer}), "
            f"{pluralize(state.untried, 'change')} left untried; each run tries one of them"
            for group, state in self._states.items()
            if state.untried
        ]

    def _group_of(self, change: Change) -> _Group:
        if isinstance(change, LabelChange) and self._needs_label_object(change):
            return _Group(change.ref.tracker, change.container, "new labels")
        return self._plain_group_of(change)

    def _plain_group_of(self, change: Change) -> _Group:
        if isinstance(change, LabelChange):
            return _Group(change.ref.tracker, change.container, "changes of labels")
        kind = "deletions of comments" if isinstance(change, CommentRemoval) else "comments"
        return _Group(change.ref.tracker, self._container_of(change.ref), kind)

    def _load(self, group: _Group) -> _State:
        if group not in self._states:
            saved: Any = self._cache.get(group.cache_key) or {}
            self._states[group] = _State(
                answer=saved.get("answer", ""), refused=list(saved.get("refused", ())), is_known=bool(saved)
            )
        return self._states[group]
