"""Rows of a report: changes, ad-hoc work, findings and predictability."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sync.insights.audit import AuditFinding, FindingEvidence
from sync.insights.predictability import Predictability
from sync.insights.report.model import (
    ChangePart,
    ChangeRow,
    FindingRow,
    IssueLink,
    PredictabilityRow,
    UnplannedRow,
)
from sync.insights.unplanned import AdHocIssue
from sync.model.attribution import PARTS, Difference

MAX_KEYS: Final = 8
MAX_EVIDENCE: Final = 6


def change_row(difference: Difference) -> ChangeRow:
    """Build the row of the changes of one goal or capability."""
    return ChangeRow(
        subject=difference.subject,
        title=difference.title,
        done_before=difference.done_before,
        scope_before=difference.scope_before,
        done_after=difference.done_after,
        scope_after=difference.scope_after,
        parts=tuple(
            ChangePart(
                name=name, issues=len(entries), keys=tuple(entry.ref.key for entry in entries[:MAX_KEYS])
            )
            for name in PARTS
            if (entries := difference.part(name))
        ),
    )


def unplanned_row(item: AdHocIssue) -> UnplannedRow:
    """Build the row of one ad-hoc issue."""
    return UnplannedRow(
        issue=IssueLink.to(item.ref, item.title, item.url),
        teams=item.teams,
        requester=item.requester,
        state=item.state,
        days=round(item.age / timedelta(days=1), 1),
        reason=item.reason,
    )


def finding_row(finding: AuditFinding) -> FindingRow:
    """Build the row of a finding with its first pieces of evidence."""
    return FindingRow(
        kind=finding.kind,
        subject=finding.subject,
        title=finding.title,
        text=finding.text,
        evidence=tuple(_describe_evidence(each) for each in finding.evidence[:MAX_EVIDENCE]),
        more_evidence=max(0, len(finding.evidence) - MAX_EVIDENCE),
    )


def _describe_evidence(fact: FindingEvidence) -> str:
    when = f" ({fact.at:%Y-%m-%d})" if fact.at else ""
    return (f"{fact.ref.key} {fact.text}" if fact.ref else fact.text) + when


def predictability_row(found: Predictability) -> PredictabilityRow:
    """Build the row of the predictability of one increment."""
    (done, total), (more_done, more) = found.count("committed"), found.count("stretch")
    return PredictabilityRow(
        increment=found.increment,
        so_far=found.so_far,
        committed_done=done,
        committed_total=total,
        stretch_done=more_done,
        stretch_total=more,
        share=found.share,
        carried_over=sum(each.remaining for each in found.carried),
        ad_hoc=found.ad_hoc.share,
    )
