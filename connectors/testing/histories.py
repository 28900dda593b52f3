"""Contract of histories: who changed a label, and when an issue changed its state."""

from __future__ import annotations

import pytest

from connectors.model import FieldSelection, HistoryRequest, SourceHistory
from connectors.testing.harness import TrackerHarness


class HistoryContract:
    """Histories of labels and of states."""

    def test_what_is_not_known_is_not_claimed(self, world: TrackerHarness) -> None:
        """Without history, no label has an origin, and no history is called complete."""
        if world.keeps_history:
            pytest.skip("this tracker keeps histories")
        key = world.add_issue("one", labels=("theirs",))
        world.close(key)
        ref = world.ref(key)
        assert world.reader.label_origins(ref) == {}
        assert ref not in world.reader.label_histories([ref])
        _, history = world.history(key)
        assert not history.complete

    # ---- labels

    def test_label_origins_name_who_last_added_a_label(self, world: TrackerHarness) -> None:
        _require_history(world)
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

    def test_a_removed_label_has_no_origin(self, world: TrackerHarness) -> None:
        key = world.add_issue("one")
        world.label(key, "short-lived")
        world.unlabel(key, "short-lived")
        assert world.reader.label_origins(world.ref(key)) == {}

    def test_label_histories_name_who_added_and_removed_a_label(self, world: TrackerHarness) -> None:
        _require_history(world)
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

    def test_label_histories_come_with_the_histories_of_changed_issues(self, world: TrackerHarness) -> None:
        _require_history(world)
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

    # ---- states

    def test_the_history_shows_closings_and_reopenings(self, world: TrackerHarness) -> None:
        _require_history(world)
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

    def test_the_history_shows_state_labels_only(self, world: TrackerHarness) -> None:
        _require_history(world)
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

    def test_a_repeated_change_keeps_its_id(self, world: TrackerHarness) -> None:
        _require_history(world)
        key = world.add_issue("one")
        world.close(key)
        world.pass_minutes(60)
        _, first = world.history(key, labels=("wip",))
        world.label(key, "wip")
        _, second = world.history(key, before=first, labels=("wip",))
        ids = [{change.id: change for change in history.changes} for history in (first, second)]
        assert len({**ids[0], **ids[1]}) == 2
        assert all(ids[1][same] == ids[0][same] for same in ids[0].keys() & ids[1].keys())

    def test_the_history_of_many_issues_costs_one_request(self, world: TrackerHarness) -> None:
        _require_history(world)
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


def _require_history(world: TrackerHarness) -> None:
    if not world.keeps_history:
        pytest.skip("this tracker keeps no histories")
