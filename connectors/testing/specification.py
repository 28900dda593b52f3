"""Contract of the specification: what it says of keys, sources, markup and traits is true of the tracker."""

from __future__ import annotations

from typing import Final

import pytest

from connectors.registry import spec_of
from connectors.spec import SPEC_VERSION
from connectors.testing.harness import MARKER, TrackerHarness

UNTRUSTED: Final = (
    "",
    " ",
    "..",
    "../..",
    "a/../b",
    "\n",
    "\x00",
    "\u202e" + "a",
    "\U0001f600",
    "%2e%2e",
    "x" * 5000,
    "[" * 500,
)
"""Texts that somebody may write as a key, a source or an address."""


class SpecificationContract:
    """``connectors/spec.py``, asked about the tracker of the harness."""

    def test_the_connector_is_installed_and_found_by_each_of_its_kinds(self, world: TrackerHarness) -> None:
        if not world.is_installed:
            pytest.skip("this connector is a part of tests")
        assert world.spec.version == SPEC_VERSION
        found = [spec_of(kind) for kind in world.spec.kinds]
        assert [(each.name, each.kinds) for each in found] == [(world.spec.name, world.spec.kinds)] * len(
            found
        )

    def test_kinds_are_the_name_or_variants_of_it(self, world: TrackerHarness) -> None:
        spec = world.spec
        assert spec.kinds
        assert all(kind == spec.name or kind.startswith(f"{spec.name}-") for kind in spec.kinds)

    def test_sufficient_credentials_are_parts_that_exist(self, world: TrackerHarness) -> None:
        credentials = world.spec.credentials
        parts = {part.name for part in credentials.parts}
        assert set(credentials.sufficient) <= set(world.spec.kinds)
        assert {name for ways in credentials.sufficient.values() for way in ways for name in way} <= parts

    def test_keys_of_issues_have_the_form_that_is_specified(self, world: TrackerHarness) -> None:
        key, keys = world.add_issue("one"), world.spec.keys
        assert keys.pattern.fullmatch(key)
        assert keys.normalize(key) == keys.normalize(f" {key} ") == key
        assert keys.container(key) == world.source.container
        assert keys.find_in_url(world.issue(key).url) in (key, None)

    def test_text_of_people_raises_nothing(self, world: TrackerHarness) -> None:
        spec = world.spec
        for text in UNTRUSTED:
            assert spec.keys.find_in_url(f"https://unrelated.invalid/{text}") is None
            spec.keys.pattern.fullmatch(spec.keys.normalize(text))
            for option in (*spec.source.options, *spec.settings):
                assert all(finding.sentence for finding in option.check(option.normalize(text)))
            for part in spec.credentials.parts:
                assert part.check(text) != "", "a problem is a sentence"

    def test_a_source_that_works_is_found_in_order(self, world: TrackerHarness) -> None:
        option = world.spec.source.container
        assert option.normalize(world.source.container) == world.source.container
        assert [finding for finding in option.check(world.source.container) if not finding.is_warning] == []

    def test_escaped_text_stays_on_one_line(self, world: TrackerHarness) -> None:
        for text in UNTRUSTED:
            shown = world.spec.markup.escape(text, 120)
            assert not set("\n\x00\u202e") & set(shown)

    def test_the_longest_comment_is_kept(self, world: TrackerHarness) -> None:
        ref = world.ref(world.add_issue("one"))
        text = "x" * world.spec.markup.max_length
        made = world.writer.create_comment(ref, text, MARKER)
        assert world.reader.comment(ref, made.id).body == text

    def test_a_marker_beside_the_text_comes_back(self, world: TrackerHarness) -> None:
        if world.spec.markup.marks_in_text:
            pytest.skip("markers are in the text of comments")
        ref = world.ref(world.add_issue("one"))
        made = world.writer.create_comment(ref, "status", MARKER)
        world.comment(ref.key, "status")
        assert [comment.marker for comment in world.reader.comments(ref)] == [MARKER, None]
        assert world.reader.comment(ref, made.id).marker == MARKER

    def test_letter_case_of_labels_is_as_specified(self, world: TrackerHarness) -> None:
        key = world.add_issue("one", labels=("Model",))
        world.writer.change_labels(world.ref(key), ["model"], [])
        exact = world.spec.traits.labels_case_exact
        assert world.issue(key).labels == ({"Model", "model"} if exact else {"Model"})

    def test_labels_are_renamed_only_where_label_objects_exist(self, world: TrackerHarness) -> None:
        world.add_issue("one", labels=("mine",))
        renamed = world.writer.rename_label(world.source.container, "mine", "ours")
        assert renamed is world.spec.traits.label_objects

    def test_edits_send_mail_only_where_they_may(self, world: TrackerHarness) -> None:
        world.add_issue("one")
        sends = world.reader.edits_send_mail(world.source.container)
        assert world.spec.traits.edits_may_send_mail or not sends

    def test_statuses_are_as_specified(self, world: TrackerHarness) -> None:
        traits, key = world.spec.traits, world.add_issue("one")
        assert set(traits.statuses) == {"todo", "doing", "done"}
        if traits.fixed_statuses:
            began = world.issue(key).status
            world.close(key)
            assert {began, world.issue(key).status, *traits.statuses.values()} <= traits.fixed_statuses
