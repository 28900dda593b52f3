"""Cross-file checks of mappings, one function per check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from connectors.text import fold_name
from mappings.labels import FAMILIES
from mappings.parsed import ParsedDefaults, ParsedTeam, ParsedWorkspace, YamlLocation, located_sources
from mappings.problems import Problem, suggestion
from mappings.rules.cel_syntax import CelInvalid, parse_cel
from mappings.rules.fields import PATTERN_KEYS
from mappings.rules.flow_state import normalize_resolution
from mappings.rules.patterns import PatternInvalid, compile_pattern, has_wildcard
from mappings.schema.mapping import RuleEntry
from mappings.yaml.tree import dotted

_ASCII_ONLY: Final = re.compile(r"\\[bBwW]")


def unknown_capability(parsed: ParsedWorkspace) -> Iterator[Problem]:
    known = parsed.declared_capabilities
    for _, rule, location in parsed.rules():
        if rule.assign not in known and parsed.plans_readable:
            hint = _rename_hint(parsed, rule.assign) or suggestion(rule.assign, known, kind="capabilities")
            yield (location / "assign").problem(
                "unknown-capability", f'unknown capability "{rule.assign}"; {hint}'
            )


def _rename_hint(parsed: ParsedWorkspace, old: str) -> str | None:
    for each in parsed.capabilities():
        if old in each.capability.previously:
            return f'it was renamed to "{each.capability.id}".'
    return None


def unknown_iteration(parsed: ParsedWorkspace) -> Iterator[Problem]:
    iterations = {each.capability.id: each.capability.iterations for each in parsed.capabilities()}
    for _, rule, location in parsed.rules():
        known = iterations.get(rule.assign)
        if rule.iteration is None or known is None or rule.iteration in known:
            continue
        hint = suggestion(rule.iteration, known, kind="iterations")
        message = f'"{rule.assign}" has no iteration "{rule.iteration}"; {hint}'
        yield (location / "iteration").problem("unknown-iteration", message)


def unknown_tracker(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for tracker, _, location in chain.from_iterable(map(located_sources, parsed.teams)):
        if tracker not in parsed.trackers:
            hint = suggestion(tracker, parsed.trackers, kind="trackers")
            yield location.problem("unknown-tracker", f'unknown tracker "{tracker}"; {hint}', on_key=True)
    names = set(map(fold_name, parsed.trackers))
    for _, rule, location in parsed.rules():
        for text, at in located_names(rule, location, "tracker"):
            if not has_wildcard(text) and fold_name(text) not in names:
                hint = suggestion(text, parsed.trackers, kind="trackers")
                yield at.problem("unknown-tracker", f'unknown tracker "{text}"; {hint}')


def pattern_invalid(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for _, rule, location in parsed.rules():
        for key in PATTERN_KEYS:
            if (pattern := rule.when.text(key)) is None:
                continue
            at = location / "when" / key
            try:
                compile_pattern(pattern)
            except PatternInvalid as error:
                message = f"{error} RE2 supports neither look-around nor back-references."
                yield at.problem("pattern-invalid", message)
                continue
            if not pattern.isascii() and _ASCII_ONLY.search(pattern):
                message = (
                    r"`\b` and `\w` support ASCII letters only; for other letters use (^|\P{L}) and \p{L}."
                )
                yield at.warning("pattern-ascii", message)


def cel_invalid(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Report invalid expressions and expressions that name managed labels."""
    for _, rule, location in parsed.rules():
        expression = rule.when.text("cel")
        if expression is None:
            continue
        from mappings.rules.cel import compile_cel  # importing the CEL library is slow

        try:
            compile_cel(expression)
        except CelInvalid as error:
            yield _cel_problem(location / "when" / "cel", "cel-invalid", error)
        else:
            yield from _reserved_labels_in_cel(parsed, expression, location / "when" / "cel")


def _reserved_labels_in_cel(parsed: ParsedWorkspace, text: str, location: YamlLocation) -> Iterator[Problem]:
    """Report labels of this program, which rules never see."""
    read = parse_cel(text)
    for token in read.literals if "labels" in read.names else ():
        label = token.text[1:-1]
        if parsed.labels.family_of(label) or fold_name(label) == parsed.labels.released_label:
            message = f'"{label}" is a label that increment-sync manages; use a label of the team instead.'
            yield _cel_problem(location, "own-label", token.error(message))


def _cel_problem(location: YamlLocation, check: str, error: CelInvalid) -> Problem:
    origin = location.positions.text_origin(location.path, error.line, error.column)
    return Problem(origin=origin, path=dotted(location.path), message=str(error), check=check)


def reserved_labels(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Report labels of this program in rules, states and answers: rules never see them, so they cannot match."""
    names = [each for _, rule, location in parsed.rules() for each in located_names(rule, location, "labels")]
    for file in parsed.inheritable_files():
        names += state_labels(file)
        names += [(text, file.location / "answers" / answer) for answer, text in file.entry.answers]
    whole = parsed.labels.known_prefixes("unplanned")
    families = [family for family in FAMILIES if family != "unplanned"]
    prefixes = tuple(chain.from_iterable(map(parsed.labels.known_prefixes, families)))
    for text, location in names:
        folded = fold_name(text)
        if folded in whole or re.split(r"[*?]", folded, maxsplit=1)[0].startswith(prefixes):
            message = f'"{text}" is a label that increment-sync manages; use a label of the team instead.'
            yield location.problem("own-label", message)


def identical_rules(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for team in parsed.teams:
        first: dict[str, RuleEntry] = {}
        for rule, location in team.location.items("rules", team.entry.rules if team.complete else ()):
            earlier = first.setdefault(rule.when.model_dump_json(), rule)
            if earlier is rule:
                continue
            at = location / "when"
            report = at.warning if earlier.assign == rule.assign else at.problem
            message = f'the rule "{earlier.id}" has the same conditions, so this rule never matches first; remove one.'
            yield report("identical-rules", message, on_key=True)


def status_in_two_states(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Report names under several states. ``blocked`` is a flag and may share names with a state."""
    for file in parsed.inheritable_files():
        for kind in ("statuses", "labels", "types"):
            first: dict[str, str] = {}
            for state in ("todo", "doing", "done", "dropped"):
                for name in getattr(getattr(file.entry.states, state), kind):
                    before = first.setdefault(fold_name(name), state)
                    if before != state:
                        message = f'"{name}" is already under `{before}`; an issue has one state, remove one.'
                        at = file.location / "states" / state
                        yield at.problem("state-named-twice", message, on_key=True)
        dropped = set(map(normalize_resolution, file.entry.dropped_resolutions))
        for name, at in file.location.items("done_resolutions", file.entry.done_resolutions):
            if normalize_resolution(name) in dropped:
                message = f'"{name}" is under `done_resolutions` and `dropped_resolutions`; remove one.'
                yield at.problem("state-named-twice", message)


def state_labels(file: ParsedTeam | ParsedDefaults) -> Iterator[tuple[str, YamlLocation]]:
    """Yield every label under ``states`` with its location."""
    for state, entry in file.entry.states:
        yield from (file.location / "states" / state).items("labels", entry.labels)


def located_names(rule: RuleEntry, location: YamlLocation, key: str) -> Iterator[tuple[str, YamlLocation]]:
    """Yield every name of a rule's choice with its location, in the long and the short forms."""
    for part, names in rule.when.choice(key) or ():
        yield from (location / "when" / key).items(part, names or ())
