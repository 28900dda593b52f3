"""``explain ISSUE``: which rule matched, which did not and why, what it counts towards, what was written and when."""

from __future__ import annotations

from typing import Any, Final

from connectors.model import Issue
from connectors.text import show_invisible
from mappings.model import Assignment, Conflict, IssueState, Unplanned
from mappings.rules.fields import EDITABLE_ATTRIBUTES
from mappings.rules.subject import open_blockers
from mappings.rules.trace import ConditionTrace, RuleTrace, TeamTrace, Trace
from sync.cli.issue_lookup import candidate_issues, find_issue, find_stored_issue
from sync.cli.output import Output, pick, pluralize, safe_terminal_line, utc
from sync.diff.comment_forecast import describe_interval
from sync.mapping_tools.explain import Explanation, RollupSubject, explain_live, explain_stored
from sync.pull.rollup_snapshot import describe_counts
from sync.pull.single_issue import LiveIssue, read_live_issue
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
        load_credentials(context.settings.model_copy(update={"trackers": only}), invocation.secrets)
    return explain_live(context, read_live_issue(context, tracker, key))


def _resolve_issue(context: RunContext, text: str) -> tuple[str, str]:
    """Return tracker and key, the latest one for an issue in the store. Raises LookupError."""
    candidates = candidate_issues(context, text)
    if found := find_stored_issue(context, candidates):
        return found.issue.ref.tracker, found.issue.ref.key
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        examples = ", ".join(dict.fromkeys(spec.keys.example for spec in context.settings.specs.values()))
        raise LookupError(
            f"{text} is no issue of the settings' trackers; write it as {examples} or its address"
        )
    forms = " or ".join(f"{tracker}:{key}" for tracker, key in candidates)
    raise LookupError(f"{text} could be in several trackers; write {forms}")


def _document(explanation: Explanation) -> dict[str, Any]:
    item, trace, outcome = explanation.item, explanation.trace, explanation.trace.outcome
    assigned = outcome if isinstance(outcome, Assignment) else None
    return {
        **pick(item.issue, "title", "url", "type", "status", "labels", issue="ref"),
        **pick(item, "sources", "vanished"),
        "live": explanation.live is not None,
        **pick(trace, "ancestors", "hidden_labels", "because"),
        "outcome": _OUTCOMES.get(type(outcome), "none"),
        **{key: getattr(assigned, key, None) for key in ("capability", "iteration", "by", "rule")},
        "states": dict(explanation.states),
        "teams": [
            {**pick(each, "team", "winner"), "rules": [_rule_document(rule) for rule in each.rules]}
            for each in trace.teams
        ],
        "rolls_up_to": [pick(each, "subject", figures="numbers") for each in explanation.subjects],
        **pick(explanation, "prefixes", "notes", figures_at="numbers_at"),
        "pushed": [each.label for each in explanation.pushed],
        "comments": [each.subject for each in explanation.comments],
        "overrides": [pick(row, "kind", "label", "since", "note") for row in explanation.overrides],
        "history": [pick(row, "capability", "rule", "since", run="run_id") for row in explanation.history],
    }


def _rule_document(trace: RuleTrace) -> dict[str, Any]:
    return {
        **pick(trace.rule, "origin", "assign", rule="id"),
        **pick(trace, "reached", "matched", "conditions"),
    }


_MAX_FOUND: Final = 120
_COMPARED_FIELDS: Final = (
    *("title", "resolution", "labels", "parent", "blocked_by"),
    *(name for name in EDITABLE_ATTRIBUTES if name not in ("title", "body", "category", "fields")),
)


def explanation_lines(explanation: Explanation) -> list[str]:
    """Describe the issue, the rules, the result, the roll-up and what was written."""
    lines = _issue_lines(explanation)
    lines += [line for team in explanation.trace.teams for line in _team_lines(team)]
    lines += ["Result:", f"  {_result(explanation.trace)}", f"  {explanation.trace.because}"]
    lines += [f"  note: {note}" for note in explanation.notes]
    lines += _rollup_lines(explanation)
    lines += _pushed_lines(explanation)
    lines += ["Manual overrides:"] * bool(explanation.overrides)
    for row in explanation.overrides:
        lines.append(
            f"  {row.kind} {row.label}  since {utc(row.since)}{f'  ({row.note})' if row.note else ''}"
        )
    lines += ["It counted towards:"] * bool(explanation.history)
    for entry in explanation.history:
        by = f"(rule {entry.rule or '-'}, run {entry.run_id})"
        lines.append(f"  {utc(entry.since)}  {entry.capability or 'nowhere'}  {by}")
    return lines


def _issue_lines(explanation: Explanation) -> list[str]:
    item, trace = explanation.item, explanation.trace
    issue = item.issue
    origin = "read now, belongs to" if explanation.live else "read from"
    lines = [
        f"{issue.ref}  {issue.title}",
        f"  {issue.url}",
        f"  type {_field_text(issue, 'type')}, status {_field_text(issue, 'status')}, labels {_names(issue.labels)}",
        f"  {origin} {_names(item.sources, 'no source (an anchor, or it has left)')}",
    ]
    if explanation.live:
        lines += [f"  {line}" for line in _changes_since_stored(explanation.live)]
    if item.vanished:
        lines.append(f"  not on the tracker any more, as of {utc(item.vanished)}")
    if trace.ancestors:
        lines.append(f"  below {', '.join(trace.ancestors)}")
    if trace.hidden_labels:
        lines.append(f"  rules do not see {', '.join(trace.hidden_labels)}")
    lines += [f"  for {team} it is {_state_text(state)}" for team, state in explanation.states]
    return lines


def _names(names: frozenset[str], nothing: str = "-") -> str:
    return ", ".join(map(show_invisible, sorted(names))) or nothing


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
    value = open_blockers(issue) if name == "blocked_by" else getattr(issue, name)
    if isinstance(value, frozenset | tuple):
        return ", ".join(map(show_invisible, sorted(value))) or "-"
    return show_invisible(value) if value else "-"


def _state_text(state: IssueState) -> str:
    parts = [state.state, *(["blocked"] if state.blocked else []), *([state.answer] if state.answer else [])]
    return f"{', '.join(parts)} ({state.because})" if state.because else ", ".join(parts)


def _team_lines(team: TeamTrace) -> list[str]:
    if not team.rules:
        return [f"{team.team} has no rules"]
    rules = [line for rule in team.rules for line in _rule_lines(rule, team.winner)]
    return [f"Rules of {team.team}, in order:", *rules]


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
    found = ", ".join(map(show_invisible, condition.found))
    shown = found if len(found) <= _MAX_FOUND else found[:_MAX_FOUND] + "…"
    verdict = "ok" if condition.holds else "NO"
    return f"      {verdict}  {condition.key} {condition.expected}; it has {shown or 'nothing'}"


def _result(trace: Trace) -> str:
    match trace.outcome:
        case Assignment() as outcome:
            iteration = f", iteration {outcome.iteration}" if outcome.iteration else ""
            by = "a person's pin" if outcome.by == "pin" else f"rule {outcome.rule}"
            return f"counts towards {outcome.capability}{iteration} (by {by})"
        case Unplanned(reason=reason):
            return f"unplanned ({reason})"
        case Conflict():
            return "claimed by several teams, counted nowhere"
        case _:
            return "neither counted nor unplanned"


def _rollup_lines(explanation: Explanation) -> list[str]:
    if not explanation.subjects or explanation.numbers_at is None:
        return []
    assigned = isinstance(explanation.trace.outcome, Assignment | Conflict)
    title = "It rolls up to" if assigned else "It is the anchor of"
    lines = [line for each in explanation.subjects for line in _subject_lines(each, explanation.iteration)]
    return [f"{title} (numbers of {utc(explanation.numbers_at)}):", *lines]


def _subject_lines(subject: RollupSubject, iteration: str | None) -> list[str]:
    kind, _, name = subject.subject.partition(":")
    numbers = subject.numbers
    if numbers is None:
        return [f"  {kind} {name}: no run has counted it yet"]
    health = f", {numbers['health']}" if numbers.get("health") else ""
    head = f"  {kind} {name} ({numbers['title']}): {numbers['state']}{health}"
    counts = describe_counts(numbers["counts"])
    if kind == "goal":
        done = f"{numbers['required_done']} of {pluralize(numbers['required_total'], 'required capability')} done"
        return [f"{head}, {done}, {counts}; {numbers['commitment']}", *_forecast_line(subject)]
    flags = [flag for flag in ("blocked", "released") if numbers.get(flag)]
    lines = [", ".join([head, counts, *flags]), *_forecast_line(subject)]
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
    lines = [f"  {row.label}  since {utc(row.at)}, run {row.run_id}" for row in explanation.pushed]
    lines += [
        f"  status comment of {each.subject}, last edited {utc(each.edited_at)}, {each.state}"
        for each in explanation.comments
    ]
    lines += [
        f"  its {each.family} label begins with {each.prefix} ({each.origin})"
        for each in explanation.prefixes
    ]
    return ["We wrote:", *(lines or ["  nothing"])]
