"""Escaped text matches no rule of the trackers' documentation, for any text. Sources: ``docs/untrusted-text.md``.

Each rule is first checked on a text that matches it, so that an oracle without findings cannot pass.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given

from connectors.escape import ZERO_WIDTH_SPACE, escape_terminal
from connectors.jira.markup import escape_wiki
from connectors.markdown import escape_markdown
from tests.support.jira_wiki import cells_of, tokens_of
from tests.support.untrusted_text import (
    GITHUB_MARKUP,
    GITHUB_RULES,
    JIRA_CONTROLS,
    TEXTS,
    github_texts,
    matched_github_rules,
    recognized_github_markup,
)


@pytest.mark.parametrize("name", GITHUB_RULES)
def test_each_github_rule_matches_its_examples_and_not_their_escaped_form(name):
    for text in GITHUB_RULES[name][1]:
        assert name in {found for found, _ in matched_github_rules(text)}, text
        assert not matched_github_rules(escape_markdown(text)), text


@pytest.mark.parametrize("text", GITHUB_MARKUP.values(), ids=GITHUB_MARKUP)
def test_github_markup_is_recognized_and_its_escaped_form_is_text(text):
    assert recognized_github_markup(text) or github_texts(text) != [text]
    assert not recognized_github_markup(escape_markdown(text))
    assert github_texts(escape_markdown(text).replace(ZERO_WIDTH_SPACE, "")) == [text]


@given(TEXTS)
@example("$#$1")
def test_no_github_rule_matches_in_a_sentence(text):
    escaped = escape_markdown(text)
    sentence = f"Seen {escaped} and ({escaped}), **{escaped or 'x'}**."
    assert not matched_github_rules(sentence)
    assert not matched_github_rules(escaped)
    assert not recognized_github_markup(escaped)


@given(TEXTS)
def test_no_github_rule_matches_in_a_table(text):
    escaped = escape_markdown(text)
    table = f"| one | two |\n| --- | --- |\n| {escaped} | {escaped} |\n"
    cells = [text.replace(ZERO_WIDTH_SPACE, "") for text in github_texts(table)]
    assert cells == ["one", "two", escape_terminal(text), escape_terminal(text)]
    assert not matched_github_rules(table)


def plain(tokens):
    """Return the visible text, or None if Jira recognizes more than text and issue links."""
    if {token.kind for token in tokens} - {"text", "issue key"}:
        return None
    return "".join(token.text for token in tokens).replace(ZERO_WIDTH_SPACE, "")


@pytest.mark.parametrize("kind", JIRA_CONTROLS)
def test_each_kind_of_jira_markup_is_recognized_and_its_escaped_form_is_text(kind):
    for text in JIRA_CONTROLS[kind]:
        assert kind in {token.kind for token in tokens_of(text)}, text
        assert plain(tokens_of(escape_wiki(text))) == escape_terminal(text).replace("|", "¦"), text


def test_an_escaped_bar_still_ends_a_cell_on_jira():
    assert len(cells_of(r"|a\|b|c|")) == 3


@given(TEXTS)
@example("mailto:bob")
def test_jira_recognizes_only_text_in_a_sentence(text):
    escaped = escape_wiki(text)
    shown = escape_terminal(text).replace("|", "¦")
    assert plain(tokens_of(escaped)) == shown
    assert plain(tokens_of(f"Seen {escaped} and, {escaped}.")) == f"Seen {shown} and, {shown}."


@given(TEXTS)
def test_jira_recognizes_only_text_in_table_cells(text):
    escaped = escape_wiki(text) or " "
    shown = escape_terminal(text).replace("|", "¦") or " "
    assert [plain(cell) for cell in cells_of(f"|{escaped}|{escaped}|x|")] == [shown, shown, "x"]
