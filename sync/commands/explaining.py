"""``explain ISSUE``: which rule matched, which did not and why, what it counts towards, what we pushed and when."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from connectors.model import KnownIssue
from mappings.match import Matcher
from mappings.model import Assignment, Conflict, IssueState, Unplanned
from mappings.states import state_of
from mappings.trace import RuleTrace, Trace
from sync.commands.looking import find_issue
from sync.commands.session import offline_job
from sync.commands.ways import Ways, say, say_json
from sync.job import Job
from sync.outlook import outlook
from sync.render import terminal_line


def explain(ways: Ways, text: str) -> int:
    """Everything that is known about one issue, from the store."""
    with offline_job(ways) as job:
        item = find_issue(job, text)
        thought, _ = outlook(job)
        matcher = Matcher(job.workspace, job.settings.scheme, job.now())
        trace = matcher.trace(item, thought.overrides, job.store.known())
        if ways.as_json:
            say_json(_as_json(job, item, trace))
            return 0
        for line in _lines(job, item, trace):
            say(terminal_line(line))
        return 0


def _lines(job: Job, item: KnownIssue, trace: Trace) -> list[str]:
    issue = item.issue
    lines = [
        f"{issue.ref}  {issue.title}",
        f"  {issue.url}",
        f"  type {issue.type or '-'}, status {issue.status}, labels {', '.join(sorted(issue.labels)) or '-'}",
        f"  read from {', '.join(sorted(item.sources)) or 'no source (an anchor, or it has left)'}",
    ]
    if item.vanished:
        lines.append(f"  not on the tracker any more, as of {item.vanished:%Y-%m-%d %H:%M} UTC")
    for team, state in _states(job, trace, item):
        lines.append(f"  for {team} it is {_state_words(state)}")
    for traced in trace.teams:
        lines.append(f"Rules of {traced.team}:")
        for rule in traced.rules:
            lines += _rule_lines(rule)
    lines += ["Result:", f"  {_result(trace)}", f"  {trace.because}"]
    lines += _pushed_lines(job, item) + _override_lines(job, item) + _history_lines(job, item)
    return lines


def _states(job: Job, trace: Trace, item: KnownIssue) -> list[tuple[str, IssueState]]:
    named = {traced.team for traced in trace.teams}
    outcome = trace.outcome
    if isinstance(outcome, Assignment):
        return [(outcome.team, outcome.state)]
    return [(t.team, state_of(item.issue, t)) for t in job.workspace.teams if t.team in named]


def _state_words(state: IssueState) -> str:
    words = (
        f"{state.state}{', blocked' if state.blocked else ''}{f', {state.answer}' if state.answer else ''}"
    )
    return f"{words} ({state.because})" if state.because else words


def _rule_lines(rule: RuleTrace) -> list[str]:
    if not rule.reached:
        return [f"  . {rule.rule.id} ({rule.rule.origin}): not asked, an earlier rule won"]
    mark = "+" if rule.matched else "-"
    head = f"  {mark} {rule.rule.id} ({rule.rule.origin}) -> {rule.rule.assign}"
    lines = [head + (": matches" if rule.matched else "")]
    for condition in rule.conditions:
        found = ", ".join(condition.found) or "nothing"
        lines.append(
            f"      {'ok' if condition.holds else 'NO'}  {condition.key} {condition.expected}; it has {found[:120]}"
        )
    return lines


def _result(trace: Trace) -> str:
    outcome = trace.outcome
    if isinstance(outcome, Assignment):
        iteration = f", iteration {outcome.iteration}" if outcome.iteration else ""
        return (
            f"counts towards {outcome.capability}{iteration} (by {outcome.by} {outcome.rule or ''})".rstrip()
        )
    if isinstance(outcome, Unplanned):
        return f"unplanned ({outcome.reason})"
    if isinstance(outcome, Conflict):
        return "claimed by several teams, counted nowhere"
    return "neither counted nor unplanned"


def _pushed_lines(job: Job, item: KnownIssue) -> list[str]:
    pushed = job.store.pushed_labels().get(item.issue.ref, {})
    comments = [c for c in job.store.pushed_comments().values() if c.ref == item.issue.ref]
    lines = [
        f"  {row.label}  since {row.at:%Y-%m-%d %H:%M} UTC, run {row.run_id}"
        for row in sorted(pushed.values(), key=lambda row: row.label)
    ]
    lines += [
        f"  status comment of {c.subject}, last edited {c.edited_at:%Y-%m-%d %H:%M} UTC, {c.state}"
        for c in comments
    ]
    return ["We wrote:", *(lines or ["  nothing"])]


def _override_lines(job: Job, item: KnownIssue) -> list[str]:
    rows = [row for row in job.store.overrides() if row.ref == item.issue.ref]
    return ["People decided:", *[f"  {r.kind} {r.label}  since {r.since:%Y-%m-%d %H:%M} UTC" for r in rows]][
        : len(rows) + 1 if rows else 0
    ]


def _history_lines(job: Job, item: KnownIssue) -> list[str]:
    rows = job.store.assignment_history(item.issue.ref)
    lines = [
        f"  {row.since:%Y-%m-%d %H:%M} UTC  {row.capability or 'nowhere'}  (rule {row.rule or '-'}, run {row.run_id})"
        for row in rows
    ]
    return ["It counted towards:", *lines] if lines else []


def _as_json(job: Job, item: KnownIssue, trace: Trace) -> dict[str, Any]:
    ref, outcome = item.issue.ref, trace.outcome
    kind = {Assignment: "assigned", Unplanned: "unplanned", Conflict: "conflict"}.get(type(outcome), "none")
    return {
        "version": 1,
        "issue": str(ref),
        "title": item.issue.title,
        "url": item.issue.url,
        "outcome": kind,
        "capability": outcome.capability if isinstance(outcome, Assignment) else None,
        "iteration": outcome.iteration if isinstance(outcome, Assignment) else None,
        "because": trace.because,
        "states": {team: asdict(state) for team, state in _states(job, trace, item)},
        "teams": [
            {
                "team": traced.team,
                "winner": traced.winner,
                "rules": [
                    {
                        "rule": rule.rule.id,
                        "origin": str(rule.rule.origin),
                        "assign": rule.rule.assign,
                        "reached": rule.reached,
                        "matched": rule.matched,
                        "conditions": [asdict(condition) for condition in rule.conditions],
                    }
                    for rule in traced.rules
                ],
            }
            for traced in trace.teams
        ],
        "pushed": sorted(job.store.pushed_labels().get(ref, {})),
        "overrides": [
            {"kind": row.kind, "label": row.label, "since": row.since}
            for row in job.store.overrides()
            if row.ref == ref
        ],
        "history": [
            {"capability": row.capability, "rule": row.rule, "since": row.since, "run": row.run_id}
            for row in job.store.assignment_history(ref)
        ],
    }
