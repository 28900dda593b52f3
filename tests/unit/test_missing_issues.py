"""Issues that a full reading lacks: each is read directly, and a reading that is not credible changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import Gone, MalformedIssue, Unavailable
from connectors.model import (
    Census,
    FailedSource,
    FieldSelection,
    PulledSource,
    Source,
    SourceCursor,
    UnreadableIssue,
)
from sync.model.run import RunResult
from sync.runtime.context import RunContext
from tests.support.writing_world import FEATURES, INCREMENT, WritingWorld, notes


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def work(world: WritingWorld, count: int, place: str = "DS") -> list[str]:
    tracker = world.github if "/" in place else world.jira
    return [tracker.add_issue(place, "Work", labels=["features"]).key for _ in range(count)]


def later(world: WritingWorld, **options: bool) -> RunResult:
    """Run on a day when all ids are listed again."""
    world.pass_time(days=8)
    return world.run(**options)


def vanished(world: WritingWorld) -> set[str]:
    def keys(run_context: RunContext) -> set[str]:
        return {item.issue.ref.key for item in run_context.store.known_issues() if item.vanished}

    found: set[str] = world.with_context(keys)
    return found


def test_a_missing_issue_that_does_not_exist_has_vanished(world: WritingWorld) -> None:
    gone, *_ = work(world, 4)
    world.run()
    world.jira.delete_issue(gone)
    outcome = later(world)
    assert outcome.exit_code == 0, notes(outcome)
    assert vanished(world) == {gone}
    assert world.pushed(gone) == {FEATURES, INCREMENT}, "it may come back"


def test_a_missing_issue_that_moved_out_of_all_sources_has_left(world: WritingWorld) -> None:
    moved, *_ = work(world, 4)
    world.run()
    key = world.jira.move(moved, "OPS").key
    outcome = later(world)
    assert outcome.exit_code == 0, notes(outcome)
    assert vanished(world) == set()
    assert world.labels(key) == {"features"}


def test_an_issue_that_the_list_lacks_and_that_is_in_its_place_stays(world: WritingWorld) -> None:
    unlisted, *_ = keys = work(world, 4)
    world.run()
    really = world.jira.pull

    def incomplete(
        sources: Sequence[SourceCursor], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        for answer in really(sources, selection):
            assert isinstance(answer, PulledSource)
            issues = tuple(each for each in answer.issues if each.ref.key != unlisted)
            yield replace(answer, issues=issues)

    world.jira.pull = incomplete  # type: ignore[method-assign, assignment]
    world.jira.direct_reads.clear()
    outcome = later(world)
    assert (outcome.exit_code, len(outcome.changes)) == (0, 0), notes(outcome)
    assert unlisted in world.jira.direct_reads
    assert vanished(world) == set()
    assert all(world.labels(key) == {"features", FEATURES, INCREMENT} for key in keys)


def test_while_a_missing_issue_cannot_be_read_its_source_counts_as_unread(world: WritingWorld) -> None:
    missing, _, _, fine = work(world, 4)
    world.run()
    world.jira.delete_issue(missing)
    world.jira.unreadable[missing] = Unavailable("jira does not answer")
    world.jira.unlabel(fine, "features")
    outcome = later(world)
    assert outcome.exit_code == 1
    assert [(each.source.name, each.reason) for each in outcome.pulled.failed] == [
        ("jira:DS", "jira does not answer")
    ]
    assert vanished(world) == set()
    assert world.labels(fine) == {FEATURES, INCREMENT}
    world.jira.unreadable.clear()
    assert later(world).exit_code == 0
    assert vanished(world) == {missing}
    assert world.labels(fine) == set()


def test_issues_that_vanished_before_are_no_measure_for_how_many_may_be_missing(world: WritingWorld) -> None:
    """Of twelve issues six may be missing at first, but of the six that are left only three."""
    keys = work(world, 11)
    world.run()
    for key in keys[:6]:
        world.jira.delete_issue(key)
    assert later(world, accept_shrink=True).exit_code == 0
    assert vanished(world) == set(keys[:6])
    for key in keys[6:10]:
        world.jira.delete_issue(key)
    outcome = later(world)
    assert [each.reason.partition(", more")[0] for each in outcome.pulled.failed] == [
        "jira:DS shrank from 6 to 2 issues"
    ]
    assert vanished(world) == set(keys[:6])
    assert later(world, accept_shrink=True).exit_code == 0
    assert vanished(world) == set(keys[:10])


def test_a_source_with_one_issue_may_lose_it_and_one_with_two_not_both(world: WritingWorld) -> None:
    world.edit("plans/q4.yaml", "        anchor: github:acme/churn#1\n", "")
    single = "acme/churn#1"
    world.run()
    world.github.delete_issue(single)
    assert later(world).pulled.failed == ()
    assert vanished(world) == {single}
    world.github.add_issue("acme/churn", "Work")
    world.github.add_issue("acme/churn", "Work")
    world.run()
    for number in (2, 3):
        world.github.delete_issue(f"acme/churn#{number}")
    [failed] = later(world).pulled.failed
    assert "acme/churn shrank from 2 to 0 issues, more than the limit of 1" in failed.reason
    assert vanished(world) == {single}


def answers(world: WritingWorld, *plan: str) -> None:
    """Let pulls of Jira answer as planned: nothing, an error, or what is there."""
    really, left = world.jira.pull, list(plan)

    def pull(
        sources: Sequence[SourceCursor], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        for answer in really(sources, selection):
            assert isinstance(answer, PulledSource)
            match left.pop(0) if left else "all":
                case "nothing":
                    yield replace(answer, issues=())
                case "error":
                    yield FailedSource(source=answer.source, reason="jira: 503")
                case _:
                    yield answer

    world.jira.pull = pull  # type: ignore[method-assign, assignment]


def test_a_new_source_that_seems_empty_is_asked_twice(world: WritingWorld) -> None:
    """A baseline and first comments would otherwise rest on one wrong answer."""
    [key] = work(world, 1)
    answers(world, "nothing")
    outcome = world.run()
    assert outcome.pulled.failed == ()
    assert world.labels(key) == {"features", FEATURES, INCREMENT}


def test_a_new_source_that_seems_empty_and_then_fails_has_failed(world: WritingWorld) -> None:
    [key] = work(world, 1)
    answers(world, "nothing", "error")
    outcome = world.run()
    assert [each.reason for each in outcome.pulled.failed] == ["jira: 503"]
    assert world.labels(key) == {"features"}
    assert world.comments("DS-1") == [], "the numbers are not known"
    assert world.run().pulled.failed == ()
    assert world.labels(key) == {"features", FEATURES, INCREMENT}


def test_an_issue_out_of_all_sources_is_found_to_be_deleted(world: WritingWorld) -> None:
    """It carries our labels, so that it is still looked after."""
    key, *_ = work(world, 4)
    world.run()
    moved = world.jira.move(key, "OPS").key
    world.jira.refusing_writes["remove"] = Unavailable("jira does not answer")
    later(world)
    assert world.labels(moved) == {"features", FEATURES, INCREMENT}
    world.jira.unreadable[moved] = Gone("jira: 404")
    world.run()
    assert vanished(world) == {moved}


def test_a_census_tries_an_unreadable_issue_once(
    world: WritingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no new member, which would be read as well."""
    broken, *_ = (world.jira._issue_at(key).issue.ref for key in work(world, 4))
    error = MalformedIssue("jira: no time", id=broken.id, key=broken.key)
    world.jira.unreadable[broken.id] = error
    listed, every = world.jira.pull, frozenset(world.jira._issues)

    def pull(
        sources: Sequence[SourceCursor], wanted: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        for answer in listed(sources, wanted):
            assert isinstance(answer, PulledSource)
            readable = tuple(issue for issue in answer.issues if issue.ref != broken)
            yield replace(answer, issues=readable, unreadable=(UnreadableIssue.from_error(error),))

    def census(sources: Sequence[Source], wanted: FieldSelection) -> Iterator[Census]:
        yield from (Census(source=source, ids=every) for source in sources)

    monkeypatch.setattr(world.jira, "pull", pull)
    monkeypatch.setattr(world.jira, "census", census)
    world.run()
    world.jira.direct_reads.clear()
    later(world)
    assert world.jira.direct_reads.count(broken.id) == 1


def test_a_census_finds_what_left_its_source(world: WritingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    moved, *staying = work(world, 4)
    world.run()
    key = world.jira.move(moved, "OPS").key
    every = frozenset(world.jira._issue_at(each).issue.ref.id for each in (*staying, "DS-1"))

    def census(sources: Sequence[Source], wanted: FieldSelection) -> Iterator[Census]:
        yield from (Census(source=source, ids=every) for source in sources)

    monkeypatch.setattr(world.jira, "census", census)
    outcome = later(world)
    assert outcome.exit_code == 0, notes(outcome)
    assert world.labels(key) == {"features"}
    assert vanished(world) == set()


def test_an_anchor_that_no_tracker_shows_keeps_no_issue_from_losing_its_labels(world: WritingWorld) -> None:
    moved, *_ = work(world, 4)
    world.run()
    world.edit("plans/q4.yaml", "anchor: github:acme/churn#1", "anchor: github:acme/churn#99")
    key = world.jira.move(moved, "OPS").key
    later(world)
    assert world.labels(key) == {"features"}
