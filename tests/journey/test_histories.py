"""Issue histories: read by runs within a request budget, and never the reason for a failed run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mappings.model import MatchResult
from sync.forecast.load_history import load_issue_flows
from sync.model.flow import IssueFlow
from sync.pull.current_sources import load_current_issues
from sync.runtime.bootstrap import load_configuration
from tests.support.journey_world import MAPPING, JourneyWorld, github_seed, jira_seed, plain_trackers

MakeWorld = Callable[..., JourneyWorld]
WIP = MAPPING.replace("sources:", "states: {doing: {labels: [wip]}, blocked: {labels: [on-hold]}}\nsources:")
DAY = timedelta(hours=25)
BULK, EVENTS = "/rest/api/3/changelog/bulkfetch", "/api/v3/repos/acme/churn/issues/events"


def flow(world: JourneyWorld) -> dict[str, IssueFlow]:
    """The way of every issue by key, as others read it from the store."""
    workspace = load_configuration(world.root).workspace
    with world.opened_store() as store:
        known = load_current_issues(store, workspace)
        return {
            ref.key: way
            for ref, way in load_issue_flows(store, workspace, MatchResult(), known=known).items()
        }


def asked(world: JourneyWorld) -> list[str]:
    """The requests of the last command that asked for histories."""
    paths = [line.split()[2] for line in world.reads()]
    return sorted(path for path in paths if path.endswith(("bulkfetch", "/events")))


def data_center(issues: int) -> dict[str, Any]:
    return {
        "jira": jira_seed(issues, kind="jira-dc"),
        "trackers": lambda box: plain_trackers(box).replace("jira-cloud", "jira-dc"),
        "environment": {"JIRA_PAT": "jira-token", "GH_TOKEN": "github-token"},
    }


def on_its_way(world: JourneyWorld) -> None:
    """Between two runs an issue is started, flagged, done, opened again and done."""
    acts: list[Callable[[], None]] = [
        lambda: world.jira.set_status("DS-11", "In Progress", "ada"),
        lambda: world.jira.flag("DS-11", "ada"),
        lambda: world.jira.flag("DS-11", "ada", False),
        lambda: world.close("DS-11"),
        lambda: world.jira.set_status("DS-11", "To Do", "ada"),
        lambda: world.close("DS-11"),
    ]
    # Two others have these statuses, so that everybody knows what they are.
    world.jira.set_status("DS-12", "In Progress", "ada")
    for act in acts:
        world.clock.advance(timedelta(hours=1))
        act()


@pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])
def test_history_between_two_runs_is_known_to_the_hour(make_world: MakeWorld, kind: str) -> None:
    world = make_world(**(data_center(3) if kind == "jira-dc" else {}))
    world.run()
    world.run()
    began = world.clock.now()
    on_its_way(world)
    assert world.run().code == 0
    way = flow(world)["DS-11"]
    hours = [round((move.at - began).total_seconds() / 3600) for move in way.state_changes[1:]]
    assert [move.state for move in way.state_changes] == ["todo", "doing", "done", "todo", "done"]
    assert hours == [1, 4, 5, 6]
    assert way.complete and way.finished == way.state_changes[-1].at
    assert [(each.since - began, each.until and each.until - began) for each in way.blocked_periods] == [
        (timedelta(hours=2), timedelta(hours=3))
    ]


def test_github_history_comes_from_labels_and_closings(make_world: MakeWorld) -> None:
    world = make_world(mapping=WIP)
    world.run()
    world.clock.advance(timedelta(hours=1))
    world.label("acme/churn#11", "wip")
    world.label("acme/churn#11", "on-hold")
    world.clock.advance(timedelta(hours=1))
    world.unlabel("acme/churn#11", "on-hold")
    world.close("acme/churn#11")
    world.clock.advance(timedelta(hours=1))
    world.github.reopen("acme/churn", 11, by="ada")
    world.clock.advance(timedelta(hours=1))
    world.github.close("acme/churn", 11, "not_planned", by="ada")
    world.run()
    way = flow(world)["acme/churn#11"]
    assert [move.state for move in way.state_changes] == ["todo", "doing", "done", "doing", "dropped"]
    assert way.complete and len(way.reopened) == 1 and len(way.blocked_periods) == 1


def test_unused_statuses_are_saved_in_the_first_run(make_world: MakeWorld) -> None:
    seed = jira_seed(0)
    times = {"created": "300d ago", "started": "290d ago", "resolved": "280d ago"}
    old = {"summary": "Old", "status": "Done", "resolution": "Done", **times}
    seed["projects"]["DS"]["issues"] += [{**old, "key": f"DS-{number}"} for number in range(11, 113)]
    world = make_world(jira=seed)
    now = world.clock.now()
    world.run()
    assert {way.started for key, way in flow(world).items() if "#" not in key} == {now - timedelta(days=290)}


def test_issues_closed_before_the_increment_are_history(make_world: MakeWorld) -> None:
    seed = jira_seed(1)
    old = {"key": "DS-9", "summary": "Old", "status": "Done", "resolution": "Done"}
    times = {"created": "300d ago", "started": "290d ago", "resolved": "280d ago"}
    seed["projects"]["DS"]["issues"].append({**old, **times})
    world = make_world(jira=seed)
    now = world.clock.now()
    world.jira.set_status("DS-11", "In Progress", "ada")
    world.run()
    way = flow(world)["DS-9"]
    assert way.started == now - timedelta(days=290)
    assert way.finished == now - timedelta(days=280)
    assert "DS-1" not in flow(world), "an anchor is no work"


# ---- what it costs


def test_jira_cloud_sends_one_request_for_up_to_a_hundred_changed_issues(make_world: MakeWorld) -> None:
    seed = jira_seed(103)
    seed["projects"]["DS"]["issues"] = [{**each, "labels": []} for each in seed["projects"]["DS"]["issues"]]
    world = make_world(jira=seed)
    world.run()
    assert asked(world) == [EVENTS, BULK]
    assert len([line for line in world.reads("jira") if line.endswith("/status -> 200")]) == 1
    world.label("DS-112", "model")
    world.run()
    assert asked(world) == [BULK]
    world.run()
    assert asked(world) == [], "nobody but us changed anything"
    for number in range(11, 111):
        world.close(f"DS-{number}")
    world.run()
    assert asked(world) == [BULK]
    world.run()
    assert asked(world) == []
    world.reconcile()
    assert asked(world) == [], "reading everything again is no reason"
    world.run(after=DAY)
    assert asked(world) == []


def test_long_changelogs_are_read_within_the_budget_and_marked_incomplete(make_world: MakeWorld) -> None:
    seed = jira_seed(3)
    seed["switches"] = {"changelog_page_cap": 4}
    world = make_world(jira=seed)
    world.run()
    on_its_way(world)
    world.run()
    assert asked(world) == [BULK]
    way = flow(world)["DS-11"]
    assert not way.complete
    assert way.finished == world.jira.require_issue("DS-11").resolved


def test_data_center_returns_histories_with_issues(make_world: MakeWorld) -> None:
    world = make_world(**data_center(12))
    world.run()
    world.run()
    for number in range(11, 16):
        world.close(f"DS-{number}")
    world.run()
    assert [line for line in world.reads("jira") if "comment" not in line] == [
        "jira: POST /rest/api/2/search -> 200"
    ]
    assert sum(1 for way in flow(world).values() if way.finished and way.complete) == 5


def test_unchanged_github_repositories_get_no_history_request(world: JourneyWorld) -> None:
    world.run()
    world.run()
    assert asked(world) == []
    world.close("acme/churn#11")
    world.run()
    assert asked(world) == [EVENTS]
    world.run()
    world.run()
    assert world.reads("github") == ["github: GET /api/v3/repos/acme/churn/issues -> 304"]


def test_a_repository_with_many_events_is_read_as_far_as_its_changes_justify(make_world: MakeWorld) -> None:
    world = make_world(github=github_seed(60), jira=1)
    for number in range(11, 71):
        world.github.close("acme/churn", number, by="ada")
    world.run()
    assert asked(world).count(EVENTS) == 1, "it is seen first, and its labels mean no state"
    invocation = flow(world)
    assert not all(way.complete for key, way in invocation.items() if "#" in key)
    assert all(way.finished for key, way in invocation.items() if "#" in key), (
        "the issues tell that themselves"
    )
    world.clock.advance(timedelta(minutes=30))
    world.github.reopen("acme/churn", 11, by="ada")
    world.clock.advance(timedelta(minutes=30))
    world.close("acme/churn#11")
    world.run()
    assert asked(world).count(EVENTS) <= 3
    assert len(flow(world)["acme/churn#11"].reopened) == 1
    world.run()
    world.github.reopen("acme/churn", 12, by="ada")
    world.run()
    assert asked(world) == [EVENTS], "what was read before is met on the first page"
    assert len(flow(world)["acme/churn#12"].reopened) == 1


# ---- what goes wrong


def test_a_data_center_that_is_too_slow_for_its_changelogs_is_read_in_smaller_pages(
    make_world: MakeWorld,
) -> None:
    """A thousand issues with changelogs never come in time, and one page of 50 neither; later its issues do."""
    world = make_world(**data_center(55))
    world.fault("timeout", path="*/search", rows=51, times=None)
    world.fault("timeout", path="*/search", expand="changelog", nth=7, times=2)
    result = world.run()
    assert (result.code, "history not read" in result.out + result.err) == (0, False), result.err
    pages = [line for line in world.reads("jira") if "/search ->" in line]
    assert len(pages) == 4 + 2 + (2 + 1) + 1 + 1, (
        "a thousand, 250, 50, the rest, and the histories of those 50"
    )
    assert len([key for key in flow(world) if key.startswith("DS-")]) == 55
    assert all(way.complete for way in flow(world).values())
    assert all("capability:model" in world.labels(f"DS-{number}") for number in range(11, 66))
    world.box.faults.clear()
    world.run()
    assert world.writes() == []
    world.run()
    assert len(world.reads("jira")) == 1


@pytest.mark.parametrize(
    ("status", "path", "key"),
    [(503, f"*{BULK}", "DS-11"), (500, "*/issues/events", "acme/churn#11")],
)
def test_unreadable_history_does_not_fail_the_run(
    world: JourneyWorld, status: int, path: str, key: str
) -> None:
    world.run()
    world.close(key)
    world.fault("status", path=path, status=status, times=None)
    result = world.run()
    assert result.code == 0
    assert "history not read: " in result.out + result.err
    assert any("1 of 3" in comment for comment in world.comments("acme/churn#1" if "#" in key else "DS-2"))
    way = flow(world)[key]
    assert way.finished is not None and not way.complete
    world.box.faults.clear()
    result = world.run()
    assert "history not read" not in result.out + result.err
    assert flow(world)[key].complete, "it is made up for, though nothing changed since"


def test_unlisted_statuses_lose_no_history(make_world: MakeWorld) -> None:
    seed = jira_seed(101)
    seed["projects"]["DS"]["issues"] = [{**each, "labels": []} for each in seed["projects"]["DS"]["issues"]]
    world = make_world(jira=seed)
    world.fault("status", tracker="jira", path="*/status", status=403, times=None)
    assert "history not read" not in world.run().out
    assert flow(world)["DS-11"].complete


def test_refused_history_requests_pause_for_some_hours(world: JourneyWorld) -> None:
    world.fault("status", path=f"*{BULK}", status=403, times=None)
    assert world.run().code == 0
    assert asked(world).count(BULK) == 1
    world.run()
    assert asked(world) == []
    world.box.faults.clear()
    world.run(after=timedelta(hours=7))
    assert asked(world).count(BULK) == 1
    assert flow(world)["DS-11"].complete


def test_other_state_label_reads_histories_again(world: JourneyWorld) -> None:
    world.label("acme/churn#11", "wip")
    world.label("DS-11", "wip")
    put = world.clock.now()
    for _ in range(2):
        world.clock.advance(timedelta(hours=1))
        for number in range(110):
            world.github.retitle("acme/churn", 12, f"Attempt {number}", by="ada")
    world.run()
    assert flow(world)["acme/churn#11"].started is None
    world.write("mappings/science.yaml", WIP)
    world.run()
    invocation = flow(world)
    assert invocation["acme/churn#11"].started == invocation["DS-11"].started == put
