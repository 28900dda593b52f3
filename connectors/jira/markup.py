"""Wiki markup of Jira.

Source: the escape list of Jira's BackslashEscapeRendererComponent, repeated by Atlassian's wiki markup transformer
for Jira Cloud.

Backslashes stop markup, macros and mentions. An escaped ``|`` still ends a table cell in that transformer, so a
broken bar replaces it. A backslash in the text is separated from the next character, because two make a line
break. ``mailto:`` and ``file:`` make links without ``//`` and get a zero-width space before the colon. Issue keys
are left alone: on Jira they become links that notify nobody and leave no trace on the other issue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from connectors.escape import MAX_LENGTH, ZERO_WIDTH_SPACE, break_urls, escape_terminal

_EMOTICON: Final = re.compile(r"([:;])(?=-?[()DPp])|\((?=(?:[/xyni!?+*-]|on|off|\*[rgby]|flag|flagoff)\))")
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
_MAILTO_OR_FILE: Final = re.compile(r"(?<![0-9A-Za-z])(mailto|file)(?=:\S)", re.IGNORECASE)
_CITATION: Final = re.compile(r"\?(?=\?)")
_WIKI_START: Final = re.compile(r"^(h[1-6]|bq)(?=\.)", re.IGNORECASE)
_STRIKETHROUGH: Final = re.compile(r"^-|(?<![0-9A-Za-z])-(?=\S|$)|-(?=-)|(?<=-)-")

_WIKI_ESCAPES: Final = str.maketrans(
    {char: "\\" + char for char in "*_+^~{}[]"}
    | {"|": "¦", "\\": "\\" + ZERO_WIDTH_SPACE, "@": "\\@" + ZERO_WIDTH_SPACE, "!": "\\!", "#": "\\#"}
)


def escape_wiki(text: str, limit: int = MAX_LENGTH) -> str:
    """Return one line of Jira wiki markup that shows the text without any effect, in a sentence or a table cell."""
    line = break_urls(escape_terminal(text, limit))
    line = _MAILTO_OR_FILE.sub(rf"\1{ZERO_WIDTH_SPACE}", line)
    line = _WIKI_START.sub(rf"\1{ZERO_WIDTH_SPACE}", line)
    line = _ENTITY.sub("&" + ZERO_WIDTH_SPACE, line).translate(_WIKI_ESCAPES)
    line = _CITATION.sub("?" + ZERO_WIDTH_SPACE, line)
    line = _EMOTICON.sub(lambda found: found[1] + ZERO_WIDTH_SPACE if found[1] else "\\(", line)
    return _STRIKETHROUGH.sub(r"\\-", line)


def table_header(cells: Iterable[str]) -> list[str]:
    """Return the line of a table's header; the cells are escaped."""
    return [f"||{'||'.join(cells)}||"]
