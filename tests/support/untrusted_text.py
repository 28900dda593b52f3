"""Untrusted texts, GitHub's rules as regular expressions, and strategies that mix them.

Sources of the rules: ``docs/untrusted-text.md``. Jira's rules are in ``jira_wiki.py``.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st
from markdown_it import MarkdownIt

from connectors.escape import ZERO_WIDTH_SPACE
from tests.support.jira_wiki import EMOTICONS

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
    ZERO_WIDTH_SPACE,
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=12).map("".join)


def github_texts(markdown):
    """Return the text nodes of the rendered Markdown, one per paragraph or cell, across mathematics and HTML."""
    inlines = [token for token in MARKDOWN.parse(markdown) if token.type == "inline"]
    return ["".join(child.content for child in each.children if child.type == "text") for each in inlines]


def matched_github_rules(markdown):
    return {
        (name, match[0])
        for text in github_texts(markdown)
        for name, (pattern, _) in GITHUB_RULES.items()
        for match in re.finditer(pattern, text, re.IGNORECASE | re.ASCII)
    }


def recognized_github_markup(markdown):
    """Return the recognized markup, except paragraphs and the spans that escape ``$``."""
    tokens = MARKDOWN.parse(markdown)
    all_tokens = [*tokens, *(child for token in tokens for child in token.children or ())]
    kinds = {token.type for token in all_tokens if token.content not in ("<span>", "</span>")}
    if any(token.type == "text" and re.search(r"\$[^$]+\$|\$\$", token.content) for token in all_tokens):
        kinds.add("mathematics")
    return kinds - {"paragraph_open", "paragraph_close", "inline", "text"}
