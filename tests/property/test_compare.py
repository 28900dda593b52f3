"""Properties of the label comparison for any desired, pushed and live labels."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mappings.labels import LabelScheme
from sync.diff.label_diff import diff_labels
from sync.diff.label_inputs import LabelDiffInputs
from sync.model.changes import LabelChange, Reason
from sync.model.labels import DesiredLabels, LabelDiff, RecordedOverrides, SuspectedOverride
from tests.support.match_world import issue

SCHEME = LabelScheme()
ISSUE_LABELS = [
    "capability:a",
    "capability:b",
    "capability:old",
    "capability:moon",
    "increment:q4",
    "increment:q3",
]
ANCHOR_LABELS = [
    "state:done",
    "state:planned",
    "health:on-track",
    "health:off-track",
    "flag:blocked",
    "flag:x",
]
PEOPLES = ["bug", "flag:released", "Wichtig"]
KEY = "DS-1"
REF = issue(KEY).ref


def some(labels: list[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(labels))


@st.composite
def worlds(draw: st.DrawFn) -> LabelDiffInputs:
    is_anchor = draw(st.booleans())
    ours = ANCHOR_LABELS if is_anchor else ISSUE_LABELS
    not_old = [label for label in ours if label != "capability:old"]
    live = draw(some([*ours, *PEOPLES]))
    wished = DesiredLabels(
        ref=REF,
        container="DS",
        labels={label: Reason(text="wanted") for label in draw(some(not_old))},
        fully_read=draw(st.booleans()),
        may_write=draw(st.booleans()),
        no_pure_removal=draw(st.booleans()),
        is_anchor=is_anchor,
    )
    decided = {
        kind: {REF: draw(some([] if is_anchor and kind == "pins" else not_old))} if not_old else {}
        for kind in ("vetoes", "reverted", "ignored")
    }
    pins = {} if is_anchor else {REF: draw(some(["capability:a", "capability:b"]))}
    return LabelDiffInputs(
        desired={REF: wished},
        live={REF: issue(KEY, labels=live)},
        pushed={REF: draw(some(ours))},
        overrides=RecordedOverrides(pins=pins, **decided),
        scheme=SCHEME,
        capability_ids=frozenset({"a", "b", "old"}),
        unproven={REF: draw(some(ours))},
        renames={"capability:old": "capability:a"},
        finished_increment_labels=draw(some(["increment:q3"])),
    )


def live_of(world: LabelDiffInputs) -> frozenset[str]:
    return frozenset(label.lower() for label in world.live[REF].labels)


def the_change(outcome: LabelDiff) -> LabelChange | None:
    return outcome.changes[0] if outcome.changes else None


@given(worlds())
def test_only_what_is_ours_is_removed_and_only_what_is_wanted_is_added(world: LabelDiffInputs) -> None:
    change = the_change(diff_labels(world))
    if change is None:
        return
    pins = world.overrides.pins.get(REF, frozenset())
    for label in change.remove:
        renamed_pin = world.renames.get(label) in pins
        assert label in world.pushed[REF] or renamed_pin
        assert label in live_of(world)
    assert set(change.add) <= set(world.desired[REF].labels) - live_of(world)
    assert not set(change.add) & set(change.remove)
    assert not {"bug", "Wichtig", "flag:released"} & {*change.add, *change.remove}


@given(worlds())
def test_nothing_is_concluded_about_an_issue_that_was_not_read_or_may_not_be_written(
    world: LabelDiffInputs,
) -> None:
    outcome = diff_labels(world)
    wished = world.desired[REF]
    if not wished.fully_read:
        assert outcome == LabelDiff()
    if not wished.may_write or outcome.suspicions:
        assert outcome.changes == ()


@given(worlds())
def test_what_people_vetoed_or_undo_took_back_is_never_put(world: LabelDiffInputs) -> None:
    change = the_change(diff_labels(world))
    stopped = world.overrides.vetoes.get(REF, frozenset()) | world.overrides.reverted.get(REF, frozenset())
    assert not set(change.add if change else ()) & stopped


@given(worlds())
def test_with_a_source_missing_nothing_goes_without_a_successor(world: LabelDiffInputs) -> None:
    wished = replace(world.desired[REF], no_pure_removal=True)
    change = the_change(diff_labels(replace(world, desired={REF: wished})))
    assert change is None or change.pure_removals == ()


@given(worlds())
def test_once_written_there_is_nothing_left_to_write(world: LabelDiffInputs) -> None:
    change = the_change(diff_labels(world))
    if change is None:
        return
    live = (world.live[REF].labels - set(change.remove)) | set(change.add)
    pushed = (world.pushed[REF] - set(change.remove)) | set(change.add)
    after = replace(world, live={REF: issue(KEY, labels=live)}, pushed={REF: pushed})
    assert diff_labels(after).changes == ()


@given(worlds())
def test_a_person_is_suspected_only_where_the_table_says_so(world: LabelDiffInputs) -> None:
    live, pushed = live_of(world), world.pushed[REF]
    for suspicion in diff_labels(world).suspicions:
        assert isinstance(suspicion, SuspectedOverride)
        there = suspicion.label in live
        assert there is (suspicion.kind in ("pin", "origin", "veto-lifted"))
        if suspicion.kind in ("veto", "gone"):
            assert suspicion.label in pushed
        if suspicion.kind == "veto":
            wanted = {world.current_name(label) for label in world.desired[REF].labels}
            assert world.current_name(suspicion.label) in wanted
        if suspicion.kind == "pin":
            assert suspicion.label in ("capability:a", "capability:b", "capability:old")
