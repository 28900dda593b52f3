"""``explain ISSUE``: which rule matched, which did not and why, what it counts towards, what was written and when."""

from __future__ import annotations

from typing import Any

from mappings.model import Assignment, Conflict, Unplanned
from mappings.rules.trace import RuleTrace
from sync.cli.commands.explain_text import explanation_lines
from sync.cli.issue_lookup import candidate_issues, find_issue, find_stored_issue
from sync.cli.output import Output, safe_terminal_line
from sync.mapping_tools.explain import Explanation, explain_live, explain_stored
from sync.pull.single_issue import read_live_issue
from sync.runtime.bootstrap import load_credentials
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.session import offline_context, read_only_context

_OUTCOMES = {Assignment: "assigned", Unplanned: "unplanned", Conflict: "conflict"}


def explain(invocation: Invocation, text: str, *, live: bool = False) -> int:
    """Explain one issue as the store knows it, or with ``live`` as its tracker shows it now."""
    with read_only_context(invocation) if live else offline_context(invocation) as context:
        if live:
            explanation = _explain_from_tracker(invocation, context, text)
        else:
            explanation = explain_stored(context, find_issue(context, text))
        Output(invocation).show(
            lambda: _document(explanation), lambda: map(safe_terminal_line, explanation_lines(explanation))
        )
        return 0


def _explain_from_tracker(invocation: Invocation, context: RunContext, text: str) -> Explanation:
    tracker, key = _resolve_issue(context, text)
    if tracker not in context.readers:
        # Raises CredentialError, which names what is missing for this tracker.
        only = {tracker: context.settings.trackers[tracker]}
        load_credentials(context.settings.model_copy(update={"trackers": only}), invocation.environment)
    return explain_live(context, read_live_issue(context, tracker, key))


def _resolve_issue(context: RunContext, text: str) -> tuple[str, str]:
    """Return tracker and key, the latest one for an issue in the store. Raises LookupError."""
    candidates = candidate_issues(context, text)
    if found := find_stored_issue(context, candidates):
        return found.issue.ref.tracker, found.issue.ref.key
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise LookupError(
            f"{text} is no issue of the settings' trackers; write it as DS-12, owner/repo#7 or its address"
        )
    forms = " or ".join(f"{tracker}:{key}" for tracker, key in candidates)
    raise LookupError(f"{text} could be in several trackers; write {forms}")


def _document(explanation: Explanation) -> dict[str, Any]:
    item, trace, outcome = explanation.item, explanation.trace, explanation.trace.outcome
    assigned = outcome if isinstance(outcome, Assignment) else None
    return {
        "issue": item.issue.ref,
        "title": item.issue.title,
        "url": item.issue.url,
        "type": item.issue.type,
        "status": item.issue.status,
        "labels": item.issue.labels,
        "sources": item.sources,
        "live": explanation.live is not None,
        "vanished": item.vanished,
        "ancestors": trace.ancestors,
        "hidden_labels": trace.hidden_labels,
        "outcome": _OUTCOMES.get(type(outcome), "none"),
        "capability": assigned.capability if assigned else None,
        "iteration": assigned.iteration if assigned else None,
        "by": assigned.by if assigned else None,
        "rule": assigned.rule if assigned else None,
        "because": trace.because,
        "states": dict(explanation.states),
        "teams": [
            {"team": each.team, "winner": each.winner, "rules": [_rule_document(rule) for rule in each.rules]}
            for each in trace.teams
        ],
        "rolls_up_to": [{"subject": each.subject, "figures": each.numbers} for each in explanation.subjects],
        "figures_at": explanation.numbers_at,
        "prefixes": explanation.prefixes,
        "pushed": [each.label for each in explanation.pushed],
        "comments": [each.subject for each in explanation.comments],
        "overrides": [
            {"kind": row.kind, "label": row.label, "since": row.since, "note": row.note}
            for row in explanation.overrides
        ],
        "history": [
            {"capability": row.capability, "rule": row.rule, "since": row.since, "run": row.run_id}
            for row in explanation.history
        ],
        "notes": explanation.notes,
    }


def _rule_document(trace: RuleTrace) -> dict[str, Any]:
    return {
        "rule": trace.rule.id,
        "origin": trace.rule.origin,
        "assign": trace.rule.assign,
        "reached": trace.reached,
        "matched": trace.matched,
        "conditions": trace.conditions,
    }
