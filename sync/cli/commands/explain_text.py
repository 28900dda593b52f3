"""What ``explain`` says to a person, line by line. Text from trackers is made harmless by who prints it."""

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

_FOUND_SHOWN: Final = 120
_COMPARED: Final = (
    *("title", "resolution", "labels", "parent"),
    *(name for name in EDITABLE_ATTRIBUTES if name not in ("title", "body", "category", "fields")),
)


def explanation_lines(explained: Explanation) -> list[str]:
    """Everything about one issue, what matters most to the question "why" in the middle."""
    lines = _issue_lines(explained)
    for team in explained.trace.teams:
        lines += _team_lines(team)
    lines += ["Result:", f"  {_result(explained.trace)}", f"  {explained.trace.because}"]
    lines += [f"  note: {note}" for note in explained.notes]
    lines += _standing_lines(explained)
    lines += _pushed_lines(explained)
    if explained.overrides:
        lines += ["People decided:"]
        lines += [
            f"  {row.kind} {row.label}  since {_at(row.since)}{f'  ({row.note})' if row.note else ''}"
            for row in explained.overrides
        ]
    if explained.history:
        lines += ["It counted towards:"]
        lines += [
            f"  {_at(row.since)}  {row.capability or 'nowhere'}  (rule {row.rule or '-'}, run {row.run_id})"
            for row in explained.history
        ]
    return lines


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _issue_lines(explained: Explanation) -> list[str]:
    item, trace = explained.item, explained.trace
    issue = item.issue
    origin = "read now, belongs to" if explained.live else "read from"
    lines = [
        f"{issue.ref}  {issue.title}",
        f"  {issue.url}",
        f"  type {issue.type or '-'}, status {issue.status}, labels {_names(issue.labels)}",
        f"  {origin} {_names(item.sources, 'no source (an anchor, or it has left)')}",
    ]
    if explained.live:
        lines += [f"  {line}" for line in _changes(explained.live)]
    if item.vanished:
        lines.append(f"  not on the tracker any more, as of {_at(item.vanished)}")
    if trace.ancestors:
        lines.append(f"  below {', '.join(trace.ancestors)}")
    if trace.hidden_labels:
        lines.append(f"  rules do not see {', '.join(trace.hidden_labels)}")
    lines += [f"  for {team} it is {_state_words(state)}" for team, state in explained.states]
    return lines


def _names(names: frozenset[str], nothing: str = "-") -> str:
    return ", ".join(sorted(names)) or nothing


def _changes(live: LiveIssue) -> list[str]:
    """What is different since the store read it."""
    if live.stored is None:
        return ["no run has read it yet"]
    before, now = live.stored.issue, live.item.issue
    if before == now:
        return ["as the last run saw it"]
    changed = [
        f"  {name} {_shown(before, name)} -> {_shown(now, name)}"
        for name in _COMPARED
        if getattr(before, name) != getattr(now, name)
    ]
    return ["changed since the last run:", *(changed or ["  in nothing that most rules ask for"])]


def _shown(issue: Issue, name: str) -> str:
    value = getattr(issue, name)
    if isinstance(value, frozenset | tuple):
        return ", ".join(sorted(value)) or "-"
    return value or "-"


def _state_words(state: IssueState) -> str:
    words = [state.state, *(["blocked"] if state.blocked else []), *([state.answer] if state.answer else [])]
    return f"{', '.join(words)} ({state.because})" if state.because else ", ".join(words)


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
        return [f"  . {head}: not asked, {winner} won; {would}"]
    verdict = "matches" if rule.matched else "does not match"
    mark = "+" if rule.matched else "-"
    return [f"  {mark} {head}: {verdict}", *(_condition_line(each) for each in rule.conditions)]


def _condition_line(condition: ConditionTrace) -> str:
    found = ", ".join(condition.found)
    shown = found if len(found) <= _FOUND_SHOWN else found[:_FOUND_SHOWN] + "…"
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


def _standing_lines(explained: Explanation) -> list[str]:
    if not explained.subjects or explained.numbers_at is None:
        return []
    assigned = isinstance(explained.trace.outcome, Assignment | Conflict)
    title = "It rolls up to" if assigned else "It stands for"
    lines = [f"{title} (figures of {_at(explained.numbers_at)}):"]
    for standing in explained.subjects:
        lines += _standing(standing, explained.iteration)
    return lines


def _standing(standing: RollupSubject, iteration: str | None) -> list[str]:
    kind, _, name = standing.subject.partition(":")
    figures = standing.numbers
    if figures is None:
        return [f"  {kind} {name}: no run has counted it yet"]
    health = f", {figures['health']}" if figures.get("health") else ""
    head = f"  {kind} {name} ({figures['title']}): {figures['state']}{health}"
    if kind == "goal":
        done = f"{figures['required_done']} of {figures['required_total']} required capabilities done"
        return [
            f"{head}, {done}, {describe_counts(figures['counts'])}; {figures['commitment']}",
            *_expected_line(standing),
        ]
    flags = [word for word in ("blocked", "released") if figures.get(word)]
    lines = [", ".join([head, describe_counts(figures["counts"]), *flags])]
    lines += _expected_line(standing)
    part = figures["iterations"].get(iteration) if iteration else None
    if part:
        lines.append(f"    iteration {iteration}: {part['state']}, {describe_counts(part['counts'])}")
    return lines


def _expected_line(standing: RollupSubject) -> list[str]:
    expected = standing.expected
    if expected is None:
        return []
    chance = f"chance of all {expected.words}" if expected.probability is not None else expected.words
    likely = f"; likely {likely} done by then" if (likely := describe_interval(expected)) else ""
    return [f"    forecast until {expected.until}: {chance}{likely}"]


def _pushed_lines(explained: Explanation) -> list[str]:
    lines = [f"  {row.label}  since {_at(row.at)}, run {row.run_id}" for row in explained.pushed]
    lines += [
        f"  status comment of {each.subject}, last edited {_at(each.edited_at)}, {each.state}"
        for each in explained.comments
    ]
    lines += [
        f"  its {each.family} label begins with {each.prefix} ({each.origin})" for each in explained.prefixes
    ]
    return ["We wrote:", *(lines or ["  nothing"])]
