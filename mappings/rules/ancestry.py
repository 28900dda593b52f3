"""Ancestors of issues, and the names that issues, projects and repositories had before they were moved or renamed.

A key changes when its issue moves; the stored parents of its children keep the former one until they are read again. A
former key names the moved issue unless another issue has it now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.model import Issue, IssueRef, KnownIssue

_MIN_MOVES: Final = 2
"""Issues that have to keep their number in another project before it counts as the same project renamed."""

_Place = tuple[str, str]
"""Tracker, and a key or container in lower case."""


@dataclass(frozen=True, slots=True)
class _Step:
    key: str
    parent: str | None
    former: tuple[str, ...]


class Ancestry:
    """Parents of known issues, by current and former keys."""

    def __init__(self, known: Iterable[KnownIssue]) -> None:
        issues = list(known)
        self._steps: dict[_Place, _Step] = {}
        self._former = _former_keys(issues)
        """Former key -> the issue that had it."""
        self._renames = _renamed_containers(issues)
        for each in self._former.values():
            for key in each.former_keys:
                if (place := _place(each.issue.ref, key)) in self._former:
                    self._steps[place] = self._step(each)
        for each in issues:
            if each.issue.parent or each.former_keys or self._renames:
                place = _place(each.issue.ref, each.issue.ref.key)
                if place not in self._former:
                    self._steps[place] = self._step(each)

    def _step(self, known: KnownIssue) -> _Step:
        ref = known.issue.ref
        former = (key for key in known.former_keys if self._former.get(_place(ref, key)) is known)
        return _Step(key=ref.key, parent=known.issue.parent, former=tuple(former))

    def keys_of(self, known: KnownIssue) -> tuple[str, ...]:
        """Return the key of an issue, and the former keys that still name it."""
        ref = known.issue.ref
        return (ref.key, *self._step(known).former) if known.former_keys else (ref.key,)

    def current_key(self, tracker: str, key: str) -> str | None:
        """Return the key that the issue with this former key has now; None if it is no former key."""
        moved = self._former.get((tracker, key.lower()))
        return moved.issue.ref.key if moved else None

    def parent_of(self, issue: Issue) -> str | None:
        """Return the key that the parent of an issue has now; as the issue names it if that is unknown."""
        step = self._find(issue.ref, issue.parent) if issue.parent else None
        return step.key if step else issue.parent

    def ancestors_of(self, issue: Issue) -> tuple[str, ...]:
        """Return the keys of all ancestors, parent first. The chain ends at the first unknown issue."""
        return tuple(names[0] for names in self._chain(issue))

    def names_of(self, issue: Issue) -> tuple[str, ...]:
        """Return the keys of all ancestors, parent first, each followed by the other keys that name it."""
        return tuple(name for names in self._chain(issue) for name in names)

    def containers_of(self, issue: Issue) -> tuple[str, ...]:
        """Return the other names of the issue's project or repository, if it was renamed."""
        return self._renames.get((issue.ref.tracker, issue.container.lower()), ()) if self._renames else ()

    def _chain(self, issue: Issue) -> Iterator[tuple[str, ...]]:
        visited = {issue.ref.key}
        parent = issue.parent
        while parent is not None:
            step = self._find(issue.ref, parent)
            key = step.key if step else parent
            if key in visited:
                return
            visited.add(key)
            former = step.former if step else ()
            yield tuple(dict.fromkeys((key, parent, *former, *self._renamed(issue.ref, key))))
            parent = step.parent if step else None

    def _find(self, ref: IssueRef, key: str) -> _Step | None:
        """Return the issue with a key, now or formerly, or under another name of its project."""
        step = self._steps.get(_place(ref, key))
        if step is None and self._renames:
            found = (self._steps.get(_place(ref, other)) for other in self._renamed(ref, key))
            step = next(filter(None, found), None)
        return step

    def _renamed(self, ref: IssueRef, key: str) -> tuple[str, ...]:
        if not self._renames:
            return ()
        container, separator, number = split_key(key)
        names = self._renames.get(_place(ref, container), ())
        return tuple(f"{name}{separator}{number}" for name in names)


def split_key(key: str) -> tuple[str, str, str]:
    """Return project or repository, separator and number of a key."""
    return key.rpartition("#" if "#" in key else "-")


def _place(ref: IssueRef, name: str) -> _Place:
    return ref.tracker, name.lower()


def _former_keys(known: Iterable[KnownIssue]) -> dict[_Place, KnownIssue]:
    """Return former key -> the issue that had it, without keys that another issue of a source has now.

    A tracker may give a transferred issue another id: the old one, gone from its source, does not keep its key.
    """
    issues = list(known)
    found = {_place(each.issue.ref, key): each for each in issues for key in each.former_keys}
    for each in issues if found else ():
        place = _place(each.issue.ref, each.issue.ref.key)
        if place in found and (found[place] is each or (each.sources and not each.vanished)):
            del found[place]
    return found


def _renamed_containers(known: Iterable[KnownIssue]) -> Mapping[_Place, tuple[str, ...]]:
    """Return the other names of renamed projects and repositories, former and later ones.

    A rename keeps the numbers of all issues; single issues that move get new ones.
    """
    kept: defaultdict[tuple[str, str, str], set[bool]] = defaultdict(set)
    moves: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for each in known:
        ref = each.issue.ref
        container, _, number = split_key(ref.key)
        for key in each.former_keys:
            before, _, old_number = split_key(key)
            if before.lower() != container.lower():
                kept[ref.tracker, before, container].add(number == old_number)
                moves[ref.tracker, before, container] += 1
    found: defaultdict[_Place, list[str]] = defaultdict(list)
    for (tracker, before, after), same in kept.items():
        if same == {True} and moves[tracker, before, after] >= _MIN_MOVES:
            found[tracker, after.lower()].append(before)
            found[tracker, before.lower()].append(after)
    return {place: tuple(names) for place, names in found.items()}
