"""``rehearse``: simulated runs of the workspace on mock servers, with injected faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, pick, pluralize
from sync.config.workspace import LoadedWorkspace
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context

if TYPE_CHECKING:
    from sync.simulation.results import SimulationResults
    from sync.simulation.runner import FaultFreePreview

MAX_PEOPLE_NAMED = 10
"""People whose mails are listed, those with the most mails first."""


class SimulationUnavailable(LookupError):
    """The mock servers are not installed, or cannot show what the workspace reads."""


def rehearse(invocation: Invocation, *, seed: int, schedules: int) -> int:
    """Simulate ``schedules`` schedules of faults, from this seed on. Return 1 when an invariant was violated."""
    try:
        from sync.simulation.results import SimulationResults
        from sync.simulation.runner import Simulation
        from sync.simulation.snapshot_scenario import scenario_from_snapshot
    except ModuleNotFoundError as error:
        raise SimulationUnavailable(
            f"rehearse needs {error.name}: install it with `pip install 'increment-sync[sandbox]'`"
        ) from None
    with pulled_context(invocation) as context:
        loaded = LoadedWorkspace(root=invocation.root, settings=context.settings, workspace=context.workspace)
        scenario = scenario_from_snapshot(context, loaded)
        issues = context.store.count_contents().get("issues", 0)
    simulation = Simulation(lambda _: scenario)
    fault_free = simulation.preview_without_faults(scenario)
    if fault_free.failed:
        raise SimulationUnavailable(
            "the mock servers cannot show what this workspace reads, so nothing was simulated: "
            + "; ".join(fault_free.failed)
        )
    results = SimulationResults()
    for number in range(seed, seed + schedules):
        results.add(simulation.run_seed(number))
    code = ExitCode.FAILED if results.failures else ExitCode.DONE
    output = Output(invocation)
    output.show(
        lambda: {"seed": seed, "issues": issues, "exit_code": code} | _document(results, fault_free),
        lambda: _lines(results, fault_free, issues),
    )
    if not output.as_json:
        output.notes(_failure_notes(results))
    return code


def _lines(results: SimulationResults, fault_free: FaultFreePreview, issues: int) -> Iterator[str]:
    from sync.simulation.summary import INVARIANT_LABELS

    yield f"Simulated on mock servers with the {pluralize(issues, 'issue')} of the last snapshot."
    yield "The real trackers and the real store were not touched."
    yield ""
    yield f"  schedules             {results.schedules}"
    yield f"  faults injected       {results.injected.total()}"
    yield f"  user actions          {results.user_actions}"
    yield f"  converged             {results.converged} of {results.schedules}"
    for name, invariant in INVARIANT_LABELS:
        yield f"  {name:<22}{results.by_invariant[invariant]}"
    yield ""
    yield f"Without faults the next run would write {pluralize(fault_free.writes, 'time')}."
    yield _mail_summary(fault_free.notifications)


def _failure_notes(results: SimulationResults) -> Iterator[str]:
    from sync.simulation.summary import failure_lines

    yield from failure_lines(results)
    if results.failures:
        first = results.failures[0].seed
        yield f"to see it again: increment-sync rehearse --seed {first} --schedules 1"


def _mail_summary(mails: Counter[str]) -> str:
    if not mails:
        return "Nobody would get mail, as far as the snapshot shows (it knows no watchers)."
    named = ", ".join(f"{name} {count}" for name, count in mails.most_common(MAX_PEOPLE_NAMED))
    more = (
        f", and {pluralize(len(mails) - MAX_PEOPLE_NAMED, 'more person')}"
        if len(mails) > MAX_PEOPLE_NAMED
        else ""
    )
    return (
        f"It would send about {pluralize(mails.total(), 'mail')}: {named}{more} "
        "(authors and assignees; the snapshot knows no watchers)."
    )


def _document(results: SimulationResults, fault_free: FaultFreePreview) -> dict[str, Any]:
    from sync.simulation.summary import INVARIANT_LABELS

    return {
        **pick(results, "schedules", "converged", faults="injected", edits="user_actions"),
        "broken": {invariant: results.by_invariant[invariant] for _, invariant in INVARIANT_LABELS},
        "writes": fault_free.writes,
        "mails": fault_free.notifications,
        "failures": [
            {
                "seed": failure.seed,
                "broken": [pick(each, "text", rule="invariant") for each in failure.violations],
            }
            for failure in results.failures
        ],
    }
