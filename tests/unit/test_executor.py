"""Executor: one change at a time, journal entries, limits, and behaviour after rejected writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import AuthFailed, Rejected, Unavailable, WriteDeferred
from connectors.http.rate_limiter import RateLimiter, WriteLimits
from connectors.model import FailedSource, IssueRef, PulledSource
from sync.apply.executor import Executor
from sync.model.changes import ChangeSet, CommentChange, CommentRemoval, LabelChange, Reason
from sync.model.run import ApplyResult
from sync.runtime.context import RunContext
from sync.runtime.run_lock import LEASE_DURATION
from sync.store import LeaseLost
from tests.support.writing_world import FEATURES, INCREMENT, WritingWorld

WHY = Reason(text="a reason", rule="a-rule")


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def adding(world: WritingWorld, place: str = "DS", *labels: str) -> LabelChange:
    ref = world.trackers["github" if "/" in place else "jira"].add_issue(place, "Work")
    return LabelChange(ref=ref, container=place, add=dict.fromkeys(labels or (FEATURES,), WHY))


def apply(world: WritingWorld, *changes: LabelChange | CommentChange, **limits: object) -> ApplyResult:
    def work(run_context: RunContext) -> ApplyResult:
        run_context.store.acquire_lease(run_context.run_id, "a test", LEASE_DURATION)
        labels = tuple(change for change in changes if isinstance(change, LabelChange))
        comments = tuple(change for change in changes if isinstance(change, CommentChange))
        applied = Executor(run_context, **limits).apply(ChangeSet(labels=labels, comments=comments))  # type: ignore[arg-type]
        run_context.store.release_lease(run_context.run_id)
        return applied

    done: ApplyResult = world.with_context(work)
    return done


def test_each_write_is_in_the_journal_with_rule_reason_and_what_was_there(world: WritingWorld) -> None:
    change = adding(world, "DS", FEATURES, INCREMENT)
    assert apply(world, change).done == 1
    rows = world.journal()
    assert [(row.op, row.payload["label"], row.outcome, row.rule, row.why) for row in rows] == [
        ("add-label", FEATURES, "done", "a-rule", "a reason"),
        ("add-label", INCREMENT, "done", "a-rule", "a reason"),
    ]
    assert all(row.before == {"labels": []} for row in rows)


def test_a_github_label_is_made_once_before_its_first_use(world: WritingWorld) -> None:
    apply(world, adding(world, "acme/churn"), adding(world, "acme/churn"))
    apply(world, adding(world, "acme/churn"))
    assert [row.op for row in world.journal()].count("create-label") == 1
    assert world.journal()[0].op == "create-label"


def test_a_limit_leaves_the_rest_and_says_so(world: WritingWorld) -> None:
    applied = apply(world, *(adding(world) for _ in range(3)), max_writes=2)
    assert (applied.done, applied.skipped) == (2, 1)
    assert applied.skip_reasons == ["the limit of 2 writes (--max-writes) is reached"]
    assert applied.failed == []


def test_when_the_time_is_over_nothing_more_is_begun(world: WritingWorld) -> None:
    answers = iter([False, True, True])
    applied = apply(world, *(adding(world) for _ in range(3)), deadline=lambda: next(answers))
    assert (applied.done, applied.skipped) == (1, 2)


def test_one_issue_that_refuses_does_not_stop_the_others(world: WritingWorld) -> None:
    locked, fine = adding(world), adding(world)
    world.jira.edit(locked.ref.key, locked=True)
    applied = apply(world, locked, fine)
    assert applied.done == 1
    assert applied.failed == [
        (f"{locked.ref}  +{FEATURES}", f"{locked.ref}: the issue is locked"),
    ]
    assert [row.outcome for row in world.journal()] == ["failed", "done"]
    assert world.pushed(locked.ref.key) == set()


@pytest.mark.parametrize("error", [AuthFailed("token expired"), Unavailable("no answer")])
def test_a_tracker_that_stops_us_is_left_and_the_other_goes_on(world: WritingWorld, error: Exception) -> None:
    first, second, other = adding(world), adding(world), adding(world, "acme/churn")

    def refuse(*_: object) -> None:
        raise error

    world.jira.change_labels = refuse  # type: ignore[method-assign, assignment]
    applied = apply(world, first, second, other)
    assert (applied.done, len(applied.failed), applied.skipped) == (1, 1, 1)
    assert FEATURES in world.labels(other.ref.key)
    (row,) = [row for row in world.journal() if row.ref.tracker == "jira"]
    assert row.outcome == "unknown"  # it may have taken effect; the next run looks


def test_writes_that_a_limit_defers_wait_for_the_next_run_and_are_no_failures(world: WritingWorld) -> None:
    first, second, other = adding(world), adding(world), adding(world, "acme/churn")

    def defer(*_: object) -> None:
        raise WriteDeferred("the limit is used up", world.now + timedelta(hours=1))

    world.jira.change_labels = defer  # type: ignore[method-assign, assignment]
    applied = apply(world, first, second, other)
    assert (applied.done, applied.failed, applied.skipped) == (1, [], 2)
    assert applied.skip_reasons == ["the limit is used up"]
    assert len([row for row in world.journal() if row.ref.tracker == "jira"]) == 1, "nothing more was begun"


def test_what_creates_nothing_goes_on_when_the_limit_of_the_hour_is_used_up(world: WritingWorld) -> None:
    refused, cleared = adding(world), adding(world)
    world.jira.label(cleared.ref.key, FEATURES)
    removal = LabelChange(ref=cleared.ref, container="DS", remove={FEATURES: WHY})
    deletion = CommentRemoval(ref=cleared.ref, subject="capability:model", comment_id="7", reason=WHY)
    limiter = RateLimiter(WriteLimits(per_hour=1), tracker="jira")

    def work(context: RunContext) -> ApplyResult:
        limiter.record_start(context.now(), content=True)
        limited = replace(context, rate_limiters={"jira": limiter})
        limited.store.acquire_lease(limited.run_id, "a test", LEASE_DURATION)
        changes = ChangeSet(labels=(refused, removal), removals=(deletion,))
        applied = Executor(limited).apply(changes)
        limited.store.release_lease(limited.run_id)
        return applied

    applied = world.with_context(work)
    assert (applied.done, applied.skipped, applied.failed) == (2, 1, [])
    assert applied.skip_reasons == [
        "the limit of 1 labels and comments per hour on jira is used up until 10:00 UTC"
    ]
    assert world.labels(cleared.ref.key) == set()


def test_a_half_refused_swap_keeps_what_took_effect(world: WritingWorld) -> None:
    change = adding(world, "acme/churn", INCREMENT)
    world.github.label(change.ref.key, FEATURES)
    world.github.refusing_writes["remove"] = Rejected("no")
    swap = LabelChange(ref=change.ref, container="acme/churn", add={INCREMENT: WHY}, remove={FEATURES: WHY})
    assert len(apply(world, swap).failed) == 1
    assert world.pushed(change.ref.key) == {INCREMENT}


def test_of_two_labels_of_which_github_takes_one_that_one_is_ours(world: WritingWorld) -> None:
    change, really = adding(world, "acme/churn", FEATURES, INCREMENT), world.github.change_labels

    def drops_increments(ref: IssueRef, add: Sequence[str], remove: Sequence[str]) -> None:
        really(ref, [label for label in add if label != INCREMENT], remove)
        if INCREMENT in add:
            raise Rejected(f"GitHub accepted the label {INCREMENT} but did not put it on the issue")

    world.github.change_labels = drops_increments  # type: ignore[method-assign]
    ((_, why),) = apply(world, change).failed
    assert INCREMENT in why
    assert world.labels(change.ref.key) == world.pushed(change.ref.key) == {FEATURES}


def test_written_labels_are_known_without_another_read(world: WritingWorld) -> None:
    """Otherwise a list that lags would look as if a person had removed the label."""
    world.run()
    key = world.jira.add_issue("DS", "Work", labels=["features"]).key
    world.run()

    def labels(run_context: RunContext) -> set[str]:
        known = run_context.store.known_issue("jira", key)
        assert known is not None
        return set(known.issue.labels)

    assert world.with_context(labels) == {"features", FEATURES, INCREMENT}


def test_a_run_whose_lease_was_taken_over_writes_nothing(world: WritingWorld) -> None:
    change = adding(world)

    def work(run_context: RunContext) -> None:
        Executor(run_context).apply(ChangeSet(labels=(change,)))

    with pytest.raises(LeaseLost):
        world.with_context(work)
    assert world.labels(change.ref.key) == set()
    assert world.journal() == []


def test_the_time_for_a_run_counts_from_its_beginning_and_not_from_its_first_write(
    world: WritingWorld,
) -> None:
    world.github.add_issue("acme/churn", "Work", labels=["features"])
    quickly = world.github.pull

    def slowly(*asked: Any) -> Iterator[PulledSource | FailedSource]:
        world.pass_time(hours=2)
        yield from quickly(*asked)

    world.github.pull = slowly  # type: ignore[method-assign, assignment]
    applied = world.run(max_duration=timedelta(minutes=5)).applied
    assert applied is not None
    assert (applied.done, applied.skip_reasons) == (0, ["the time for this run (--max-duration) is over"])


def test_an_issue_that_keeps_refusing_is_tried_after_pauses_that_grow_to_a_day(world: WritingWorld) -> None:
    locked, fine = adding(world), adding(world)
    world.jira.edit(locked.ref.key, locked=True)

    def attempt() -> tuple[int, int]:
        applied = apply(world, locked, fine, honors_backoff=True)
        assert applied.done == 1, "the other issue"
        return len(applied.failed), applied.skipped

    assert attempt() == (1, 0)
    for hours in (0, 1, 2, 4, 8, 16, 24, 24):
        if hours:
            world.pass_time(hours=hours, minutes=-1)
            assert attempt() == (0, 1), f"before {hours} hours"
            world.pass_time(minutes=1)
        assert attempt() == (1, 0), f"after {hours} hours"
    (reason,) = apply(world, locked, honors_backoff=True).skip_reasons
    assert reason == (
        f"{locked.ref} rejected 9 writes ({locked.ref}: the issue is locked); next attempt when it changes, or after "
        f"{world.now + timedelta(hours=24):%Y-%m-%d %H:%M} UTC"
    )


def test_a_success_ends_the_pauses_of_an_issue(world: WritingWorld) -> None:
    change, fine = adding(world), adding(world)
    for is_locked in (True, False, True, True):
        world.jira.edit(change.ref.key, locked=is_locked)
        applied = apply(world, change, fine, honors_backoff=True)
        assert (len(applied.failed), applied.done) == ((1, 1) if is_locked else (0, 2))
