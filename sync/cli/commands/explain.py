"""``explain ISSUE``: which rule matched, which did not and why, what it counts towards, what we pushed and when."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mappings.model import Assignment, Conflict, Unplanned
from mappings.rules.trace import RuleTrace
from sync.cli.commands.explain_text import explanation_lines
from sync.cli.issue_lookup import candidate_issues, find_issue, find_stored_issue
from sync.cli.render import safe_terminal_line
from sync.mapping_tools.explain import Explanation, explain_live, explain_stored
from sync.pull.single_issue import read_live_issue
from sync.runtime.bootstrap import load_credentials
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, print_json, print_line
from sync.runtime.session import offline_context, read_only_context


def explain(invocation: Invocation, text: str, *, live: bool = False) -> int:
    """Everything that is known about one issue: from the store, or ``live`` from its tracker."""
    with read_only_context(invocation) if live else offline_context(invocation) as job:
        explained = (
            _explain_from_tracker(invocation, job, text)
            if live
            else explain_stored(job, find_issue(job, text))
        )
        if invocation.as_json:
            print_json(_as_json(explained))
            return 0
        for line in explanation_lines(explained):
            print_line(safe_terminal_line(line))
        return 0


def _explain_from_tracker(invocation: Invocation, context: RunContext, text: str) -> Explanation:
    tracker, key = _resolve_issue(context, text)
    if tracker not in context.readers:
        only = {tracker: context.settings.trackers[tracker]}
        load_credentials(context.settings.model_copy(update={"trackers": only}), invocation.environment)
    return explain_live(context, read_live_issue(context, tracker, key))


def _resolve_issue(context: RunContext, text: str) -> tuple[str, str]:
    """Tracker and key. An issue that the store knows is asked for by its latest key."""
    named = candidate_issues(context, text)
    if found := find_stored_issue(context, named):
        return found.issue.ref.tracker, found.issue.ref.key
    if len(named) == 1:
        return named[0]
    if not named:
        raise LookupError(
            f"{text} is no issue of the settings' trackers; write it as DS-12, owner/repo#7 or its address"
        )
    forms = " or ".join(f"{tracker}:{key}" for tracker, key in named)
    raise LookupError(f"{text} could be in several trackers; write {forms}")


_KINDS = {Assignment: "assigned", Unplanned: "unplanned", Conflict: "conflict"}


def _as_json(explained: Explanation) -> dict[str, Any]:
    item, trace, outcome = explained.item, explained.trace, explained.trace.outcome
    assigned = outcome if isinstance(outcome, Assignment) else None
    return {
        "version": 1,
        "issue": str(item.issue.ref),
        "title": item.issue.title,
        "url": item.issue.url,
        "type": item.issue.type,
        "status": item.issue.status,
        "labels": sorted(item.issue.labels),
        "sources": sorted(item.sources),
        "live": explained.live is not None,
        "vanished": item.vanished,
        "ancestors": list(trace.ancestors),
        "hidden_labels": list(trace.hidden_labels),
        "outcome": _KINDS.get(type(outcome), "none"),
        "capability": assigned.capability if assigned else None,
        "iteration": assigned.iteration if assigned else None,
        "by": assigned.by if assigned else None,
        "rule": assigned.rule if assigned else None,
        "because": trace.because,
        "states": {team: asdict(state) for team, state in explained.states},
        "teams": [
            {"team": each.team, "winner": each.winner, "rules": [_rule_json(rule) for rule in each.rules]}
            for each in trace.teams
        ],
        "rolls_up_to": [{"subject": each.subject, "figures": each.numbers} for each in explained.subjects],
        "figures_at": explained.numbers_at,
        "prefixes": [
            {"family": each.family, "prefix": each.prefix, "origin": str(each.origin)}
            for each in explained.prefixes
        ],
        "pushed": [each.label for each in explained.pushed],
        "comments": [each.subject for each in explained.comments],
        "overrides": [
            {"kind": row.kind, "label": row.label, "since": row.since, "note": row.note}
            for row in explained.overrides
        ],
        "history": [
            {"capability": row.capability, "rule": row.rule, "since": row.since, "run": row.run_id}
            for row in explained.history
        ],
        "notes": list(explained.notes),
    }


def _rule_json(rule: RuleTrace) -> dict[str, Any]:
    return {
        "rule": rule.rule.id,
        "origin": str(rule.rule.origin),
        "assign": rule.rule.assign,
        "reached": rule.reached,
        "matched": rule.matched,
        "conditions": [asdict(condition) for condition in rule.conditions],
    }
