"""Metrics file, Pushgateway and health check of runs."""

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
def measured(make_world: MakeWorld) -> JourneyWorld:
    """A world that writes a metrics file, after its first run."""
    world = make_world(settings=TEXTFILE, jira=1, github=1)
    (world.root / "out").mkdir()
    assert world.run().code == 0
    return world


def file_of(world: JourneyWorld) -> Path:
    return world.root / "out" / "increment-sync.prom"


def pinging(make_world: MakeWorld, watchers: Watchers, **options: str) -> JourneyWorld:
    url = f"{watchers.url}/very-secret-uuid"
    return make_world(environment={**TOKENS, "INCREMENT_SYNC_PING_URL": url}, **options)


class TestTheFile:
    def test_contains_metrics_of_the_run_and_of_the_work(self, measured: JourneyWorld) -> None:
        metrics, now = figures_in(file_of(measured)), measured.clock.now().timestamp()
        assert metrics["last_run_timestamp_seconds"] == {(): now}
        assert metrics["last_success_timestamp_seconds"] == {(): now}
        assert metrics["last_run_exit_code"] == {(): 0}
        assert metrics["interval_seconds"] == {(): 900}
        assert metrics["issues_pulled"] == {("jira:DS",): 3, ("github:acme/churn",): 2}
        assert metrics["issues_left_out"] == {("jira:DS",): 0, ("github:acme/churn",): 0}
        assert metrics["source_ok"] == {("jira:DS",): 1, ("github:acme/churn",): 1}
        assert metrics["source_last_whole_timestamp_seconds"] == {
            ("jira:DS",): now,
            ("github:acme/churn",): now,
        }
        assert metrics["unplanned_issues"] == {("science",): 0}
        assert metrics["goals"] == {("committed", "none", "planned"): 1}
        assert metrics["planned_writes"] == {(): 8}
        assert metrics["comments_created"] == metrics["status_comments"] == {(): 3}
        assert metrics["writes_total"][("done", "jira")] > metrics["comments_created_total"][()] == 3
        assert metrics["requests_total"] == {
            (name,): sum(entry.tracker == name for entry in measured.requests) for name in ("jira", "github")
        }
        (left,) = metrics["rate_limit_remaining"].values()
        (limit,) = metrics["rate_limit"].values()
        assert limit > left > 0
        assert metrics["overrides"] == {(kind,): 0 for kind in ("veto", "pin", "held", "comment", "left")}
        assert metrics["writes_total"][("failed", "github")] == 0, "so that the first one is an increase"
        assert metrics["store_bytes"][()] > 10_000

    def test_counters_add_up_over_all_runs(self, measured: JourneyWorld) -> None:
        first = figures_in(file_of(measured))
        sent = len([entry for entry in measured.requests if entry.tracker == "jira"])
        measured.run()
        second = figures_in(file_of(measured))
        sent += len([entry for entry in measured.requests if entry.tracker == "jira"])
        assert second["requests_total"][("jira",)] == sent
        assert second["writes_total"] == first["writes_total"], "nothing was to be written"
        assert (second["comments_created"], second["comments_created_total"]) == ({(): 0}, {(): 3})

    def test_manual_overrides_are_counted(self, measured: JourneyWorld) -> None:
        measured.unlabel("DS-11", "capability:model")
        measured.run()
        metrics = figures_in(file_of(measured))
        assert metrics["overrides"][("veto",)] == 1
        assert metrics["unplanned_issues"] == {("science",): 1}

    def test_a_failing_source_is_named_and_the_last_success_stays(self, measured: JourneyWorld) -> None:
        success = measured.clock.now().timestamp()
        measured.fault("status", tracker="github", path="*/churn/issues", status=500, times=None)
        assert measured.run().code == 1
        metrics = figures_in(file_of(measured))
        assert metrics["source_ok"] == {("jira:DS",): 1, ("github:acme/churn",): 0}
        assert metrics["source_last_whole_timestamp_seconds"][("github:acme/churn",)] == success
        assert metrics["last_success_timestamp_seconds"] == {(): success}
        assert metrics["last_run_exit_code"] == {(): 1}
        assert metrics["last_run_timestamp_seconds"][()] > success

    def test_guard_refusals_are_counted(self, measured: JourneyWorld) -> None:
        measured.unlabel("DS-11", "model")
        assert measured.run(max_removals=0).code == 4
        metrics = figures_in(file_of(measured))
        assert metrics["last_run_exit_code"] == {(): 4}
        assert metrics["guard_refusals"] == {(): 1}
        assert metrics["planned_writes"][()] > 0

    def test_a_run_that_fails_early_keeps_older_metrics(self, measured: JourneyWorld) -> None:
        before = figures_in(file_of(measured))
        measured.edit("mappings/science.yaml", "assign: model", "assign: modell")
        assert measured.run().code == 3
        after = figures_in(file_of(measured))
        assert after["last_run_exit_code"] == {(): 3}
        for name in ("last_success_timestamp_seconds", "goals", "source_ok", "requests_total", "rate_limit"):
            assert after[name] == before[name], name

        measured.edit("mappings/science.yaml", "assign: modell", "assign: model")
        (measured.root / ".increment-sync" / "state.db").write_bytes(b"no database" * 100)
        assert measured.run().code == 1
        after = figures_in(file_of(measured))
        assert after["last_run_exit_code"] == {(): 1}
        assert after["last_success_timestamp_seconds"] == before["last_success_timestamp_seconds"]

        measured.edit("increment-sync.yaml", "instance: journey", "instance: journey\nmetrik: {}")
        assert measured.run(metrics=file_of(measured)).code == 3
        after = figures_in(file_of(measured))
        assert after["last_run_exit_code"] == {(): 3}
        for name in ("last_success_timestamp_seconds", "interval_seconds", "store_bytes"):
            assert after[name] == before[name], name

    def test_no_success_is_reported_as_0(self, make_world: MakeWorld) -> None:
        world = make_world(settings=TEXTFILE)
        (world.root / "out").mkdir()
        world.fault("status", tracker="github", path="*/churn/issues", status=500, times=None)
        assert world.run().code == 1
        metrics = figures_in(file_of(world))
        assert metrics["last_success_timestamp_seconds"] == {(): NEVER}
        assert metrics["source_last_whole_timestamp_seconds"][("github:acme/churn",)] == NEVER

    def test_a_locked_run_reports_its_exit_code(self, measured: JourneyWorld) -> None:
        with measured.opened_store() as store:
            store.acquire_lease("20261120-093000-abcd", "ada@laptop pid 7", timedelta(hours=2))
        assert measured.run().code == 6
        assert figures_in(file_of(measured))["last_run_exit_code"] == {(): 6}

    def test_removed_sources_disappear(self, measured: JourneyWorld) -> None:
        measured.edit("mappings/science.yaml", "  - github: {repo: acme/churn}\n", "")
        measured.run(max_removals=99)
        assert set(figures_in(file_of(measured))["source_ok"]) == {("jira:DS",)}

    def test_the_file_is_replaced_atomically(
        self, measured: JourneyWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = file_of(measured).read_bytes()

        def full(*_: object) -> bytes:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("prometheus_client.exposition.generate_latest", full)
        ended = measured.run()
        assert ended.code == 0
        assert "note: the metrics file" in ended.err
        assert "cannot be written: No space left on device" in ended.err
        assert file_of(measured).read_bytes() == before
        assert [path.name for path in file_of(measured).parent.iterdir()] == [file_of(measured).name]

    def test_a_missing_folder_is_a_note_and_not_an_error(self, make_world: MakeWorld) -> None:
        world = make_world(settings=TEXTFILE)
        ended = world.run()
        assert ended.code == 0
        assert "increment-sync.prom cannot be written: No such file or directory" in ended.err
        assert world.labels("DS-11") >= {"capability:model"}

    def test_the_file_passes_promtool(self, measured: JourneyWorld) -> None:
        text = file_of(measured).read_text(encoding="utf-8")
        checked = subprocess.run(
            [promtool(), "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


class TestThePushgateway:
    def test_a_failing_run_keeps_pushed_metrics(self, make_world: MakeWorld, watchers: Watchers) -> None:
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

    def test_an_unavailable_pushgateway_is_a_note_and_not_an_error(
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
    def test_start_and_success_are_pinged(self, make_world: MakeWorld, watchers: Watchers) -> None:
        world = pinging(make_world, watchers)
        assert world.run().code == 0
        assert watchers.pings == ["/very-secret-uuid/start", "/very-secret-uuid"]
        assert len(watchers.runs) == 1, "both name the same run"

    def test_a_failure_is_pinged_even_when_nothing_can_be_read(
        self, make_world: MakeWorld, watchers: Watchers
    ) -> None:
        world = pinging(make_world, watchers)
        world.write("increment-sync.yaml", "instance: [")
        assert world.run().code == 3
        assert watchers.pings == ["/very-secret-uuid/start", "/very-secret-uuid/fail"]

    def test_a_locked_run_sends_no_failure(self, make_world: MakeWorld, watchers: Watchers) -> None:
        world = pinging(make_world, watchers)
        with world.opened_store() as store:
            store.acquire_lease("20261120-090000-abcd", "ada@laptop pid 7", timedelta(hours=2))
        assert world.run().code == 6
        assert watchers.pings == ["/very-secret-uuid/start"]

    def test_the_ping_url_is_never_shown(self, make_world: MakeWorld, watchers: Watchers) -> None:
        world = make_world()
        watchers.answer = 404
        refuses, away = f"{watchers.url}/very-secret-uuid", "http://127.0.0.1:9/very-secret-uuid"
        for url in (refuses, away, "very-secret-uuid", "http://[very-secret-uuid"):
            world.environment = {**TOKENS, "INCREMENT_SYNC_PING_URL": url}
            ended = world.run()
            assert ended.code == 0
            assert ended.err.count("note: the health check ") == 2
            assert "very-secret" not in ended.out + ended.err

    def test_the_ping_url_may_come_from_a_file(
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
