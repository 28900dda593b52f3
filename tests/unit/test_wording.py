"""Numbers in sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.wording import are, pluralize


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "issue", "0 issues"),
        (1, "unplanned issue", "1 unplanned issue"),
        (1, "capability", "1 capability"),
        (2, "more capability", "2 more capabilities"),
        (2, "history", "2 histories"),
        (2, "day", "2 days"),
        (1, "person", "1 person"),
        (2, "person", "2 people"),
    ],
)
def test_nouns_follow_their_number(count: int, noun: str, text: str) -> None:
    assert pluralize(count, noun) == text


def test_verbs_follow_their_number() -> None:
    assert (are(1, "person"), are(2, "person")) == ("1 person is", "2 people are")


def test_no_sentence_prints_a_length_before_a_fixed_plural() -> None:
    """``{len(rows)} overrides`` reads ``1 overrides`` for one of them."""
    root = Path(__file__).parents[2]
    fixed = re.compile(r"\{len\([^{}]*\)\} (?!more\b|of\b|characters\b)(?:\w+ )?\w+s\b(?! such)")
    found = [
        f"{path.relative_to(root)}: {match[0]}"
        for package in ("connectors", "mappings", "sync")
        for path in (root / package).rglob("*.py")
        for match in fixed.finditer(path.read_text(encoding="utf-8"))
    ]
    # The text of one label is another one.
    assert found == ["connectors/github/diagnostics.py: {len(labels)} labels"]
