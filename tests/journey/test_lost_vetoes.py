"""Vetoes from before a lost store, recovered from the label histories of the trackers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.github import repository_events
from sync.pipeline import override_recovery as lost_store
from tests.journey.test_lost_store_and_instances import OTHER, SET, account_of, lose_store, seeds
from tests.support.journey_world import FEATURES, PLAN, TOKENS, JourneyWorld, jira_seed, plain_trackers

MakeWorld = Callable[..., JourneyWorld]
JIRA, GITHUB = "capability:model", "capability:features"
BULK = "jira: POST /rest/api/3/changelog/bulkfetch -> 200"
NO_ANCHORS = "\n".join(
    line.split(", anchor:")[0] + "}" if ", anchor:" in line else line for line in PLAN.splitlines()
)
NO_ANCHORS = NO_ANCHORS.replace("    anchor: jira:DS-1\n", "")


@pytest.fixture
def world(make_world: MakeWorld) -> JourneyWorld:
    return make_world(jira=2, github=2)


def data_center(issues: int) -> dict[str, Any]:
    return {
        "jira": jira_seed(issues, kind="jira-dc"),
        "trackers": lambda box: plain_trackers(box).replace("jira-cloud", "jira-dc"),
        "environment": {"JIRA_PAT": "jira-token", "GH_TOKEN": "github-token"},
    }


def take_off(world: JourneyWorld) -> None:
    """Remove two labels as a person, one on each tracker."""
    world.unlabel("DS-11", JIRA)
    world.unlabel("acme/churn#11", GITHUB)


def vetoes(world: JourneyWorld) -> dict[str, tuple[str, str, str]]:
    rows = world.overrides()["overrides"]
    assert {row["kind"] for row in rows} <= {"veto"}
    return {
        row["ref"]: (row["label"], row["since"][:10], row["note"].partition(" (account")[0]) for row in rows
    }


def history_reads(world: JourneyWorld) -> list[str]:
    """Return the requests for label histories of issues, without those for whole repositories."""
    return [line for line in world.reads() if re.search(r"/issues/\d+/events -> 200$", line)]


@pytest.mark.parametrize(("kind", "known"), [("jira-cloud", True), ("jira-dc", False)])
def test_labels_that_people_took_off_stay_off_when_the_store_is_lost(
    make_world: MakeWorld, kind: str, known: bool
) -> None:
    world = make_world(github=2, **(data_center(2) if kind == "jira-dc" else {"jira": 2}))
    world.run()
    take_off(world)
    day = world.clock.now()
    if known:
        world.run()
    before = world.snapshot()
    lose_store(world)
    shown = world.preview()
    assert JIRA not in shown.out and GITHUB not in shown.out
    result = world.run()
    assert result.code == 0, result.err
    if known:
        assert world.reads("jira").count(BULK) == 1, (
            "how labels went; what else happened the preview had asked"
        )
        assert len(history_reads(world)) == 1
    assert (
        "capability:model was removed on 2026-11-20, according to the tracker's history"
        in result.err + result.out
    )
    assert JIRA not in world.labels("DS-11") and GITHUB not in world.labels("acme/churn#11")
    if known:
        assert {key: face[0] for key, face in world.snapshot()["jira"].items()} == {
            key: face[0] for key, face in before["jira"].items()
        }
    note = "from the tracker's history: a person removed the label"
    assert vetoes(world) == {
        "jira:DS-11": (JIRA, f"{day:%Y-%m-%d}", note),
        "github:acme/churn#11": (GITHUB, f"{day:%Y-%m-%d}", note),
    }
    assert world.status()["increments"]
    world.run()
    world.run()
    assert world.writes() == []
    assert len(world.requests) == 2, "it is asked once"


def test_a_veto_from_the_history_is_cleared_like_any_other(world: JourneyWorld) -> None:
    world.run()
    take_off(world)
    lose_store(world)
    world.run()
    assert world.clear(issue="DS-11").code == 0
    assert world.run().code == 0
    assert JIRA in world.labels("DS-11") and GITHUB not in world.labels("acme/churn#11")


def test_what_we_took_off_ourselves_is_put_again_and_a_persons_own_label_is_no_veto(
    world: JourneyWorld,
) -> None:
    world.run()
    world.edit("mappings/science.yaml", "labels: [features]", "labels: [other]")
    world.run(max_removals=100)
    assert GITHUB not in world.labels("acme/churn#12")
    world.unlabel("DS-12", "model")
    world.run()
    world.label("DS-12", JIRA)
    world.clock.advance(timedelta(hours=1))
    world.unlabel("DS-12", JIRA)
    lose_store(world)
    world.label("DS-12", "model")
    world.edit("mappings/science.yaml", "labels: [other]", "labels: [features]")
    assert world.run().code == 0
    assert GITHUB in world.labels("acme/churn#12") and JIRA in world.labels("DS-12")
    assert vetoes(world) == {}


def test_former_accounts_count_as_us_when_they_took_it_off(tmp_path: Path) -> None:
    with JourneyWorld(tmp_path, **seeds(2)) as world:
        world.run()
        world.edit("mappings/science.yaml", "labels: [features]", "labels: [other]")
        world.run(max_removals=100)
        world.unlabel("DS-11", JIRA)
        lose_store(world)
        world.environment = {**TOKENS, **OTHER}
        world.edit("mappings/science.yaml", "labels: [other]", "labels: [features]")
        robots = {"jira": "robot-1", "github": account_of(world, "sync-robot")}
        for tracker, account in robots.items():
            world.edit(SET, f"{tracker}: {{", f"{tracker}: {{former_accounts: ['{account}'], ")
        assert world.run().code == 0
        assert all(GITHUB in world.labels(f"acme/churn#{number}") for number in (11, 12))
        assert set(vetoes(world)) == {"jira:DS-11"}


def test_a_label_with_a_former_prefix_is_recognised(world: JourneyWorld) -> None:
    world.run()
    take_off(world)
    lose_store(world)
    more = 'labels: {capability: {prefix: "area:", previously: ["capability:"]}}\n'
    world.write(SET, (world.root / SET).read_text() + more)
    assert world.run(max_removals=100).code == 0
    assert not world.labels("DS-11") & {JIRA, "area:model"}
    assert "area:model" in world.labels("DS-12")
    assert set(vetoes(world)) == {"jira:DS-11", "github:acme/churn#11"}


def test_without_a_comment_of_ours_a_label_tells_that_we_were_there(make_world: MakeWorld) -> None:
    world = make_world(plan=NO_ANCHORS, jira=2, github=2)
    world.run()
    take_off(world)
    lose_store(world)
    result = world.run()
    assert result.code == 0, result.err
    assert set(vetoes(world)) == {"jira:DS-11", "github:acme/churn#11"}


# ---- what it costs


def test_a_run_asks_about_so_many_issues_and_the_others_wait(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    world.run()
    for number in (11, 12, 13):
        world.unlabel("DS-" + str(number), JIRA, by="ada" if number == 13 else "robot-1")
        world.unlabel(f"acme/churn#{number}", GITHUB, by="ada" if number == 13 else "sync-robot")
    lose_store(world)
    monkeypatch.setattr(lost_store, "MAX_HISTORIES_PER_RUN", 2)
    result = world.run()
    assert result.code == 0, result.err
    assert (
        "left for the next run: 2 issues on github, jira: no label is changed before the issue's history"
        in result.err
    )
    for number, put in ((11, True), (12, True), (13, False)):
        assert (JIRA in world.labels(f"DS-{number}"), GITHUB in world.labels(f"acme/churn#{number}")) == (
            put,
            put,
        )
    assert len(history_reads(world)) == 2
    assert vetoes(world) == {}
    assert world.run().code == 0
    assert len(history_reads(world)) == 1, (
        "and who put the increment's label, which goes with the capability's"
    )
    assert set(vetoes(world)) == {"jira:DS-13", "github:acme/churn#13"}
    world.run()
    world.run()
    assert world.writes() == [] and len(world.requests) == 2


def test_an_issue_whose_history_cannot_be_read_gets_no_label(world: JourneyWorld) -> None:
    world.run()
    take_off(world)
    lose_store(world)
    world.fault("status", path="*/issues/11/events", status=410, times=None)
    result = world.run()
    assert result.code == 1
    assert "not checked, left alone: github:acme/churn#11: its label history" in result.err
    assert GITHUB not in world.labels("acme/churn#11") and JIRA not in world.labels("DS-11")
    world.box.faults.clear()
    assert world.run().code == 0
    assert set(vetoes(world)) == {"jira:DS-11", "github:acme/churn#11"}


def test_without_bulk_histories_each_issue_is_read(world: JourneyWorld) -> None:
    world.run()
    take_off(world)
    for number in range(120):
        world.jira.set_status("DS-11", "In Progress" if number % 2 else "To Do", "ada")
    lose_store(world)
    world.fault("status", path="*/changelog/bulkfetch", status=403, times=None)
    assert world.run().code == 0
    own = [line for line in world.reads("jira") if "/changelog ->" in line]
    assert len(own) == 2 + 2, "of DS-11 more than a page; and of two anchors, whose state moved meanwhile"
    found = {row["ref"] for row in world.overrides()["overrides"] if row["kind"] == "veto"}
    assert found == {"jira:DS-11", "github:acme/churn#11"}


def test_a_first_run_without_earlier_writes_reads_no_history(make_world: MakeWorld) -> None:
    world = make_world(jira=4, github=4)
    world.run()
    assert history_reads(world) == []
    assert world.reads("jira").count(BULK) == 1, "what happened to the issues, as ever"
    assert len(world.reads("jira")) == 4 + 1 + 1 + 2, (
        "set-up, the issues, their histories, two anchors' comments"
    )


def test_earlier_labels_of_people_cost_the_history_of_a_few_issues(make_world: MakeWorld) -> None:
    world = make_world(jira=5, github=5)
    for number in range(11, 15):
        world.label(f"DS-{number}", JIRA)
        world.label(f"acme/churn#{number}", GITHUB)
    assert world.run().code == 0
    assert len(history_reads(world)) == 3
    assert world.reads("jira").count(BULK) == 1 + 1
    world.run()
    world.run()
    assert len(world.requests) == 2


def test_vetoes_are_found_after_an_undo_of_every_write(
    world: JourneyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No label and no comment shows earlier writes, and the pull's page of events shows the undo only."""
    world.run()
    first = world.last_run()
    take_off(world)
    world.run()
    for run_id in (world.last_run(), first):
        assert world.undo(run_id, limit=100).code == 0
        for _ in range(50):
            world.label(FEATURES, "noise")
            world.unlabel(FEATURES, "noise")
    lose_store(world)
    monkeypatch.setattr(repository_events, "_max_pages", lambda *_: 2)
    assert world.run().code == 0
    assert set(vetoes(world)) == {"jira:DS-11", "github:acme/churn#11"}
    assert GITHUB not in world.labels("acme/churn#11") and GITHUB in world.labels("acme/churn#12")
    world.run()
    assert world.run().code == 0
    assert world.writes() == []
