"""Tests of the contract in ``connectors/ports.py``, the same for every connector.

A connector takes part by a class that inherits ``ConnectorSuite`` and overrides the fixture ``world``::

    class TestJiraCloud(ConnectorSuite):
        @pytest.fixture
        def world(self):
            with serve_jira(...) as jira:
                yield JiraFixture(jira)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import pytest

from connectors.errors import Gone, OutcomeUnknown
from connectors.model import (
    Census,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueRef,
    PulledSource,
    Source,
    SourceHistory,
)
from connectors.ports import IssueReader, IssueWriter

MARKER = {"instance": "contract", "anchor": "goal-1"}


class TrackerFixture(ABC):
    """A tracker with one container, its user dana, and a connector to it."""

    reader: IssueReader
    writer: IssueWriter
    source: Source
    """The container in which ``add_issue`` works."""
    missing: Source
    """A source that does not exist."""

    @abstractmethod
    def add_issue(self, title: str, *, labels: tuple[str, ...] = (), body: str = "") -> str:
        """Open an issue and return its key."""

    @abstractmethod
    def label(self, key: str, name: str) -> None:
        """Add a label as dana."""

    @abstractmethod
    def unlabel(self, key: str, name: str) -> None:
        """Remove a label as dana."""

    @abstractmethod
    def close(self, key: str) -> None:
        """Close an issue as dana."""

    @abstractmethod
    def reopen(self, key: str) -> None:
        """Reopen an issue as dana."""

    @abstractmethod
    def comment(self, key: str, body: str) -> str:
        """Comment as dana and return the comment's id."""

    @abstractmethod
    def comments_of(self, key: str) -> list[str]:
        """Return the bodies of an issue's comments from the tracker's own state, oldest first."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an issue."""

    @abstractmethod
    def move(self, key: str) -> str:
        """Move an issue to another container and return its new key."""

    @abstractmethod
    def pass_minutes(self, minutes: float) -> None:
        """Advance the clocks of connector and tracker."""

    @abstractmethod
    def lose_next_response_to_new_comment(self) -> None:
        """Let the next comment be created and its response be lost."""

    @abstractmethod
    def requests(self) -> int | None:
        """Return the number of answered requests; None for a tracker without requests."""

    # ---- the same for all trackers

    def pull(
        self, before: PulledSource | None = None, selection: FieldSelection = FieldSelection()
    ) -> PulledSource:
        answers = list(self.reader.pull([(self.source, before.cursor if before else None)], selection))
        assert len(answers) == 1
        assert isinstance(answers[0], PulledSource), answers[0]
        return answers[0]

    def history(
        self, *keys: str, before: SourceHistory | None = None, labels: tuple[str, ...] = ()
    ) -> tuple[list[tuple[str, str, str]], SourceHistory]:
        """Return the changes of issues, oldest first, as (title, kind, new value or "no <old value>"), and the history.

        Like a run: histories are requested only if they do not come with the pull."""
        selection = FieldSelection(state_labels=frozenset(labels))
        issues = {
            issue.ref.id: issue for issue in self.pull(selection=selection).issues if issue.ref.key in keys
        }
        pulled = self.pull(selection=selection)
        if pulled.changes is not None:
            history = SourceHistory(source=self.source, changes=pulled.changes, complete=frozenset(issues))
        else:
            mark = before.bookmark if before else None
            request = HistoryRequest(source=self.source, issues=tuple(issues.values()), bookmark=mark)
            (answer,) = self.reader.histories([request], selection)
            assert isinstance(answer, SourceHistory), answer
            history = answer
        lines = [
            (issues[change.ref.id].title, change.kind, change.after or f"no {change.before}")
            for change in sorted(history.changes, key=lambda change: change.at)
            if change.ref.id in issues
        ]
        return lines, history

    def issue(self, key: str) -> Issue:
        return self.reader.read(key, FieldSelection(body=True))

    def ref(self, key: str) -> IssueRef:
        return self.issue(key).ref


def titles(pulled: PulledSource) -> set[str]:
    return {issue.title for issue in pulled.issues}


def by_title(pulled: PulledSource) -> Mapping[str, Issue]:
    assert len(titles(pulled)) == len(pulled.issues), "an issue came twice"
    return {issue.title: issue for issue in pulled.issues}


class ConnectorSuite:
    """Contract of ``connectors/ports.py``."""

    @pytest.fixture
    def world(self) -> TrackerFixture:
        raise NotImplementedError("override the fixture `world`")

    # ---- who we are

    def test_whoami_is_the_author_of_our_comments(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        made = world.writer.create_comment(world.ref(key), "status", MARKER)
        assert made.author_id == world.reader.whoami().id != ""

    def test_a_private_container_is_not_public(self, world: TrackerFixture) -> None:
        container = world.source.container
        assert world.reader.is_public(container) is False

    def test_whoami_is_requested_once(self, world: TrackerFixture) -> None:
        world.reader.whoami()
        before = world.requests()
        world.reader.whoami()
        assert world.requests() == before

    # ---- pulling

    def test_a_full_pull_brings_every_issue_once_over_several_pages(self, world: TrackerFixture) -> None:
        selection = {f"issue {number}" for number in range(230)}
        for title in sorted(selection):
            world.add_issue(title)
        pulled = world.pull()
        assert set(by_title(pulled)) == selection
        assert pulled.full and not pulled.unchanged

    def test_a_pulled_issue_has_all_basic_fields(self, world: TrackerFixture) -> None:
        key = world.add_issue("Sessionise events", labels=("features", "urgent"), body="Some text")
        issue = by_title(world.pull(selection=FieldSelection(body=True)))["Sessionise events"]
        assert (issue.ref.key, issue.ref.tracker) == (key, world.source.tracker)
        assert issue.labels == {"features", "urgent"}
        assert issue.body.strip() == "Some text"
        assert (issue.category, issue.closed) == ("todo", None)
        assert issue.container == world.source.container
        assert issue.created.utcoffset() is not None and issue.updated >= issue.created
        assert issue.ref.id != issue.ref.key and issue.url

    def test_bodies_come_only_when_selected(self, world: TrackerFixture) -> None:
        world.add_issue("one", body="secret plans")
        assert by_title(world.pull())["one"].body == ""

    def test_a_closed_issue_is_done_and_has_its_time(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        world.pass_minutes(30)
        world.close(key)
        issue = by_title(world.pull())["one"]
        assert issue.category == "done"
        assert issue.closed is not None and issue.closed > issue.created

    def test_the_second_pull_brings_only_changed_issues(self, world: TrackerFixture) -> None:
        world.add_issue("old")
        world.pass_minutes(60)
        key = world.add_issue("worked on")
        world.pass_minutes(60)
        first = world.pull()
        world.pass_minutes(60)
        world.close(key)
        world.add_issue("new")
        second = world.pull(first)
        assert not second.full
        assert {"worked on", "new"} <= titles(second)
        assert "old" not in titles(second)
        assert by_title(second)["worked on"].category == "done"

    def test_no_change_is_lost_between_pulls(self, world: TrackerFixture) -> None:
        last, found = world.pull(), set()
        for number in range(12):
            world.add_issue(f"issue {number}")
            world.pass_minutes(0 if number % 3 else 7)
            last = world.pull(last)
            found |= titles(last)
            assert f"issue {number}" in found

    def test_an_unchanged_source_costs_one_request(self, world: TrackerFixture) -> None:
        for number in range(3):
            world.add_issue(f"issue {number}")
        world.pass_minutes(60)
        pulled = world.pull()
        for _ in range(3):
            world.pass_minutes(60)
            before = world.requests()
            pulled = world.pull(pulled)
            assert before is None or world.requests() == before + 1
            assert pulled.issues == ()

    def test_an_empty_source_is_pulled_and_later_issues_are_found(self, world: TrackerFixture) -> None:
        pulled = world.pull()
        assert pulled.issues == ()
        again = world.pull(pulled)
        world.pass_minutes(1)
        world.add_issue("first of all")
        assert titles(world.pull(again)) == {"first of all"}

    def test_a_missing_source_fails_and_the_others_do_not(self, world: TrackerFixture) -> None:
        world.add_issue("one")
        sources = [(world.missing, None), (world.source, None)]
        missing, there = list(world.reader.pull(sources, FieldSelection()))
        assert isinstance(missing, FailedSource) and missing.source == world.missing
        assert missing.kind == "missing" and missing.reason
        assert isinstance(there, PulledSource) and titles(there) == {"one"}

    # ---- census

    def test_the_census_has_every_id_and_no_deleted_one(self, world: TrackerFixture) -> None:
        keys = [world.add_issue(f"issue {number}") for number in range(3)]
        ids = [world.ref(key).id for key in keys]
        world.delete(keys[1])
        (census,) = world.reader.census([world.source], FieldSelection())
        assert isinstance(census, Census)
        assert census.ids == {ids[0], ids[2]}

    def test_the_census_of_a_missing_source_fails(self, world: TrackerFixture) -> None:
        (census,) = world.reader.census([world.missing], FieldSelection())
        assert isinstance(census, FailedSource)

    # ---- one issue

    def test_a_direct_read_returns_the_latest_state(self, world: TrackerFixture) -> None:
        key = world.add_issue("one", body="Text")
        world.label(key, "blocked")
        issue = world.issue(key)
        assert (issue.labels, issue.body.strip()) == ({"blocked"}, "Text")

    def test_a_deleted_issue_is_gone(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        world.delete(key)
        with pytest.raises(Gone):
            world.issue(key)

    def test_an_unknown_key_is_gone(self, world: TrackerFixture) -> None:
        with pytest.raises(Gone):
            world.issue(world.add_issue("one") + "9999")

    def test_a_moved_issue_is_found_by_its_old_key_with_its_id(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        before = world.ref(key)
        new_key = world.move(key)
        after = world.ref(key)
        assert after == before
        assert after.key == new_key != key

    # ---- labels

    def test_labels_are_added_and_removed_one_by_one(self, world: TrackerFixture) -> None:
        key = world.add_issue("one", labels=("theirs", "old"))
        world.writer.ensure_label(world.source.container, "mine", "1d76db", "Ours")
        world.writer.change_labels(world.ref(key), ["mine"], ["old"])
        assert world.issue(key).labels == {"theirs", "mine"}

    def test_changing_labels_can_be_repeated(self, world: TrackerFixture) -> None:
        key = world.add_issue("one", labels=("old",))
        for _ in range(2):
            world.writer.change_labels(world.ref(key), ["state:done"], ["old", "never-there"])
        assert world.issue(key).labels == {"state:done"}

    def test_a_label_added_by_a_person_meanwhile_is_kept(self, world: TrackerFixture) -> None:
        key = world.add_issue("one", labels=("a",))
        ref = world.ref(key)
        world.label(key, "by-hand")
        world.writer.change_labels(ref, ["b"], ["a"])
        assert world.issue(key).labels == {"by-hand", "b"}

    def test_a_label_is_renamed_on_every_issue_or_on_none(self, world: TrackerFixture) -> None:
        container = world.source.container
        keys = [world.add_issue("one", labels=("mine",)), world.add_issue("two", labels=("mine", "theirs"))]
        renamed = world.writer.rename_label(container, "mine", "ours")
        name = "ours" if renamed else "mine"
        assert [world.issue(key).labels for key in keys] == [{name}, {name, "theirs"}]
        assert not world.writer.rename_label(container, "mine", "ours" if renamed else "theirs")

    def test_label_origins_name_who_last_added_a_label(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        me = world.reader.whoami().id
        world.writer.change_labels(world.ref(key), ["ours", "swapped"], [])
        world.pass_minutes(1)
        world.unlabel(key, "swapped")
        world.pass_minutes(1)
        world.label(key, "swapped")
        world.label(key, "theirs")
        events = world.reader.label_origins(world.ref(key))
        assert set(events) == {"ours", "swapped", "theirs"}
        assert events["ours"].author_id == me
        assert me not in (events["swapped"].author_id, events["theirs"].author_id)
        assert events["swapped"].at > events["ours"].at

    def test_a_removed_label_has_no_origin(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        world.label(key, "short-lived")
        world.unlabel(key, "short-lived")
        assert world.reader.label_origins(world.ref(key)) == {}

    def test_label_histories_name_who_added_and_removed_a_label(self, world: TrackerFixture) -> None:
        key, other, quiet = (world.add_issue(title) for title in ("one", "two", "three"))
        me = world.reader.whoami().id
        ref = world.ref(key)
        world.writer.change_labels(ref, ["Ours", "kept", "back"], [])
        world.writer.change_labels(world.ref(other), ["ours"], [])
        world.pass_minutes(1)
        world.unlabel(key, "Ours")
        world.unlabel(key, "back")
        world.pass_minutes(1)
        world.label(key, "back")
        world.writer.change_labels(world.ref(other), [], ["ours"])
        refs = [ref, world.ref(other), world.ref(quiet)]
        histories = world.reader.label_histories(refs)
        assert set(histories) == set(refs) and histories[refs[2]] == {}
        of_first = histories[ref]
        assert set(of_first) == {"ours", "kept", "back"}
        ours, kept, back = of_first["ours"], of_first["kept"], of_first["back"]
        assert ours.added and ours.removed and ours.added.author_id == me != ours.removed.author_id
        assert ours.added.at < ours.removed.at
        assert kept.added and kept.added.author_id == me and kept.removed is None
        assert back.added and back.added.author_id != me and back.removed is None
        gone = histories[refs[1]]["ours"].removed
        assert gone and gone.author_id == me

    def test_label_histories_come_with_the_histories_of_changed_issues(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        me, ref = world.reader.whoami().id, world.ref(key)
        world.writer.change_labels(ref, ["kept", "gone"], [])
        world.pass_minutes(1)
        world.unlabel(key, "gone")
        pulled = world.pull()
        found = pulled.label_histories
        if pulled.changes is None:
            request = HistoryRequest(source=world.source, issues=pulled.issues)
            (answer,) = world.reader.histories([request], FieldSelection())
            assert isinstance(answer, SourceHistory)
            found = answer.label_histories
        kept, gone = found[ref]["kept"], found[ref]["gone"]
        assert kept.added and kept.added.author_id == me and kept.removed is None
        assert gone.added and gone.added.author_id == me
        assert gone.removed and gone.removed.author_id != me

    def test_a_write_to_a_deleted_issue_raises_gone(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        ref = world.ref(key)
        world.delete(key)
        with pytest.raises(Gone):
            world.writer.change_labels(ref, ["mine"], [])
        with pytest.raises(Gone):
            world.writer.create_comment(ref, "status", MARKER)

    # ---- histories

    def test_the_history_shows_closings_and_reopenings(self, world: TrackerFixture) -> None:
        key, other = world.add_issue("one"), world.add_issue("two")
        began = world.issue(key)
        for act in (world.close, world.reopen, world.close):
            world.pass_minutes(30)
            act(key)
        world.pass_minutes(30)
        closed = world.issue(key)
        lines, history = world.history(key, other)
        assert lines == [
            ("one", "status", closed.status),
            ("one", "status", began.status),
            ("one", "status", closed.status),
        ]
        assert history.complete == {world.ref(key).id, world.ref(other).id}
        last = max(history.changes, key=lambda change: change.at)
        assert (last.before, last.at) == (began.status, closed.closed)

    def test_the_history_shows_state_labels_only(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        for name in ("On Hold", "chatter"):
            world.pass_minutes(1)
            world.label(key, name.replace(" ", "-"))
        world.pass_minutes(1)
        world.unlabel(key, "On-Hold")
        world.unlabel(key, "chatter")
        lines, _ = world.history(key, labels=("on-hold",))
        assert lines == [("one", "label", "On-Hold"), ("one", "label", "no On-Hold")]
        assert world.history(key)[0] == []

    def test_a_repeated_change_keeps_its_id(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        world.close(key)
        world.pass_minutes(60)
        _, first = world.history(key, labels=("wip",))
        world.label(key, "wip")
        _, second = world.history(key, before=first, labels=("wip",))
        ids = [{change.id: change for change in history.changes} for history in (first, second)]
        assert len({**ids[0], **ids[1]}) == 2
        assert all(ids[1][same] == ids[0][same] for same in ids[0].keys() & ids[1].keys())

    def test_the_history_of_many_issues_costs_one_request(self, world: TrackerFixture) -> None:
        for number in range(100):
            world.add_issue(f"issue {number}")
        pulled = world.pull()
        request = HistoryRequest(source=world.source, issues=pulled.issues)
        before = world.requests()
        (history,) = world.reader.histories([request], FieldSelection())
        assert isinstance(history, SourceHistory) and len(history.complete) == 100
        assert before is None or world.requests() == before + 1
        assert list(world.reader.histories([], FieldSelection())) == []
        assert before is None or world.requests() == before + 1

    # ---- comments

    def test_a_comment_is_created_read_edited_and_deleted(self, world: TrackerFixture) -> None:
        ref = world.ref(world.add_issue("one"))
        made = world.writer.create_comment(ref, "first", MARKER)
        assert made.body == "first"
        assert world.reader.comment(ref, made.id).body == "first"
        edited = world.writer.edit_comment(ref, made.id, "second", MARKER)
        assert (edited.id, edited.body) == (made.id, "second")
        assert world.comments_of(ref.key) == ["second"]
        world.writer.delete_comment(ref, made.id)
        world.writer.delete_comment(ref, made.id)
        assert world.comments_of(ref.key) == []
        with pytest.raises(Gone):
            world.reader.comment(ref, made.id)
        with pytest.raises(Gone):
            world.writer.edit_comment(ref, made.id, "third", MARKER)

    def test_comments_of_all_pages_are_sorted_oldest_first(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        for number in range(120):
            world.comment(key, f"comment {number}")
        ref = world.ref(key)
        ours = world.writer.create_comment(ref, "ours", MARKER)
        comments = world.reader.comments(ref)
        assert [comment.body for comment in comments] == [f"comment {n}" for n in range(120)] + ["ours"]
        assert comments[-1].id == ours.id
        assert comments[-1].author_id != comments[0].author_id

    def test_untrusted_text_survives_in_a_comment(self, world: TrackerFixture) -> None:
        ref = world.ref(world.add_issue("one"))
        text = "<!-- {code} -->\n| a \U0001f600 | b |\n{html}&amp; %s @all"
        made = world.writer.create_comment(ref, text, MARKER)
        assert world.reader.comment(ref, made.id).body == text

    def test_a_lost_response_is_unknown_and_leaves_exactly_one_comment(self, world: TrackerFixture) -> None:
        key = world.add_issue("one")
        ref = world.ref(key)
        world.lose_next_response_to_new_comment()
        with pytest.raises(OutcomeUnknown):
            world.writer.create_comment(ref, "status", MARKER)
        assert world.comments_of(key) == ["status"]
        me = world.reader.whoami().id
        assert [comment.author_id for comment in world.reader.comments(ref)] == [me]
