"""What a run has to note down about how issues count: rows that end, rows that begin, each with its cause. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.model import IssueRef
from sync.insights.change_causes import AttributionContext, CauseFinder, CountKey, counted_state, fingerprint
from sync.model.attribution import CountRecord, Transition
from sync.model.rollup import CountedIssue, Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class CountChanges:
    """What has to be noted down. ``ended`` are rows that were kept, with their ends set."""

    ended: tuple[CountRecord, ...] = ()
    started: tuple[CountRecord, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ended or self.started)

    def apply_to(self, rows: Iterable[CountRecord]) -> tuple[CountRecord, ...]:
        """The rows as they will be once this is kept."""
        ended = {row.id: row for row in self.ended}
        return (*(ended.get(row.id, row) for row in rows), *self.started)


def diff_counts(
    current: Mapping[CountKey, CountRecord],
    last_ended: Mapping[IssueRef, CountRecord],
    rollup: Rollup,
    context: AttributionContext,
) -> CountChanges:
    """Compare how issues count in a roll-up with the rows that hold, ``current``.

    ``last_ended``: of issues of which no row holds, the last one that ended. Its rows are under the capability ids of
    today; those of ``current`` are as they were kept.
    """
    now: dict[CountKey, CountedIssue] = {
        (issue.ref, capability.id): issue for capability in rollup.capabilities for issue in capability.issues
    }
    other = [
        (place, issue)
        for place, issue in now.items()
        if (row := current.get(place)) is None
        or _identity(row) != (place[1], counted_state(issue), issue.rule, issue.team)
    ]
    gone = sorted(current.keys() - now.keys())
    if not other and not gone:
        return CountChanges()
    causes = CauseFinder(current, last_ended, now, context)
    begun, ended = [], []
    for place, issue in other:
        row = current.get(place)
        turn = causes.cause_of_start(place, issue, row)
        begun.append(_new_record(place, issue, turn, context))
        ended += [_ended_record(row, turn, context)] if row is not None else []
    ended += [
        _ended_record(current[place], causes.cause_of_end(place, current[place]), context) for place in gone
    ]
    return CountChanges(ended=tuple(ended), started=tuple(begun))


def _identity(row: CountRecord) -> tuple[str, str, str | None, str]:
    """What makes two rows different. Each is kept under the id that the plans of its time had."""
    return row.capability, row.state, row.rule, row.team


def _new_record(
    key: CountKey, issue: CountedIssue, transition: Transition, context: AttributionContext
) -> CountRecord:
    return CountRecord(
        ref=issue.ref,
        capability=key[1],
        state=counted_state(issue),
        team=issue.team,
        rule=issue.rule,
        since=context.at,
        run_id=context.run_id,
        began=transition,
        fingerprint=fingerprint(context.known[issue.ref].issue, context.scheme),
    )


def _ended_record(row: CountRecord, transition: Transition, context: AttributionContext) -> CountRecord:
    return replace(row, until=context.at, ended=transition, ended_by=context.run_id)
