"""How a run ended, in history, JSON and exit code."""

from __future__ import annotations

from datetime import timedelta

from tests.support.journey_world import JourneyWorld


def last_run(world: JourneyWorld) -> tuple[str, int]:
    (run, *_) = world.history(as_json=True).json["runs"]
    return run["outcome"], run["exit_code"]


def test_a_run_that_read_nothing_failed_and_one_that_read_something_failed_partly(
    world: JourneyWorld,
) -> None:
    world.run()
    world.fault("status", times=None, status=403, tracker="github")
    partly = world.run(as_json=True)
    assert (partly.code, partly.json["outcome"], *last_run(world)) == (1, "partly failed", "partly failed", 1)
    world.fault("status", times=None, status=403, tracker="jira")
    failed = world.run(as_json=True)
    assert (failed.code, failed.json["outcome"], *last_run(world)) == (1, "failed", "failed", 1)
    assert world.preview().code == 1
    assert last_run(world) == ("failed", 1)
    world.box.faults.clear()
    done = world.run(as_json=True)
    assert (done.code, done.json["outcome"], *last_run(world)) == (0, "done", "done", 0)


def test_a_saved_change_set_of_which_nothing_could_be_written_failed(world: JourneyWorld) -> None:
    world.preview(world.root / "changes.json")
    world.fault("status", times=None, status=403, method="POST")
    world.fault("status", times=None, status=403, method="PUT")
    assert world.apply(world.root / "changes.json").code == 1
    assert last_run(world) == ("failed", 1)


def test_a_broken_file_is_counted_by_mappings_test(world: JourneyWorld) -> None:
    world.write("mappings/science.yaml", "team: [")
    done = world.mappings_test()
    assert done.code == 3
    assert done.out.splitlines()[-1] == "0 passed, 0 failed, 0 invalid, 0 not run, 1 broken file"
    assert "there are no cases yet" not in done.out
    assert world.mappings_test(as_json=True).json["broken_files"] == 1


def test_one_override_is_one_override(world: JourneyWorld) -> None:
    world.run()
    world.unlabel("DS-11", "capability:model")
    world.run()
    assert world.override_list().out.splitlines()[-1] == "1 override"


def test_an_undo_of_which_every_write_was_rejected_failed(world: JourneyWorld) -> None:
    world.run()
    run_id = world.last_run()
    for method in ("POST", "PUT", "DELETE"):
        world.fault("status", times=None, status=403, method=method)
    assert world.undo(run_id, limit=100).code == 1
    assert last_run(world) == ("failed", 1)


def test_the_history_has_the_exit_code_of_a_command_that_stopped(world: JourneyWorld) -> None:
    saved = world.root / "changes.json"
    world.preview(saved)
    world.label("DS-11", "capability:model")
    assert world.apply(saved).code == 5
    assert last_run(world) == ("stopped before the first write: StaleChangeSet", 5)
    with world.opened_store() as store:
        store.acquire_lease("other", "ada@desk", timedelta(hours=9))
    assert world.run().code == 6
    assert last_run(world) == ("stopped before the first write: LeaseHeld", 6)


def test_nothing_to_do_is_not_said_of_what_could_not_be_read(world: JourneyWorld) -> None:
    world.run()
    run_id = world.last_run()
    world.fault("status", times=None, status=403)
    assert world.run().out.splitlines() == ["nothing was read"]
    result = world.undo(run_id, limit=100)
    assert (result.code, result.out.splitlines()) == (1, ["nothing was reverted"])
