"""Detect label prefixes that changed without ``previously``: the labels written with the old prefix would be lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from mappings.labels import FAMILIES, LabelScheme
from mappings.model import Workspace
from mappings.problems import InvalidWorkspace, Origin, Problem
from sync.config.settings import FILE_NAME
from sync.runtime.context import RunContext

_CACHE_KEY = "label-prefixes"
_ORGANISATION = ""
"""Stands in the place of a team's name."""

UsedPrefixes = Mapping[str, Mapping[str, str]]
"""Team -> family -> prefix."""


def check_label_prefixes(context: RunContext) -> None:
    """Raise InvalidWorkspace if labels of ours have a prefix that the settings do not know any more."""
    labels = Counter(label for pushed in context.store.pushed_label_names().values() for label in pushed)
    labels.update(row.label for row in context.store.overrides() if row.kind != "comment")
    used: UsedPrefixes = context.store.cache.get(_CACHE_KEY) or {}
    problems = list(_changed_prefix_problems(context.workspace, used, labels))
    if not problems:
        problems = list(_unknown_prefix_problems(context.workspace.labels, labels))
    if problems:
        raise InvalidWorkspace(problems)


def save_label_prefixes(context: RunContext) -> None:
    """Save the prefixes that this run writes with. Writes only if they changed."""
    scheme = context.workspace.labels
    used: UsedPrefixes = {_ORGANISATION: dict(scheme.prefixes)} | {
        team: dict(own.prefixes) for team, own in sorted(scheme.teams.items()) if own.prefixes
    }
    context.store.cache.put_if_changed(_CACHE_KEY, used, days=3650)


def _changed_prefix_problems(
    workspace: Workspace, used: UsedPrefixes, labels: Counter[str]
) -> Iterator[Problem]:
    scheme = workspace.labels
    for team, prefixes in used.items():
        for family in FAMILIES:
            old = prefixes.get(family)
            if old is None or old in scheme.known_prefixes(family):
                continue
            if written := sorted(label for label in labels if label.startswith(old)):
                count = sum(labels[label] for label in written)
                yield _prefix_problem(
                    _prefix_origin(workspace, team, family),
                    f"labels.{family}",
                    f"{_labels_such_as(count, written[0])} written with the prefix {old!r}, which is "
                    f"{scheme.prefix(family, team or None)!r} now; add `previously: [{old!r}]` here, so that they "
                    "are renamed and not lost",
                )


def _unknown_prefix_problems(scheme: LabelScheme, labels: Counter[str]) -> Iterator[Problem]:
    if lost := sorted(label for label in labels if scheme.family_of(label) is None):
        yield _prefix_problem(
            Origin(file=FILE_NAME),
            "labels",
            f"{_labels_such_as(sum(labels[label] for label in lost), lost[0])} written by earlier runs, and no "
            "prefix of the settings matches them; name their prefix as `previously` of its family, so that they are "
            "renamed and not lost",
        )


def _prefix_origin(workspace: Workspace, team: str, family: str) -> Origin:
    for each in workspace.teams:
        if each.team == team:
            return each.origins.get(f"labels.{family}", each.origin)
    return workspace.labels.origins.get(family, Origin(file=FILE_NAME))


def _labels_such_as(count: int, example: str) -> str:
    return f"1 label, {example}, was" if count == 1 else f"{count} labels such as {example} were"


def _prefix_problem(origin: Origin, path: str, message: str) -> Problem:
    return Problem(origin=origin, path=path, message=message, severity="error", check="label-prefix")
