"""Numbers from outdated data are marked as such."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sync.cli.commands.report import report
from tests.support.journey_world import JourneyWorld

MakeWorld = Callable[..., JourneyWorld]


def test_status_shows_the_last_read_and_outage_of_each_source(make_world: MakeWorld) -> None:
    world = make_world(jira=1, github=1)
    world.run()
    read = world.clock.now()
    world.fault("status", tracker="github", path="*/churn/issues", status=500, times=None)
    world.run()
    failed = world.clock.now()
    github, jira = world.status()["sources"]
    assert (github["source"], jira["source"]) == ("github:acme/churn", "jira:DS")
    assert (github["last_whole"], github["failing_since"]) == (str(read), str(failed))
    assert "HTTP 500" in github["failing_because"]
    assert jira["last_whole"] > str(read)
    assert (jira["failing_since"], jira["failing_because"]) == (None, None)
    assert f"unreadable since {failed:%Y-%m-%d %H:%M} UTC: github:acme/churn" in world.status_text().err

    world.edit("mappings/science.yaml", "  - github: {repo: acme/churn}\n", "")
    assert [each["source"] for each in world.status()["sources"]] == ["jira:DS"]
    assert world.status()["unreadable"] == {}, "nobody has that source any more"


def test_missing_runs_are_reported_everywhere(make_world: MakeWorld) -> None:
    world = make_world(jira=1, github=1)
    world.run()
    last = f"{world.clock.now():%Y-%m-%d %H:%M} UTC"
    assert "no source was synced since" not in world.status_text(timedelta(hours=24)).err
    assert world.status()["silent_since"] is not None
    result = world.status_text(timedelta())
    assert f"no source was synced since {last}; all numbers are from then" in result.err
    text = world._call(lambda: report(world.invocation(), None, None, "markdown", None))
    assert f"no source was synced since {last}" in text.out.replace("\\", "")
    world.run()
    assert world.status()["silent_since"] is None
