"""What a run has to note down about how issues count: rows that end, rows that begin, each with its cause. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.model import IssueRef
from sync.insights.change_causes import Causes, Place, Situation, counted_state, fingerprint
from sync.model.attribution import Counted, Turn
from sync.model.rollup import CountedIssue, Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledger:
    """What has to be noted down. ``ended`` are rows that were kept, with their ends set."""

    ended: tuple[Counted, ...] = ()
    begun: tuple[Counted, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ended or self.begun)

    def applied_to(self, rows: Iterable[Counted]) -> tuple[Counted, ...]:
        """The rows as they will be once this is kept."""
        ended = {row.id: row for row in self.ended}
        return (*(ended.get(row.id, row) for row in rows), *self.begun)


def note_down(
    held: Mapping[Place, Counted], before: Mapping[IssueRef, Counted], rollup: Rollup, situation: Situation
) -> Ledger:
    """Compare how issues count in a roll-up with the rows that hold, ``held``.

    ``before``: of issues of which no row holds, the last one that ended. Its rows are under the capability ids of
    today; those of ``held`` are as they were kept.
    """
    now: dict[Place, CountedIssue] = {
        (issue.ref, capability.id): issue for capability in rollup.capabilities for issue in capability.issues
    }
    other = [
        (place, issue)
        for place, issue in now.items()
        if (row := held.get(place)) is None
        or _told_by(row) != (place[1], counted_state(issue), issue.rule, issue.team)
    ]
    gone = sorted(held.keys() - now.keys())
    if not other and not gone:
        return Ledger()
    causes = Causes(held, before, now, situation)
    begun, ended = [], []
    for place, issue in other:
        row = held.get(place)
        turn = causes.of_beginning(place, issue, row)
        begun.append(_row(place, issue, turn, situation))
        ended += [_ended(row, turn, situation)] if row is not None else []
    ended += [_ended(held[place], causes.of_end(place, held[place]), situation) for place in gone]
    return Ledger(ended=tuple(ended), begun=tuple(begun))


def _told_by(row: Counted) -> tuple[str, str, str | None, str]:
    """What makes two rows different. Each is kept under the id that the plans of its time had."""
    return row.capability, row.state, row.rule, row.team


def _row(place: Place, issue: CountedIssue, turn: Turn, situation: Situation) -> Counted:
    return Counted(
        ref=issue.ref,
        capability=place[1],
        state=counted_state(issue),
        team=issue.team,
        rule=issue.rule,
        since=situation.at,
        run_id=situation.run_id,
        began=turn,
        fingerprint=fingerprint(situation.known[issue.ref].issue, situation.scheme),
    )


def _ended(row: Counted, turn: Turn, situation: Situation) -> Counted:
    return replace(row, until=situation.at, ended=turn, ended_by=situation.run_id)
