"""References to issues and mentions of users, as GitHub finds them in a text.

As on GitHub, code, HTML comments and the text of links do not count; entities are decoded first; targets of links
count.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_FENCED = re.compile(r"^(?P<fence>`{3,}|~{3,}).*?(?:^(?P=fence)[`~]*\s*$|\Z)", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`)", re.DOTALL)
_CODE_TAG = re.compile(r"<(?P<tag>code|pre)\b.*?</(?P=tag)>", re.DOTALL | re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_LINK = re.compile(r"\[[^\]\[]*\]\((?P<target>[^)\s]*)[^)]*\)")

_SLUG = r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+"
_SHORT_REFERENCE = re.compile(rf"(?<![\w/&#.-])(?:(?P<repo>{_SLUG})?#|GH-)(?P<number>\d+)\b", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w/@.`-])@(?P<login>[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?![\w/])")


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueReference:
    """An issue that a text refers to; ``repo`` is None for the repository of the text."""

    repo: str | None
    number: int


def _visible_text(text: str) -> str:
    for hidden in (_COMMENT, _FENCED, _CODE_TAG, _SPAN):
        text = hidden.sub("\0", text)
    return html.unescape(_LINK.sub(lambda link: f"\0{link['target']}\0", text))


def find_references(text: str, base_url: str) -> set[IssueReference]:
    """Return the issues named by ``#1``, ``GH-1``, ``owner/repo#1`` or a URL on github.com or below ``base_url``."""
    visible = _visible_text(text)
    hosts = rf"(?:https?://(?:www\.)?github\.com|{re.escape(base_url)})"
    url = re.compile(rf"{hosts}/(?P<repo>{_SLUG})/(?:issues|pull)/(?P<number>\d+)\b", re.IGNORECASE)
    found = [*url.finditer(visible), *_SHORT_REFERENCE.finditer(url.sub("\0", visible))]
    return {IssueReference(repo=match["repo"], number=int(match["number"])) for match in found}


def find_mentions(text: str) -> set[str]:
    """Return the logins, in lower case, that an ``@login`` in the text would notify."""
    return {match["login"].lower() for match in _MENTION.finditer(_visible_text(text))}
