"""Whatever the text, neither tracker finds a rule of its documentation in it. ``docs/hostile-text.md`` has the sources.

Each rule is tried on a text that breaks it first, so that an oracle that finds nothing cannot pass.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from connectors.model import IssueRef
from sync.attention import Attention
from sync.changes import ChangeSet, LabelChange, Reason
from sync.comment import render
from sync.comment_document import Document
from sync.neutral import BREAK, neutral_github, neutral_jira, neutral_terminal
from sync.render import changes_markdown
from sync.report.markdown import markdown
from tests.jira_wiki import EMOTICONS, cells_of, tokens_of
from tests.report_world import report_data

MARKDOWN = MarkdownIt("commonmark").enable("table").enable("strikethrough")
SHA = "a5c3785ed8d6a35868bc169f07e40e889087fd2e"
KEYWORD = r"(?:close[sd]?|fix(?:es|ed)?|resolve[sd]?)"
NUMBER = r"(?:[\w.-]+/[\w.-]+)?(?:#|\bgh-)[0-9]+"
DOMAIN = r"[\w-]+(?:\.[\w-]+)+"

GITHUB_RULES = {
    "mention of a person": (r"(?<!\w)@[a-z0-9][a-z0-9-]*", ["ask @alice", "(@a)", "a.@b-c", "/@x"]),
    "mention of a team": (r"@[a-z0-9][a-z0-9-]*/[\w.-]+", ["ask @acme/team"]),
    "number": (r"#[0-9]+\b", ["#1", "x#12", "(#3)"]),
    "GH and number": (r"(?<![0-9a-z])gh-[0-9]+", ["GH-26", "see gh-1", "_GH-2"]),
    "number elsewhere": (r"[\w-]+/?[\w.-]*#[0-9]+", ["acme/churn#7", "acme#7"]),
    "commit": (r"(?<![0-9a-z])[0-9a-f]{7,40}(?![0-9a-z])", [SHA, "a5c3785", "A5C3785", "_a5c3785_"]),
    "range of commits": (
        r"(?<![0-9a-z])[0-9a-f]{7,40}\.{2,3}[0-9a-f]{7,40}(?![0-9a-z])",
        [f"{SHA}...a5c3785", "a5c3785..a5c3785"],
    ),
    "commit elsewhere": (r"[\w.-]+@[0-9a-f]{7,40}", [f"acme@{SHA}", "acme/churn@a5c3785"]),
    "keyword that closes": (rf"\b{KEYWORD}:?\s+{NUMBER}", ["closes #1", "FIXED: o/r#2", "Resolve gh-3"]),
    "web address": (r"\b(?:https?|ftp)://\S", ["https://github.com/o/r/issues/1", "HTTP://x", "ftp://x.y"]),
    "address without a scheme": (rf"(?<![0-9a-z])www\.{DOMAIN}", ["www.example.org/x", "WWW.a.b"]),
    "address of mail": (rf"[\w.+-]+@{DOMAIN}", ["bob@example.org", "b+c@mail.example.org"]),
    "mailto and xmpp": (rf"(?:mailto|xmpp):[\w.+-]+@{DOMAIN}", ["mailto:a@b.c", "xmpp:a@b.c/d"]),
    "emoji": (r":[\w+-]+:", [":tada:", ":+1:", "x:-1:y"]),
    "custom autolink with a number": (
        r"(?<![a-z])(?-i:[A-Z]{2,}[0-9]+)|\b[a-z]\w*[-:+=][0-9]+",
        ["DS-140", "TICK:1", "A+1", "A=1", "BUG12"],
    ),
}
GITHUB_MARKUP = {
    "HTML": "<b>x</b>",
    "hidden HTML": "<!-- x -->",
    "link": "[x](/y)",
    "image": "![x](/y)",
    "address in brackets": "<https://x.y>",
    "bold": "**x**",
    "italic": "_x_",
    "struck out": "~~x~~",
    "code": "`x`",
    "heading": "# x",
    "list": "- [ ] x",
    "numbered list": "1. x",
    "quote and alert": "> [!NOTE] x",
    "rule": "***",
    "fence": "```mermaid",
    "entity": "&copy;",
    "footnote": "[^1]: x",
    "mathematics": "$x$",
}

JIRA_CONTROLS = {
    "heading": ["h1. x", "H6. x"],
    "quote": ["bq. x"],
    "rule": ["----", "-----"],
    "list": ["* x", "# x", "- x", "** x", "#* x"],
    "line break": ["a \\\\ b", "\\\\"],
    "monospaced": ["{{x}}"],
    "macro": ["{code}", "{color:red}x{color}", "{noformat}", "{html}", "{anchor:x}", "{panel:title=x}"],
    "mention": ["[~alice]", "[~accountid:5b10]", "@alice"],
    "attachment": ["[^x.txt]"],
    "anchor": ["[#x]"],
    "link": ["[x|https://x.y]", "[DS-1]", "[mailto:a@b.c]", "[file:///c:/x]"],
    "image": ["!x.png!", "!x.png|thumbnail!", "!https://x.y/z.png!"],
    "emoticon": EMOTICONS,
    "entity": ["&#123;code&#125;", "&copy;"],
    "dash": ["a -- b", "a --- b"],
    "url": ["https://x.y", "ftp://x", "irc://x", "mailto:bob", "MAILTO:a@b.c", "file:/etc/x"],
    "citation": ["??x??", "a ??b c?? d"],
    "effect": ["*x*", "_x_", "-x-", "+x+", "^x^", "~x~", "a -b c- d", "({*}x{*})", "é -x y-!"],
    "bar": ["a | b", "|| a || b ||", "\\a|b"],
}


def flat(examples):
    return [each for group in examples for each in group]


PIECES = [
    *flat(each for _, each in GITHUB_RULES.values()),
    *GITHUB_MARKUP.values(),
    *flat(JIRA_CONTROLS.values()),
    *"\\|-*_+^~?!#@[]{}():;./&$<>`aZ0é漢",
    " ",
    "\n",
    "closes",
    "GH",
    "mailto",
    "deadbeef",
    BREAK,
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=12).map("".join)


def github_texts(markdown):
    """The text nodes of what GitHub renders, one for each paragraph or cell; mathematics and HTML parts them not."""
    inlines = [token for token in MARKDOWN.parse(markdown) if token.type == "inline"]
    return ["".join(child.content for child in each.children if child.type == "text") for each in inlines]


def found_on_github(markdown):
    return {
        (name, match[0])
        for text in github_texts(markdown)
        for name, (pattern, _) in GITHUB_RULES.items()
        for match in re.finditer(pattern, text, re.IGNORECASE | re.ASCII)
    }


def markup_on_github(markdown):
    """What Markdown makes of it besides a paragraph of text and the spans that keep ``$`` from being mathematics."""
    tokens = MARKDOWN.parse(markdown)
    all_tokens = [*tokens, *(child for token in tokens for child in token.children or ())]
    kinds = {token.type for token in all_tokens if token.content not in ("<span>", "</span>")}
    if any(token.type == "text" and re.search(r"\$[^$]+\$|\$\$", token.content) for token in all_tokens):
        kinds.add("mathematics")
    return kinds - {"paragraph_open", "paragraph_close", "inline", "text"}


@pytest.mark.parametrize("name", GITHUB_RULES)
def test_each_rule_of_github_finds_its_examples_and_not_their_neutral_form(name):
    for text in GITHUB_RULES[name][1]:
        assert name in {found for found, _ in found_on_github(text)}, text
        assert not found_on_github(neutral_github(text)), text


@pytest.mark.parametrize("text", GITHUB_MARKUP.values(), ids=GITHUB_MARKUP)
def test_markup_of_github_is_seen_and_its_neutral_form_is_text(text):
    assert markup_on_github(text) or github_texts(text) != [text]
    assert not markup_on_github(neutral_github(text))
    assert github_texts(neutral_github(text).replace(BREAK, "")) == [text]


@given(TEXTS)
@example("$#$1")
def test_github_finds_none_of_its_rules_in_a_sentence(text):
    neutral = neutral_github(text)
    sentence = f"Seen {neutral} and ({neutral}), **{neutral or 'x'}**."
    assert not found_on_github(sentence)
    assert not found_on_github(neutral)
    assert not markup_on_github(neutral)


@given(TEXTS)
def test_github_finds_none_of_its_rules_in_a_table(text):
    neutral = neutral_github(text)
    table = f"| one | two |\n| --- | --- |\n| {neutral} | {neutral} |\n"
    cells = [text.replace(BREAK, "") for text in github_texts(table)]
    assert cells == ["one", "two", neutral_terminal(text), neutral_terminal(text)]
    assert not found_on_github(table)


def plain(tokens):
    """What a reader sees, or None when Jira makes more of it than text and links to issues."""
    if {token.kind for token in tokens} - {"text", "issue key"}:
        return None
    return "".join(token.text for token in tokens).replace(BREAK, "")


@pytest.mark.parametrize("kind", JIRA_CONTROLS)
def test_each_kind_of_jira_markup_is_seen_and_its_neutral_form_is_text(kind):
    for text in JIRA_CONTROLS[kind]:
        assert kind in {token.kind for token in tokens_of(text)}, text
        assert plain(tokens_of(neutral_jira(text))) == neutral_terminal(text).replace("|", "¦"), text


def test_an_escaped_bar_would_still_end_its_cell_on_jira():
    assert len(cells_of(r"|a\|b|c|")) == 3


@given(TEXTS)
@example("mailto:bob")
def test_jira_sees_only_text_at_the_start_and_inside_of_a_sentence(text):
    neutral = neutral_jira(text)
    shown = neutral_terminal(text).replace("|", "¦")
    assert plain(tokens_of(neutral)) == shown
    assert plain(tokens_of(f"Seen {neutral} and, {neutral}.")) == f"Seen {shown} and, {shown}."


@given(TEXTS)
def test_jira_sees_only_text_in_the_cells_of_a_table(text):
    neutral = neutral_jira(text) or " "
    shown = neutral_terminal(text).replace("|", "¦") or " "
    assert [plain(cell) for cell in cells_of(f"|{neutral}|{neutral}|x|")] == [shown, shown, "x"]


def comment(kind, text):
    """A comment with the text in every place where a text of somebody may stand."""
    keys = (f"DS-1{text}", "acme/churn#7")
    refs = tuple(IssueRef(tracker="there", id=key, key=key) for key in keys)
    document = Document(
        heading=f"Title {text}",
        context=f"capability of {text}, increment {text}, due never",
        state=f"State {text}",
        lines=(f"Line {text}", f"{text} line", (f"Blocked {text}", refs)),
        header=("one", f"two {text}"),
        rows=((f"first {text}", f"{text} second"), ("third", "fourth")),
        footer=f"Kept by ({text})",
    )
    return render(document, kind).body


def frame_on_jira(body):
    """Kinds of markup of each line and cell, with those inside of bold text; text and links to issues left out."""
    lines = [
        cell
        for line in body.split("\n")
        for cell in (cells_of(line) if line.startswith("|") else [tokens_of(line)])
    ]
    return [[each for token in line for each in kinds_of(token)] for line in lines]


def kinds_of(token):
    inside = tokens_of(token.text[1:-1]) if token.kind == "effect" else []
    kinds = [token.kind, *(each for inner in inside for each in kinds_of(inner))]
    return [kind for kind in kinds if kind not in ("text", "issue key")]


@given(TEXTS)
def test_a_whole_comment_on_github_refers_to_nothing_and_keeps_its_form(text):
    body = comment("github", text)
    assert not found_on_github(body)
    assert markup_on_github(body) == markup_on_github(comment("github", "word"))
    assert len(github_texts(body)) == len(github_texts(comment("github", "word")))


@given(TEXTS)
def test_a_whole_comment_on_jira_keeps_its_form(text):
    assert frame_on_jira(comment("jira", text)) == frame_on_jira(comment("jira", "word"))


def test_the_form_of_a_comment_is_seen():
    frame = frame_on_jira(comment("jira", "word"))
    assert ["effect"] in frame
    assert ["list", "monospaced", "monospaced"] in frame
    assert frame_on_jira("*bold @alice*") == [["effect", "mention"]]


@settings(max_examples=20)
@given(TEXTS)
def test_a_report_that_is_pasted_into_github_refers_to_nothing_and_keeps_its_form(text):
    report, harmless = markdown(report_data(f" {text}")), markdown(report_data(" word"))
    assert not found_on_github(report)
    assert markup_on_github(report) == markup_on_github(harmless)
    assert len(github_texts(report)) == len(github_texts(harmless))


def change_set(text):
    change = LabelChange(
        ref=IssueRef(tracker="there", id="7", key=f"acme/churn#7{text}"),
        container="acme/churn",
        add={f"capability:{text}": Reason(text=f"because of {text}", rule=text)},
        remove={f"{text}-old": Reason(text=text)},
    )
    return changes_markdown(ChangeSet(labels=(change,)), Attention())


@given(TEXTS)
@example("\n\n@bob #1")
def test_a_change_set_in_a_pull_request_refers_to_nothing_and_keeps_its_form(text):
    table, harmless = change_set(text), change_set("word")
    assert not found_on_github(table)
    assert markup_on_github(table) == markup_on_github(harmless)
    assert len(github_texts(table)) == len(github_texts(harmless))
