"""The main path on every kind of tracker: the first run writes labels and comments, the second writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.sandbox.server import Sandbox
from tests.support.journey_world import (
    FEATURES,
    GOAL,
    MODEL,
    PLAN,
    TOKENS,
    JourneyWorld,
    github_seed,
    jira_seed,
    plain_trackers,
)

MakeWorld = Callable[..., JourneyWorld]


def assert_the_job_is_done(world: JourneyWorld) -> None:
    """Check that one run writes everything that people should see, and the next one nothing."""
    first = world.run()
    assert first.code == 0, first.err
    for key in ("DS-11", "DS-12", "DS-13"):
        assert world.labels(key) == {"model", "capability:model", "increment:2026-q4"}
    for number in (11, 12, 13):
        labels = world.labels(f"acme/churn#{number}")
        assert labels == {"features", "capability:features", "increment:2026-q4"}
    for anchor, result in ((GOAL, "0 of 6 issues"), (MODEL, "0 of 3 issues"), (FEATURES, "0 of 3 issues")):
        assert world.labels(anchor) == {"state:planned"}
        (comment,) = world.comments(anchor)
        assert result in comment
    observed = world.snapshot()
    second = world.run()
    assert second.code == 0, second.err
    assert world.writes() == []
    assert world.snapshot() == observed
    assert len(world.requests) == 2


def test_jira_cloud_by_its_site_and_github_by_a_token(world: JourneyWorld) -> None:
    assert_the_job_is_done(world)


def test_jira_cloud_through_the_gateway_with_a_scoped_token(make_world: MakeWorld) -> None:
    def through_the_gateway(box: Sandbox) -> str:
        site, cloud_id = box.url("jira"), "11111111-2222-4333-8444-555555555555"
        way = f"cloud_id: {cloud_id}, gateway_url: '{site}/gateway'"
        return plain_trackers(box).replace("kind: jira-cloud,", f"kind: jira-cloud, {way},")

    world = make_world(jira=jira_seed(3, scoped=True), trackers=through_the_gateway)
    assert_the_job_is_done(world)
    assert all("/gateway/ex/jira/" in line for line in world.reads("jira"))


def test_a_scoped_token_on_the_site_url_is_reported_with_the_needed_url(make_world: MakeWorld) -> None:
    world = make_world(jira=jira_seed(3, scoped=True))
    result = world.run()
    assert result.code == 1
    assert "JIRA_CLOUD_ID" in result.err
    assert world.writes("jira") == []


def test_jira_data_center_with_a_personal_access_token(make_world: MakeWorld) -> None:
    world = make_world(
        jira=jira_seed(3, kind="jira-dc"),
        trackers=lambda box: plain_trackers(box).replace("jira-cloud", "jira-dc"),
        environment={"JIRA_PAT": "jira-token", "GH_TOKEN": "github-token"},
    )
    assert_the_job_is_done(world)


def test_github_enterprise_server(make_world: MakeWorld) -> None:
    assert_the_job_is_done(make_world(github=github_seed(3, server="enterprise")))


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_github_app(make_world: MakeWorld, private_key: str) -> None:
    seed = github_seed(3)
    seed["apps"] = [{"id": 7, "slug": "increment-sync", "installations": [{"id": 70, "account": "acme"}]}]
    seed["repos"]["acme/churn"]["permissions"] = {"increment-sync[bot]": "write"}
    world = make_world(
        github=seed,
        environment={
            "JIRA_EMAIL": TOKENS["JIRA_EMAIL"],
            "JIRA_API_TOKEN": TOKENS["JIRA_API_TOKEN"],
            "GITHUB_APP_ID": "7",
            "GITHUB_APP_PRIVATE_KEY": private_key,
            "GITHUB_APP_INSTALLATION_ID": "70",
        },
    )
    assert world.run().code == 0
    assert world.labels("acme/churn#11") == {"features", "capability:features", "increment:2026-q4"}
    (comment,) = world.github.issue("acme/churn", 1).comments
    assert comment.user.login == "increment-sync[bot]"
    assert world.run().code == 0
    assert world.writes() == []
    assert len([line for line in world.reads("github") if "access_tokens" not in line]) == 1


def test_work_that_goes_on_shows_on_the_next_run(world: JourneyWorld) -> None:
    world.run()
    world.jira.set_status("DS-11", "In Progress", "ada")
    world.close("acme/churn#11")
    world.run()
    assert world.labels(GOAL) == world.labels(MODEL) == world.labels(FEATURES) == {"state:in-progress"}
    assert "1 of 6 issues done" in world.comments(GOAL)[0]
    assert len(world.comments(GOAL)) == 1
    world.run()
    assert world.writes() == []


def test_push_switched_off_reads_and_decides_and_writes_nothing(world: JourneyWorld) -> None:
    world.edit("increment-sync.yaml", "push: {enabled: true}", "push: {enabled: false}")
    before = world.snapshot()
    result = world.run()
    assert result.code == 0
    assert "push is switched off" in result.err
    assert "DS-11 +capability:model" in result.out
    assert world.snapshot() == before
    assert world.writes() == []


def test_counts_alone_are_written_once_a_day_and_states_at_once(world: JourneyWorld) -> None:
    world.run()
    world.close("DS-11")
    world.run()
    assert "1 of 3 issues done" in world.comments(MODEL)[0]
    world.close("DS-12")
    world.run()
    assert world.writes() == [], "a count is no news yet"
    world.run(after=timedelta(hours=20))
    assert world.writes() == []
    world.run(after=timedelta(hours=4))
    assert "2 of 3 issues done" in world.comments(MODEL)[0]
    assert "2 of 6 issues done" in world.comments(GOAL)[0]
    world.close("DS-13")
    world.run()
    assert "3 of 3 issues done" in world.comments(MODEL)[0], "done is news"
    assert world.labels(MODEL) == {"state:done"}


def test_time_alone_changes_nothing(world: JourneyWorld) -> None:
    world.run()
    observed = world.snapshot()
    for _ in range(10):
        assert world.run(after=timedelta(hours=30)).code == 0
        assert world.writes() == []
    assert world.snapshot() == observed


def test_edits_of_the_status_comment_send_no_mail(world: JourneyWorld) -> None:
    world.run()
    world.github.notifications.clear()
    world.jira.mails.clear()
    world.close("acme/churn#11")
    world.github.notifications.clear()
    world.run()
    assert "1 of 3 issues done" in world.comments(FEATURES)[0]
    assert world.github.notifications == []


def test_what_a_title_says_reaches_the_other_tracker_harmless(make_world: MakeWorld) -> None:
    plan = PLAN.replace("title: Churn features", "title: 'Churn @ada closes acme/churn#11 {code}'")
    world = make_world(plan=plan)
    world.run()
    issue = world.github.issue("acme/churn", 11)
    assert not [event for event in issue.events if event.event == "cross-referenced"]
    assert not [mail for mail in world.github.notifications if mail.reason == "mention"]
    assert "{code}" not in world.comments(GOAL)[0].replace("\\{code\\}", "")
    world.run()
    assert world.writes() == []


def test_after_the_grace_days_there_is_one_last_write_and_then_none(world: JourneyWorld) -> None:
    world.run()
    world.run(after=datetime(2027, 1, 4, tzinfo=UTC) - world.clock.now())
    assert world.labels(GOAL) == {"state:planned"}, "within the grace days issues may still be closed"
    world.close("DS-11")
    assert world.run(after=timedelta(days=5)).code == 0
    assert world.labels(GOAL) == {"state:missed"}
    last = world.snapshot()
    world.close("DS-12")
    world.close("acme/churn#11")
    for _ in range(2):
        assert world.run(after=timedelta(hours=30)).code == 0
        assert world.writes() == []
    assert world.snapshot() == last


def test_roll_ups_are_saved_only_when_they_change(world: JourneyWorld) -> None:
    """A cron job runs a hundred times a day; runs without a change must not fill the store."""

    def kept_at() -> datetime:
        with world.opened_store() as store:
            last = store.last_rollup()
        assert last is not None
        return last[0]

    world.run()
    first = kept_at()
    world.run()
    assert kept_at() == first
    world.close("DS-11")
    world.run()
    assert kept_at() > first


def test_a_refused_run_does_not_say_that_there_was_nothing_to_do(world: JourneyWorld) -> None:
    world.run()
    for key in ("DS-11", "DS-12", "DS-13"):
        world.unlabel(key, "capability:model")
    result = world.run()
    assert result.code == 4
    assert "refused (label-gone)" in result.err
    assert result.err.rstrip().endswith("nothing is written because of what was refused")
    assert "nothing to change" not in result.out
