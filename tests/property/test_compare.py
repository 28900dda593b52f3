"""Whatever is desired, pushed and live: what the comparison may do to labels, and that it comes to rest."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mappings.labels import LabelScheme
from sync.diff.label_diff import LabelWorld, compare_labels
from sync.model.changes import LabelChange, Reason
from sync.model.labels import Decisions, LabelOutcome, Suspicion, Wish
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
def worlds(draw: st.DrawFn) -> LabelWorld:
    is_anchor = draw(st.booleans())
    ours = ANCHOR_LABELS if is_anchor else ISSUE_LABELS
    not_old = [label for label in ours if label != "capability:old"]
    live = draw(some([*ours, *PEOPLES]))
    wish = Wish(
        ref=REF,
        container="DS",
        labels={label: Reason(text="wanted") for label in draw(some(not_old))},
        read=draw(st.booleans()),
        may_write=draw(st.booleans()),
        no_pure_removal=draw(st.booleans()),
        is_anchor=is_anchor,
    )
    decided = {
        kind: {REF: draw(some([] if is_anchor and kind == "pins" else not_old))} if not_old else {}
        for kind in ("vetoes", "held", "left")
    }
    pins = {} if is_anchor else {REF: draw(some(["capability:a", "capability:b"]))}
    return LabelWorld(
        wishes={REF: wish},
        live={REF: issue(KEY, labels=live)},
        pushed={REF: draw(some(ours))},
        decisions=Decisions(pins=pins, **decided),
        scheme=SCHEME,
        capabilities=frozenset({"a", "b", "old"}),
        unproven={REF: draw(some(ours))},
        renamed={"capability:old": "capability:a"},
        finished=draw(some(["increment:q3"])),
    )


def live_of(world: LabelWorld) -> frozenset[str]:
    return frozenset(label.lower() for label in world.live[REF].labels)


def the_change(outcome: LabelOutcome) -> LabelChange | None:
    return outcome.changes[0] if outcome.changes else None


@given(worlds())
def test_only_what_is_ours_is_removed_and_only_what_is_wanted_is_added(world: LabelWorld) -> None:
    change = the_change(compare_labels(world))
    if change is None:
        return
    pins = world.decisions.pins.get(REF, frozenset())
    for label in change.remove:
        renamed_pin = world.renamed.get(label) in pins
        assert label in world.pushed[REF] or renamed_pin
        assert label in live_of(world)
    assert set(change.add) <= set(world.wishes[REF].labels) - live_of(world)
    assert not set(change.add) & set(change.remove)
    assert not {"bug", "Wichtig", "flag:released"} & {*change.add, *change.remove}


@given(worlds())
def test_nothing_is_concluded_about_an_issue_that_was_not_read_or_may_not_be_written(
    world: LabelWorld,
) -> None:
    outcome = compare_labels(world)
    wish = world.wishes[REF]
    if not wish.read:
        assert outcome == LabelOutcome()
    if not wish.may_write or outcome.suspicions:
        assert outcome.changes == ()


@given(worlds())
def test_what_people_vetoed_or_undo_took_back_is_never_put(world: LabelWorld) -> None:
    change = the_change(compare_labels(world))
    stopped = world.decisions.vetoes.get(REF, frozenset()) | world.decisions.held.get(REF, frozenset())
    assert not set(change.add if change else ()) & stopped


@given(worlds())
def test_with_a_source_missing_nothing_goes_without_a_successor(world: LabelWorld) -> None:
    wish = replace(world.wishes[REF], no_pure_removal=True)
    change = the_change(compare_labels(replace(world, wishes={REF: wish})))
    assert change is None or change.pure_removals == ()


@given(worlds())
def test_once_written_there_is_nothing_left_to_write(world: LabelWorld) -> None:
    change = the_change(compare_labels(world))
    if change is None:
        return
    live = (world.live[REF].labels - set(change.remove)) | set(change.add)
    pushed = (world.pushed[REF] - set(change.remove)) | set(change.add)
    after = replace(world, live={REF: issue(KEY, labels=live)}, pushed={REF: pushed})
    assert compare_labels(after).changes == ()


@given(worlds())
def test_a_person_is_suspected_only_where_the_table_says_so(world: LabelWorld) -> None:
    live, pushed = live_of(world), world.pushed[REF]
    for suspicion in compare_labels(world).suspicions:
        assert isinstance(suspicion, Suspicion)
        there = suspicion.label in live
        assert there is (suspicion.kind in ("pin", "origin", "veto-lifted"))
        if suspicion.kind in ("veto", "gone"):
            assert suspicion.label in pushed
        if suspicion.kind == "veto":
            wanted = {world.today(label) for label in world.wishes[REF].labels}
            assert world.today(suspicion.label) in wanted
        if suspicion.kind == "pin":
            assert suspicion.label in ("capability:a", "capability:b", "capability:old")
