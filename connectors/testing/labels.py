"""Contract of labels."""

from __future__ import annotations

import pytest

from connectors.errors import Gone
from connectors.testing.harness import MARKER, TrackerHarness


class LabelContract:
    """Labels are changed one by one."""

    def test_labels_are_added_and_removed_one_by_one(self, world: TrackerHarness) -> None:
        key = world.add_issue("one", labels=("theirs", "old"))
        world.writer.ensure_label(world.source.container, "mine", "1d76db", "Ours")
        world.writer.change_labels(world.ref(key), ["mine"], ["old"])
        assert world.issue(key).labels == {"theirs", "mine"}

    def test_changing_labels_can_be_repeated(self, world: TrackerHarness) -> None:
        key = world.add_issue("one", labels=("old",))
        for _ in range(2):
            world.writer.change_labels(world.ref(key), ["state:done"], ["old", "never-there"])
        assert world.issue(key).labels == {"state:done"}

    def test_a_label_added_by_a_person_meanwhile_is_kept(self, world: TrackerHarness) -> None:
        key = world.add_issue("one", labels=("a",))
        ref = world.ref(key)
        world.label(key, "by-hand")
        world.writer.change_labels(ref, ["b"], ["a"])
        assert world.issue(key).labels == {"by-hand", "b"}

    def test_a_label_is_renamed_on_every_issue_or_on_none(self, world: TrackerHarness) -> None:
        container = world.source.container
        keys = [world.add_issue("one", labels=("mine",)), world.add_issue("two", labels=("mine", "theirs"))]
        renamed = world.writer.rename_label(container, "mine", "ours")
        name = "ours" if renamed else "mine"
        assert [world.issue(key).labels for key in keys] == [{name}, {name, "theirs"}]
        assert not world.writer.rename_label(container, "mine", "ours" if renamed else "theirs")

    def test_a_write_to_a_deleted_issue_raises_gone(self, world: TrackerHarness) -> None:
        key = world.add_issue("one")
        ref = world.ref(key)
        world.delete(key)
        with pytest.raises(Gone):
            world.writer.change_labels(ref, ["mine"], [])
        with pytest.raises(Gone):
            world.writer.create_comment(ref, "status", MARKER)
