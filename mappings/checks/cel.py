"""Check the CEL expressions of all rules and locate errors in the file."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.parsed import ParsedWorkspace, YamlLocation
from mappings.problems import Problem
from mappings.rules.cel_syntax import CelInvalid, parse_cel
from mappings.yaml.tree import dotted


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
            yield _problem(location / "when" / "cel", "cel-invalid", error)
        else:
            yield from _reserved_labels(parsed, expression, location / "when" / "cel")


def _reserved_labels(parsed: ParsedWorkspace, text: str, location: YamlLocation) -> Iterator[Problem]:
    """Report labels of this program, which rules never see."""
    read = parse_cel(text)
    for token in read.literals if "labels" in read.names else ():
        label = token.text[1:-1]
        if parsed.labels.family_of(label) or label.lower() == parsed.labels.released_label:
            message = f'"{label}" is a label that increment-sync manages; use a label of the team instead.'
            yield _problem(location, "own-label", token.error(message))


def _problem(location: YamlLocation, check: str, error: CelInvalid) -> Problem:
    origin = location.positions.text_origin(location.path, error.line, error.column)
    return Problem(origin=origin, path=dotted(location.path), message=str(error), check=check)
