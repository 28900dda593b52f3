"""Ownership of status comments, times of edits, and comments after a change of the plan."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.errors import Gone, Rejected, Unavailable
from connectors.model import IssueRef
from sync.diff.comment_markup import wrap_block
from tests.support.writing_world import ME, PLAN, WritingWorld, notes

GOAL, CAPABILITY = "DS-1", "acme/churn#1"


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    made = WritingWorld(tmp_path)
    for _ in range(3):
        made.jira.add_issue("DS", "Sessionise events", labels=["features"])
    made.github.add_issue("acme/churn", "Train", labels=["model"])
    return made


def only(world: WritingWorld, key: str) -> str:
    (comment,) = world.comments(key)
    return comment.body


def marked(subject: str) -> dict[str, str]:
    return {"instance": "acme", "subject": subject}


# ---- whose it is


def test_each_anchor_gets_one_comment_with_our_marker(world: WritingWorld) -> None:
    world.run()
    (goal,), (capability,) = world.comments(GOAL), world.comments(CAPABILITY)
    assert goal.marker == marked("goal:retention")
    assert capability.body.startswith(
        "<!-- increment-sync:begin instance=acme subject=capability:features -->"
    )


@pytest.mark.parametrize("key", [GOAL, CAPABILITY])
def test_without_store_the_comment_is_found_again_and_edited(world: WritingWorld, key: str) -> None:
    world.run()
    before = world.comments(key)[0].id
    world.lose_store()
    world.jira.close("DS-2")
    world.run()
    (after,) = world.comments(key)
    assert after.id == before
    assert "In progress" in after.body


def test_without_store_a_comment_that_says_it_already_is_not_written_again(world: WritingWorld) -> None:
    world.run()
    world.lose_store()
    outcome = world.run()
    assert outcome.changes.comments == ()
    assert "edit-comment" not in {row.op for row in world.journal()}


def test_comments_that_imitate_ours_are_never_changed(world: WritingWorld) -> None:
    block = wrap_block("Old figures", "acme", "capability:features")
    world.github.comment_as(CAPABILITY, block, by="dana")
    world.github.comment_as(CAPABILITY, "> " + block.replace("\n", "\n> "), by=ME)
    world.jira.comment_as(GOAL, "Old figures", by="dana", marker=marked("goal:retention"))
    world.jira.comment_as(GOAL, "Old figures", by=ME, marker=marked("goal:other"))
    before = {key: world.comments(key) for key in (GOAL, CAPABILITY)}
    world.run()
    world.jira.close("DS-2")
    world.run()
    for key, comments in before.items():
        assert world.comments(key)[:-1] == comments


def test_what_people_write_around_our_text_survives_an_edit(world: WritingWorld) -> None:
    world.run()
    (comment,) = world.comments(CAPABILITY)
    edited = f"Dana was here.\r\n\r\n{comment.body}\r\n\r\n- [ ] call @ops about #4"
    world.github._issue_at(CAPABILITY).comments[comment.id] = _with(comment, body=edited)
    world.jira.close("DS-2")
    world.run()
    body = only(world, CAPABILITY)
    assert body.startswith("Dana was here.\r\n\r\n<!--")
    assert body.endswith("-->\r\n\r\n- [ ] call @ops about #4")
    assert "1 of 3 issues done" in body


def test_a_comment_that_a_person_deleted_is_not_posted_again(world: WritingWorld) -> None:
    world.run()
    world.github._issue_at(CAPABILITY).comments.clear()
    world.jira.close("DS-2")
    outcome = world.run()
    assert outcome.applied is not None and "was deleted by a person" in outcome.applied.notes[0]
    written = [row for row in world.journal() if row.run_id == outcome.run_id and row.outcome == "done"]
    assert outcome.applied.done == len({(row.ref, "comment" in row.op) for row in written}), (
        "what is left alone was not written"
    )
    world.jira.close("DS-3")
    assert "not posted again" in notes(world.run())
    assert world.comments(CAPABILITY) == []


def test_an_issue_out_of_sight_does_not_mean_that_a_person_deleted_the_comment(world: WritingWorld) -> None:
    world.run()
    world.jira.close("DS-2")
    stored = dict(world.github._issue_at(CAPABILITY).comments)
    world.github._issue_at(CAPABILITY).comments.clear()
    world.github.unreadable[CAPABILITY] = Gone("github: 404")
    assert world.run().exit_code == 1
    world.github.unreadable.clear()
    world.github._issue_at(CAPABILITY).comments.update(stored)
    world.run()
    assert "1 of 3 issues done" in only(world, CAPABILITY)


def test_a_lost_answer_leads_to_no_second_comment(world: WritingWorld) -> None:
    world.github.loses_responses = world.jira.loses_responses = True
    world.run()
    world.github.loses_responses = world.jira.loses_responses = False
    world.run()
    assert len(world.comments(GOAL)) == len(world.comments(CAPABILITY)) == 1


# ---- when it is edited


def test_a_state_change_is_written_at_once(world: WritingWorld) -> None:
    world.run()
    assert "Planned" in only(world, CAPABILITY)
    world.jira.close("DS-2")
    world.run()
    assert "In progress" in only(world, CAPABILITY)
    assert "In progress" in only(world, GOAL)


@pytest.mark.parametrize("label", ["blocked", "released"])
def test_blocked_and_released_are_written_at_once(world: WritingWorld, label: str) -> None:
    world.edit(
        "mappings/science.yaml", "rules:", "states: {doing: [Doing], blocked: {labels: [stuck]}}\nrules:"
    )
    world.jira.edit("DS-2", status="Doing", category="doing")
    world.run()
    assert label not in only(world, CAPABILITY)
    if label == "blocked":
        world.jira.label("DS-2", "stuck")
    else:
        world.github.label(CAPABILITY, "flag:released")
    world.run()
    assert label in only(world, CAPABILITY).lower()
    assert label in only(world, GOAL).lower()


def test_counts_are_written_once_a_day(world: WritingWorld) -> None:
    world.jira.close("DS-2")
    world.run()
    world.jira.close("DS-3")
    world.run()
    assert "1 of 3 issues done" in only(world, CAPABILITY)
    world.pass_time(hours=23)
    world.run()
    assert "2 of 3 issues done" in only(world, CAPABILITY)


def test_nothing_changes_by_itself(world: WritingWorld) -> None:
    world.run()
    world.run()
    before = world.snapshot()
    for _ in range(20):
        world.pass_time(days=2)
        world.run()
    assert world.snapshot() == before


def test_an_unreadable_source_is_named_after_a_day_and_the_numbers_stay(world: WritingWorld) -> None:
    world.jira.close("DS-2")
    world.run()
    world.github.failing["acme/churn"] = Unavailable("github does not answer")
    world.run()
    assert "Unreadable" not in only(world, GOAL)
    world.pass_time(hours=24)
    world.run()
    result = only(world, GOAL)
    assert "Unreadable since 2026-11-02" in result
    assert "1 of 4 issues done" in result
    world.pass_time(hours=24)
    world.jira.close("DS-3")
    world.run()
    assert only(world, GOAL) == result
    world.github.failing.clear()
    world.run()
    assert "Unreadable" not in only(world, GOAL)
    assert "2 of 4 issues done" in only(world, GOAL)


# ---- when the plan changes


def state_labels(world: WritingWorld, key: str) -> set[str]:
    return {label for label in world.labels(key) if label.startswith("state:")}


@pytest.mark.parametrize("container", ["acme/churn", "acme/plan"])
def test_another_anchor_takes_over_and_the_old_one_is_left_clean(world: WritingWorld, container: str) -> None:
    """Also if the former anchor is outside of all sources."""
    old = world.github.add_issue(container, "The first anchor").key
    new = world.github.add_issue(container, "The second anchor").key
    world.edit("plans/q4.yaml", f"github:{CAPABILITY}", f"github:{old}")
    world.run()
    assert state_labels(world, old)
    world.edit("plans/q4.yaml", f"github:{old}", f"github:{new}")
    outcome = world.run()
    assert outcome.exit_code == 0, notes(outcome)
    assert world.comments(old) == []
    assert state_labels(world, old) == set()
    assert state_labels(world, new) == {"state:planned"}
    assert len(world.comments(new)) == 1
    before = world.snapshot()
    assert len(world.run().changes) == 0
    assert world.snapshot() == before


def test_the_journal_keeps_the_deleted_text(world: WritingWorld) -> None:
    world.run()
    text = only(world, CAPABILITY)
    world.edit("plans/q4.yaml", f"        anchor: github:{CAPABILITY}\n", "")
    world.run()
    (row,) = [row for row in world.journal() if row.op == "delete-comment"]
    assert row.before["body"] == text
    assert row.outcome == "done"


def test_a_capability_that_leaves_its_plan_takes_its_comment_along(world: WritingWorld) -> None:
    world.run()
    capability = PLAN[PLAN.index("      - id: features") : PLAN.index("      - id: model")]
    world.edit("plans/q4.yaml", capability, "")
    world.edit("mappings/science.yaml", "assign: features", "assign: model")
    assert world.run().exit_code == 0
    assert world.comments(CAPABILITY) == []
    assert state_labels(world, CAPABILITY) == set()


def test_people_who_wrote_around_our_text_keep_theirs(world: WritingWorld) -> None:
    world.run()
    (comment,) = world.comments(CAPABILITY)
    world.github._issue_at(CAPABILITY).comments[comment.id] = _with(comment, body=f"Mine!\n\n{comment.body}")
    world.edit("plans/q4.yaml", f"        anchor: github:{CAPABILITY}\n", "")
    world.run()
    assert only(world, CAPABILITY) == "Mine!"
    world.edit(
        "plans/q4.yaml",
        "        team: science\n      - id: model",
        f"        team: science\n        anchor: github:{CAPABILITY}\n      - id: model",
    )
    world.run()
    assert len(world.comments(CAPABILITY)) == 2


def test_a_comment_that_is_no_longer_ours_is_not_deleted(world: WritingWorld) -> None:
    world.run()
    (comment,) = world.comments(CAPABILITY)
    world.github._issue_at(CAPABILITY).comments[comment.id] = _with(comment, body="Taken over by Dana")
    world.edit("plans/q4.yaml", f"        anchor: github:{CAPABILITY}\n", "")
    outcome = world.run()
    assert only(world, CAPABILITY) == "Taken over by Dana"
    assert outcome.applied is not None and "is no longer ours" in outcome.applied.notes[0]


def test_an_archived_plan_keeps_its_last_comment(world: WritingWorld) -> None:
    world.run()
    world.write(
        "plans/q5.yaml",
        "increment: 2027-q1\nstart: 2027-01-01\nend: 2027-03-31\ngoals:\n"
        "  - {id: next, title: Next, capabilities: [{id: later, title: Later, team: science}]}\n",
    )
    (world.root / "plans/q4.yaml").unlink()
    world.edit("mappings/science.yaml", "assign: features", "assign: later")
    world.edit("mappings/science.yaml", "assign: model", "assign: later")
    world.run()
    assert len(world.comments(GOAL)) == len(world.comments(CAPABILITY)) == 1
    assert state_labels(world, CAPABILITY) == {"state:planned"}


def test_the_new_comment_waits_until_the_old_one_could_be_deleted(world: WritingWorld) -> None:
    new = world.github.add_issue("acme/plan", "The second anchor").key
    world.run()
    world.edit("plans/q4.yaml", f"github:{CAPABILITY}", f"github:{new}")
    world.github.refusing_writes["delete"] = Rejected("the conversation is locked")
    assert world.run().exit_code == 1
    assert world.comments(new) == []
    world.github.refusing_writes.clear()
    world.run()
    assert len(world.comments(new)) == 1
    assert world.comments(CAPABILITY) == []


def test_a_source_that_failed_lets_no_comment_be_deleted(world: WritingWorld) -> None:
    world.run()
    world.edit("plans/q4.yaml", f"        anchor: github:{CAPABILITY}\n", "")
    world.jira.failing["DS"] = Unavailable("jira does not answer")
    world.run()
    assert len(world.comments(CAPABILITY)) == 1


def test_a_source_that_failed_lets_no_comment_move(world: WritingWorld) -> None:
    world.run()
    world.edit("plans/q4.yaml", f"github:{CAPABILITY}", "jira:DS-4")
    world.jira.edit("DS-4", labels=frozenset())
    world.github.failing["acme/churn"] = Unavailable("github does not answer")
    for _ in range(2):
        world.run()
        world.pass_time(hours=25)
    assert len(world.comments(CAPABILITY)) == 1
    assert world.comments("DS-4") == []
    world.github.failing.clear()
    world.run()
    assert world.comments(CAPABILITY) == []
    assert len(world.comments("DS-4")) == 1


def test_deleted_comments_count_as_removals(world: WritingWorld) -> None:
    world.run()
    world.edit("plans/q4.yaml", f"        anchor: github:{CAPABILITY}\n", "")
    outcome = world.run(max_removals=1)  # the label and the comment are two
    assert outcome.exit_code == 4
    assert len(world.comments(CAPABILITY)) == 1


# ---- increments


def test_an_increment_that_has_not_started_gets_labels_and_comments_and_no_baseline(tmp_path: Path) -> None:
    world = WritingWorld(tmp_path)
    world.now = datetime(2026, 9, 10, 8, tzinfo=UTC)
    key = world.jira.add_issue("DS", "Sessionise events", labels=["features"]).key
    outcome = world.run()
    assert "capability:features" in world.labels(key)
    assert len(world.comments(GOAL)) == 1
    assert outcome.recorded.baselines == {}
    assert world.run().recorded.baselines == {}
    world.now = datetime(2026, 10, 1, 8, tzinfo=UTC)
    world.run()
    assert set(world.run().recorded.baselines) == {"features", "model"}


def test_after_the_grace_days_comes_one_last_write_and_then_none(world: WritingWorld) -> None:
    world.now = datetime(2027, 1, 3, 8, tzinfo=UTC)
    world.jira.close("DS-2")
    world.run()
    world.now = datetime(2027, 1, 5, 20, tzinfo=UTC)
    world.jira.close("DS-3")  # in the grace days, told although the comment was edited today
    world.run()
    world.now = datetime(2027, 1, 6, 0, tzinfo=UTC)
    last = world.run()
    assert "2 of 3 issues done" in only(world, CAPABILITY)
    assert "Missed" in only(world, GOAL)
    assert len(last.changes) > 0
    before = world.snapshot()
    world.jira.reopen("DS-2")
    world.pass_time(days=3)
    reopened = world.run()
    assert {change.ref.key for change in reopened.changes.changes} <= {"DS-2"}
    assert world.comments(GOAL) == list(before[GOAL][1].values())
    assert world.labels("DS-3") == {"features", "capability:features", "increment:2026-q4"}


def _with(comment: object, **changed: object) -> object:
    from dataclasses import replace

    return replace(comment, **changed)  # type: ignore[type-var]


def test_an_anchor_that_moved_keeps_its_comment(world: WritingWorld) -> None:
    world.run()
    before: IssueRef = world.jira._issue_at(GOAL).issue.ref
    moved = world.jira.move(GOAL, "OPS")
    assert moved == before
    world.edit("plans/q4.yaml", f"jira:{GOAL}", f"jira:{moved.key}")
    world.jira.close("DS-2")
    world.run()
    assert len(world.comments(moved.key)) == 1
    assert "In progress" in only(world, moved.key)
