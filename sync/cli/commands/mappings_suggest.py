"""``mappings suggest``: rules for unplanned issues, with their precision and recall, as YAML to paste."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.escape import escape_terminal
from connectors.model import IssueRef, KnownIssue
from mappings.model import TeamMapping
from mappings.rules.conditions import compile_conditions
from sync.cli.output import Output, pick, pluralize, safe_terminal_line
from sync.cli.store_view import StoreView, select_teams
from sync.forecast.closing_times import load_closing_times
from sync.mapping_tools.bootstrap import current_increment
from sync.mapping_tools.dataset import Dataset, build_dataset
from sync.mapping_tools.rule_yaml import capability_yaml, rule_yaml
from sync.mapping_tools.suggest import Suggestion, TeamSuggestions, suggest_for_team
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context

_MAX_EXAMPLES: Final = 3


def suggest(invocation: Invocation, team: str | None, min_precision: float) -> int:
    """Show suggestions for one team, by default for all, from the store."""
    with pulled_context(invocation) as context:
        teams = select_teams(context.workspace, team)
        datasets = [each for each in _datasets(context) if each.team.team in teams]
        found = [
            (dataset, suggest_for_team(invocation.root, context.settings, dataset, min_precision))
            for dataset in datasets
        ]
    Output(invocation).show(
        lambda: {"teams": [_document(dataset, each) for dataset, each in found]},
        lambda: (line for dataset, each in found for line in _lines(dataset, each, min_precision)),
    )
    return 0


def _datasets(context: RunContext) -> Iterator[Dataset]:
    view, workspace = StoreView(context), context.workspace
    closing_times = load_closing_times(context.store, workspace, view.known.values())
    for mapping in workspace.teams:
        yield build_dataset(mapping, workspace, view.known, view.planning, context.now(), closing_times)


def _lines(dataset: Dataset, found: TeamSuggestions, min_precision: float) -> Iterator[str]:
    assigned, unplanned = pluralize(found.assigned, "issue"), pluralize(found.unplanned, "issue")
    yield f"{found.team}: {assigned} assigned, {unplanned} unplanned"
    if not found.suggestions:
        yield f"  {_why_none(found, min_precision)}"
        yield ""
        return
    if found.is_first_mapping:
        yield "  Nothing is assigned yet, so nothing can be measured: look at the examples."
    for number, each in enumerate(found.suggestions, start=1):
        yield from map(safe_terminal_line, _suggestion_lines(number, each, dataset))
    yield ""
    if found.capabilities:
        file = current_increment(dataset).origin.file
        yield f"Create first, under `capabilities:` of a goal in {file}:"
        yield ""
        yield from (capability_yaml(each).rstrip("\n") for each in found.capabilities)
        yield ""
    yield from _where_to_paste(dataset.team)
    yield from (_commented_yaml(each).rstrip("\n") for each in found.suggestions)
    yield ""
    yield f"{pluralize(found.still_unplanned, 'issue')} of {found.team} would be left unplanned."
    yield ""


def _where_to_paste(team: TeamMapping) -> list[str]:
    if team.rules:
        return [f"Paste at the end of `rules:` in {team.origin.file}:", ""]
    return [
        f"Paste at the end of {team.origin.file}, in the place of an empty `rules:` if it has one:",
        "",
        "rules:",
    ]


def _why_none(found: TeamSuggestions, min_precision: float) -> str:
    if not found.unplanned:
        return "Nothing to suggest: no issue is unplanned."
    if found.is_first_mapping:
        return (
            "Nothing to suggest: the unplanned issues share no epic, milestone, version, component or label."
        )
    return f"Nothing to suggest with a precision of {min_precision:g} or more."


def _suggestion_lines(number: int, each: Suggestion, dataset: Dataset) -> Iterator[str]:
    rule, measured = each.rule, each.measured
    yield ""
    yield f"  {number}. {rule.id}: {pluralize(len(each.matches), 'issue')} -> {rule.assign}"
    yield f"     {'; '.join(f'{part.key} {part.expected}' for part in compile_conditions(rule.when))}"
    if measured is not None:
        yield (
            f"     precision {measured.precision:.2f} ({measured.right} of {measured.right + measured.wrong}), "
            f"recall {measured.recall:.2f} ({measured.right} of {measured.right + measured.missed}), "
            "on assigned issues that it was not learned from"
        )
    for ref in each.matches[:_MAX_EXAMPLES]:
        yield f"     matches {_issue_text(dataset.known[ref])}"
    if len(each.matches) > _MAX_EXAMPLES:
        yield f"     and {len(each.matches) - _MAX_EXAMPLES} more"
    for ref in each.mismatches[:_MAX_EXAMPLES]:
        target = dataset.targets[ref] or "nothing, by a veto"
        yield f"     but {_issue_text(dataset.known[ref])} counts towards {target}"


def _issue_text(item: KnownIssue) -> str:
    return f"{item.issue.ref.key} {escape_terminal(item.issue.title, 70)}"


def _commented_yaml(each: Suggestion) -> str:
    matches = f"matched {pluralize(len(each.matches), 'issue')} when it was suggested"
    measured = each.measured
    quality = f"precision {measured.precision:.2f}, recall {measured.recall:.2f}; " if measured else ""
    return f"  # {quality}{matches}\n{rule_yaml(each.rule)}"


def _document(dataset: Dataset, found: TeamSuggestions) -> dict[str, Any]:
    return {
        **pick(
            found, "team", "assigned", "unplanned", left="still_unplanned", first_mapping="is_first_mapping"
        ),
        "file": dataset.team.origin.file,
        "capabilities_to_create": [
            pick(each, "id", "title", "anchor") | {"yaml": capability_yaml(each)}
            for each in found.capabilities
        ],
        "suggestions": [_suggestion_document(each, dataset.known) for each in found.suggestions],
    }


def _suggestion_document(each: Suggestion, known: Mapping[IssueRef, KnownIssue]) -> dict[str, Any]:
    return {
        **pick(each.rule, "assign", "iteration", "experiment", "when", rule="id"),
        **pick(each, "measured", takes="matches", wrong="mismatches"),
        "precision": each.measured.precision if each.measured else None,
        "recall": each.measured.recall if each.measured else None,
        "examples": [{"issue": ref, "title": known[ref].issue.title} for ref in each.matches[:_MAX_EXAMPLES]],
        "yaml": rule_yaml(each.rule),
    }
