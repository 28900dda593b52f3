"""A job that nobody watches tells those who watch for it: a metrics file, a Pushgateway, a health check."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.journey_world import TOKENS, JourneyWorld
from tests.support.promtool import promtool
from tests.support.watchers import Watchers, figures_in, figures_of, watching

MakeWorld = Callable[..., JourneyWorld]
TEXTFILE = "metrics: {textfile: out/increment-sync.prom}\n"
NEVER = 0.0


@pytest.fixture
def watchers() -> Iterator[Watchers]:
    with watching() as watchers:
        yield watchers


@pytest.fixture
def told(make_world: MakeWorld) -> JourneyWorld:
    """A world that writes a metrics file, after its first run."""
    world = make_world(settings=TEXTFILE, jira=1, github=1)
    (world.root / "out").mkdir()
    assert world.run().code == 0
    return world


def file_of(world: JourneyWorld) -> Path:
    return world.root / "out" / "increment-sync.prom"


def pinging(make_world: MakeWorld, watchers: Watchers, **wishes: str) -> JourneyWorld:
    url = f"{watchers.url}/very-secret-uuid"
    return make_world(environment={**TOKENS, "INCREMENT_SYNC_PING_URL": url}, **wishes)


class TestTheFile:
    def test_it_says_how_the_run_went_and_how_the_work_stands(self, told: JourneyWorld) -> None:
        figures, now = figures_in(file_of(told)), told.clock.now().timestamp()
        assert figures["last_run_timestamp_seconds"] == {(): now}
        assert figures["last_success_timestamp_seconds"] == {(): now}
        assert figures["last_run_exit_code"] == {(): 0}
        assert figures["interval_seconds"] == {(): 900}
        assert figures["issues_pulled"] == {("jira:DS",): 3, ("github:acme/churn",): 2}
        assert figures["source_ok"] == {("jira:DS",): 1, ("github:acme/churn",): 1}
        assert figures["source_last_whole_timestamp_seconds"] == {
            ("jira:DS",): now,
            ("github:acme/churn",): now,
        }
        assert figures["unplanned_issues"] == {("science",): 0}
        assert figures["goals"] == {("committed", "none", "planned"): 1}
        assert figures["planned_writes"] == {(): 8}
        assert figures["comments_created"] == figures["status_comments"] == {(): 3}
        assert figures["writes_total"][("done", "jira")] > figures["comments_created_total"][()] == 3
        assert figures["requests_total"] == {
            (name,): sum(entry.tracker == name for entry in told.requests) for name in ("jira", "github")
        }
        (left,) = figures["rate_limit_remaining"].values()
        (limit,) = figures["rate_limit"].values()
        assert limit > left > 0
        assert figures["overrides"] == {(kind,): 0 for kind in ("veto", "pin", "held", "comment", "left")}
        assert figures["writes_total"][("failed", "github")] == 0, "so that the first one is an increase"
        assert figures["store_bytes"][()] > 10_000

    def test_what_only_grows_counts_over_all_runs(self, told: JourneyWorld) -> None:
        first = figures_in(file_of(told))
        sent = len([entry for entry in told.requests if entry.tracker == "jira"])
        told.run()
        second = figures_in(file_of(told))
        sent += len([entry for entry in told.requests if entry.tracker == "jira"])
        assert second["requests_total"][("jira",)] == sent
        assert second["writes_total"] == first["writes_total"], "nothing was to be written"
        assert (second["comments_created"], second["comments_created_total"]) == ({(): 0}, {(): 3})

    def test_decisions_of_people_are_counted(self, told: JourneyWorld) -> None:
        told.unlabel("DS-11", "capability:model")
        told.run()
        figures = figures_in(file_of(told))
        assert figures["overrides"][("veto",)] == 1
        assert figures["unplanned_issues"] == {("science",): 1}

    def test_a_source_that_fails_is_named_and_the_last_success_stays(self, told: JourneyWorld) -> None:
        success = told.clock.now().timestamp()
        told.fault("status", tracker="github", path="*/churn/issues", status=500, times=None)
        assert told.run().code == 1
        figures = figures_in(file_of(told))
        assert figures["source_ok"] == {("jira:DS",): 1, ("github:acme/churn",): 0}
        assert figures["source_last_whole_timestamp_seconds"][("github:acme/churn",)] == success
        assert figures["last_success_timestamp_seconds"] == {(): success}
        assert figures["last_run_exit_code"] == {(): 1}
        assert figures["last_run_timestamp_seconds"][()] > success

    def test_a_refusal_of_the_guard_is_told(self, told: JourneyWorld) -> None:
        told.unlabel("DS-11", "model")
        assert told.run(max_removals=0).code == 4
        figures = figures_in(file_of(told))
        assert figures["last_run_exit_code"] == {(): 4}
        assert figures["guard_refusals"] == {(): 1}
        assert figures["planned_writes"][()] > 0

    def test_a_run_that_fails_early_leaves_what_was_known(self, told: JourneyWorld) -> None:
        before = figures_in(file_of(told))
        told.edit("mappings/science.yaml", "assign: model", "assign: modell")
        assert told.run().code == 3
        after = figures_in(file_of(told))
        assert after["last_run_exit_code"] == {(): 3}
        for name in ("last_success_timestamp_seconds", "goals", "source_ok", "requests_total", "rate_limit"):
            assert after[name] == before[name], name

        told.edit("mappings/science.yaml", "assign: modell", "assign: model")
        (told.root / ".increment-sync" / "state.db").write_bytes(b"no database" * 100)
        assert told.run().code == 1
        after = figures_in(file_of(told))
        assert after["last_run_exit_code"] == {(): 1}
        assert after["last_success_timestamp_seconds"] == before["last_success_timestamp_seconds"]

        told.edit("increment-sync.yaml", "instance: journey", "instance: journey\nmetrik: {}")
        assert told.run(metrics=file_of(told)).code == 3
        after = figures_in(file_of(told))
        assert after["last_run_exit_code"] == {(): 3}
        for name in ("last_success_timestamp_seconds", "interval_seconds", "store_bytes"):
            assert after[name] == before[name], name

    def test_a_run_that_never_succeeded_says_so(self, make_world: MakeWorld) -> None:
        world = make_world(settings=TEXTFILE)
        (world.root / "out").mkdir()
        world.fault("status", tracker="github", path="*/churn/issues", status=500, times=None)
        assert world.run().code == 1
        figures = figures_in(file_of(world))
        assert figures["last_success_timestamp_seconds"] == {(): NEVER}
        assert figures["source_last_whole_timestamp_seconds"][("github:acme/churn",)] == NEVER

    def test_a_run_that_finds_another_one_at_work_tells_it(self, told: JourneyWorld) -> None:
        with told.opened_store() as store:
            store.acquire_lease("20261120-093000-abcd", "ada@laptop pid 7", timedelta(hours=2))
        assert told.run().code == 6
        assert figures_in(file_of(told))["last_run_exit_code"] == {(): 6}

    def test_a_source_that_nobody_has_any_more_is_forgotten(self, told: JourneyWorld) -> None:
        told.edit("mappings/science.yaml", "  - github: {repo: acme/churn}\n", "")
        told.run(max_removals=99)
        assert set(figures_in(file_of(told))["source_ok"]) == {("jira:DS",)}

    def test_it_is_replaced_whole_or_not_at_all(
        self, told: JourneyWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = file_of(told).read_bytes()

        def full(*_: object) -> bytes:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("prometheus_client.exposition.generate_latest", full)
        ended = told.run()
        assert ended.code == 0
        assert "note: the metrics file" in ended.err
        assert "cannot be written: No space left on device" in ended.err
        assert file_of(told).read_bytes() == before
        assert [path.name for path in file_of(told).parent.iterdir()] == [file_of(told).name]

    def test_a_folder_that_is_missing_is_said_and_harms_nothing(self, make_world: MakeWorld) -> None:
        world = make_world(settings=TEXTFILE)
        ended = world.run()
        assert ended.code == 0
        assert "increment-sync.prom cannot be written: No such file or directory" in ended.err
        assert world.labels("DS-11") >= {"capability:model"}

    def test_prometheus_finds_nothing_to_object_to(self, told: JourneyWorld) -> None:
        text = file_of(told).read_text(encoding="utf-8")
        checked = subprocess.run(
            [promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


class TestThePushgateway:
    def test_a_failing_run_keeps_what_it_does_not_know(
        self, make_world: MakeWorld, watchers: Watchers
    ) -> None:
        world = make_world(settings=f"metrics: {{pushgateway: '{watchers.url}'}}\n")
        assert world.run().code == 0
        ((path, group),) = watchers.groups.items()
        assert path == "/metrics/job/increment-sync/installation/journey"
        before = figures_of(list(group.values()))
        (world.root / ".increment-sync" / "state.db").write_bytes(b"no database" * 100)
        assert world.run().code == 1
        after = figures_of(list(group.values()))
        assert after["last_run_exit_code"] == {(): 1}
        for name in ("last_success_timestamp_seconds", "goals", "source_ok"):
            assert after[name] == before[name], name

    def test_one_that_is_away_or_refuses_is_said_and_harms_nothing(
        self, make_world: MakeWorld, watchers: Watchers
    ) -> None:
        world = make_world(settings=f"metrics: {{pushgateway: '{watchers.url}'}}\n")
        watchers.answer = 400
        ended = world.run()
        assert (
            ended.code,
            "metrics cannot be pushed to metrics.pushgateway: it answered HTTP 400" in ended.err,
        ) == (
            0,
            True,
        )
        world.edit("increment-sync.yaml", watchers.url, "http://127.0.0.1:9")
        ended = world.run()
        assert (ended.code, "Connection refused" in ended.err) == (0, True)


class TestTheHealthCheck:
    def test_it_hears_the_beginning_and_the_success(self, make_world: MakeWorld, watchers: Watchers) -> None:
        world = pinging(make_world, watchers)
        assert world.run().code == 0
        assert watchers.pings == ["/very-secret-uuid/start", "/very-secret-uuid"]
        assert len(watchers.runs) == 1, "both name the same run"

    def test_it_hears_a_failure_even_when_nothing_can_be_read(
        self, make_world: MakeWorld, watchers: Watchers
    ) -> None:
        world = pinging(make_world, watchers)
        world.write("increment-sync.yaml", "instance: [")
        assert world.run().code == 3
        assert watchers.pings == ["/very-secret-uuid/start", "/very-secret-uuid/fail"]

    def test_a_run_beside_another_one_does_not_call_the_job_failed(
        self, make_world: MakeWorld, watchers: Watchers
    ) -> None:
        world = pinging(make_world, watchers)
        with world.opened_store() as store:
            store.acquire_lease("20261120-090000-abcd", "ada@laptop pid 7", timedelta(hours=2))
        assert world.run().code == 6
        assert watchers.pings == ["/very-secret-uuid/start"]

    def test_its_url_is_never_shown(self, make_world: MakeWorld, watchers: Watchers) -> None:
        world = make_world()
        watchers.answer = 404
        refuses, away = f"{watchers.url}/very-secret-uuid", "http://127.0.0.1:9/very-secret-uuid"
        for url in (refuses, away, "very-secret-uuid", "http://[very-secret-uuid"):
            world.environment = {**TOKENS, "INCREMENT_SYNC_PING_URL": url}
            ended = world.run()
            assert ended.code == 0
            assert ended.err.count("note: the health check ") == 2
            assert "very-secret" not in ended.out + ended.err

    def test_its_url_may_stand_in_a_file(
        self, make_world: MakeWorld, watchers: Watchers, tmp_path: Path
    ) -> None:
        (tmp_path / "ping").write_text(f"{watchers.url}/from-a-file\n", encoding="utf-8")
        file = {"INCREMENT_SYNC_PING_URL_FILE": str(tmp_path / "ping")}
        world = make_world(environment={**TOKENS, **file})
        assert world.run().code == 0
        assert watchers.pings == ["/from-a-file/start", "/from-a-file"]
        world.environment = {**TOKENS, "INCREMENT_SYNC_PING_URL_FILE": str(tmp_path / "missing")}
        ended = world.run()
        assert ended.code == 0
        assert "no health check is pinged: INCREMENT_SYNC_PING_URL_FILE names" in ended.err
