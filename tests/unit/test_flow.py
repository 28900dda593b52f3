"""Issue flows: start, blocked periods, close and reopening."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from connectors.model import Blocker, IssueChange
from mappings.model import StateRule
from mappings.rules.flow_state import StateResolver
from sync.forecast.closing_times import RecordedClosingTimes
from sync.forecast.issue_history import IssueChanges, StatusCatalog, build_issue_flows, build_status_catalog
from sync.model.flow import BlockedPeriod
from tests.support.flow_world import CREATED, STATUSES, day, flag, issue_flow, label, states_of, status
from tests.support.match_world import known, team

START, DONE = status(2, "To Do", "In Progress"), status(5, "In Progress", "Done")
REOPEN = status(7, "Done", "To Do")


def test_an_issue_without_changes_is_in_its_first_state() -> None:
    flow = issue_flow()
    assert states_of(flow) == [("todo", CREATED)]
    assert (flow.started, flow.finished, flow.dropped, flow.closed) == (None, None, None, None)
    assert flow.complete


def test_a_finished_issue_has_start_and_end() -> None:
    flow = issue_flow(START, DONE, now="Done", closed=day(5))
    assert states_of(flow) == [("todo", CREATED), ("doing", day(2)), ("done", day(5))]
    assert (flow.started, flow.finished, flow.reopened) == (day(2), day(5), ())


def test_a_reopened_issue_is_finished_by_its_last_close() -> None:
    again = [REOPEN, status(8, "To Do", "Review"), status(9, "Review", "Done")]
    flow = issue_flow(START, DONE, *again, now="Done", closed=day(9))
    assert (flow.started, flow.finished, flow.reopened) == (day(2), day(9), (day(7),))
    still_open = issue_flow(START, DONE, REOPEN)
    assert (still_open.finished, still_open.reopened) == (None, (day(7),))


def test_another_status_of_the_same_category_does_not_change_the_end() -> None:
    flow = issue_flow(START, DONE, status(20, "Done", "Released"), now="Released", closed=day(5))
    assert flow.finished == day(5)


def test_an_issue_closed_as_wont_do_is_dropped_and_not_finished() -> None:
    flow = issue_flow(DONE, now="Done", resolution="Won't Do", closed=day(5))
    assert (flow.finished, flow.dropped, flow.closed) == (None, day(5), day(5))
    github = issue_flow(
        status(3, "open", "closed", resolution="not_planned"),
        status(4, "closed", "open"),
        status(6, "open", "closed", resolution="completed"),
        now="closed",
        resolution="completed",
    )
    assert states_of(github) == [("todo", CREATED), ("dropped", day(3)), ("todo", day(4)), ("done", day(6))]


def test_the_team_states_apply_to_the_past() -> None:
    own = {
        "doing": StateRule(labels=frozenset({"wip"})),
        "done": StateRule(statuses=frozenset({"Review"})),
        "blocked": StateRule(labels=frozenset({"on-hold"}), statuses=frozenset({"In Progress"})),
    }
    flow = issue_flow(
        label(1, "WIP"),
        label(2, "on-hold"),
        label(3, "on-hold", off=True),
        status(4, "To Do", "In Progress"),
        status(6, "In Progress", "Review"),
        now="Review",
        labels=("WIP",),
        states=own,
    )
    assert states_of(flow) == [("todo", CREATED), ("doing", day(1)), ("done", day(6))]
    assert flow.blocked_periods == (
        BlockedPeriod(since=day(2), until=day(3)),
        BlockedPeriod(since=day(4), until=day(6)),
    )


def test_a_flag_blocks_until_it_is_removed() -> None:
    flow = issue_flow(flag(1), flag(3, off=True), flag(8), flagged=True)
    assert flow.blocked_periods == (
        BlockedPeriod(since=day(1), until=day(3)),
        BlockedPeriod(since=day(8), until=None),
    )


def test_labels_and_flags_without_a_change_exist_since_creation() -> None:
    own = {"blocked": StateRule(labels=frozenset({"on-hold"}))}
    flow = issue_flow(START, now="In Progress", labels=("on-hold",), flagged=True, states=own)
    assert flow.blocked_periods == (BlockedPeriod(since=CREATED, until=None),)


def test_a_rejected_experiment_is_done() -> None:
    assert issue_flow(DONE, now="Done", resolution="Rejected", experiment=True).finished == day(5)
    assert issue_flow(DONE, now="Done", resolution="Rejected").dropped == day(5)


# ---- statuses


def test_a_change_to_an_unknown_status_has_no_effect() -> None:
    flow = issue_flow(status(1, "To Do", "Triage"), status(2, "Triage", "In Progress"), now="In Progress")
    assert states_of(flow) == [("todo", CREATED), ("doing", day(2))]
    through = [START, status(3, "In Progress", "Triage"), status(4, "Triage", "Review")]
    assert states_of(issue_flow(*through, now="Review")) == [("todo", CREATED), ("doing", day(2))]
    unknown_first = issue_flow(
        status(1, "Triage", "In Progress"), status(4, "In Progress", "Done"), now="Done"
    )
    assert states_of(unknown_first) == [("todo", CREATED), ("doing", day(1)), ("done", day(4))]


def test_a_renamed_status_is_found_by_its_id() -> None:
    statuses = replace(STATUSES, by_id={("jira", "7"): ("Review", "doing")})
    renamed = status(2, "To Do", "Peer check", after_id="7")
    assert issue_flow(renamed, now="Review", statuses=statuses).started == day(2)
    own = {"done": StateRule(statuses=frozenset({"Review"}))}
    assert issue_flow(renamed, now="Review", statuses=statuses, states=own).finished == day(2)


def test_statuses_come_from_current_issues_and_observed_changes() -> None:
    current = [known("DS-1", status="Prüfung", status_id="7", category="doing")]
    statuses = build_status_catalog(current, [("jira", "Erledigt", "done"), ("jira", "prüfung", "todo")])
    assert statuses.resolve("jira", "7", "In Review") == ("Prüfung", "doing")
    assert statuses.resolve("jira", "", "PRÜFUNG") == ("PRÜFUNG", "doing")
    assert statuses.resolve("jira", "99", "Erledigt") == ("Erledigt", "done")
    assert statuses.resolve("github", "", "Erledigt") == ("Erledigt", None)


# ---- clocks and incomplete histories


def test_a_change_before_the_creation_counts_from_the_creation() -> None:
    flow = issue_flow(status(-2, "To Do", "Done"), now="Done", closed=day(-2))
    assert (flow.finished, states_of(flow)) == (CREATED, [("todo", CREATED), ("done", CREATED)])
    imported = issue_flow(now="Done", closed=day(-2))
    assert (imported.finished, states_of(imported)) == (CREATED, [("done", CREATED)])


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        ({"now": "Done", "closed": day(6)}, [("todo", CREATED), ("done", day(6))]),
        ({"now": "closed", "closed": day(6)}, [("todo", CREATED), ("done", day(6))]),
        ({"now": "Review", "started": day(3)}, [("todo", CREATED), ("doing", day(3))]),
        ({"now": "Review", "updated": day(4)}, [("todo", CREATED), ("doing", day(4))]),
    ],
)
def test_without_a_history_the_issue_fields_are_used(facts, changes) -> None:
    flow = issue_flow(complete=False, **facts)
    assert states_of(flow) == changes
    assert not flow.complete


def test_observed_changes_fill_gaps_of_the_tracker_history() -> None:
    observed = [replace(START, at=day(2.2)), replace(DONE, at=day(5.1)), replace(REOPEN, at=day(7.3))]
    flow = issue_flow(complete=False, observed=observed)
    assert states_of(flow) == [
        ("todo", CREATED),
        ("doing", day(2.2)),
        ("done", day(5.1)),
        ("todo", day(7.3)),
    ]
    assert issue_flow(START, DONE, REOPEN, observed=observed).state_changes[1].at == day(2), (
        "the tracker's time is more precise"
    )


def test_the_closing_time_of_an_issue_replaces_the_time_of_the_observation() -> None:
    late = replace(DONE, at=day(5.5))
    assert issue_flow(complete=False, now="Done", closed=day(5), observed=[late]).finished == day(5)
    before = replace(REOPEN, at=day(5.2))
    assert issue_flow(complete=False, now="Done", closed=day(5), observed=[before, late]).finished == day(
        5.5
    ), "older"


def test_a_reported_and_observed_change_counts_once() -> None:
    closed, opened = status(5, "open", "closed"), status(5.1, "closed", "open")
    late = IssueChange(**{**_fields(closed), "id": "seen:0", "at": day(5.2)})
    flow = issue_flow(closed, opened, now="open", complete=False, observed=[late])
    assert states_of(flow) == [("todo", CREATED), ("done", day(5)), ("todo", day(5.1))]


def test_labels_of_unknown_age_start_nothing_at_creation() -> None:
    own = {
        "doing": StateRule(labels=frozenset({"wip"})),
        "blocked": StateRule(labels=frozenset({"on-hold"})),
    }
    flow = issue_flow(now="open", labels=("wip", "on-hold"), complete=False, states=own, updated=day(9))
    assert flow.started == day(9)
    assert flow.blocked_periods == (BlockedPeriod(since=day(9), until=None),)


def test_a_flag_of_unknown_age_blocks_since_the_last_update() -> None:
    flow = issue_flow(now="Review", flagged=True, complete=False, started=day(3), updated=day(8))
    assert (flow.started, flow.blocked_periods) == (day(3), (BlockedPeriod(since=day(8), until=None),))


def test_an_open_issue_that_vanished_is_dropped() -> None:
    flow = issue_flow(START, now="In Progress", vanished=day(11))
    assert (flow.dropped, flow.finished) == (day(11), None)
    assert issue_flow(START, DONE, now="Done", closed=day(5), vanished=day(11)).finished == day(5)


def test_an_issue_without_a_team_is_read_by_its_trackers_category() -> None:
    item = known(status="Done", category="done", created=CREATED, closed=day(5))
    changes = {item.issue.ref: IssueChanges(changes=(START, DONE), complete=True)}
    assert build_issue_flows([item], changes, {}, STATUSES)[item.issue.ref].finished == day(5)
    assert build_issue_flows([item], {}, {}, StatusCatalog())[item.issue.ref].finished == day(5)


def _fields(change: IssueChange) -> dict[str, object]:
    return {name: getattr(change, name) for name in ("ref", "kind", "before", "after")}


def test_an_update_is_no_closing() -> None:
    facts = {"closed": None, "updated": day(300), "now": "Done"}
    assert issue_flow(status(2, "To Do", "Done"), **facts).finished == day(2)
    assert issue_flow(**facts).finished == CREATED, "a whole history without a change: it was created so"
    with pytest.raises(KeyError):
        issue_flow(complete=False, **facts)


def test_what_runs_saw_is_a_closing_without_history_or_resolution() -> None:
    seen = status(5, "In Progress", "Done")
    flow = issue_flow(observed=[seen], complete=False, now="Done", closed=None, updated=day(300))
    assert flow.finished == day(5)


def test_the_history_wins_over_a_resolution_date_from_before_a_reopening() -> None:
    changes = (status(2, "To Do", "Done"), status(4, "Done", "In Progress"), status(6, "In Progress", "Done"))
    assert issue_flow(*changes, now="Done", closed=day(2)).finished == day(6)
    assert issue_flow(*changes, now="Done", closed=day(20)).finished == day(6)


def test_a_closing_that_an_incomplete_history_lacks_is_the_trackers() -> None:
    flow = issue_flow(status(2, "To Do", "Done"), complete=False, now="Done", closed=day(9))
    assert flow.finished == day(9)
    assert flow.reopened == (day(9),)


def test_a_team_whose_done_is_a_later_status_is_finished_there() -> None:
    states = {"doing": StateRule(statuses=frozenset({"Done"}))}
    changes = (status(2, "To Do", "Done"), status(8, "Done", "Released"))
    assert issue_flow(*changes, now="Released", closed=day(2), states=states).finished == day(8)


def test_a_github_issue_closed_without_a_time_was_closed_by_its_event() -> None:
    flow = issue_flow(
        status(3, "open", "closed"), now="closed", closed=None, updated=day(200), complete=False
    )
    assert flow.finished == day(3)


def test_a_team_that_closes_by_label_takes_the_time_of_the_label() -> None:
    states = {"done": StateRule(labels=frozenset({"released"}))}
    facts = {"now": "open", "labels": {"released"}, "updated": day(200), "states": states}
    assert issue_flow(label(4, "released"), **facts).finished == day(4)
    assert issue_flow(label(4, "released"), complete=False, **facts).finished == day(4)


def test_an_issue_that_is_closed_while_a_run_reads_it_again_was_closed_then() -> None:
    pulled = known(status="In Progress", category="doing", created=CREATED, updated=day(40)).issue
    history = IssueChanges(changes=(status(2, "To Do", "In Progress"),), complete=True)
    times = RecordedClosingTimes([pulled], {pulled.ref: history}, STATUSES)
    resolver = StateResolver(team("science"))
    again = replace(pulled, status="Done", category="done", updated=day(41))
    assert times.closed_at(again, resolver, experiment=False) == day(41)
    old = replace(pulled, status="Done", category="done")
    done_before = IssueChanges(changes=(status(2, "To Do", "Done"),), complete=True)
    times = RecordedClosingTimes([old], {pulled.ref: done_before}, STATUSES)
    assert times.closed_at(replace(old, updated=day(41)), resolver, experiment=False) == day(2)


def test_a_history_with_an_unknown_status_leaves_the_closing_to_the_tracker() -> None:
    """A reopening into a status that nobody knows, and a workflow whose old status was renamed away."""
    reopened = (status(2, "To Do", "Done"), status(5, "Done", "Gone"), status(9, "Gone", "Done"))
    assert issue_flow(*reopened, now="Done", closed=day(9)).finished == day(9)
    migrated = (status(2, "To Do", "Gone"), status(90, "Gone", "Done"))
    assert issue_flow(*migrated, now="Done", closed=day(2)).finished == day(2)


def test_an_open_issue_that_a_run_finds_closed_when_it_reads_it_again_was_closed_then() -> None:
    pulled = known(status="In Progress", category="doing", created=CREATED, updated=day(40)).issue
    times = RecordedClosingTimes([pulled], {}, STATUSES)
    again = replace(pulled, status="Done", category="done", updated=day(41))
    assert times.closed_at(again, StateResolver(team("science")), experiment=False) == day(41)


@pytest.mark.parametrize("closed", [day(6), day(2), day(30), None])
@pytest.mark.parametrize("complete", [True, False])
def test_the_closing_is_the_same_with_and_without_a_replay(closed: datetime | None, complete: bool) -> None:
    reopened = (status(2, "To Do", "Done"), status(4, "Done", "Review"), status(6, "Review", "Done"))
    for changes in (reopened, (*reopened, status(8, "Done", "Released"))):
        now = changes[-1].after
        item = known(status=now, category="done", created=CREATED, updated=day(40), closed=closed).issue
        history = IssueChanges(changes=changes, complete=complete)
        times = RecordedClosingTimes([item], {item.ref: history}, STATUSES)
        replayed = issue_flow(*changes, now=now, complete=complete, closed=closed, updated=day(40)).closed
        assert times.closed_at(item, StateResolver(team("science")), experiment=False) == replayed


def test_a_blocker_blocks_since_the_last_update_because_trackers_do_not_tell_since_when() -> None:
    own = {"blocked": StateRule(dependencies=frozenset({""}))}
    waits = Blocker(ref=known("OPS-1").issue.ref, is_open=True)
    flow = issue_flow(START, now="In Progress", states=own, updated=day(6), blocked_by=(waits,))
    assert flow.blocked_periods == (BlockedPeriod(since=day(6), until=None),)
