"""Escaping: text of issues has no effect where it is written."""

import time

import pytest

from connectors.escape import ZERO_WIDTH_SPACE, escape_terminal
from connectors.jira.markup import escape_wiki
from connectors.markdown import escape_markdown


def seen(text):
    """Return the text with its invisible breaks made visible."""
    return text.replace(ZERO_WIDTH_SPACE, "·")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ping @alice and @acme/team", "ping @·alice and @·acme/team"),
        ("closes #12", r"closes \#·12"),
        ("fixes acme/churn#7", r"fixes acme/churn\#·7"),
        ("see GH-12 and DS-140", "see GH-·12 and DS-·140"),
        ("BUG123, TICK:1, A+1 and A=1", "BUG·123, TICK:·1, A+·1 and A=·1"),
        ("utf8 on v1.2", "utf8 on v1.2"),
        ("https://github.com/acme/churn/issues/7", "https·://github.com/acme/churn/issues/7"),
        ("www.example.org", "www·.example.org"),
        ("0123456789abcdef0123456789abcdef01234567", "012345·6789ab·cdef01·234567·89abcd·ef0123·4567"),
        ("reverts a5c3785", "reverts a5c378·5"),
        ("acme/churn@a5c3785ed8", "acme/churn@·a5c378·5ed8"),
        ("<!-- increment-sync:end -->", "&lt;!-- increment-sync:end --&gt;"),
        ("<img src=x> &lt;", "&lt;img src=x&gt; &amp;lt;"),
        ("![x](y) [^1]", r"!\[x\](y) \[^1\]"),
        ("a | b \\| c\\", "a &#124; b &#92;&#124; c&#92;"),
        ("**bold** `code` ~~gone~~ __x__", r"\*\*bold\*\* \`code\` \~\~gone\~\~ \_\_x\_\_"),
        ("# heading", r"\#· heading"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("=== + :", r"\=== + :"),
        ("+ item", r"\+ item"),
        (":-- cell", r"\:-- cell"),
        ("WWW.EXAMPLE.ORG", "WWW·.EXAMPLE.ORG"),
        ("xdeadbeef deadbeefx", "xdeadbeef deadbeefx"),
        ("a title :tada", "a title :tada·"),
        ("parser.js:100:14", "parser.js:·100:14"),
        ("$x$", "<span>$</span>x<span>$</span>"),
        ("Churn features: 62 % on 2026-12-11 (+8)", "Churn features: 62 % on 2026-12-11 (+8)"),
    ],
)
def test_on_github(text, expected):
    assert seen(escape_markdown(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{code}rm{code}", r"\{code\}rm\{code\}"),
        ("[~alice] [x|http://y]", r"\[\~alice\] \[x¦http·://y\]"),
        ("@alice", r"\@·alice"),
        ("mailto:bob FILE:/etc profile: x", "mailto·:bob FILE·:/etc profile: x"),
        ("a || b", "a ¦¦ b"),
        ("!pic.png!", r"\!pic.png\!"),
        ("*a* _b_ +c+ ^d^ ~e~ -f-", r"\*a\* \_b\_ \+c\+ \^d\^ \~e\~ \-f-"),
        ("??cite??", "?·?cite?·?"),
        ("really?", "really?"),
        ("h1. heading", "h1·. heading"),
        ("bq. quote", "bq·. quote"),
        ("- item", r"\- item"),
        ("# item", r"\# item"),
        ("----", r"\-\-\-\-"),
        ("a title -", r"a title \-"),
        ("a--b", r"a\-\-b"),
        (r"a \\ b \{", "a \\·\\· b \\·\\{"),
        ("(x) :) ;-)", r"\(x) :·) ;·\-)"),
        ("&#123;code&#125;", "&·\\#123;code&·\\#125;"),
        ("Churn-features for DS-12, end-to-end", "Churn-features for DS-12, end-to-end"),
    ],
)
def test_on_jira(text, expected):
    assert seen(escape_wiki(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m \x1b]8;;http://evil\x1b\\link\x1b]8;;\x07", "red link"),
        ("a\x00b\x07\x9b2Jc", "abc"),
        ("\x1b]never ended", "]never ended"),
        ("first\r\nsecond\u2028third\u0085fourth\tfifth", "first second third fourth fifth"),
        ("\u202eabc\u2066d\u2069", "abcd"),
        ("a\u200bb\ufeffc\u00add\u2060e", "abcde"),
        ("x\u200dy x\u200dé é\u200dx", "xy xé éx"),
        ("a\ue000b\ufff0c", "abc"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3", "👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3"),
        ("a\ufe0fb\ufe01c\U000e0100d\U000e0041", "abcd"),
        ("\u3164blank\u2800filler", "blank filler"),
        ("\u0338not at the start", "not at the start"),
        ("z" + "\u0301" * 40, "z" + "\u0301" * 4),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("  many   spaces\u00a0here ", "many spaces here"),
        ("", ""),
    ],
)
def test_on_a_terminal(text, expected):
    assert escape_terminal(text) == expected


def test_long_text_ends_in_an_ellipsis():
    assert escape_terminal("x" * 300) == "x" * 300
    assert escape_terminal("x" * 301) == "x" * 299 + "…"
    assert escape_terminal("one two", limit=5) == "one…"
    assert escape_markdown("*" * 50, limit=3) == r"\*\*…"
    assert escape_wiki("word " * 100, limit=10) == "word word…"


def test_a_hostile_megabyte_takes_no_time():
    before = time.perf_counter()
    for text in ("\x1b]" * 500_000, "\u0301" * 1_000_000, "a\u200d" * 500_000, "www." * 250_000):
        assert len(escape_terminal(text)) <= 300
        assert len(escape_markdown(text)) < 4_000
        assert len(escape_wiki(text)) < 4_000
    assert time.perf_counter() - before < 5
