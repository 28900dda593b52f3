"""``mappings suggest``: rules that would take in unplanned issues, measured on the assigned ones, to paste."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import TeamMapping
from mappings.problems import suggestion as nearest_name
from mappings.rules.conditions import compile_conditions
from sync.cli.render import safe_terminal_line
from sync.config.escape import escape_terminal
from sync.mapping_tools.bootstrap import build_first_mapping, current_increment, workspace_with
from sync.mapping_tools.dataset import Dataset, build_dataset
from sync.mapping_tools.learner import Learner
from sync.mapping_tools.rule_yaml import (
    NewCapability,
    NewRule,
    capability_yaml,
    load_suggested_rules,
    rule_yaml,
)
from sync.mapping_tools.suggest import Suggestion, TeamSuggestions, learn_rules
from sync.pipeline.offline import plan_from_store
from sync.pull.current_sources import load_current_issues
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, print_json, print_line
from sync.runtime.session import pulled_context

_EXAMPLES: Final = 3


def suggest(invocation: Invocation, team: str | None, min_precision: float) -> int:
    """Suggestions for one team or all, from the stored snapshot."""
    with pulled_context(invocation) as job:
        names = [each.team for each in job.workspace.teams]
        if team is not None and team not in names:
            raise LookupError(f'there is no team "{team}"; {nearest_name(team, names, kind="teams")}')
        known = load_current_issues(job.store, job.workspace)
        thought, _ = plan_from_store(job)
        found = []
        for mapping in job.workspace.teams:
            if team in (None, mapping.team):
                material = build_dataset(
                    mapping,
                    job.workspace,
                    known,
                    thought.matched,
                    thought.overrides,
                    scheme=job.workspace.labels,
                    now=job.now(),
                )
                found.append((material, _for_team(invocation, job, material, min_precision)))
    if invocation.as_json:
        print_json({"version": 1, "teams": [_as_json(material, each) for material, each in found]})
        return 0
    for material, each in found:
        for line in _lines(material, each, min_precision):
            print_line(line)
    return 0


def _for_team(
    invocation: Invocation, context: RunContext, dataset: Dataset, min_precision: float
) -> TeamSuggestions:
    """What is suggested, every rule loaded from its YAML and tried behind the team's other rules."""
    first = not dataset.assignments
    capabilities: tuple[NewCapability, ...] = ()
    if first:
        mapping = build_first_mapping(dataset)
        capabilities = mapping.capabilities
        wanted = [Suggestion(rule=rule, measured=None, matches=()) for rule in mapping.rules]
    else:
        wanted = learn_rules(dataset, Learner(), min_precision)
    taken = _taken(invocation, context, dataset, [each.rule for each in wanted], capabilities)
    suggestions = tuple(
        replace(each, matches=tuple(sorted(taken[each.rule.id])))
        for each in wanted
        if taken.get(each.rule.id)
    )
    named = {each.rule.assign for each in suggestions}
    capabilities = tuple(each for each in capabilities if each.id in named)
    settled = {ref for each in suggestions for ref in each.matches}
    anchors = {str(each.anchor) for each in capabilities}
    return TeamSuggestions(
        team=dataset.team.team,
        assigned=len(dataset.assignments),
        unplanned=len(dataset.unplanned),
        is_first_mapping=first,
        suggestions=suggestions,
        capabilities=capabilities,
        still_unplanned=sum(ref not in settled and str(ref) not in anchors for ref in dataset.unplanned),
    )


def _taken(
    invocation: Invocation,
    context: RunContext,
    dataset: Dataset,
    rules: Sequence[NewRule],
    capabilities: tuple[NewCapability, ...],
) -> dict[str, list[IssueRef]]:
    """Rule id -> the unplanned issues that it takes, read from its YAML and put behind the team's other rules."""
    if not rules:
        return {}
    loaded = load_suggested_rules(invocation.root, context.settings, dataset.team, rules, capabilities)
    return dataset.matches_of(loaded, workspace_with(dataset, capabilities))


def _lines(dataset: Dataset, found: TeamSuggestions, min_precision: float) -> list[str]:
    lines = [f"{found.team}: {_issues(found.assigned)} assigned, {_issues(found.unplanned)} unplanned"]
    if not found.suggestions:
        return [*lines, f"  {_why_nothing(found, min_precision)}", ""]
    if found.is_first_mapping:
        lines.append("  Nothing is assigned yet, so nothing can be measured: look at the examples.")
    for number, each in enumerate(found.suggestions, start=1):
        lines += _suggestion_lines(number, each, dataset)
    if found.capabilities:
        increment = current_increment(dataset)
        lines += ["", f"Create first, under `capabilities:` of a goal in {increment.origin.file}:", ""]
        lines += [capability_yaml(each).rstrip("\n") for each in found.capabilities]
    lines += ["", *_where_to_paste(dataset.team)]
    lines += [_commented(each).rstrip("\n") for each in found.suggestions]
    return [*lines, "", f"{_issues(found.still_unplanned)} of {found.team} would be left unplanned.", ""]


def _where_to_paste(team: TeamMapping) -> list[str]:
    if team.rules:
        return [f"Paste at the end of `rules:` in {team.origin.file}:", ""]
    return [
        f"Paste at the end of {team.origin.file}, in the place of an empty `rules:` if it has one:",
        "",
        "rules:",
    ]


def _issues(count: int) -> str:
    return "1 issue" if count == 1 else f"{count} issues"


def _why_nothing(found: TeamSuggestions, min_precision: float) -> str:
    if not found.unplanned:
        return "Nothing to suggest: no issue waits for a rule."
    if found.is_first_mapping:
        return (
            "Nothing to suggest: the unplanned issues share no epic, milestone, version, component or label."
        )
    return f"Nothing to suggest with a precision of {min_precision:g} or more."


def _suggestion_lines(number: int, each: Suggestion, dataset: Dataset) -> list[str]:
    rule, measured = each.rule, each.measured
    lines = [
        "",
        f"  {number}. {rule.id}: {_issues(len(each.matches))} -> {rule.assign}",
        f"     {_words(rule)}",
    ]
    if measured is not None:
        lines.append(
            f"     precision {measured.precision:.2f} ({measured.right} of {measured.right + measured.wrong}), "
            f"recall {measured.recall:.2f} ({measured.right} of {measured.right + measured.missed}), "
            "on assigned issues that it was not learned from"
        )
    lines += [f"     takes {_named(dataset.known[ref])}" for ref in each.matches[:_EXAMPLES]]
    if len(each.matches) > _EXAMPLES:
        lines.append(f"     and {len(each.matches) - _EXAMPLES} more")
    lines += [
        f"     but {_named(dataset.known[ref])} counts towards {dataset.targets[ref] or 'nothing, by a veto'}"
        for ref in each.mismatches[:_EXAMPLES]
    ]
    return [safe_terminal_line(line) for line in lines]


def _words(rule: NewRule) -> str:
    return "; ".join(f"{each.key} {each.expected}" for each in compile_conditions(rule.when))


def _named(item: KnownIssue) -> str:
    return f"{item.issue.ref.key} {escape_terminal(item.issue.title, 70)}"


def _commented(each: Suggestion) -> str:
    takes = f"took {_issues(len(each.matches))} when it was suggested"
    measured = each.measured
    figures = f"precision {measured.precision:.2f}, recall {measured.recall:.2f}; " if measured else ""
    return f"  # {figures}{takes}\n{rule_yaml(each.rule)}"


def _as_json(dataset: Dataset, found: TeamSuggestions) -> dict[str, Any]:
    return {
        "team": found.team,
        "file": dataset.team.origin.file,
        "assigned": found.assigned,
        "unplanned": found.unplanned,
        "left": found.still_unplanned,
        "first_mapping": found.is_first_mapping,
        "capabilities_to_create": [
            {
                "id": each.id,
                "title": each.title,
                "anchor": str(each.anchor) if each.anchor else None,
                "yaml": capability_yaml(each),
            }
            for each in found.capabilities
        ],
        "suggestions": [_suggestion_json(each, dataset.known) for each in found.suggestions],
    }


def _suggestion_json(each: Suggestion, known: Mapping[IssueRef, KnownIssue]) -> dict[str, Any]:
    measured = each.measured
    return {
        "rule": each.rule.id,
        "assign": each.rule.assign,
        "iteration": each.rule.iteration,
        "experiment": each.rule.experiment,
        "when": each.rule.when,
        "precision": measured.precision if measured else None,
        "recall": measured.recall if measured else None,
        "measured": {"right": measured.right, "wrong": measured.wrong, "missed": measured.missed}
        if measured
        else None,
        "takes": _refs(each.matches),
        "wrong": _refs(each.mismatches),
        "examples": [
            {"issue": str(ref), "title": known[ref].issue.title} for ref in each.matches[:_EXAMPLES]
        ],
        "yaml": rule_yaml(each.rule),
    }


def _refs(refs: Iterable[IssueRef]) -> list[str]:
    return [str(ref) for ref in refs]
