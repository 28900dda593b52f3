"""``audit``: what looks better than it is, with evidence, from the store alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from connectors.escape import escape_sentence, escape_terminal
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, pluralize, shorten, utc
from sync.cli.store_view import StoreView, audit_findings, select_rollups
from sync.insights.audit import AuditFinding, FindingEvidence, sort_by_severity
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context

_MAX_EVIDENCE = 12
"""Pieces of evidence that the text shows for one finding; ``--json`` has all."""


def show_audit(invocation: Invocation, increment: str | None, idle_days: int, *, strict: bool) -> int:
    """Show the findings of one increment, by default of those in progress.

    Return 0; with ``strict`` 1 when there are findings.
    """
    output = Output(invocation)
    with pulled_context(invocation, require_all_files=False) as context:
        view = StoreView(context)
        chosen = select_rollups(view.rollup, increment, "active", "grace")
        findings = sort_by_severity(audit_findings(view, chosen, timedelta(days=idle_days)))
        recorded = context.store.plan_history()
        output.show(
            lambda: {
                "at": context.now(),
                "known_since": recorded[0].at if recorded else None,
                "findings": findings,
            },
            lambda: _lines(findings),
        )
        if recorded:
            output.note(f"changes of rules and plans are known since {utc(recorded[0].at)}")
        else:
            output.note(
                "no run has recorded yet how issues count; changes of rules and plans are visible from the next run on"
            )
        return ExitCode.FAILED if strict and findings else ExitCode.DONE


def _lines(findings: Sequence[AuditFinding]) -> Iterator[str]:
    for finding in findings:
        yield escape_sentence(f"{finding.kind}: {escape_terminal(finding.title)}: {finding.text}")
        more = "    and {} more (--json shows all)"
        yield from shorten(finding.evidence, _MAX_EVIDENCE, more, _evidence_line)
        yield ""
    yield pluralize(len(findings), "finding")


def _evidence_line(evidence: FindingEvidence) -> str:
    when = f"{evidence.at:%Y-%m-%d %H:%M}" if evidence.at else " " * 16
    what = f"{evidence.ref.key}: {evidence.text}" if evidence.ref else evidence.text
    run = f" (run {evidence.run_id})" if evidence.run_id else ""
    return f"    {when}  {escape_sentence(what)}{run}"
