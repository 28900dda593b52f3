"""The program treats a tracker by the traits of its connector, and a third kind never as one that it knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import Rejected
from connectors.github.spec import SPEC as GITHUB
from connectors.http.rate_limiter import WriteLimits
from connectors.jira.spec import SPEC as JIRA
from connectors.model import IssueRef
from sync.cli.commands.init import InitialTracker
from sync.cli.issue_lookup import candidate_issues
from sync.diff.comment_markup import render_comment
from sync.diff.guard import check_overrides, label_scope
from sync.diff.notifications import TrackerWriteCost, estimate_cost
from sync.model.changes import ChangeSet, CommentRemoval, LabelChange, Reason
from sync.model.comments import CommentContent
from sync.model.labels import SuspectedOverride
from sync.model.limits import Audience, GuardLimits
from sync.pipeline.impact_estimate import estimate_impact
from sync.runtime.context import RunContext
from tests.support.plain_connector import SPEC, PlainWorld, install
from tests.support.writing_world import FEATURES, INCREMENT

FLOWERS = "capability:flowers"
WHY = Reason(text="why")
SPECS = {"plain": SPEC, "jira": JIRA, "github": GITHUB}
LIMITS = GuardLimits(removals=10, removal_share=0.2, new_comments=40, overrides=10, override_share=0.1)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlainWorld:
    install(monkeypatch)
    return PlainWorld(tmp_path)


def ref(number: int, tracker: str = "plain", container: str = "garden-") -> IssueRef:
    return IssueRef(tracker=tracker, id=f"{container}{number}", key=f"{container}{number}")


# ---- labels


def rename_capability(world: PlainWorld) -> None:
    world.edit("plans/q4.yaml", "id: features\n", "id: flowers\n        previously: [features]\n")
    world.edit("mappings/science.yaml", "assign: features", "assign: flowers")


def test_without_label_objects_no_label_is_made_or_renamed_beside_issues(world: PlainWorld) -> None:
    key = world.plain.add_issue("garden", "Work", labels=["features"]).key
    world.run()
    assert world.labels(key) == {"features", FEATURES, INCREMENT}
    rename_capability(world)
    world.run()
    assert world.labels(key) == {"features", FLOWERS, INCREMENT}
    assert world.pushed(key) == {FLOWERS, INCREMENT}
    assert not world.plain.made_labels and not world.plain.renames
    assert {row.op for row in world.journal() if row.ref.key == key} == {"add-label", "remove-label"}


def test_additions_and_removals_are_sent_apart_so_that_a_refused_removal_loses_no_addition(
    world: PlainWorld,
) -> None:
    key = world.plain.add_issue("garden", "Work", labels=["features"]).key
    world.run()
    rename_capability(world)
    world.plain.refusing_writes["remove"] = Rejected("no removal")
    world.run()
    assert world.labels(key) == {"features", FEATURES, FLOWERS, INCREMENT}
    assert world.pushed(key) == {FEATURES, FLOWERS, INCREMENT}
    assert ([FLOWERS], []) in world.plain.label_requests and ([], [FEATURES]) in world.plain.label_requests


def test_another_spelling_is_another_label(world: PlainWorld) -> None:
    """A person replaces our label by another spelling. Where that is another label, it is theirs, and a pin."""
    key = world.plain.add_issue("garden", "Work", labels=["features"]).key
    twin = world.github.add_issue("acme/churn", "Work", labels=["features"]).key
    world.run()
    for tracker, changed in ((world.plain, key), (world.github, twin)):
        tracker.unlabel(changed, FEATURES)
        tracker.label(changed, "Capability:Features")
    world.run()
    assert world.pushed(key) == {INCREMENT}
    assert world.pushed(twin) == {FEATURES, INCREMENT}
    world.plain.unlabel(key, "features")
    world.github.unlabel(twin, "features")
    world.run()
    assert world.labels(key) == {"Capability:Features", INCREMENT}
    assert world.labels(twin) == set()
    assert world.overrides() == {(key, "pin", FEATURES)}


def test_a_label_is_deleted_as_a_whole_in_the_tracker_where_labels_are_no_objects() -> None:
    assert label_scope(ref(1), SPECS) == "plain"
    assert label_scope(ref(1, "github", "acme/churn#"), SPECS) == "github:acme/churn"
    lost = [SuspectedOverride(ref=ref(n), kind="veto", label=FEATURES) for n in range(3)]
    pushed = {each.ref: frozenset({FEATURES}) for each in lost}
    (refusal,) = check_overrides(lost, pushed, LIMITS, pushed, SPECS)
    assert f"{FEATURES} is gone from all 3 issues of plain that had it" in refusal.text


# ---- comments


def test_the_status_comment_is_in_the_markup_of_the_connector_between_marks(world: PlainWorld) -> None:
    world.run()
    (comment,) = world.comments("garden-1")
    assert comment.body.startswith("<!-- increment-sync:begin instance=acme subject=goal:retention -->\nKeep")
    assert "= Capability" in comment.body and "**" not in comment.body and "||" not in comment.body


def test_text_of_people_around_the_block_stays(world: PlainWorld) -> None:
    world.run()
    (comment,) = world.comments("garden-1")
    stored = world.plain._issue_at("garden-1")
    stored.comments[comment.id] = replace(comment, body=f"Before\n{comment.body}\nAfter")
    world.plain.close(world.plain.add_issue("garden", "Work", labels=["features"]).key)
    world.pass_time(days=2)
    world.run()
    (edited,) = world.comments("garden-1")
    assert edited.body.startswith("Before\n<!--") and edited.body.endswith("-->\nAfter")
    assert edited.body != f"Before\n{comment.body}\nAfter"


def test_a_comment_is_as_long_as_the_markup_allows() -> None:
    content = CommentContent(
        heading="A goal",
        context="of an increment",
        state="On track",
        header=("A", "B"),
        rows=tuple((f"capability {n}", "x" * 40) for n in range(100)),
        footer="The end",
    )
    text = render_comment(content, SPEC.markup).body
    assert len(text) <= 2_000
    assert "more capabilities" in text and text.endswith("The end")


# ---- mail and requests


def test_the_reader_is_asked_where_edits_send_mail(world: PlainWorld) -> None:
    issue = world.plain.add_issue("garden", "Work", labels=["features"], assignees=("ada",))
    change = LabelChange(ref=issue, container="garden", add={FEATURES: WHY}, remove={}, before=())

    def estimate(context: RunContext) -> tuple[int, tuple[str, ...]]:
        found = estimate_impact(
            context, ChangeSet(labels=(change,)), [world.plain._issue_at(issue.key).issue]
        )
        return found.cost.people, found.cost.notifying_containers

    assert world.with_context(estimate) == (0, ())
    world.plain.sends_edit_mail = True
    people, containers = world.with_context(estimate)
    assert people == 2 and containers == ("plain:garden",)


@pytest.mark.parametrize(("in_one_write", "requests"), [(False, 3), (True, 1)])
def test_requests_for_labels_are_counted_as_they_are_sent(in_one_write: bool, requests: int) -> None:
    change = LabelChange(
        ref=ref(1), container="garden", add={FEATURES: WHY}, remove={"a:b": WHY, "c:d": WHY}, before=()
    )
    costs = {"plain": TrackerWriteCost(limits=WriteLimits(), labels_in_one_write=in_one_write)}
    assert estimate_cost(ChangeSet(labels=(change,)), audience(), costs).requests == requests


def test_a_deleted_comment_is_mailed_where_edits_may_be() -> None:
    removal = CommentRemoval(ref=ref(1), subject="goal:g", comment_id="1", reason=WHY)
    assert audience().recipients(removal) == frozenset()
    assert audience("plain").recipients(removal) == {"plain:ada"}


def audience(*notifying: str) -> Audience:
    return Audience(
        people_by_issue={ref(1): frozenset({"plain:ada"})},
        notifying_trackers=frozenset(notifying),
        mailed_edits={},
        people_known=1,
    )


# ---- keys and the first workspace


def test_a_key_is_looked_up_where_it_may_be(world: PlainWorld) -> None:
    def found(text: str) -> list[tuple[str, str]]:
        def look(context: RunContext) -> list[tuple[str, str]]:
            return candidate_issues(context, text)

        result: list[tuple[str, str]] = world.with_context(look)
        return result

    assert found("plain:garden-1") == [("plain", "garden-1")]
    assert set(found("garden-1")) == {("plain", "garden-1"), ("jira", "GARDEN-1")}
    assert found("acme/churn#7") == [("github", "acme/churn#7")]
    assert found("https://garden.example/browse/1") == []


def test_init_writes_sources_and_keys_as_the_connector_spells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    tracker = InitialTracker(kind="plain", container="orchard")
    assert tracker.setting() == "  plain: {kind: plain}"
    assert tracker.source() == "  - plain: {folder: orchard}"
    assert (tracker.key(), tracker.key(7)) == ("orchard-12", "orchard-7")


def test_a_tracker_that_left_the_settings_is_left_as_it_is(world: PlainWorld) -> None:
    key = world.plain.add_issue("garden", "Work", labels=["features"]).key
    world.run()
    before = world.snapshot()
    world.edit("increment-sync.yaml", "  plain: {kind: plain}\n", "")
    world.edit("mappings/science.yaml", "  - plain: {folder: garden}\n", "")
    world.edit("plans/q4.yaml", "    anchor: plain:garden-1\n", "")
    world.trackers = {name: tracker for name, tracker in world.trackers.items() if name != "plain"}
    assert len(world.run().planning.changes) == 0
    world.trackers["plain"] = world.plain
    assert world.snapshot() == before and FEATURES in world.labels(key)
