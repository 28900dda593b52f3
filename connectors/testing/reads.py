"""Contract of reads: account, pulls, census and single issues."""

from __future__ import annotations

import pytest

from connectors.errors import Gone
from connectors.model import Census, FailedSource, FieldSelection, PulledSource
from connectors.testing.harness import MARKER, TrackerHarness, by_title, titles


class ReadContract:
    """Account, pulls, census and single issues."""

    # ---- who we are

    def test_whoami_is_the_author_of_our_comments(self, world: TrackerHarness) -> None:
        key = world.add_issue("one")
        made = world.writer.create_comment(world.ref(key), "status", MARKER)
        assert made.author_id == world.reader.whoami().id != ""

    def test_a_private_container_is_not_public(self, world: TrackerHarness) -> None:
        container = world.source.container
        assert world.reader.is_public(container) is False

    def test_whoami_is_requested_once(self, world: TrackerHarness) -> None:
        world.reader.whoami()
        before = world.requests()
        world.reader.whoami()
        assert world.requests() == before

    # ---- pulling

    def test_a_full_pull_brings_every_issue_once_over_several_pages(self, world: TrackerHarness) -> None:
        selection = {f"issue {number}" for number in range(230)}
        for title in sorted(selection):
            world.add_issue(title)
        pulled = world.pull()
        assert set(by_title(pulled)) == selection
        assert pulled.full and not pulled.unchanged

    def test_a_pulled_issue_has_all_basic_fields(self, world: TrackerHarness) -> None:
        key = world.add_issue("Sessionise events", labels=("features", "urgent"), body="Some text")
        issue = by_title(world.pull(selection=FieldSelection(body=True)))["Sessionise events"]
        assert (issue.ref.key, issue.ref.tracker) == (key, world.source.tracker)
        assert issue.labels == {"features", "urgent"}
        assert issue.body.strip() == "Some text"
        assert (issue.category, issue.closed) == ("todo", None)
        assert issue.container == world.source.container
        assert issue.created.utcoffset() is not None and issue.updated >= issue.created
        assert issue.ref.id != issue.ref.key and issue.url

    def test_bodies_come_only_when_selected(self, world: TrackerHarness) -> None:
        world.add_issue("one", body="secret plans")
        assert by_title(world.pull())["one"].body == ""

    def test_a_closed_issue_is_done_and_has_its_time(self, world: TrackerHarness) -> None:
        key = world.add_issue("one")
        world.pass_minutes(30)
        world.close(key)
        issue = by_title(world.pull())["one"]
        assert issue.category == "done"
        assert issue.closed is not None and issue.closed > issue.created

    def test_the_second_pull_brings_only_changed_issues(self, world: TrackerHarness) -> None:
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

    def test_no_change_is_lost_between_pulls(self, world: TrackerHarness) -> None:
        last, found = world.pull(), set()
        for number in range(12):
            world.add_issue(f"issue {number}")
            world.pass_minutes(0 if number % 3 else 7)
            last = world.pull(last)
            found |= titles(last)
            assert f"issue {number}" in found

    def test_an_unchanged_source_costs_one_request(self, world: TrackerHarness) -> None:
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

    def test_an_empty_source_is_pulled_and_later_issues_are_found(self, world: TrackerHarness) -> None:
        pulled = world.pull()
        assert pulled.issues == ()
        again = world.pull(pulled)
        world.pass_minutes(1)
        world.add_issue("first of all")
        assert titles(world.pull(again)) == {"first of all"}

    def test_a_missing_source_fails_and_the_others_do_not(self, world: TrackerHarness) -> None:
        world.add_issue("one")
        sources = [(world.missing, None), (world.source, None)]
        missing, there = list(world.reader.pull(sources, FieldSelection()))
        assert isinstance(missing, FailedSource) and missing.source == world.missing
        assert missing.kind == "missing" and missing.reason
        assert isinstance(there, PulledSource) and titles(there) == {"one"}

    def test_a_diagnosis_names_the_source_that_is_missing(self, world: TrackerHarness) -> None:
        world.add_issue("one")
        results = list(world.reader.diagnose([world.source, world.missing], {}))
        failed = {
            result.subject for result in results if result.level == "problem" and result.check == "source"
        }
        assert failed == {world.missing.name}
        assert all(result.text for result in results)

    # ---- census

    def test_the_census_has_every_id_and_no_deleted_one(self, world: TrackerHarness) -> None:
        keys = [world.add_issue(f"issue {number}") for number in range(3)]
        ids = [world.ref(key).id for key in keys]
        world.delete(keys[1])
        (census,) = world.reader.census([world.source], FieldSelection())
        assert isinstance(census, Census)
        assert census.ids == {ids[0], ids[2]}

    def test_the_census_of_a_missing_source_fails(self, world: TrackerHarness) -> None:
        (census,) = world.reader.census([world.missing], FieldSelection())
        assert isinstance(census, FailedSource)

    # ---- one issue

    def test_a_direct_read_returns_the_latest_state(self, world: TrackerHarness) -> None:
        key = world.add_issue("one", body="Text")
        world.label(key, "blocked")
        issue = world.issue(key)
        assert issue.labels == {"blocked"}
        assert issue.body.strip() == "Text"

    def test_a_deleted_issue_is_gone(self, world: TrackerHarness) -> None:
        key = world.add_issue("one")
        world.delete(key)
        with pytest.raises(Gone):
            world.issue(key)

    def test_an_unknown_key_is_gone(self, world: TrackerHarness) -> None:
        with pytest.raises(Gone):
            world.issue(world.add_issue("one") + "9999")

    def test_a_moved_issue_is_found_by_its_old_key_with_its_id(self, world: TrackerHarness) -> None:
        key = world.add_issue("one")
        before = world.ref(key)
        new_key = world.move(key)
        assert world.ref(new_key) == before
        if not world.follows_moves:
            with pytest.raises(Gone):
                world.issue(key)
            return
        after = world.ref(key)
        assert after == before
        assert after.key == new_key != key
