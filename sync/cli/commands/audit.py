"""``audit``: what looks better than it is, with evidence, from the store alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, pluralize
from sync.cli.store_view import StoreView, find_increment
from sync.cli.stored_insights import audit_findings
from sync.config.escape import escape_terminal
from sync.insights.audit import AuditFinding, sort_by_severity
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
        increments = view.rollup.increments
        if increment is None:
            chosen = [each for each in increments if each.phase in ("active", "grace")]
        else:
            chosen = [find_increment(increments, increment)]
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
            output.note(f"changes of rules and plans are known since {recorded[0].at:%Y-%m-%d %H:%M} UTC")
        else:
            output.note(
                "no run has recorded yet how issues count; changes of rules and plans are visible from the next run on"
            )
        return ExitCode.FAILED if strict and findings else ExitCode.DONE


def _lines(findings: Sequence[AuditFinding]) -> Iterator[str]:
    for finding in findings:
        yield escape_terminal(f"{finding.kind}: {finding.title}: {finding.text}")
        for each in finding.evidence[:_MAX_EVIDENCE]:
            when = f"{each.at:%Y-%m-%d %H:%M}" if each.at else " " * 16
            what = f"{each.ref.key}: {each.text}" if each.ref else each.text
            run = f" (run {each.run_id})" if each.run_id else ""
            yield f"    {when}  {escape_terminal(what)}{run}"
        if len(finding.evidence) > _MAX_EVIDENCE:
            yield f"    and {len(finding.evidence) - _MAX_EVIDENCE} more (--json shows all)"
        yield ""
    yield pluralize(len(findings), "finding")
