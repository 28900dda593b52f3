"""Number of requests of a run, row by row of the budget table, counted in the logs of the trackers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from math import ceil

from tests.support.journey_world import (
    FEATURES,
    MAPPING,
    PLAN,
    JourneyWorld,
    github_seed,
    jira_seed,
    plain_trackers,
)

MakeWorld = Callable[..., JourneyWorld]
DAY = timedelta(hours=25)


def listing(lines: list[str]) -> list[str]:
    """Return the requests that read many issues at once."""
    return [line for line in lines if "/search" in line or line.split()[2].endswith("/issues")]


def pulls(lines: list[str]) -> list[str]:
    """Return all requests but the search for older comments, which belongs to the cost of a new comment."""
    return [
        line
        for line in lines
        if not line.split()[2].endswith("/comments" if "github" in line else "/comment")
    ]


# ---- full pulls


def test_a_full_pull_of_github_costs_its_pages_and_at_most_three_for_set_up(make_world: MakeWorld) -> None:
    world = make_world(github=github_seed(190, pull_requests=60))
    assert world.preview().code == 0
    rows = 1 + 190 + 60
    assert len(listing(world.reads("github"))) == ceil(rows / 100)
    assert len(world.reads("github")) <= ceil(rows / 100) + 2 + 1
    world.reconcile()
    assert len(pulls(world.reads("github"))) == ceil(rows / 100), "set-up is cached"


def test_each_github_label_is_created_once_and_never_read(make_world: MakeWorld) -> None:
    world = make_world(github=4)
    world.run()
    made = [line for line in world.writes("github") if line.endswith("/churn/labels -> 201")]
    assert len(made) == 3, "capability:features, increment:2026-q4, state:planned"
    assert not [line for line in world.reads("github") if "/labels" in line]
    world.close("acme/churn#11")
    world.run()
    made = [line for line in world.writes("github") if "/churn/labels ->" in line]
    assert len(made) == 1, "state:in-progress"


def test_a_full_pull_of_jira_cloud_costs_the_pages_that_it_grants(make_world: MakeWorld) -> None:
    world = make_world(jira=248)
    world.preview()
    assert len(listing(world.reads("jira"))) == ceil(250 / 100)
    asked = [line for line in world.reads("jira") if "/comment" not in line]
    assert len(asked) <= ceil(250 / 100) + 3 + ceil(250 / 100), "histories: one for each hundred"
    assert len(world.reads("jira")) == len(asked) + 2, "whether the two anchors have a comment already"
    world.reconcile(after=timedelta(minutes=5))
    assert len(pulls(world.reads("jira"))) == ceil(250 / 100), "set-up is cached"


def test_a_full_pull_of_jira_data_center_costs_the_pages_that_it_grants(make_world: MakeWorld) -> None:
    seed = jira_seed(248, kind="jira-dc")
    seed["switches"] = {"dc_page_cap": 100}
    world = make_world(
        jira=seed,
        trackers=lambda box: plain_trackers(box).replace("jira-cloud", "jira-dc"),
        environment={"JIRA_PAT": "jira-token", "GH_TOKEN": "github-token"},
    )
    world.preview()
    assert len(listing(world.reads("jira"))) == ceil(250 / 100)
    assert len([line for line in world.reads("jira") if "/comment" not in line]) <= ceil(250 / 100) + 3
    world.reconcile(after=timedelta(minutes=5))
    assert len(pulls(world.reads("jira"))) == ceil(250 / 100), "set-up is cached"


# ---- runs that find little or nothing


def test_an_unchanged_run_after_one_that_wrote_nothing(world: JourneyWorld) -> None:
    world.run()
    world.run()
    for _ in range(3):
        world.run()
        assert world.reads() == [
            "jira: POST /rest/api/2/search/jql -> 200",
            "github: GET /api/v3/repos/acme/churn/issues -> 304",
        ] or world.reads() == [
            "github: GET /api/v3/repos/acme/churn/issues -> 304",
            "jira: POST /rest/api/2/search/jql -> 200",
        ]
        assert world.writes() == []


def test_an_unchanged_run_asks_once_more_for_each_distinct_jql(make_world: MakeWorld) -> None:
    sources = """\
  - jira: {project: OPS}
  - jira: {project: DS, jql: labels = model}
  - jira: {project: DS, jql: labels = other}
"""
    mapping = MAPPING.replace("  - github:", f"{sources}  - github:")
    world = make_world(mapping=mapping)
    world.run()
    world.run()
    world.run()
    assert len(world.reads("jira")) == 1 + 2
    assert len(world.reads("github")) == 1
    assert world.writes() == []


def test_the_run_after_one_that_wrote_many_issues_reads_them_back_in_pages(make_world: MakeWorld) -> None:
    seed = jira_seed(23)
    seed["switches"] = {"page_cap": 10}
    world = make_world(jira=seed, github=24)
    world.run()
    assert len(world.writes("jira")) == 25 + 2
    result = world.run()
    assert result.code == 0
    assert world.writes() == []
    assert len(world.requests) <= 2 + ceil(25 / 10) + ceil(25 / 100)
    world.run()
    assert len(world.requests) == 2


def test_hours_of_runs_every_quarter_of_an_hour_stay_within_their_budget(world: JourneyWorld) -> None:
    world.run()
    world.run()
    spent = 0
    for _ in range(12):
        world.run(after=timedelta(minutes=15))
        spent += len(world.requests)
        assert world.writes() == []
    assert spent == 2 * 12


# ---- single things


def test_an_anchor_outside_the_sources_costs_one_read(make_world: MakeWorld) -> None:
    world = make_world(plan=PLAN.replace("acme/churn#1", "acme/attic#1"))
    world.github.add_issue("acme/attic", "Churn features", by="ada")
    world.run()
    assert world.labels("acme/attic#1") == {"state:planned"}
    world.run()
    world.run()
    assert len(world.requests) == 2 + 1
    assert [line for line in world.reads() if "attic" in line] == [
        "github: GET /api/v3/repos/acme/attic/issues/1 -> 200"
    ]


def test_a_suspected_override_costs_one_direct_read(world: JourneyWorld) -> None:
    world.run()
    world.run()
    world.unlabel("DS-11", "capability:model")
    world.unlabel("acme/churn#11", "capability:features")
    world.run()
    jira, github = world.reads("jira"), world.reads("github")
    assert len([line for line in jira if "GET /rest/api/2/issue/" in line and "comment" not in line]) == 1
    assert len([line for line in github if line.endswith("/issues/11 -> 200")]) == 1
    world.run()
    world.run()
    assert len(world.requests) == 2, "it is asked once, not in every run"


def test_after_a_day_a_census_costs_as_much_as_a_full_pull(make_world: MakeWorld) -> None:
    seed = jira_seed(248)
    seed["projects"]["DS"]["issues"] = [{**each, "labels": []} for each in seed["projects"]["DS"]["issues"]]
    world = make_world(jira=seed, github=github_seed(2, pull_requests=247))
    world.run()
    world.run()
    world.run(after=DAY)
    counted = listing(world.reads("jira"))
    assert len(counted) == 1 + 1, "ids only: one page more than an unchanged run"
    assert len(world.reads("jira")) <= 3, "and once a day who we are"
    assert len(world.reads("github")) == 1 + ceil(250 / 100) + 1, "and once a day who can read it"
    assert world.writes() == []
    world.run()
    assert len(world.requests) == 2


def test_relabelling_costs_one_write_an_issue_on_jira(world: JourneyWorld) -> None:
    world.run()
    world.edit(
        "mappings/science.yaml", "labels: [model]}, assign: model", "labels: [model]}, assign: features"
    )
    result = world.run()
    assert result.code == 0, result.err
    edits = [line for line in world.writes("jira") if "/comment" not in line and line.endswith("-> 204")]
    assert world.labels("DS-11") == {"model", "capability:features", "increment:2026-q4"}
    assert len(edits) == 3 + 1, "three issues, and the state of the anchor of the capability left empty"


def test_relabelling_costs_an_add_and_a_remove_an_issue_on_github(world: JourneyWorld) -> None:
    world.run()
    world.edit(
        "mappings/science.yaml", "labels: [features]}, assign: features", "labels: [features]}, assign: model"
    )
    result = world.run()
    assert result.code == 0, result.err
    assert world.labels("acme/churn#11") == {"features", "capability:model", "increment:2026-q4"}
    of_issues = [line for line in world.writes("github") if "/issues/1" in line and "/issues/1/" not in line]
    assert len([line for line in of_issues if " POST " in line]) == 3
    assert len([line for line in of_issues if " DELETE " in line]) == 3
    assert len(of_issues) == 6


def test_a_new_status_comment_costs_its_creation_and_one_search(world: JourneyWorld) -> None:
    world.run()
    for tracker in ("jira", "github"):
        created = [line for line in world.writes(tracker) if "comment" in line]
        looked = [line for line in world.reads(tracker) if "comment" in line]
        count = 2 if tracker == "jira" else 1
        assert len(created) == count and all(" POST " in line and "-> 201" in line for line in created)
        assert len(looked) == count


def test_an_edited_status_comment_costs_a_read_and_a_write(world: JourneyWorld) -> None:
    world.run()
    world.close("acme/churn#11")
    world.close("acme/churn#12")
    world.close("acme/churn#13")
    world.run()
    about = [line for line in [*world.reads(), *world.writes()] if "comment" in line]
    assert len([line for line in about if line.startswith("github")]) == 2, FEATURES
    assert len([line for line in about if line.startswith("jira")]) == 2, "the goal's; the model's stays"
