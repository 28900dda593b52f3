"""Changes of how issues count that a run has to record: records that end and that start, with causes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.model import IssueRef
from sync.insights.change_causes import AttributionContext, CauseFinder, CountKey, counted_state, fingerprint
from sync.model.attribution import CountRecord, Transition
from sync.model.rollup import CountedIssue, Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class CountChanges:
    """Records to save. ``ended`` are stored records with their ends set."""

    ended: tuple[CountRecord, ...] = ()
    started: tuple[CountRecord, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ended or self.started)

    def apply_to(self, rows: Iterable[CountRecord]) -> tuple[CountRecord, ...]:
        """Return the records as they are after the changes are saved."""
        ended = {row.id: row for row in self.ended}
        return (*(ended.get(row.id, row) for row in rows), *self.started)


def diff_counts(
    current: Mapping[CountKey, CountRecord],
    last_ended: Mapping[IssueRef, CountRecord],
    rollup: Rollup,
    context: AttributionContext,
) -> CountChanges:
    """Compare how issues count in a roll-up with the current records.

    ``last_ended``: last record of each issue without a current one, under current capability ids. The records in
    ``current`` are as they were saved.
    """
    now: dict[CountKey, CountedIssue] = {
        (issue.ref, capability.id): issue for capability in rollup.capabilities for issue in capability.issues
    }
    changed = [
        (key, issue)
        for key, issue in now.items()
        if (row := current.get(key)) is None
        # Capability ids are those of the time of the record: a renamed capability starts new records.
        or (row.capability, row.state, row.rule, row.team)
        != (key[1], counted_state(issue), issue.rule, issue.team)
    ]
    gone = sorted(current.keys() - now.keys())
    if not changed and not gone:
        return CountChanges()
    causes = CauseFinder(current, last_ended, now, context)
    started = [
        _new_record(key, issue, causes.cause_of_start(key, issue, current.get(key)), context)
        for key, issue in changed
    ]
    ends = [
        (current[key], new.began) for (key, _), new in zip(changed, started, strict=True) if key in current
    ]
    ends += [(current[key], causes.cause_of_end(key, current[key])) for key in gone]
    ended = (replace(row, until=context.at, ended=why, ended_by=context.run_id) for row, why in ends)
    return CountChanges(ended=tuple(ended), started=tuple(started))


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
