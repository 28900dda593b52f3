"""Failure modes known from other tools, end to end. ``docs/failure-modes.md`` lists them with their tests."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.journey_world import FEATURES, MODEL, JourneyWorld

WRITES = {
    "POST /api/v3/repos/[^/]+/[^/]+/labels": {"name", "color", "description"},
    "PATCH /api/v3/repos/[^/]+/[^/]+/labels/[^/]+": {"new_name"},
    r"POST /api/v3/repos/[^/]+/[^/]+/issues/\d+/labels": {"labels"},
    r"DELETE /api/v3/repos/[^/]+/[^/]+/issues/\d+/labels/[^/]+": set(),
    r"POST /api/v3/repos/[^/]+/[^/]+/issues/\d+/comments": {"body"},
    r"PATCH /api/v3/repos/[^/]+/[^/]+/issues/comments/\d+": {"body"},
    r"DELETE /api/v3/repos/[^/]+/[^/]+/issues/comments/\d+": set(),
    r"PUT /rest/api/2/issue/\d+": {"update"},
    r"POST /rest/api/2/issue/\d+/comment": {"body", "properties"},
    r"PUT /rest/api/2/issue/\d+/comment/\d+": {"body", "properties"},
    r"DELETE /rest/api/2/issue/\d+/comment/\d+": set(),
}
"""Every kind of write that the program may send, with the keys of its body."""
READS = "POST /rest/api/[23]/(search/jql|changelog/bulkfetch|comment/list)"
WORLD_MOVES = ("labels: [model]}, assign: model", "labels: [other]}, assign: model")
RENAME = ("{id: features,", "{id: event-features, previously: [features],")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Return all requests but GETs: method with path, and body."""
    found: list[tuple[str, Any]] = []
    send = requests.Session.send

    def listening(self: requests.Session, request: requests.PreparedRequest, **more: Any) -> Any:
        if request.method != "GET":
            path = re.sub(r"^\w+://[^/]+(/jira|/github)?", "", str(request.url)).split("?")[0]
            found.append((f"{request.method} {path}", json.loads(request.body or "{}")))
        return send(self, request, **more)

    monkeypatch.setattr(requests.Session, "send", listening)
    return found


def test_labels_are_never_set_as_a_whole_and_no_label_is_deleted_from_its_tracker(
    world: JourneyWorld, sent: list[tuple[str, Any]]
) -> None:
    world.run()
    world.close("acme/churn#11")
    world.edit("mappings/science.yaml", *WORLD_MOVES)
    assert world.run(max_removals=100).code == 0
    world.edit("plans/2026-q4.yaml", *RENAME)
    world.edit("mappings/science.yaml", "assign: features", "assign: event-features")
    assert world.run().code == 0
    world.edit("plans/2026-q4.yaml", 'anchor: "github:acme/churn#1"}', "required: true}")
    assert world.run().code == 0
    world.undo(world.last_run(), limit=100, post_again=True)
    used = set()
    for line, body in sent:
        if re.fullmatch(READS, line):
            continue
        kinds = [kind for kind in WRITES if re.fullmatch(kind, line)]
        assert len(kinds) == 1, line
        (kind,) = kinds
        assert set(body) <= WRITES[kind], line
        used.add(kind)
        if "update" in body:
            assert set(body["update"]) == {"labels"}
            assert {verb for each in body["update"]["labels"] for verb in each} <= {"add", "remove"}
    assert len(used) >= 8, "the story is one of many writes"


def test_an_issue_that_can_hold_no_more_labels_keeps_those_of_people(world: JourneyWorld) -> None:
    full = "acme/churn#11"
    for number in range(99):
        world.label(full, f"team-{number}")
    theirs = world.labels(full)
    assert len(theirs) == 100
    result = world.run()
    assert result.code == 1
    assert "an issue has at most 100 labels" in result.out
    assert world.labels(full) == theirs
    assert "capability:features" in world.labels("acme/churn#12"), "the others go on"
    for number in range(2):
        world.unlabel(full, f"team-{number}")
    assert world.run(after=timedelta(hours=3)).code == 0
    assert world.labels(full) == theirs - {"team-0", "team-1"} | {
        "capability:features",
        "increment:2026-q4",
    }


@pytest.mark.parametrize("anchor", [MODEL, FEATURES])
def test_our_comment_is_found_behind_a_hundred_others(world: JourneyWorld, anchor: str) -> None:
    """Other tools read the first page only and posted a new comment in every run."""
    for number in range(120):
        if anchor == FEATURES:
            world.github.comment("acme/churn", 1, f"comment {number}", by="ada")
        else:
            world.jira.comment(MODEL, f"comment {number}", "ada")
    world.run()
    before = world.comments(anchor)
    assert len(before) == 121
    for file in (world.root / ".increment-sync").glob("state.db*"):
        file.unlink()
    world.close("acme/churn#11" if anchor == FEATURES else "DS-11")
    for _ in range(2):
        assert world.run().code == 0
    after = world.comments(anchor)
    assert after[:-1] == before[:-1]
    assert "In progress" in after[-1]


def test_commands_that_write_nothing_leave_a_reviewed_change_set_applicable(
    world: JourneyWorld, tmp_path: Path
) -> None:
    world.run()
    world.close("acme/churn#11")
    reviewed = tmp_path / "reviewed.json"
    assert world.preview(reviewed).code == 0
    assert world.preview(tmp_path / "another.json").code == 0
    assert world.reconcile(answer="n").code in (0, 1)
    assert world.run(max_duration=timedelta(0)).code == 0
    assert world.writes() == []
    result = world.apply(reviewed)
    assert result.code == 0, result.err
    assert world.labels(FEATURES) == {"state:in-progress"}
