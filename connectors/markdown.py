"""GitHub-flavoured Markdown: status comments, reports and summaries of this program are written in it.

Sources: GitHub docs, "Autolinked references and URLs"; GFM specification; github/markup issue 1168; html-pipeline
issue 232; the practice of dependabot and Renovate.

GitHub looks for mentions, ``#12``, ``GH-12``, ``o/r#12``, commit hashes and autolink prefixes in the *rendered*
text. Neither a backslash nor an entity stops them, but a zero-width space inside the reference does, and without a
reference the closing keywords have no effect. URLs get the space before ``://``. Prefixes of custom autolinks may
be any letters, digits and ``.-_+=:/#`` (GitHub changelog, 2021-11-04). Broken up are ``ABC-1``, ``TICK:1``,
``A=1``, ``A+1`` and capitals before a number. Left alone are lower-case prefixes without a separator (``bug12``),
prefixes that end in ``.``, ``_`` or ``/``, and alphanumeric numbers (``ABC-x``): most text of that shape is no
reference.

Backslashes stop markup. ``< > & | \\`` become entities, because our own hidden markers are searched in the raw
text, and because tables are split before escapes are read. ``$`` starts mathematics; GitHub documents a span
around it as the escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from connectors.escape import MAX_LENGTH, ZERO_WIDTH_SPACE, break_urls, escape_terminal
from connectors.spec import Markup

_ISSUE_KEY: Final = re.compile(r"((?<![A-Za-z])[A-Z]{2,}|[A-Za-z][A-Za-z0-9_]*[-:+=]+)(?=[0-9])")
_COMMIT_HASH: Final = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{7,}(?![0-9A-Za-z])")
_SIX_CHARACTERS: Final = re.compile(r"(.{6})(?=.)")
_SHORTCODE: Final = re.compile(r":(?=[\w+-]+:)")
_SHORTCODE_AT_END: Final = re.compile(r"(?<=:)(?!\d\d?$)[\w+-]+$")
_MARKDOWN_START: Final = re.compile(r"[-+=:]|[0-9]+(?=[.)])")

_MARKDOWN_ESCAPES: Final = str.maketrans(
    {char: "\\" + char for char in "`*_[]~#"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "\\": "&#92;", "$": "<span>$</span>"}
)


def escape_markdown(text: str, limit: int = MAX_LENGTH) -> str:
    """Return one line of Markdown that shows the text without any effect, in a sentence or a table cell."""
    line = escape_terminal(text, limit)
    line = line.replace("@", "@" + ZERO_WIDTH_SPACE).replace("#", "#" + ZERO_WIDTH_SPACE)
    line = break_urls(line)
    line = _ISSUE_KEY.sub(rf"\1{ZERO_WIDTH_SPACE}", line)
    line = _COMMIT_HASH.sub(lambda found: _SIX_CHARACTERS.sub(rf"\1{ZERO_WIDTH_SPACE}", found[0]), line)
    line = _SHORTCODE_AT_END.sub(rf"\g<0>{ZERO_WIDTH_SPACE}", _SHORTCODE.sub(":" + ZERO_WIDTH_SPACE, line))
    # List markers and headings count at the start of a line only.
    start = _MARKDOWN_START.match(line)
    head = "" if not start else "\\" + start[0] if not start[0].isdigit() else start[0] + "\\"
    return head + line[start.end() if start else 0 :].translate(_MARKDOWN_ESCAPES)


def _table_header(cells: Iterable[str]) -> list[str]:
    names = list(cells)
    return [f"| {' | '.join(names)} |", "|" + " --- |" * len(names)]


MARKDOWN: Final = Markup(
    escape=escape_markdown,
    bold="**",
    bullet="-",
    code=("`", "`"),
    table_header=_table_header,
    max_length=60_000,
    marks_in_text=True,
)
