"""Simplest correct matcher, as a yardstick for the real one: every rule is tried on every issue.

It shares no code with ``mappings.rules``. It supports open increments, sources, and conditions on names and patterns,
which is what the measured workspace has; no pins, no vetoes, no work closed before the increment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from connectors.model import Issue, KnownIssue
from mappings.model import TeamMapping

Facts = Mapping[str, Any]


def plain_match(teams: Iterable[TeamMapping], everything: list[KnownIssue]) -> dict[str, list[str]]:
    """Return issue key -> capabilities that the teams' rules assign, in the order of the teams."""
    teams = list(teams)
    parents = {each.issue.ref.key: each.issue.parent for each in everything}
    claims: dict[str, list[str]] = {}
    for each in everything:
        facts = _facts(each.issue, parents)
        for team in teams:
            found = next((rule.assign for rule in team.rules if _holds(rule.when, facts)), None)
            if found is not None and not each.sources.isdisjoint(source.name for source in team.sources):
                claims.setdefault(each.issue.ref.key, []).append(found)
    return claims


def _facts(issue: Issue, parents: Mapping[str, str | None]) -> Facts:
    ancestors: list[str] = []
    parent = issue.parent
    while parent is not None and parent not in ancestors:
        ancestors.append(parent)
        parent = parents.get(parent)
    return {
        "labels": {label.casefold() for label in issue.labels},
        "type": {issue.type.casefold()},
        "status": {issue.status.casefold()},
        "project": {issue.project.casefold()},
        "components": {name.casefold() for name in issue.components},
        "fix_version": {name.casefold() for name in issue.fix_versions},
        "assignee": {name.casefold() for name in issue.assignees},
        "parent": {key.casefold() for key in ancestors},
        "title": issue.title,
    }


def _holds(when: Mapping[str, Any], facts: Facts) -> bool:
    return all(
        re.search(wanted, facts[key]) is not None if isinstance(wanted, str) else _selects(wanted, facts[key])
        for key, wanted in when.items()
    )


def _selects(wanted: Mapping[str, Iterable[str]], values: set[str]) -> bool:
    return (
        (not wanted.get("any") or any(_contains(name, values) for name in wanted["any"]))
        and all(_contains(name, values) for name in wanted.get("all") or ())
        and not any(_contains(name, values) for name in wanted.get("none") or ())
    )


def _contains(name: str, values: set[str]) -> bool:
    folded = _folded(name)
    if "*" not in folded:
        return folded in values
    return any(_pattern(folded).fullmatch(value) for value in values)


@cache
def _folded(name: str) -> str:
    return name.casefold()


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, glob.split("*"))))
