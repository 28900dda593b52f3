"""Contract of comments."""

from __future__ import annotations

import pytest

from connectors.errors import Gone, OutcomeUnknown
from connectors.testing.harness import MARKER, TrackerHarness


class CommentContract:
    """Comments are created once, and found, edited and deleted."""

    def test_a_comment_is_created_read_edited_and_deleted(self, world: TrackerHarness) -> None:
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

    def test_comments_of_all_pages_are_sorted_oldest_first(self, world: TrackerHarness) -> None:
        key = world.add_issue("one")
        for number in range(120):
            world.comment(key, f"comment {number}")
        ref = world.ref(key)
        ours = world.writer.create_comment(ref, "ours", MARKER)
        comments = world.reader.comments(ref)
        assert [comment.body for comment in comments] == [f"comment {n}" for n in range(120)] + ["ours"]
        assert comments[-1].id == ours.id
        assert comments[-1].author_id != comments[0].author_id

    def test_untrusted_text_survives_in_a_comment(self, world: TrackerHarness) -> None:
        ref = world.ref(world.add_issue("one"))
        text = "<!-- {code} -->\n| a \U0001f600 | b |\n{html}&amp; %s @all"
        made = world.writer.create_comment(ref, text, MARKER)
        assert world.reader.comment(ref, made.id).body == text

    def test_a_lost_response_is_unknown_and_leaves_exactly_one_comment(self, world: TrackerHarness) -> None:
        key = world.add_issue("one")
        ref = world.ref(key)
        world.lose_next_response_to_new_comment()
        with pytest.raises(OutcomeUnknown):
            world.writer.create_comment(ref, "status", MARKER)
        assert world.comments_of(key) == ["status"]
        me = world.reader.whoami().id
        assert [comment.author_id for comment in world.reader.comments(ref)] == [me]
