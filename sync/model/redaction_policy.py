"""What a comment that anybody can read may say about issues that not everybody can read.

Keys are text, too: they name a private project or repository. In a public place the issues of private sources are
only counted, unless ``push.share`` allows the source by name. A Jira site counts as private.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.model import Issue, IssueRef, KnownIssue, Source
from sync.model.comments import CommentContent, ContentLine


@dataclass(frozen=True, kw_only=True, slots=True)
class RedactionPolicy:
    """Places are ``tracker:container`` in lower case. Without anything nothing is held back."""

    exposed: frozenset[str] = frozenset()
    """Places with anchors that anybody can read, or of which nobody knows."""
    public: frozenset[str] = frozenset()
    """Places whose issues anybody can read."""
    shared: frozenset[str] = frozenset()
    """Private places that the settings allow to be named anywhere."""

    def may_name_issues_of(self, place: str, where: Issue) -> bool:
        """Whether the comment on ``where`` may name issues of a place."""
        here = container_id(where.ref.tracker, where.container)
        return here not in self.exposed or place == here or place in self.public | self.shared

    def redact(
        self, document: CommentContent, where: Issue, known: Mapping[IssueRef, KnownIssue]
    ) -> CommentContent:
        """The document as the comment on ``where`` may show it."""
        allowed = {
            ref
            for line in document.lines
            if not isinstance(line, str)
            for ref in line[1]
            if self.may_name_issues_of(
                container_id(ref.tracker, known[ref].issue.container if ref in known else ""), where
            )
        }
        return replace(document, lines=tuple(_redact_line(line, allowed) for line in document.lines))

    def visible_source_name(self, source: str, sources: Iterable[Source], where: Issue) -> str:
        """How the comment on ``where`` may call a source: by its name, or as a private one."""
        place = next((container_of_source(each) for each in sources if each.name == source), "")
        return source if self.may_name_issues_of(place, where) else "a private source"


def _redact_line(line: ContentLine, allowed: set[IssueRef]) -> ContentLine:
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


def container_of_source(source: Source) -> str:
    return container_id(source.tracker, source.repo or source.project or "")


def container_id(tracker: str, container: str) -> str:
    return f"{tracker}:{container}".lower()
