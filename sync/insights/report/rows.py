"""Single lines of a report: changes, ad-hoc work, findings, promises kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sync.insights.audit import Evidence, Finding
from sync.insights.predictability import Predictability
from sync.insights.report.model import (
    AuditLine,
    ChangeLine,
    ChangePart,
    Issue,
    PredictabilityLine,
    UnplannedLine,
)
from sync.insights.unplanned import AdHoc
from sync.model.attribution import PARTS, Difference

MOST_KEYS: Final = 8
MOST_EVIDENCE: Final = 6


def change_line(difference: Difference) -> ChangeLine:
    """What changed in one goal or capability."""
    return ChangeLine(
        subject=difference.subject,
        title=difference.title,
        done_before=difference.done_before,
        scope_before=difference.scope_before,
        done_after=difference.done_after,
        scope_after=difference.scope_after,
        parts=tuple(
            ChangePart(
                name=name, issues=len(entries), keys=tuple(entry.ref.key for entry in entries[:MOST_KEYS])
            )
            for name in PARTS
            if (entries := difference.part(name))
        ),
    )


def unplanned_line(item: AdHoc) -> UnplannedLine:
    """One piece of ad-hoc work."""
    return UnplannedLine(
        issue=Issue(ref=str(item.ref), key=item.ref.key, title=item.title, url=item.url),
        teams=item.teams,
        requester=item.requester,
        state=item.state,
        days=round(item.age / timedelta(days=1), 1),
        reason=item.reason,
    )


def audit_line(finding: Finding) -> AuditLine:
    """A finding with the first of its evidence."""
    return AuditLine(
        kind=finding.kind,
        subject=finding.subject,
        title=finding.title,
        text=finding.text,
        evidence=tuple(_evidence(each) for each in finding.evidence[:MOST_EVIDENCE]),
        left_out=max(0, len(finding.evidence) - MOST_EVIDENCE),
    )


def _evidence(fact: Evidence) -> str:
    when = f" ({fact.at:%Y-%m-%d})" if fact.at else ""
    return (f"{fact.ref.key} {fact.text}" if fact.ref else fact.text) + when


def predictability_line(found: Predictability) -> PredictabilityLine:
    """What an increment promised and kept."""
    (done, total), (more_done, more) = found.count("committed"), found.count("stretch")
    return PredictabilityLine(
        increment=found.increment,
        so_far=found.so_far,
        committed_done=done,
        committed_total=total,
        stretch_done=more_done,
        stretch_total=more,
        share=found.share,
        carried=sum(each.remaining for each in found.carried),
        ad_hoc=found.ad_hoc.share,
    )
