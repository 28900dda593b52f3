"""Names of the issues that block an issue.

Lists of issues count the open blockers of each issue (``issue_dependencies_summary``). Their names cost one request for
each issue that has any, asked again only if the issue or its counts changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connectors.errors import ConnectorError, StopTracker
from connectors.github.payload import issue_key_from_url, require_list, split_key
from connectors.model import Blocker, Issue, IssueRef
from connectors.scalars import id_or_none, text_or_empty

if TYPE_CHECKING:
    from connectors.github.client import GuardedRequester

MAX_READS: Final = 100
"""Requests for the names of blockers in one pull of a repository. Those of other issues stay unnamed until the issue
changes or is listed by a census."""
_MAX_FAILURES: Final = 3
_PAGE_SIZE: Final = 100
"""GitHub allows 50 blockers for an issue."""


class BlockerNames:
    """Finds the blockers of the issues of one pull."""

    def __init__(self, client: GuardedRequester, remembered: Any = None) -> None:
        """``remembered``: ``memory`` of an earlier pull."""
        self._client = client
        self.memory: dict[str, Any] = dict(remembered) if isinstance(remembered, Mapping) else {}
        """JSON: id of an issue -> what its list said, and its blockers."""
        self.changed = False
        self._reads = self._failures = 0

    def name(self, issue: Issue, raw: Mapping[str, Any]) -> Issue:
        """Return the issue with named blockers. ``raw``: its JSON. Raises StopTracker.

        Those that GitHub counts but does not show, and those that could not be requested, stay without a name.
        """
        if not issue.blocked_by:
            self.changed |= self.memory.pop(issue.ref.id, None) is not None
            return issue
        counts = raw["issue_dependencies_summary"]
        said = (raw.get("updated_at"), counts.get("blocked_by"), counts.get("total_blocked_by"))
        listed = list(map(text_or_empty, said))
        known = self.memory.get(issue.ref.id)
        if not known or known[0] != listed:
            found = self._request(issue)
            if found is None:
                return issue
            known = self.memory[issue.ref.id] = [
                listed,
                [[each.ref.id, each.ref.key, each.is_open] for each in found],
            ]
            self.changed = True
        named = tuple(_blocker(issue.ref.tracker, *each) for each in known[1])
        unnamed = issue.blocked_by[sum(each.is_open for each in named) :]
        return replace(issue, blocked_by=(*named, *unnamed))

    def _request(self, issue: Issue) -> list[Blocker] | None:
        """Return the blockers that GitHub shows; None if they were not requested or could not be read."""
        parts = split_key(issue.ref.key)
        if parts is None or self._reads == MAX_READS or self._failures == _MAX_FAILURES:
            return None
        self._reads += 1
        try:
            response = self._client.get(
                f"repos/{parts[0]}/issues/{parts[1]}/dependencies/blocked_by", {"per_page": _PAGE_SIZE}
            )
            rows = require_list(response.data, f"the blockers of {issue.ref.key}")
        except StopTracker:
            raise
        except ConnectorError:  # the list told that the issue is blocked; only the names are missing
            self._failures += 1
            return None
        return list(_blockers(rows, issue.ref.tracker))


def _blockers(rows: list[Any], tracker: str) -> Iterator[Blocker]:
    for row in rows:
        fields = row if isinstance(row, Mapping) else {}
        issue_id, key = id_or_none(fields.get("id")), issue_key_from_url(fields.get("url"))
        if issue_id and key:
            yield _blocker(tracker, issue_id, key, fields.get("state") != "closed")


def _blocker(tracker: str, issue_id: str, key: str, is_open: bool) -> Blocker:
    return Blocker(ref=IssueRef(tracker=tracker, id=issue_id, key=key), is_open=is_open)
