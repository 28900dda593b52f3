"""What a comment that anybody can read may say about issues that not everybody can read.

Keys are text, too: they name a private project or repository. In a public place the issues of private sources are
only counted, unless ``push.share`` allows the source by name. A Jira site counts as private.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.model import Issue, IssueRef, KnownIssue, Source
from sync.model.comments import Document, Line


@dataclass(frozen=True, kw_only=True, slots=True)
class Discretion:
    """Places are ``tracker:container`` in lower case. Without anything nothing is held back."""

    careful: frozenset[str] = frozenset()
    """Places with anchors that anybody can read, or of which nobody knows."""
    public: frozenset[str] = frozenset()
    """Places whose issues anybody can read."""
    shared: frozenset[str] = frozenset()
    """Private places that the settings allow to be named anywhere."""

    def may_name(self, place: str, where: Issue) -> bool:
        """Whether the comment on ``where`` may name issues of a place."""
        here = place_named(where.ref.tracker, where.container)
        return here not in self.careful or place == here or place in self.public | self.shared

    def discreet(self, document: Document, where: Issue, known: Mapping[IssueRef, KnownIssue]) -> Document:
        """The document as the comment on ``where`` may show it."""
        allowed = {
            ref
            for line in document.lines
            if not isinstance(line, str)
            for ref in line[1]
            if self.may_name(
                place_named(ref.tracker, known[ref].issue.container if ref in known else ""), where
            )
        }
        return replace(document, lines=tuple(_counted(line, allowed) for line in document.lines))

    def source_name(self, source: str, sources: Iterable[Source], where: Issue) -> str:
        """How the comment on ``where`` may call a source: by its name, or as a private one."""
        place = next((place_of(each) for each in sources if each.name == source), "")
        return source if self.may_name(place, where) else "a private source"


def _counted(line: Line, allowed: set[IssueRef]) -> Line:
    """A line with the keys of allowed issues, and the number of the others."""
    if isinstance(line, str):
        return line
    text, refs = line
    named = tuple(ref for ref in refs if ref in allowed)
    hidden = len(refs) - len(named)
    if not hidden:
        return line
    issues = "1 private issue" if hidden == 1 else f"{hidden} private issues"
    return (f"{text} ({issues} besides)", named) if named else f"{text}: {issues}"


def place_of(source: Source) -> str:
    return place_named(source.tracker, source.repo or source.project or "")


def place_named(tracker: str, container: str) -> str:
    return f"{tracker}:{container}".lower()
