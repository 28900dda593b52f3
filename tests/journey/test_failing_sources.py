"""Sources that cannot be read completely: nothing is concluded, they are named, and they recover."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.support.journey_world import FEATURES, GOAL, MAPPING, MODEL, PLAN, JourneyWorld, github_seed

MakeWorld = Callable[..., JourneyWorld]

JIRA = {"tracker": "jira", "path": "*/search/jql"}
GITHUB = {"tracker": "github", "path": "*/churn/issues"}
FAILURES: dict[str, dict[str, Any]] = {
    "server errors": {"kind": "status", "status": 500},
    "forbidden": {"kind": "status", "status": 403, "body": {"message": "Forbidden"}},
    "answers cut short": {"kind": "truncated"},
    "connections reset": {"kind": "reset_before"},
    "gateway timeouts": {"kind": "timeout"},
    "quota without end": {"kind": "status", "status": 429, "retry_after": 3600},
    "an empty page": {"kind": "empty_page"},
}


SCIENCE = """\
team: science
sources:
  - jira: {project: DS}
rules:
  - {id: model, when: {labels: [model]}, assign: model}
"""
DATA = """\
team: data
sources:
  - github: {repo: acme/churn}
rules:
  - {id: features, when: {labels: [features]}, assign: features}
"""


@pytest.fixture
def settled(world: JourneyWorld) -> JourneyWorld:
    """One team with both sources: each feeds both of its capabilities."""
    assert world.run().code == 0
    world.run()
    return world


@pytest.fixture
def apart(make_world: MakeWorld) -> JourneyWorld:
    """Two teams: Jira feeds one capability, GitHub the other, both the goal."""
    plan = PLAN.replace("Churn features, team: science", "Churn features, team: data")
    world = make_world(plan=plan, mapping=SCIENCE, more_mappings={"data": DATA})
    assert world.run().code == 0
    world.run()
    return world


def something_happens(world: JourneyWorld) -> None:
    """What a run would write if it could read everything."""
    for key in ("DS-11", "acme/churn#11"):
        world.close(key)


@pytest.mark.parametrize(
    ("tracker", "failure"),
    [("github", failure) for failure in FAILURES]
    + [("jira", failure) for failure in ("server errors", "answers cut short", "an empty page")],
)
def test_failed_source_is_named_and_its_capabilities_are_unchanged(
    apart: JourneyWorld, tracker: str, failure: str
) -> None:
    is_jira = tracker == "jira"
    source = JIRA if is_jira else GITHUB
    something_happens(apart)
    before = apart.snapshot()
    apart.fault(**source, **FAILURES[failure], times=None)
    # With its ids as well, so that an empty answer is one to be believed or not.
    result = apart.reconcile(yes=True)
    assert result.code == 1
    name = "jira:DS" if is_jira else "github:acme/churn"
    assert f"not read: {name}: " in result.err
    after = apart.snapshot()
    fed, other = (MODEL, FEATURES) if is_jira else (FEATURES, MODEL)
    assert apart.labels(fed) == {"state:planned"}
    side = "jira" if is_jira else "github"
    assert after[side] == before[side], "nothing is written on what was not read"
    assert apart.labels(other) == {"state:in-progress"}, "the other source is read and written"
    assert "0 of 6 issues done" in apart.comments(GOAL)[0], "the goal is fed by both"
    apart.box.faults.clear()
    assert apart.run().code == 0
    assert apart.labels(fed) == {"state:in-progress"}
    assert "2 of 6 issues done" in apart.comments(GOAL)[0]
    apart.run()
    assert apart.writes() == []


def test_read_issues_are_labelled_while_another_source_fails(settled: JourneyWorld) -> None:
    new = settled.jira.add_issue("DS", "One more", labels=("model",), by="ada")
    settled.unlabel("acme/churn#12", "features")
    settled.fault(**GITHUB, kind="status", status=500, times=None)
    assert settled.run().code == 1
    assert settled.labels(new) == {"model", "capability:model", "increment:2026-q4"}
    assert "capability:features" in settled.labels("acme/churn#12")
    assert "0 of 3 issues done" in settled.comments(MODEL)[0], "the team's other source feeds it too"


def test_unread_source_removes_nothing_from_its_capabilities(make_world: MakeWorld) -> None:
    both = MAPPING.replace("labels: [model]}", "labels: [model, features]}").replace(
        "  - {id: features, when: {labels: [features]}, assign: features}\n", ""
    )
    world = make_world(mapping=both)
    world.run()
    world.run()
    world.unlabel("DS-11", "model")
    world.fault(**GITHUB, kind="status", status=500, times=None)
    assert world.run().code == 1
    assert "capability:model" in world.labels("DS-11")
    world.box.faults.clear()
    assert world.run().code == 0
    assert world.labels("DS-11") == set()


def test_failed_source_does_not_stop_label_swaps_of_read_issues(settled: JourneyWorld) -> None:
    settled.edit(
        "mappings/science.yaml",
        "rules:\n",
        "rules:\n  - {id: hot, when: {labels: [hot]}, assign: features}\n",
    )
    settled.label("DS-11", "hot")
    settled.fault(**GITHUB, kind="status", status=500, times=None)
    assert settled.run().code == 1
    assert settled.labels("DS-11") == {"model", "hot", "capability:features", "increment:2026-q4"}


def test_rule_edit_during_an_outage_leaves_the_covered_capabilities_unchanged(
    settled: JourneyWorld,
) -> None:
    settled.edit(
        "mappings/science.yaml", "labels: [features]}, assign: features", "labels: [features]}, assign: model"
    )
    settled.fault(**GITHUB, kind="status", status=500, times=None)
    before = settled.snapshot()
    for _ in range(2):
        assert settled.run().code == 1
        assert settled.snapshot() == before, "nothing is known of what GitHub fed when it was read last"
    settled.box.faults.clear()
    assert settled.run().code == 0
    assert settled.labels(FEATURES) == {"state:empty"}
    assert settled.labels("acme/churn#11") == {"features", "capability:model", "increment:2026-q4"}


@pytest.mark.parametrize("source", [JIRA, GITHUB], ids=["jira", "github"])
def test_comments_name_the_outage_after_a_day_and_keep_their_counts(
    apart: JourneyWorld, source: dict[str, Any]
) -> None:
    is_jira = source["tracker"] == "jira"
    fed = MODEL if is_jira else FEATURES
    name = "jira:DS" if is_jira else "github:acme/churn"
    apart.close("DS-11" if is_jira else "acme/churn#11")
    apart.run()
    apart.run()
    assert "1 of 3 issues done" in apart.comments(fed)[0]
    healthy = apart.comments(fed)
    apart.fault(**source, kind="status", status=503, times=None)
    apart.run()
    since = apart.clock.now()
    apart.run(after=timedelta(hours=20))
    assert apart.comments(fed) == healthy
    apart.run(after=timedelta(hours=5))
    (result,) = apart.comments(fed)
    assert f"Unreadable since {since:%Y-%m-%d}" in result
    assert name.split(":")[1].split("/")[-1] in result
    assert "1 of 3 issues done" in result
    assert "Unreadable since" in apart.comments(GOAL)[0]
    assert "Unreadable" not in apart.comments(FEATURES if is_jira else MODEL)[0]
    for _ in range(3):
        apart.run(after=timedelta(hours=26))
        assert apart.writes() == [], "one edit says it all"
    apart.box.faults.clear()
    assert apart.run().code == 0
    assert apart.comments(fed) == healthy
    apart.run()
    assert apart.writes() == []


def test_source_that_shrinks_beyond_the_limit_fails(make_world: MakeWorld) -> None:
    world = make_world(jira=8, github=8)
    world.run()
    world.run()
    for number in range(11, 18):
        world.github.delete_issue("acme/churn", number)
        world.jira.delete(f"DS-{number}")
    before = world.snapshot()
    result = world.reconcile(yes=True)
    assert result.code == 1
    assert "github:acme/churn shrank from 9 to 2 issues" in result.err
    assert "jira:DS shrank from 10 to 3 issues" in result.err
    assert world.snapshot() == before
    result = world.reconcile(yes=True, accept_shrink=True)
    assert result.code == 0, result.err
    world.run()
    assert world.writes() == []


def test_source_with_failing_census_is_unreadable_after_a_day(
    make_world: MakeWorld,
) -> None:
    world = make_world(github=8)
    world.run()
    for number in range(11, 18):
        world.github.delete_issue("acme/churn", number)
    assert world.run(after=timedelta(hours=25)).code == 1
    since = world.clock.now()
    assert world.run(after=timedelta(hours=12)).code == 1
    assert "Unreadable" not in world.comments(FEATURES)[0]
    assert world.run(after=timedelta(hours=13)).code == 1
    assert f"Unreadable since {since:%Y-%m-%d}" in world.comments(FEATURES)[0]
    assert world.reconcile(yes=True, accept_shrink=True).code == 0
    assert "Unreadable" not in world.comments(FEATURES)[0]


def test_wrong_credentials_fail_only_their_tracker(apart: JourneyWorld) -> None:
    apart.environment = {**apart.environment, "GH_TOKEN": "wrong"}
    something_happens(apart)
    result = apart.run()
    assert result.code == 1
    assert "not read: github:acme/churn: " in result.err
    assert "wrong" not in result.err.replace("wrong, expired", "")
    assert apart.writes("github") == []
    assert apart.labels(MODEL) == {"state:in-progress"}


def test_expired_jira_token_that_looks_like_an_empty_site_fails_the_source(
    settled: JourneyWorld,
) -> None:
    settled.environment = {**settled.environment, "JIRA_API_TOKEN": "expired"}
    before = settled.snapshot()
    result = settled.run()
    assert result.code == 1
    assert "not read: jira:DS: " in result.err
    assert settled.snapshot() == before


# ---- repositories, projects and issues that move


def test_a_renamed_repository_is_a_failed_source_with_its_new_name(settled: JourneyWorld) -> None:
    settled.github.rename_repo("acme/churn", "acme/retention")
    before = settled.snapshot()
    result = settled.run()
    assert result.code == 1
    assert (
        "acme/churn was renamed or moved to acme/retention; write the new name in the mapping" in result.err
    )
    assert settled.snapshot() == before
    settled.edit("mappings/science.yaml", "acme/churn", "acme/retention")
    settled.edit("plans/2026-q4.yaml", "acme/churn", "acme/retention")
    result = settled.run()
    assert result.code == 0, result.err
    assert settled.labels("acme/retention#11") == {"features", "capability:features", "increment:2026-q4"}
    assert len(settled.comments("acme/retention#1")) == 1
    settled.run()
    assert settled.writes() == []


def test_missing_repository_fails_alone(make_world: MakeWorld) -> None:
    world = make_world(mapping=MAPPING.replace("repo: acme/churn", "repo: acme/gone"))
    result = world.run()
    assert result.code == 1
    assert "not read: github:acme/gone: " in result.err
    assert "check its name in the mapping" in result.err
    assert world.labels("DS-11") == {"model", "capability:model", "increment:2026-q4"}


def test_missing_project_fails_alone(make_world: MakeWorld) -> None:
    world = make_world(mapping=MAPPING.replace("  - github", "  - jira: {project: NONE}\n  - github"))
    result = world.run()
    assert result.code == 1
    assert "not read: jira:NONE: " in result.err
    assert "not read: jira:DS" not in result.err
    assert world.labels("acme/churn#11") == {"features", "capability:features", "increment:2026-q4"}


def test_archived_repository_is_read_and_rejected_writes_are_reported(make_world: MakeWorld) -> None:
    seed = github_seed(2)
    seed["repos"]["acme/churn"]["archived"] = True
    world = make_world(github=seed)
    result = world.run()
    assert result.code == 1
    assert result.out.count("failed: github:acme/churn#") == 2, "a label and a comment"
    assert (
        'new labels are refused (HTTP 403: "Repository was archived so is read-only."), 2 changes left'
        in result.out
    )
    assert world.labels("DS-11") == {"model", "capability:model", "increment:2026-q4"}


def test_a_deleted_issue_is_counted_for_some_days_and_then_dropped(settled: JourneyWorld) -> None:
    settled.jira.delete("DS-11")
    result = settled.run(after=timedelta(hours=25))
    assert result.code == 0, result.err
    assert "left its source: jira:DS-11" in result.err
    for _ in range(9):
        assert settled.run(after=timedelta(hours=25)).code == 0
    assert "0 of 2 issues done" in settled.comments(MODEL)[0]
    settled.run()
    assert settled.writes() == []


def test_issue_that_moves_between_sources_is_followed(make_world: MakeWorld) -> None:
    world = make_world(mapping=MAPPING.replace("  - github", "  - jira: {project: OPS}\n  - github"))
    world.run()
    world.run()
    key = world.jira.move("DS-11", "OPS", "ada")
    assert world.run().code == 0
    world.run(after=timedelta(hours=25))
    assert world.labels(key) == {"model", "capability:model", "increment:2026-q4"}
    assert "0 of 3 issues done" in world.comments(MODEL)[0]
    world.jira.set_status(key, "Done", "ada", "Done")
    world.run()
    assert "1 of 3 issues done" in world.comments(MODEL)[0]
