"""Caches of the matcher: whatever comes, they stay small and change no result."""

from __future__ import annotations

import pytest

from mappings import labels as label_grammar
from mappings.labels import LabelScheme
from mappings.rules import flow_state, matcher, rule_index
from mappings.rules.rule_index import _compile_set
from tests.support.match_world import (
    Q4,
    assigned_capabilities,
    capability,
    increment,
    known,
    labelled,
    match,
    rule,
    team,
    workspace,
)


def test_parsed_labels_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_grammar, "_PARSE_CACHE_SIZE", 3)
    scheme = LabelScheme()
    for _ in range(2):
        for number in range(8):
            parsed = scheme.parse(f"capability:c{number}")
            assert parsed is not None and parsed.value == f"c{number}"
            assert len(scheme._parse_cache) <= 3


def test_issues_are_assigned_alike_with_small_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"area-{number}" for number in range(6)]
    world = workspace(
        increment("q4", Q4, *(capability(name) for name in names)),
        teams=(team("science", *(rule(name, name, labelled(name)) for name in names)),),
    )
    issues = [
        known(f"DS-{number}", labels=[names[number % 6], f"seen-{number}"], status=f"status {number}")
        for number in range(1, 40)
    ]
    expected = assigned_capabilities(match(world, *issues))
    assert len(expected) == len(issues)
    for module in (matcher, flow_state, rule_index):
        monkeypatch.setattr(module, "_CACHE_SIZE", 2)
    assert assigned_capabilities(match(world, *issues)) == expected


def test_patterns_that_are_too_large_for_one_set_are_searched_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _compile_set(["churn", "model"]) is not None
    monkeypatch.setattr(rule_index, "_SET_MEMORY", 1)
    assert _compile_set(["churn", "model"]) is None
    world = workspace(
        increment("q4", Q4, capability("churn"), capability("model")),
        teams=(
            team(
                "science",
                rule("churn", "churn", {"title": "churn"}),
                rule("model", "model", {"title": "model"}),
            ),
        ),
    )
    issues = [
        known("DS-1", title="A churn score"),
        known("DS-2", title="A model"),
        known("DS-3", title="Else"),
    ]
    assert assigned_capabilities(match(world, *issues)) == {"DS-1": "churn", "DS-2": "model"}
