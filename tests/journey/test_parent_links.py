"""Parents above epics, which Data Center keeps in a field of Advanced Roadmaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.journey_world import MAPPING, TOKENS, JourneyWorld, jira_seed, plain_trackers

RULE = "  - {id: portfolio, when: {parent: OPS-1}, assign: model}"


def seed(kind: str) -> dict[str, Any]:
    """Return a task in an epic in an initiative of another project."""
    site = jira_seed(1, kind=kind)
    site["projects"]["OPS"] = {"issues": [{"key": "OPS-1", "summary": "Portfolio", "type": "Initiative"}]}
    site["projects"]["DS"]["issues"] += [
        {"key": "DS-40", "summary": "Epic", "type": "Epic", "parent": "OPS-1", "created": "20d ago"},
        {"key": "DS-41", "summary": "Task", "parent": "DS-40", "created": "20d ago"},
    ]
    return site


@pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])
def test_a_rule_finds_the_issues_below_the_parent_of_an_epic(
    make_world: Callable[..., JourneyWorld], kind: str
) -> None:
    world = make_world(
        jira=seed(kind),
        trackers=lambda box: plain_trackers(box).replace("jira-cloud", kind),
        environment={**TOKENS, "JIRA_PAT": "jira-token"} if kind == "jira-dc" else TOKENS,
        mapping=MAPPING + f"{RULE}\n",
    )
    result = world.run()
    assert result.code == 0, result.err
    assert {"capability:model", "increment:2026-q4"} <= world.labels("DS-41")
    assert "OPS-1" in world.explain("DS-41").out
