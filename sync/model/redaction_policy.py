"""Redaction of issue keys and source names in comments that more people can read than the issues.

Keys name a private project or repository. A comment in a public container therefore only counts the issues of private
sources, unless ``push.share`` allows the source by name. A tracker that asks for an account counts as private.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.model import Issue, IssueRef, KnownIssue, Source
from connectors.wording import pluralize
from sync.model.comments import CommentContent, ContentLine


@dataclass(frozen=True, kw_only=True, slots=True)
class RedactionPolicy:
    """Containers by who can read them, as ``tracker:container`` in lower case. The default redacts nothing."""

    exposed: frozenset[str] = frozenset()
    """Containers with anchors that everybody can read, or whose visibility is unknown."""
    public: frozenset[str] = frozenset()
    """Containers whose issues everybody can read."""
    shared: frozenset[str] = frozenset()
    """Private containers that the settings allow to be named anywhere."""

    def may_name_issues_of(self, container: str, anchor: Issue) -> bool:
        """Return True if the comment on ``anchor`` may name issues of a container."""
        own = container_id(anchor.ref.tracker, anchor.container)
        return own not in self.exposed or container == own or container in self.public | self.shared

    def redact(
        self, content: CommentContent, anchor: Issue, known: Mapping[IssueRef, KnownIssue]
    ) -> CommentContent:
        """Return the content as the comment on ``anchor`` may show it."""
        allowed = {
            ref
            for line in content.lines
            if not isinstance(line, str)
            for ref in line[1]
            if self.may_name_issues_of(_container_of_issue(ref, known), anchor)
        }
        return replace(content, lines=tuple(_redact_line(line, allowed) for line in content.lines))

    def visible_source_name(self, source: str, sources: Iterable[Source], anchor: Issue) -> str:
        """Return the source's name, or "a private source" if the comment on ``anchor`` may not name it."""
        container = next((container_of_source(each) for each in sources if each.name == source), "")
        return source if self.may_name_issues_of(container, anchor) else "a private source"


def _container_of_issue(ref: IssueRef, known: Mapping[IssueRef, KnownIssue]) -> str:
    """Return the container of an issue; of one that no source holds, as its key names it."""
    named = ref.key.rpartition("#" if "#" in ref.key else "-")[0]
    return container_id(ref.tracker, known[ref].issue.container if ref in known else named)


def _redact_line(line: ContentLine, allowed: set[IssueRef]) -> ContentLine:
    """Return the line with the keys of allowed issues, and the number of the others."""
    if isinstance(line, str):
        return line
    text, refs = line
    visible = tuple(ref for ref in refs if ref in allowed)
    hidden = len(refs) - len(visible)
    if not hidden:
        return line
    issues = pluralize(hidden, "private issue")
    return (f"{text} (and {issues})", visible) if visible else f"{text}: {issues}"


def container_of_source(source: Source) -> str:
    return container_id(source.tracker, source.container)


def container_id(tracker: str, container: str) -> str:
    return f"{tracker}:{container}".lower()
