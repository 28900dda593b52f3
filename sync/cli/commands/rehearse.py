"""``rehearse``: the user's workspace on embedded trackers, with everything going wrong that can."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sync.config.workspace import Configured
from sync.runtime.invocation import Ways, complain, counted, say, say_json
from sync.runtime.session import with_snapshot

if TYPE_CHECKING:
    from sync.simulation.results import Tally
    from sync.simulation.runner import Undisturbed

SHOWN = 10
"""People who are named, those with the most mail first."""


class CannotRehearse(LookupError):
    """The embedded trackers are not installed, or cannot show what the workspace asks for."""


def rehearse(ways: Ways, *, seed: int, schedules: int) -> int:
    """Play so many schedules from this seed on. 1 when something did not hold."""
    try:
        from sync.simulation.results import Tally
        from sync.simulation.runner import Rehearsal
        from sync.simulation.snapshot_scenario import world_of
    except ModuleNotFoundError as error:
        raise CannotRehearse(
            f"rehearse needs {error.name}: install it with `pip install 'increment-sync[sandbox]'`"
        ) from None
    with with_snapshot(ways) as job:
        configured = Configured(root=ways.root, settings=job.settings, workspace=job.workspace)
        world = world_of(job, configured)
        issues = job.store.holds().get("issues", 0)
    rehearsal = Rehearsal(lambda _: world)
    undisturbed = rehearsal.undisturbed(world)
    if undisturbed.failed:
        raise CannotRehearse(
            "the embedded trackers cannot show what this workspace reads, so nothing was rehearsed: "
            + "; ".join(undisturbed.failed)
        )
    tally = Tally()
    for number in range(seed, seed + schedules):
        tally.add(rehearsal.play(number))
    code = 1 if tally.failures else 0
    if ways.as_json:
        say_json(_document(tally, undisturbed, seed, issues, code))
    else:
        _tell(tally, undisturbed, issues)
    return code


def _tell(tally: Tally, undisturbed: Undisturbed, issues: int) -> None:
    from sync.simulation.summary import COUNTED, failures_text

    say(f"Rehearsed on embedded trackers with the {counted(issues, 'issue')} of the last snapshot.")
    say("The real trackers and the real store were not touched.")
    say()
    say(f"  schedules             {tally.schedules}")
    say(f"  faults injected       {tally.injected.total()}")
    say(f"  people acted          {counted(tally.edits, 'time')}")
    say(f"  converged             {tally.converged} of {tally.schedules}")
    for name, rule in COUNTED:
        say(f"  {name:<22}{tally.by_rule[rule]}")
    say()
    say(f"Without faults the next run would write {counted(undisturbed.writes, 'time')}.")
    say(_notified(undisturbed.mails))
    for line in failures_text(tally):
        complain(line)
    if tally.failures:
        first = tally.failures[0].seed
        complain(f"to see it again: increment-sync rehearse --seed {first} --schedules 1")


def _notified(mails: Counter[str]) -> str:
    if not mails:
        return "Nobody would get mail, as far as the snapshot tells (it knows no watchers)."
    named = ", ".join(f"{name} {count}" for name, count in mails.most_common(SHOWN))
    more = f", and {len(mails) - SHOWN} more people" if len(mails) > SHOWN else ""
    return (
        f"It would send about {counted(mails.total(), 'mail')}: {named}{more} "
        "(authors and assignees; the snapshot knows no watchers)."
    )


def _document(tally: Tally, undisturbed: Undisturbed, seed: int, issues: int, code: int) -> dict[str, Any]:
    from sync.simulation.summary import COUNTED

    return {
        "version": 1,
        "seed": seed,
        "issues": issues,
        "schedules": tally.schedules,
        "converged": tally.converged,
        "faults": dict(sorted(tally.injected.items())),
        "edits": tally.edits,
        "broken": {rule: tally.by_rule[rule] for _, rule in COUNTED},
        "writes": undisturbed.writes,
        "mails": dict(undisturbed.mails),
        "failures": [
            {"seed": each.seed, "broken": [{"rule": b.rule, "text": b.text} for b in each.broken]}
            for each in tally.failures
        ],
        "exit_code": code,
    }
