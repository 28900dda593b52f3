"""Issue links of Jira that say "is blocked by". They come with a search, without requests of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.errors import BadPayload
from connectors.jira.scalars import object_or_empty
from connectors.model import Blocker, IssueRef
from connectors.scalars import id_or_none, quote_value, text_or_empty
from connectors.text import fold_name

LINKS_FIELD: Final = "issuelinks"
_OWN_TYPE: Final = frozenset({"blocks", "is blocked by"})
"""Name and inward text of the type that every new site has."""


def parse_blockers(raw: Any, ref: IssueRef, link_types: Sequence[str]) -> tuple[Blocker, ...]:
    """Return the blockers in the field ``issuelinks`` of an issue, each once.

    ``link_types``: names or inward texts (folded) of further types that mean a dependency. A link that cannot be used
    is left out. BadPayload if the field is no list.
    """
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise BadPayload(f"Jira's answer about issue {ref.key} holds {quote_value(raw)} where links belong")
    found: dict[IssueRef, Blocker] = {}
    for each in _blockers(raw, ref, link_types):
        known = found.get(each.ref)
        if known is None or (known.link and not each.link):
            found[each.ref] = each
    return tuple(found.values())


def _blockers(links: Sequence[Any], ref: IssueRef, link_types: Sequence[str]) -> Iterator[Blocker]:
    for link in map(object_or_empty, links):
        kind = object_or_empty(link.get("type"))
        names = {fold_name(text_or_empty(kind.get(each))) for each in ("name", "inward")}
        named = next((each for each in link_types if each in names), None)
        issue = object_or_empty(link.get("inwardIssue"))  # the issue to which the inward text leads
        issue_id, key = id_or_none(issue.get("id")), text_or_empty(issue.get("key"))
        if issue_id and key and (names & _OWN_TYPE or named):
            own = "" if names & _OWN_TYPE else named or ""
            yield Blocker(
                ref=IssueRef(tracker=ref.tracker, id=issue_id, key=key), is_open=_is_open(issue), link=own
            )


def _is_open(issue: Mapping[str, Any]) -> bool:
    """Return False if the status is known to be done. Statuses of hidden fields are missing."""
    status = object_or_empty(object_or_empty(issue.get("fields")).get("status"))
    return object_or_empty(status.get("statusCategory")).get("key") != "done"
