"""``mappings suggest``: rules that would take in unplanned issues, measured on the assigned ones, to paste."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import TeamMapping
from mappings.problems import suggestion as nearest_name
from mappings.rules.conditions import compile_conditions
from sync.cli.render import terminal_line
from sync.config.escape import neutral_terminal
from sync.mapping_tools.bootstrap import first_mapping, running_increment, with_capabilities
from sync.mapping_tools.dataset import Material, material_for
from sync.mapping_tools.learner import Learner
from sync.mapping_tools.rule_yaml import NewCapability, NewRule, capability_yaml, load_rules, rule_yaml
from sync.mapping_tools.suggest import Suggestion, TeamSuggestions, learned_rules
from sync.pipeline.offline import outlook
from sync.pull.current_sources import known_today
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, say, say_json
from sync.runtime.session import with_snapshot

_EXAMPLES: Final = 3


def suggest(ways: Ways, team: str | None, min_precision: float) -> int:
    """Suggestions for one team or all, from the stored snapshot."""
    with with_snapshot(ways) as job:
        names = [each.team for each in job.workspace.teams]
        if team is not None and team not in names:
            raise LookupError(f'there is no team "{team}"; {nearest_name(team, names, kind="teams")}')
        known = known_today(job.store, job.workspace)
        thought, _ = outlook(job)
        found = []
        for mapping in job.workspace.teams:
            if team in (None, mapping.team):
                material = material_for(
                    mapping,
                    job.workspace,
                    known,
                    thought.matched,
                    thought.overrides,
                    scheme=job.workspace.labels,
                    now=job.now(),
                )
                found.append((material, _for_team(ways, job, material, min_precision)))
    if ways.as_json:
        say_json({"version": 1, "teams": [_as_json(material, each) for material, each in found]})
        return 0
    for material, each in found:
        for line in _lines(material, each, min_precision):
            say(line)
    return 0


def _for_team(ways: Ways, job: Job, material: Material, min_precision: float) -> TeamSuggestions:
    """What is suggested, every rule loaded from its YAML and tried behind the team's other rules."""
    first = not material.assignments
    capabilities: tuple[NewCapability, ...] = ()
    if first:
        mapping = first_mapping(material)
        capabilities = mapping.capabilities
        wanted = [Suggestion(rule=rule, measured=None, takes=()) for rule in mapping.rules]
    else:
        wanted = learned_rules(material, Learner(), min_precision)
    taken = _taken(ways, job, material, [each.rule for each in wanted], capabilities)
    suggestions = tuple(
        replace(each, takes=tuple(sorted(taken[each.rule.id]))) for each in wanted if taken.get(each.rule.id)
    )
    named = {each.rule.assign for each in suggestions}
    capabilities = tuple(each for each in capabilities if each.id in named)
    settled = {ref for each in suggestions for ref in each.takes}
    anchors = {str(each.anchor) for each in capabilities}
    return TeamSuggestions(
        team=material.team.team,
        assigned=len(material.assignments),
        unplanned=len(material.unplanned),
        first=first,
        suggestions=suggestions,
        capabilities=capabilities,
        left=sum(ref not in settled and str(ref) not in anchors for ref in material.unplanned),
    )


def _taken(
    ways: Ways,
    job: Job,
    material: Material,
    rules: Sequence[NewRule],
    capabilities: tuple[NewCapability, ...],
) -> dict[str, list[IssueRef]]:
    """Rule id -> the unplanned issues that it takes, read from its YAML and put behind the team's other rules."""
    if not rules:
        return {}
    loaded = load_rules(ways.root, job.settings, material.team, rules, capabilities)
    return material.would_take(loaded, with_capabilities(material, capabilities))


def _lines(material: Material, found: TeamSuggestions, min_precision: float) -> list[str]:
    lines = [f"{found.team}: {_issues(found.assigned)} assigned, {_issues(found.unplanned)} unplanned"]
    if not found.suggestions:
        return [*lines, f"  {_why_nothing(found, min_precision)}", ""]
    if found.first:
        lines.append("  Nothing is assigned yet, so nothing can be measured: look at the examples.")
    for number, each in enumerate(found.suggestions, start=1):
        lines += _suggestion_lines(number, each, material)
    if found.capabilities:
        increment = running_increment(material)
        lines += ["", f"Create first, under `capabilities:` of a goal in {increment.origin.file}:", ""]
        lines += [capability_yaml(each).rstrip("\n") for each in found.capabilities]
    lines += ["", *_where_to_paste(material.team)]
    lines += [_commented(each).rstrip("\n") for each in found.suggestions]
    return [*lines, "", f"{_issues(found.left)} of {found.team} would be left unplanned.", ""]


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
    if found.first:
        return (
            "Nothing to suggest: the unplanned issues share no epic, milestone, version, component or label."
        )
    return f"Nothing to suggest with a precision of {min_precision:g} or more."


def _suggestion_lines(number: int, each: Suggestion, material: Material) -> list[str]:
    rule, measured = each.rule, each.measured
    lines = [
        "",
        f"  {number}. {rule.id}: {_issues(len(each.takes))} -> {rule.assign}",
        f"     {_words(rule)}",
    ]
    if measured is not None:
        lines.append(
            f"     precision {measured.precision:.2f} ({measured.right} of {measured.right + measured.wrong}), "
            f"recall {measured.recall:.2f} ({measured.right} of {measured.right + measured.missed}), "
            "on assigned issues that it was not learned from"
        )
    lines += [f"     takes {_named(material.known[ref])}" for ref in each.takes[:_EXAMPLES]]
    if len(each.takes) > _EXAMPLES:
        lines.append(f"     and {len(each.takes) - _EXAMPLES} more")
    lines += [
        f"     but {_named(material.known[ref])} counts towards {material.targets[ref] or 'nothing, by a veto'}"
        for ref in each.wrong[:_EXAMPLES]
    ]
    return [terminal_line(line) for line in lines]


def _words(rule: NewRule) -> str:
    return "; ".join(f"{each.key} {each.expected}" for each in compile_conditions(rule.when))


def _named(item: KnownIssue) -> str:
    return f"{item.issue.ref.key} {neutral_terminal(item.issue.title, 70)}"


def _commented(each: Suggestion) -> str:
    takes = f"took {_issues(len(each.takes))} when it was suggested"
    measured = each.measured
    figures = f"precision {measured.precision:.2f}, recall {measured.recall:.2f}; " if measured else ""
    return f"  # {figures}{takes}\n{rule_yaml(each.rule)}"


def _as_json(material: Material, found: TeamSuggestions) -> dict[str, Any]:
    return {
        "team": found.team,
        "file": material.team.origin.file,
        "assigned": found.assigned,
        "unplanned": found.unplanned,
        "left": found.left,
        "first_mapping": found.first,
        "capabilities_to_create": [
            {
                "id": each.id,
                "title": each.title,
                "anchor": str(each.anchor) if each.anchor else None,
                "yaml": capability_yaml(each),
            }
            for each in found.capabilities
        ],
        "suggestions": [_suggestion_json(each, material.known) for each in found.suggestions],
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
        "takes": _refs(each.takes),
        "wrong": _refs(each.wrong),
        "examples": [{"issue": str(ref), "title": known[ref].issue.title} for ref in each.takes[:_EXAMPLES]],
        "yaml": rule_yaml(each.rule),
    }


def _refs(refs: Iterable[IssueRef]) -> list[str]:
    return [str(ref) for ref in refs]
