"""Iterations, experiments and the time to an answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.model import Issue, IssueChange
from sync.cli.commands.learning import show_learning
from sync.insights.experiments import learning_by_iteration
from sync.model.rollup import Rollup
from tests.support.match_world import issue
from tests.support.offline_world import MAPPING, OfflineWorld, days_ago, done
from tests.support.rollup_world import MIDWAY, roll_up_plan, team
from tests.support.rollup_world import issue as assigned
from tests.support.store_world import DS

WITH_EXPERIMENTS = MAPPING.replace(
    "assign: model, iteration: v2", "assign: model, iteration: v2, experiment: true"
)


def experiment(key: str, *labels: str, days: float | None = None, **facts: Any) -> Issue:
    """Return an experiment under DS-140 that was finished ``days`` days after its creation."""
    facts = {"parent": "DS-140", "labels": list(labels), **facts}
    if days is None:
        return issue(key, created=days_ago(20), **facts)
    return done(key, 10, created=days_ago(10 + days), **facts)


def test_answers_of_every_kind_and_how_long_they_took(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        issue("DS-140"),
        experiment("DS-1", "result:confirmed", days=2),
        experiment("DS-2", "result:rejected", days=4),
        experiment("DS-3", "result:rejected", days=9, resolution="Won't Do"),
        experiment("DS-4", days=5),
        experiment("DS-5"),
        experiment("DS-6", days=3, resolution="Won't Do"),
        mapping=WITH_EXPERIMENTS,
    )
    v1, v2 = world.call(lambda invocation: show_learning(invocation, None), as_json=True).json["rounds"]
    assert (v1["iteration"], v1["questions"]) == ("v1", [])
    assert (v2["iteration"], v2["usual_days"]) == ("v2", 4)
    assert v2["outcomes"] == {"confirmed": 1, "rejected": 2, "inconclusive": 0, "open": 1, "missing": 1}
    text = world.call(lambda invocation: show_learning(invocation, None)).out
    assert "rejected after 9.0 days: DS-3 Something to do" in text
    assert "missing: DS-4" in text


def answered_at(*changes: tuple[str, datetime]) -> datetime | None:
    entry, known = assigned(
        "DS-1", "done", status={"answer": "rejected"}, assigned={"experiment": True}, closed=MIDWAY
    )
    rollup: Rollup = roll_up_plan((entry, known))
    history = [
        IssueChange(ref=entry.ref, id=str(number), at=at, kind="label", after=label)
        for number, (label, at) in enumerate(changes)
    ]
    (found,) = learning_by_iteration(
        rollup.increments,
        {entry.ref: known},
        {(entry.ref.tracker, entry.ref.id): history},
        [team("science", DS)],
    )
    return found.questions[0].answered


def test_the_label_says_when_it_was_answered_and_else_the_close() -> None:
    later = MIDWAY + timedelta(days=2)
    assert answered_at() == MIDWAY
    assert answered_at(("result:rejected", later)) == later
    assert answered_at(("result:confirmed", later)) == MIDWAY
    assert answered_at(("RESULT:Rejected", later), ("result:rejected", MIDWAY)) == later


def test_titles_are_harmless_on_a_terminal(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path, issue("DS-140"), experiment("DS-1", title="\x1b[31mred\nline"), mapping=WITH_EXPERIMENTS
    )
    text = world.call(lambda invocation: show_learning(invocation, None)).out
    assert "\x1b" not in text
    assert "DS-1 red line" in text
