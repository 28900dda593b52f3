"""``explain`` for issues in the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mappings.model import Assignment, IssueState
from sync.cli.commands.explain import explain
from sync.runtime.bootstrap import load_configuration
from sync.runtime.session import open_workspace_store
from sync.store import PushedCommentRecord, Store
from tests.support.match_world import issue
from tests.support.offline_world import NOW, PLAN, CommandResult, OfflineWorld, days_ago, done

OTHER = """\
team: other
sources:
  - jira: {project: DS}
rules:
  - {id: theirs, when: {labels: [shared]}, assign: model}
"""


def explanation(world: OfflineWorld, key: str) -> str:
    result = world.call(lambda invocation: explain(invocation, key))
    assert result.code == 0, result.err
    return result.out


def as_json(world: OfflineWorld, key: str) -> Any:
    return world.call(lambda invocation: explain(invocation, key), as_json=True).json


def remember(world: OfflineWorld, note: Callable[[Store], object]) -> None:
    with open_workspace_store(load_configuration(world.root), lambda: NOW) as store:
        note(store)


def test_lists_every_rule_in_order_with_its_conditions(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-140"), issue("DS-1", labels=["bug", "urgent"], parent="DS-140"))
    first, second = as_json(world, "DS-1")["teams"][0]["rules"]
    assert (first["rule"], first["reached"], first["matched"]) == ("features", True, False)
    assert first["conditions"] == [
        {"key": "labels", "expected": "any of features", "found": ["bug", "urgent"], "holds": False}
    ]
    assert (second["rule"], second["matched"], second["origin"]) == (
        "model",
        True,
        "mappings/science.yaml:7:5",
    )
    assert second["conditions"] == [
        {"key": "parent", "expected": "any of DS-140", "found": ["DS-140"], "holds": True}
    ]
    text = explanation(world, "DS-1")
    assert text.index("- features (mappings/science.yaml:6:5) -> features: does not match") < text.index(
        "+ model (mappings/science.yaml:7:5) -> model, iteration v2: matches"
    )
    assert "NO labels any of features; it has bug, urgent" in text
    assert "ok parent any of DS-140; it has DS-140" in text
    assert "counts towards model, iteration v2 (by rule model)" in text


def test_rules_behind_the_winner_say_whether_they_would_match(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        issue("DS-1", labels=["features"], parent="DS-140"),
        issue("DS-2", labels=["features"]),
    )
    assert "not evaluated, features matched first; it would match, too" in explanation(world, "DS-1")
    assert "not evaluated, features matched first; it would not match" in explanation(world, "DS-2")


def test_conditions_see_all_ancestors(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        issue("DS-140"),
        issue("DS-141", parent="DS-140"),
        issue("DS-142", parent="DS-141"),
    )
    result = as_json(world, "DS-142")
    assert result["ancestors"] == ["DS-141", "DS-140"]
    assert (result["capability"], result["iteration"], result["rule"]) == ("model", "v2", "model")


def test_circular_parents_end(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", parent="DS-2"), issue("DS-2", parent="DS-1"))
    assert as_json(world, "DS-1")["ancestors"] == ["DS-2"]


def test_shows_the_rollup_of_the_issue(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path,
        issue("DS-1", labels=["features"], category="doing"),
        done("DS-2", 3, labels=["features"]),
        issue("DS-3", parent="DS-140"),
    )
    text = explanation(world, "DS-1")
    assert "capability features (Churn features): in-progress, 1 of 2 issues done, 1 in progress" in text
    assert (
        "goal retention (Keep subscribers): in-progress, 0 of 2 required capabilities done, "
        "1 of 3 issues done, 1 in progress, 1 to do; committed"
    ) in text
    assert "iteration v2: planned, 0 of 1 issue done, 1 to do" in explanation(world, "DS-3")


def test_rollup_numbers_are_those_of_the_last_run(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", labels=["features"]))
    figures = as_json(world, "DS-1")["rolls_up_to"][0]["figures"]
    assert figures["counts"]["todo"] == 1
    counted = figures | {"counts": figures["counts"] | {"todo": 7}}
    remember(world, lambda store: store.save_rollup("run-1", days_ago(1), {"capability:features": counted}))
    result = as_json(world, "DS-1")
    assert result["figures_at"] == "2026-11-22 12:00:00+00:00"
    assert result["rolls_up_to"][0]["figures"]["counts"]["todo"] == 7
    assert "numbers of 2026-11-22 12:00 UTC" in explanation(world, "DS-1")
    assert "goal retention: no run has counted it yet" in explanation(world, "DS-1")


def test_an_anchor_shows_its_subject(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-100"), issue("acme/churn#12", labels=["features"]))
    goal = explanation(world, "DS-100")
    assert "neither counted nor unplanned" in goal
    assert "It is the anchor of (" in goal
    assert "goal retention (Keep subscribers)" in goal
    assert "capability" not in goal.partition("It is the anchor of (")[2]
    assert "capability features (Churn features)" in explanation(world, "acme/churn#12")


def test_unplanned_work_rolls_up_to_nothing(tmp_path: Path) -> None:
    text = explanation(OfflineWorld(tmp_path, issue("DS-1")), "DS-1")
    assert "unplanned (no-rule)" in text
    assert "rolls up" not in text


def test_a_conflict_shows_both_claims(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path, issue("DS-1", labels=["features", "shared"]), more={"mappings/other.yaml": OTHER}
    )
    result = as_json(world, "DS-1")
    assert result["outcome"] == "conflict"
    assert {team["team"]: team["winner"] for team in result["teams"]} == {
        "science": "features",
        "other": "theirs",
    }
    assert [each["subject"] for each in result["rolls_up_to"]] == [
        "capability:features",
        "capability:model",
        "goal:retention",
    ]


def test_manual_overrides_win_and_are_listed(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", labels=["features"]), issue("DS-2"))

    def decide(store: Store) -> None:
        store.add_override(
            issue("DS-1").ref, "veto", "capability:features", since=days_ago(2), run_id="r", note="by Ada"
        )
        store.add_override(issue("DS-2").ref, "pin", "capability:model", since=days_ago(2), run_id="r")

    remember(world, decide)
    vetoed, pinned = explanation(world, "DS-1"), explanation(world, "DS-2")
    assert "unplanned (veto)" in vetoed
    assert "A person removed it from features." in vetoed
    assert "veto capability:features since 2026-11-21 12:00 UTC (by Ada)" in vetoed
    assert "counts towards model (by a person's pin)" in pinned
    assert "pin capability" not in vetoed


def test_lists_written_labels_and_former_assignments(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", labels=["features"]), issue("DS-101"))
    ref, anchor = issue("DS-1").ref, issue("DS-101").ref

    def write(store: Store) -> None:
        store.record_pushed_labels(
            ref, added=["capability:model"], removed=[], run_id="run-1", at=days_ago(3)
        )
        store.record_pushed_comment(
            PushedCommentRecord(
                subject="capability:model",
                ref=anchor,
                comment_id="7",
                body="text",
                full_hash="f",
                urgent_hash="u",
                edited_at=days_ago(3),
                run_id="run-1",
            )
        )
        was = Assignment(
            ref=ref, team="science", capability="model", state=IssueState(state="todo"), rule="old"
        )
        store.save_assignments("run-1", days_ago(3), [was])
        store.save_assignments("run-2", days_ago(1), [])

    remember(world, write)
    text = explanation(world, "DS-1")
    assert "capability:model since 2026-11-20 12:00 UTC, run run-1" in text
    assert text.index("2026-11-20 12:00 UTC model (rule old, run run-1)") < text.index(
        "2026-11-22 12:00 UTC nowhere (rule -, run run-2)"
    )
    assert "status comment of capability:model, last edited 2026-11-20 12:00 UTC, live" in explanation(
        world, "DS-101"
    )
    assert "status comment" not in text


def test_managed_labels_are_hidden_from_rules_and_listed(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", labels=["capability:model", "bug"]))
    text = explanation(world, "DS-1")
    assert "rules do not see capability:model" in text
    assert "NO labels any of features; it has bug" in text


@pytest.mark.parametrize(
    "text",
    [
        "DS-7",
        " DS-7 ",
        "ds-7",
        "jira:DS-7",
        "https://acme.example/browse/DS-7",
        "https://acme.example/browse/DS-7?focusedCommentId=1#c",
        "https://acme.example/jira/software/projects/DS/boards/1?selectedIssue=DS-7",
    ],
)
def test_a_jira_issue_is_found_by_key_and_by_url(tmp_path: Path, text: str) -> None:
    assert as_json(OfflineWorld(tmp_path, issue("DS-7")), text)["issue"] == "jira:DS-7"


@pytest.mark.parametrize(
    "text",
    [
        "acme/churn#7",
        "github:acme/churn#7",
        "https://github.com/acme/churn/issues/7",
        "https://github.com/acme/churn/pull/7/files",
        "https://github.com/acme/churn/issues/7#issuecomment-1",
    ],
)
def test_a_github_issue_is_found_by_key_and_by_url(tmp_path: Path, text: str) -> None:
    assert as_json(OfflineWorld(tmp_path, issue("acme/churn#7")), text)["issue"] == "github:acme/churn#7"


@pytest.mark.parametrize(
    "text", ["DS-9", "https://elsewhere.example/browse/DS-7", "https://acme.example/", "jira:nonsense", "?"]
)
def test_an_unknown_issue_is_reported_with_advice(tmp_path: Path, text: str) -> None:
    result = OfflineWorld(tmp_path, issue("DS-7")).call(lambda invocation: explain(invocation, text))
    assert (result.code, result.out) == (1, "")
    assert f"{text} is not in the last snapshot" in result.err
    assert "--live" in result.err


def test_an_empty_store_is_reported(tmp_path: Path) -> None:
    result: CommandResult = OfflineWorld(tmp_path, plan=PLAN).call(
        lambda invocation: explain(invocation, "DS-1")
    )
    assert result.code == 1
    assert "nothing has been read yet" in result.err


def test_a_vanished_issue_is_marked(tmp_path: Path) -> None:
    world = OfflineWorld(tmp_path, issue("DS-1", labels=["features"]))
    remember(world, lambda store: store.mark_vanished(issue("DS-1").ref, days_ago(1)))
    assert "not on the tracker any more, as of 2026-11-22 12:00 UTC" in explanation(world, "DS-1")


def test_text_from_a_tracker_is_escaped(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path, issue("DS-1", title="\x1b[31mred\x07", labels=["a\x1b[2J"], type="T\x1b]0;owned\x07ask")
    )
    text = explanation(world, "DS-1")
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "red" in text


def test_before_the_first_run_a_large_store_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync.mapping_tools.explain._MAX_COUNTED_NOW", 1)
    world = OfflineWorld(tmp_path, issue("DS-1", labels=["features"]), issue("DS-2"))
    text = explanation(world, "DS-1")
    assert "counts towards features" in text
    assert "capability features: no run has counted it yet" in text
