"""Explanation of an issue as lines of text. The caller escapes text from trackers."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from connectors.model import Issue
from mappings.model import Assignment, Conflict, IssueState, Unplanned
from mappings.rules.fields import EDITABLE_ATTRIBUTES
from mappings.rules.trace import ConditionTrace, RuleTrace, TeamTrace, Trace
from sync.diff.comment_forecast import describe_interval
from sync.mapping_tools.explain import Explanation, RollupSubject
from sync.pull.rollup_snapshot import describe_counts
from sync.pull.single_issue import LiveIssue

_MAX_FOUND: Final = 120
_COMPARED_FIELDS: Final = (
    *("title", "resolution", "labels", "parent"),
    *(name for name in EDITABLE_ATTRIBUTES if name not in ("title", "body", "category", "fields")),
)


def explanation_lines(explanation: Explanation) -> list[str]:
    """Describe the issue, the rules, the result, the roll-up and what was written."""
    lines = _issue_lines(explanation)
    for team in explanation.trace.teams:
        lines += _team_lines(team)
    lines += ["Result:", f"  {_result(explanation.trace)}", f"  {explanation.trace.because}"]
    lines += [f"  note: {note}" for note in explanation.notes]
    lines += _rollup_lines(explanation)
    lines += _pushed_lines(explanation)
    if explanation.overrides:
        lines += ["Manual overrides:"]
        lines += [
            f"  {row.kind} {row.label}  since {_time(row.since)}{f'  ({row.note})' if row.note else ''}"
            for row in explanation.overrides
        ]
    if explanation.history:
        lines += ["It counted towards:"]
        lines += [
            f"  {_time(row.since)}  {row.capability or 'nowhere'}  (rule {row.rule or '-'}, run {row.run_id})"
            for row in explanation.history
        ]
    return lines


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _issue_lines(explanation: Explanation) -> list[str]:
    item, trace = explanation.item, explanation.trace
    issue = item.issue
    origin = "read now, belongs to" if explanation.live else "read from"
    lines = [
        f"{issue.ref}  {issue.title}",
        f"  {issue.url}",
        f"  type {issue.type or '-'}, status {issue.status}, labels {_names(issue.labels)}",
        f"  {origin} {_names(item.sources, 'no source (an anchor, or it has left)')}",
    ]
    if explanation.live:
        lines += [f"  {line}" for line in _changes_since_stored(explanation.live)]
    if item.vanished:
        lines.append(f"  not on the tracker any more, as of {_time(item.vanished)}")
    if trace.ancestors:
        lines.append(f"  below {', '.join(trace.ancestors)}")
    if trace.hidden_labels:
        lines.append(f"  rules do not see {', '.join(trace.hidden_labels)}")
    lines += [f"  for {team} it is {_state_text(state)}" for team, state in explanation.states]
    return lines


def _names(names: frozenset[str], nothing: str = "-") -> str:
    return ", ".join(sorted(names)) or nothing


def _changes_since_stored(live: LiveIssue) -> list[str]:
    """List what changed since the issue was stored."""
    if live.stored is None:
        return ["no run has read it yet"]
    before, now = live.stored.issue, live.item.issue
    if before == now:
        return ["as the last run read it"]
    changed = [
        f"  {name} {_field_text(before, name)} -> {_field_text(now, name)}"
        for name in _COMPARED_FIELDS
        if getattr(before, name) != getattr(now, name)
    ]
    return ["changed since the last run:", *(changed or ["  in no field that most rules use"])]


def _field_text(issue: Issue, name: str) -> str:
    value = getattr(issue, name)
    if isinstance(value, frozenset | tuple):
        return ", ".join(sorted(value)) or "-"
    return value or "-"


def _state_text(state: IssueState) -> str:
    parts = [state.state, *(["blocked"] if state.blocked else []), *([state.answer] if state.answer else [])]
    return f"{', '.join(parts)} ({state.because})" if state.because else ", ".join(parts)


def _team_lines(team: TeamTrace) -> list[str]:
    if not team.rules:
        return [f"{team.team} has no rules"]
    lines = [f"Rules of {team.team}, in order:"]
    for rule in team.rules:
        lines += _rule_lines(rule, team.winner)
    return lines


def _rule_lines(rule: RuleTrace, winner: str | None) -> list[str]:
    into = rule.rule.assign + (f", iteration {rule.rule.iteration}" if rule.rule.iteration else "")
    head = f"{rule.rule.id} ({rule.rule.origin}) -> {into}"
    if not rule.reached:
        would = "it would match, too" if rule.matched else "it would not match"
        return [f"  . {head}: not evaluated, {winner} matched first; {would}"]
    verdict = "matches" if rule.matched else "does not match"
    mark = "+" if rule.matched else "-"
    return [f"  {mark} {head}: {verdict}", *(_condition_line(each) for each in rule.conditions)]


def _condition_line(condition: ConditionTrace) -> str:
    found = ", ".join(condition.found)
    shown = found if len(found) <= _MAX_FOUND else found[:_MAX_FOUND] + "…"
    verdict = "ok" if condition.holds else "NO"
    return f"      {verdict}  {condition.key} {condition.expected}; it has {shown or 'nothing'}"


def _result(trace: Trace) -> str:
    outcome = trace.outcome
    if isinstance(outcome, Assignment):
        iteration = f", iteration {outcome.iteration}" if outcome.iteration else ""
        by = "a person's pin" if outcome.by == "pin" else f"rule {outcome.rule}"
        return f"counts towards {outcome.capability}{iteration} (by {by})"
    if isinstance(outcome, Unplanned):
        return f"unplanned ({outcome.reason})"
    if isinstance(outcome, Conflict):
        return "claimed by several teams, counted nowhere"
    return "neither counted nor unplanned"


def _rollup_lines(explanation: Explanation) -> list[str]:
    if not explanation.subjects or explanation.numbers_at is None:
        return []
    assigned = isinstance(explanation.trace.outcome, Assignment | Conflict)
    title = "It rolls up to" if assigned else "It is the anchor of"
    lines = [f"{title} (numbers of {_time(explanation.numbers_at)}):"]
    for subject in explanation.subjects:
        lines += _subject_lines(subject, explanation.iteration)
    return lines


def _subject_lines(subject: RollupSubject, iteration: str | None) -> list[str]:
    kind, _, name = subject.subject.partition(":")
    numbers = subject.numbers
    if numbers is None:
        return [f"  {kind} {name}: no run has counted it yet"]
    health = f", {numbers['health']}" if numbers.get("health") else ""
    head = f"  {kind} {name} ({numbers['title']}): {numbers['state']}{health}"
    if kind == "goal":
        done = f"{numbers['required_done']} of {numbers['required_total']} required capabilities done"
        return [
            f"{head}, {done}, {describe_counts(numbers['counts'])}; {numbers['commitment']}",
            *_forecast_line(subject),
        ]
    flags = [flag for flag in ("blocked", "released") if numbers.get(flag)]
    lines = [", ".join([head, describe_counts(numbers["counts"]), *flags])]
    lines += _forecast_line(subject)
    part = numbers["iterations"].get(iteration) if iteration else None
    if part:
        lines.append(f"    iteration {iteration}: {part['state']}, {describe_counts(part['counts'])}")
    return lines


def _forecast_line(subject: RollupSubject) -> list[str]:
    expected = subject.expected
    if expected is None:
        return []
    known = expected.probability is not None
    probability = f"probability of all {expected.words}" if known else expected.words
    interval = describe_interval(expected)
    done = f"; {interval} done by then (85% interval)" if interval else ""
    return [f"    forecast until {expected.until}: {probability}{done}"]


def _pushed_lines(explanation: Explanation) -> list[str]:
    lines = [f"  {row.label}  since {_time(row.at)}, run {row.run_id}" for row in explanation.pushed]
    lines += [
        f"  status comment of {each.subject}, last edited {_time(each.edited_at)}, {each.state}"
        for each in explanation.comments
    ]
    lines += [
        f"  its {each.family} label begins with {each.prefix} ({each.origin})"
        for each in explanation.prefixes
    ]
    return ["We wrote:", *(lines or ["  nothing"])]
