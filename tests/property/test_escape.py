"""Escaped text stays readable and has no effect, for any text. A Markdown parser checks Markdown."""

import html
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from connectors.escape import ZERO_WIDTH_SPACE, escape_terminal
from connectors.jira.markup import escape_wiki
from connectors.markdown import escape_markdown

MARKUP = """@bob #1 o/r#2 GH-3 DS-4 https://github.com/o/r/issues/5 http:// :// www. HTTPS://x deadbeef
closes fixes: 0123456789abcdef0123456789abcdef01234567
<!-- --> <b> </td> &lt; &#64; | || \\ ` ``` ~~ ** _ [ ]( ) ![ $ $$ :tada:
- # 1. > --- === {code} { } [~ !x.png! h1. bq. a B . : + ? ! (x) é 漢 👩 می"""
CONTROLS = ["\n", "\n\n", "\r", "\t", "    ", " ", "\x1b[2J", "\x1b]0;", "\x07", "\u202e", "\u200b", "\u200d"]
CONTROLS += ["\ufeff", "\u0301", "\U000e0041", "\ud800"]
SPICE = MARKUP.split() + CONTROLS
TEXTS = st.text(st.characters(), max_size=40) | st.lists(
    st.sampled_from(SPICE) | st.text(max_size=3), max_size=14
).map("".join)
MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")
LINKED_BY_GITHUB = re.compile(
    r"@\w|#\w|GH-\d|[A-Za-z]-\d|https?://|www\.|\w://|\b[0-9a-f]{7,40}\b|:[\w+-]+:", re.IGNORECASE | re.ASCII
)


def letters(text):
    return [char for char in text if unicodedata.category(char).startswith("L")]


def shown(rendered):
    return html.unescape(re.sub(r"</?(?:p|span)>", "", rendered)).removesuffix("\n")


@given(TEXTS)
def test_terminal_text_is_one_visible_line(text):
    line = escape_terminal(text)
    assert len(line) <= 300
    assert line == " ".join(line.split())
    for char in line:
        assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.category(char) != "Cf" or char in "\u200c\u200d"


@given(TEXTS.filter(lambda text: not re.search("[\x1b\x80-\x9f]", text)))
def test_letters_keep_their_order(text):
    blanks = "\u115f\u1160\u3164\uffa0"
    expected = [char for char in letters(text) if char not in blanks]
    assert letters(escape_terminal(text)) == expected
    assert letters(escape_wiki(text)) == expected
    assert letters(shown(MARKDOWN.render(escape_markdown(text)))) == expected


@given(TEXTS)
@example("a\n===")
@example("\\|")
def test_github_renders_exactly_the_text_without_markup(text):
    rendered = MARKDOWN.render(escape_markdown(text))
    assert shown(rendered).replace(ZERO_WIDTH_SPACE, "") == escape_terminal(text)
    assert set(re.findall(r"<[^>]*>", rendered)) <= {"<p>", "</p>", "<span>", "</span>"}


@given(TEXTS)
def test_github_links_nothing_in_the_rendered_text(text):
    assert not LINKED_BY_GITHUB.search(shown(MARKDOWN.render(escape_markdown(text))))


@given(TEXTS)
def test_github_text_cannot_imitate_our_hidden_markers(text):
    raw = escape_markdown(text)
    assert "<!--" not in raw
    assert "-->" not in raw
    assert "\n" not in raw


@given(TEXTS)
def test_a_table_on_github_keeps_its_cells(text):
    table = (
        f"| one | two | three |\n| --- | --- | --- |\n|{escape_markdown(text)}|{escape_markdown(text)}|x|\n"
    )
    rendered = MARKDOWN.render(table)
    assert rendered.count("<td>") == 3
    assert "<td>x</td>" in rendered


@given(TEXTS)
def test_our_bold_text_stays_closed(text):
    rendered = MARKDOWN.render(f"start **x{escape_markdown(text)}x** end")
    assert rendered.startswith("<p>start <strong>x")
    assert rendered.endswith("x</strong> end</p>\n")


ACTIVE_IN_JIRA = re.compile(
    r"(?<!\\)[{\[*_+^~@!]|\||https?://|www\.|@\w|\\\\|\?\?|^(?:h[1-6]|bq)\.|^[-#]|(?<!\\)\(x\)|&#?\w+;",
    re.IGNORECASE,
)


@given(TEXTS)
def test_jira_text_contains_no_markup_macro_mention_or_cell(text):
    raw = escape_wiki(text)
    assert not ACTIVE_IN_JIRA.search(raw)
    assert "\n" not in raw


@given(TEXTS)
def test_jira_renders_exactly_the_text(text):
    shown_text = re.sub(r"\\([-#*_+?^~|%{}\[\]()!@])", r"\1", escape_wiki(text)).replace(ZERO_WIDTH_SPACE, "")
    assert shown_text == escape_terminal(text).replace("|", "¦")


@pytest.mark.parametrize("escape", [escape_terminal, escape_wiki, escape_markdown])
def test_the_longest_text_is_cut_at_300_characters(escape):
    assert escape("x" * 300) == "x" * 300
    assert escape("x" * 301) == "x" * 299 + "…"


@pytest.mark.parametrize(
    ("code", "stays"),
    [
        (0x378, True),
        (0x1FBFF, True),
        (0xDFFFD, True),
        (0xFFEF, True),
        (0x2065, False),
        (0xFFF0, False),
        (0xFFFF, False),
        (0xE0000, False),
        (0xE0080, False),
        (0x1FFFE, False),
        (0x1FFFF, False),
    ],
)
def test_of_characters_without_a_meaning_yet_only_those_that_are_never_shown_go(code, stays):
    """Unicode reserves places for characters that will show nothing; others may be letters of tomorrow."""
    for escape in (escape_terminal, escape_wiki, escape_markdown):
        assert escape(f"a{chr(code)}b") == (f"a{chr(code)}b" if stays else "ab")
