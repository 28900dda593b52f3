"""Issues that a tracker describes in a way that cannot be used: left out one by one, counted and named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.journey_world import FEATURES, MODEL, TOKENS, JourneyWorld, jira_seed, plain_trackers

MakeWorld = Callable[..., JourneyWorld]
OURS_ON_JIRA = {"capability:model", "increment:2026-q4"}
OURS_ON_GITHUB = {"capability:features", "increment:2026-q4"}
DATA_CENTER_TOKENS = {"JIRA_PAT": "jira-token", "GH_TOKEN": "github-token"}


def site(kind: str, issues: int = 3) -> dict[str, Any]:
    return {
        "jira": jira_seed(issues, kind=kind),
        "trackers": lambda box: plain_trackers(box).replace("jira-cloud", kind),
        "environment": TOKENS if kind == "jira-cloud" else DATA_CENTER_TOKENS,
    }


def set_field(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return a change of an issue's JSON: a field of Jira's, or a value of GitHub's."""

    def change(row: dict[str, Any]) -> None:
        row.get("fields", row)[name] = value

    return change


@pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])
def test_one_absurd_date_leaves_out_one_issue_and_nothing_else(make_world: MakeWorld, kind: str) -> None:
    world = make_world(**site(kind))
    world.garble("DS-12", set_field("created", "0001-01-01T00:00:00.000+0100"))
    result = world.run()
    assert result.code == 1
    assert "left out: 1 issue of jira:DS," in result.err
    assert "issue DS-12 holds '0001-01-01T00:00:00.000+0100' where a time belongs" in result.err
    assert world.labels("DS-11") == {"model", *OURS_ON_JIRA}
    assert world.labels("DS-12") == {"model"}
    assert world.labels("acme/churn#12") == {"features", *OURS_ON_GITHUB}
    assert "0 of 2 issues done" in world.comments(MODEL)[0]


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        ("DS-12", "updated", "9999-12-31T23:59:59.999-0800"),
        ("DS-12", "resolutiondate", ["2026-10-01T00:00:00.000+0000"]),
        ("acme/churn#12", "created_at", "2026-12-31T23:59:60Z"),
        ("acme/churn#12", "updated_at", 1e300),
    ],
)
def test_absurd_dates_of_every_kind_stop_their_issue_only(
    make_world: MakeWorld, key: str, field: str, value: Any
) -> None:
    world = make_world(github=2, jira=2)
    world.garble(key, set_field(field, value))
    result = world.run(as_json=True)
    assert result.code == 1
    assert [each["key"] for each in result.json["left_out"]] == [key]
    done = [
        each for each in ("DS-11", "DS-12", "acme/churn#11", "acme/churn#12") if len(world.labels(each)) == 3
    ]
    assert len(done) == 3 and key not in done


@pytest.mark.parametrize(
    ("key", "field", "value", "label"),
    [("DS-12", "status", None, "capability:model"), ("acme/churn#12", "labels", None, "capability:features")],
)
def test_an_issue_that_becomes_unreadable_keeps_its_place_and_its_labels(
    make_world: MakeWorld, key: str, field: str, value: Any, label: str
) -> None:
    world = make_world()
    world.run()
    before = world.labels(key)
    world.touch(key)
    world.garble(key, set_field(field, value))
    for _ in range(2):  # the second run gets no new version of it, and says so nevertheless
        result = world.run()
        assert result.code == 1
        assert "left out: 1 issue" in result.err
        assert "left its source" not in result.err
        assert (
            f"jira:DS, which the tracker does not send correctly: {key}" in world.status_text().err
            or "#" in key
        )
        assert [each["key"] for each in world.status()["left_out"]] == [key]
        assert "note: left out since it cannot be used" in world.explain(key).out
        assert world.labels(key) == before and label in before
    late = world.run(after=timedelta(hours=25))  # takes a census
    assert late.code == 1 and "left its source" not in late.err
    assert world.labels(key) == before
    world.restore()
    assert world.run(after=timedelta(hours=25)).code == 0
    assert world.run().code == 0
    assert world.labels(key) == before


def test_a_decision_on_an_unreadable_issue_waits_until_it_is_readable(make_world: MakeWorld) -> None:
    world = make_world()
    world.run()
    world.unlabel("DS-12", "capability:model")
    world.garble("DS-12", set_field("created", "0001-01-01T00:00:00.000+0100"))
    world.run()
    assert world.overrides()["overrides"] == []
    assert "capability:model" not in world.labels("DS-12")
    world.restore()
    world.touch("DS-12")
    world.run()
    (veto,) = world.overrides()["overrides"]
    assert (veto["ref"], veto["kind"]) == ("jira:DS-12", "veto")


def test_an_unreadable_anchor_is_named_and_nothing_is_written_there(make_world: MakeWorld) -> None:
    world = make_world()
    world.run()
    before = world.comments(MODEL)
    world.close("DS-11")
    world.touch(MODEL)
    world.garble(MODEL, set_field("created", 7))
    result = world.run()
    assert result.code == 1 and "anchor not read: jira:DS-2" in result.err
    assert world.comments(MODEL) == before
    world.restore()
    world.touch(MODEL)
    assert world.run().code == 0
    assert world.comments(MODEL) != before


def test_all_unreadable_issues_are_counted_and_some_are_named(make_world: MakeWorld) -> None:
    world = make_world(jira=20, settings="limits: {shrink: 9}\n")
    for number in range(11, 18):
        world.garble(f"DS-{number}", set_field("status", "Done"))
    result = world.run()
    assert "left out: 7 issues of jira:DS" in result.err
    assert "DS-11 holds 'Done' as its \"status\"" in result.err
    assert "DS-15" in result.err and "DS-16" not in result.err and "and 2 more" in result.err


def test_a_source_of_which_too_much_is_unreadable_fails_as_a_whole(make_world: MakeWorld) -> None:
    world = make_world(jira=20)
    for number in range(11, 31):
        world.garble(f"DS-{number}", set_field("status", "Done"))
    result = world.run()
    assert result.code == 1
    assert "not read: jira:DS: 20 of 22 issues of jira:DS cannot be used, more than the limit" in result.err
    assert world.labels("acme/churn#11") == {"features", *OURS_ON_GITHUB}
    assert world.reconcile(yes=True, accept_shrink=True).code == 1
    assert world.comments(MODEL) != []


@pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])
def test_a_row_that_is_no_issue_is_counted_and_looked_for(make_world: MakeWorld, kind: str) -> None:
    world = make_world(**site(kind))
    world.run()
    world.touch("DS-12")

    def empty(row: dict[str, Any]) -> None:
        row.clear()

    world.garble("DS-12", empty)
    result = world.run()
    assert result.code == 1 and "left out: 1 issue of jira:DS" in result.err
    again = world.run()
    assert again.code == 1 and "left out: 1 issue of jira:DS" in again.err
    assert world.labels("DS-12") == {"model", *OURS_ON_JIRA}
    world.restore()
    assert world.run(after=timedelta(hours=25)).code == 0


def test_values_that_no_figure_needs_may_be_missing(make_world: MakeWorld) -> None:
    world = make_world()
    for name in ("summary", "issuetype", "project", "assignee", "creator", "reporter", "resolution"):
        world.garble("DS-12", set_field(name, None))
    for name in ("title", "user", "body", "assignees", "milestone", "type", "html_url"):
        world.garble("acme/churn#12", set_field(name, None))
    assert world.run().code == 0
    assert world.labels("DS-12") == {"model", *OURS_ON_JIRA}
    assert world.labels("acme/churn#12") == {"features", *OURS_ON_GITHUB}
    assert "DS-12" in world.explain("DS-12").out


def test_an_ordinary_run_sends_no_request_for_this(make_world: MakeWorld) -> None:
    world, other = make_world(), make_world()
    other.garble("DS-12", set_field("created", None))
    world.run()
    other.run()
    world.run()
    other.run()
    assert sorted(other.reads()) == sorted(world.reads())


@pytest.mark.parametrize(("key", "anchor"), [("DS-12", MODEL), ("acme/churn#12", FEATURES)])
def test_an_issue_that_no_run_ever_read_is_named_beside_what_is_done_without_it(
    make_world: MakeWorld, key: str, anchor: str
) -> None:
    world = make_world(jira=2, github=2)
    world.garble(key, set_field("created" if key == "DS-12" else "created_at", "nonsense"))
    world.close(key.replace("12", "11"))
    result = world.run()
    assert (result.code, world.labels(anchor)) == (1, {"state:done"})
    source = "jira:DS" if key == "DS-12" else "github:acme/churn"
    sentence = (
        f"attention: {key} of {source} was never read and in no number: a capability can be done without"
    )
    assert sentence in result.err
    assert sentence in world.status_text().err
    assert f"{key} was never read: the tracker does not send it correctly: " in world.explain(key).err
    world.restore()
    world.run(after=timedelta(hours=25))
    assert "state:in-progress" in world.labels(anchor)
    world.garble(key, set_field("created" if key == "DS-12" else "created_at", "nonsense"))
    world.touch(key)
    assert "attention" not in world.run().err
