"""A connector of somebody else that cannot be used fails alone: the other trackers are read and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.sandbox.server import Sandbox
from connectors.spec import ConnectorSpec, Option
from sync.cli.commands.doctor import doctor
from tests.support.installed_connectors import install, install_object
from tests.support.journey_world import MAPPING, PLAN, JourneyWorld, plain_trackers
from tests.support.memory_tracker import MemoryTracker
from tests.support.plain_connector import SPEC

MakeWorld = Callable[..., JourneyWorld]
SOURCE = "  - garden: {folder: beds}\n"
RULE = "  - {id: beds, when: {labels: [beds]}, assign: features}\n"
SEES = "garden:beds"


def settings_with_garden(box: Sandbox) -> str:
    return f"{plain_trackers(box)}\n  garden: {{kind: plain, colour: green}}"


def make(make_world: MakeWorld, **options: Any) -> JourneyWorld:
    mapping = MAPPING.replace("rules:\n", f"{SOURCE}rules:\n") + RULE
    return make_world(trackers=settings_with_garden, mapping=mapping, plan=PLAN, **options)


def spec_with(tracker: object, **changes: Any) -> ConnectorSpec:
    own = (Option("colour", "Colour of the fence."),)
    return replace(SPEC, open=lambda _: (tracker, tracker), settings=own, **changes)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("what", ["raise RuntimeError('no licence')", "SPEC = 7"])
def test_a_connector_that_cannot_be_imported_fails_alone(
    what: str, make_world: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"broken_plugin_{len(what)}"
    (tmp_path / f"{module}.py").write_text(what)
    monkeypatch.syspath_prepend(tmp_path)
    install(monkeypatch, "plain", f"{module}:SPEC")
    world = make(make_world)

    result = world.run()

    assert result.code == 1, result.err
    (sentence,) = {line for line in (result.out + result.err).splitlines() if "the connector plain" in line}
    assert module in sentence
    assert "capability:model" in world.labels("DS-11")
    assert "capability:features" in world.labels("acme/churn#11")


def test_doctor_names_the_broken_connector_and_checks_the_others(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, "plain", "a_module_that_was_removed:SPEC")
    world = make(make_world)

    result = world._call(lambda: doctor(world.invocation()))

    garden = [line for line in result.out.splitlines() if " garden" in line]
    assert result.code == 1 and len(garden) == 1
    assert garden[0].startswith("problem") and "a_module_that_was_removed:SPEC" in garden[0]
    assert "github:acme/churn: exists" in result.out


def test_the_issues_of_a_connector_that_breaks_later_stay_counted(
    make_world: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(make_world)
    garden = MemoryTracker("garden", ["beds"], now=world.clock)
    garden.add_issue("beds", "Dig", labels=["beds"])
    with monkeypatch.context() as patch:
        install_object(patch, "plain", spec_with(garden))
        assert world.run().code == 0
        before = _counts(world.status())
    assert {"capability:features"} <= {
        label for each in garden._issues.values() for label in each.issue.labels
    }
    install(monkeypatch, "plain", "a_module_that_was_removed:SPEC")

    result = world.run()

    assert result.code == 1, result.err
    assert "a_module_that_was_removed" in result.out + result.err
    assert "nothing to change" in result.out
    assert _counts(world.status()) == before


def _counts(status: Any) -> list[Any]:
    """Return the counts of all capabilities, wherever they are in the output."""
    if isinstance(status, dict):
        own = [(status["id"], status["counts"])] if "counts" in status and "id" in status else []
        return own + [found for value in status.values() for found in _counts(value)]
    return [found for value in status for found in _counts(value)] if isinstance(status, list) else []
