"""Compiles every rule's ``cel`` while the files are checked, and says where in the file an expression is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.parsed import Draft, Place
from mappings.problems import Problem
from mappings.rules.cel_syntax import CelInvalid, read_cel
from mappings.yaml.tree import dotted


def cel_invalid(draft: Draft) -> Iterator[Problem]:
    for _, rule, place in draft.rules():
        if rule.when.cel is None:
            continue
        from mappings.rules.cel import compile_cel  # its library takes long to start

        try:
            compile_cel(rule.when.cel)
        except CelInvalid as error:
            yield _problem(place / "when" / "cel", "cel-invalid", error)
        else:
            yield from _own_labels(draft, rule.when.cel, place / "when" / "cel")


def _own_labels(draft: Draft, text: str, at: Place) -> Iterator[Problem]:
    """Rules never see the labels that this program writes."""
    read = read_cel(text)
    for token in read.literals if "labels" in read.names else ():
        label = token.text[1:-1]
        if draft.labels.family(label) or label.lower() == draft.labels.released:
            message = (
                f'"{label}" is a label that this program or its people put; name a label of the team instead.'
            )
            yield _problem(at, "own-label", token.refuse(message))


def _problem(at: Place, check: str, error: CelInvalid) -> Problem:
    origin = at.where.within(at.path, error.line, error.column)
    return Problem(origin=origin, path=dotted(at.path), message=str(error), check=check)
