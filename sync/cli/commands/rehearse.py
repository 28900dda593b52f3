"""``rehearse``: the user's workspace on embedded trackers, with everything going wrong that can."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sync.config.workspace import LoadedWorkspace
from sync.runtime.invocation import Invocation, pluralize, print_error, print_json, print_line
from sync.runtime.session import pulled_context

if TYPE_CHECKING:
    from sync.simulation.results import SimulationResults
    from sync.simulation.runner import FaultFreePreview

MAX_PEOPLE_NAMED = 10
"""People who are named, those with the most mail first."""


class SimulationUnavailable(LookupError):
    """The embedded trackers are not installed, or cannot show what the workspace asks for."""


def rehearse(invocation: Invocation, *, seed: int, schedules: int) -> int:
    """Play so many schedules from this seed on. 1 when something did not hold."""
    try:
        from sync.simulation.results import SimulationResults
        from sync.simulation.runner import Simulation
        from sync.simulation.snapshot_scenario import scenario_from_snapshot
    except ModuleNotFoundError as error:
        raise SimulationUnavailable(
            f"rehearse needs {error.name}: install it with `pip install 'increment-sync[sandbox]'`"
        ) from None
    with pulled_context(invocation) as job:
        configured = LoadedWorkspace(root=invocation.root, settings=job.settings, workspace=job.workspace)
        world = scenario_from_snapshot(job, configured)
        issues = job.store.count_contents().get("issues", 0)
    rehearsal = Simulation(lambda _: world)
    undisturbed = rehearsal.preview_without_faults(world)
    if undisturbed.failed:
        raise SimulationUnavailable(
            "the embedded trackers cannot show what this workspace reads, so nothing was rehearsed: "
            + "; ".join(undisturbed.failed)
        )
    tally = SimulationResults()
    for number in range(seed, seed + schedules):
        tally.add(rehearsal.run_seed(number))
    code = 1 if tally.failures else 0
    if invocation.as_json:
        print_json(_document(tally, undisturbed, seed, issues, code))
    else:
        _tell(tally, undisturbed, issues)
    return code


def _tell(tally: SimulationResults, undisturbed: FaultFreePreview, issues: int) -> None:
    from sync.simulation.summary import INVARIANT_LABELS, failure_lines

    print_line(f"Rehearsed on embedded trackers with the {pluralize(issues, 'issue')} of the last snapshot.")
    print_line("The real trackers and the real store were not touched.")
    print_line()
    print_line(f"  schedules             {tally.schedules}")
    print_line(f"  faults injected       {tally.injected.total()}")
    print_line(f"  people acted          {pluralize(tally.user_actions, 'time')}")
    print_line(f"  converged             {tally.converged} of {tally.schedules}")
    for name, rule in INVARIANT_LABELS:
        print_line(f"  {name:<22}{tally.by_invariant[rule]}")
    print_line()
    print_line(f"Without faults the next run would write {pluralize(undisturbed.writes, 'time')}.")
    print_line(_notified(undisturbed.notifications))
    for line in failure_lines(tally):
        print_error(line)
    if tally.failures:
        first = tally.failures[0].seed
        print_error(f"to see it again: increment-sync rehearse --seed {first} --schedules 1")


def _notified(mails: Counter[str]) -> str:
    if not mails:
        return "Nobody would get mail, as far as the snapshot tells (it knows no watchers)."
    named = ", ".join(f"{name} {count}" for name, count in mails.most_common(MAX_PEOPLE_NAMED))
    more = f", and {len(mails) - MAX_PEOPLE_NAMED} more people" if len(mails) > MAX_PEOPLE_NAMED else ""
    return (
        f"It would send about {pluralize(mails.total(), 'mail')}: {named}{more} "
        "(authors and assignees; the snapshot knows no watchers)."
    )


def _document(
    tally: SimulationResults, undisturbed: FaultFreePreview, seed: int, issues: int, code: int
) -> dict[str, Any]:
    from sync.simulation.summary import INVARIANT_LABELS

    return {
        "version": 1,
        "seed": seed,
        "issues": issues,
        "schedules": tally.schedules,
        "converged": tally.converged,
        "faults": dict(sorted(tally.injected.items())),
        "edits": tally.user_actions,
        "broken": {rule: tally.by_invariant[rule] for _, rule in INVARIANT_LABELS},
        "writes": undisturbed.writes,
        "mails": dict(undisturbed.notifications),
        "failures": [
            {"seed": each.seed, "broken": [{"rule": b.invariant, "text": b.text} for b in each.violations]}
            for each in tally.failures
        ],
        "exit_code": code,
    }
