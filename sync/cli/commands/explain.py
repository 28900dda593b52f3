"""``explain ISSUE``: which rule matched, which did not and why, what it counts towards, what we pushed and when."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mappings.model import Assignment, Conflict, Unplanned
from mappings.rules.trace import RuleTrace
from sync.cli.commands.explain_text import lines_of
from sync.cli.issue_lookup import find_issue, named_issues, stored_issue
from sync.cli.render import terminal_line
from sync.mapping_tools.explain import Explained, explain_live, explain_stored
from sync.pull.single_issue import read_live
from sync.runtime.bootstrap import credentials_of
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, say, say_json
from sync.runtime.session import asking_job, offline_job


def explain(ways: Ways, text: str, *, live: bool = False) -> int:
    """Everything that is known about one issue: from the store, or ``live`` from its tracker."""
    with asking_job(ways) if live else offline_job(ways) as job:
        explained = _ask_tracker(ways, job, text) if live else explain_stored(job, find_issue(job, text))
        if ways.as_json:
            say_json(_as_json(explained))
            return 0
        for line in lines_of(explained):
            say(terminal_line(line))
        return 0


def _ask_tracker(ways: Ways, job: Job, text: str) -> Explained:
    tracker, key = _meant(job, text)
    if tracker not in job.readers:
        only = {tracker: job.settings.trackers[tracker]}
        credentials_of(job.settings.model_copy(update={"trackers": only}), ways.environment)
    return explain_live(job, read_live(job, tracker, key))


def _meant(job: Job, text: str) -> tuple[str, str]:
    """Tracker and key. An issue that the store knows is asked for by its latest key."""
    named = named_issues(job, text)
    if found := stored_issue(job, named):
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


def _as_json(explained: Explained) -> dict[str, Any]:
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
        "rolls_up_to": [{"subject": each.subject, "figures": each.figures} for each in explained.standings],
        "figures_at": explained.figures_at,
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
