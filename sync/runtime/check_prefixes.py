"""Notice a label prefix that was changed without ``previously``: what we wrote with the old one would be lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from mappings.labels import FAMILIES, LabelScheme
from mappings.model import Origin, Workspace
from mappings.problems import MappingInvalid, Problem
from sync.config.settings import FILE_NAME
from sync.runtime.context import Job

_KEY = "label-prefixes"
_ORGANISATION = ""
"""In the place of a team's name."""

Used = Mapping[str, Mapping[str, str]]
"""Team -> family -> prefix."""


def refuse_lost_prefixes(job: Job) -> None:
    """Raise MappingInvalid when labels of ours have a prefix that nothing in the settings explains any more."""
    labels = Counter(label for pushed in job.store.pushed_label_names().values() for label in pushed)
    labels.update(row.label for row in job.store.overrides() if row.kind != "comment")
    used: Used = job.store.cache.get(_KEY) or {}
    problems = list(_changed(job.workspace, used, labels))
    if not problems:
        problems = list(_unexplained(job.workspace.labels, labels))
    if problems:
        raise MappingInvalid(problems)


def remember_prefixes(job: Job) -> None:
    """Keep the prefixes that this run writes with. Writes only when they are new."""
    scheme = job.workspace.labels
    used: Used = {_ORGANISATION: dict(scheme.prefixes)} | {
        team: dict(own.prefixes) for team, own in sorted(scheme.teams.items()) if own.prefixes
    }
    if job.store.cache.get(_KEY) != used:
        job.store.cache.put(_KEY, used, days=3650)


def _changed(workspace: Workspace, used: Used, labels: Counter[str]) -> Iterator[Problem]:
    scheme = workspace.labels
    for team, prefixes in used.items():
        for family in FAMILIES:
            old = prefixes.get(family)
            if old is None or old in scheme.recognised(family):
                continue
            if written := sorted(label for label in labels if label.startswith(old)):
                count = sum(labels[label] for label in written)
                yield _problem(
                    _origin(workspace, team, family),
                    f"labels.{family}",
                    f"{count} labels such as {written[0]} have the prefix {old!r} of former runs, which is "
                    f"{scheme.prefix(family, team or None)!r} now; add `previously: [{old!r}]` here, so that they "
                    "are moved and not lost",
                )


def _unexplained(scheme: LabelScheme, labels: Counter[str]) -> Iterator[Problem]:
    if lost := sorted(label for label in labels if scheme.family(label) is None):
        yield _problem(
            Origin(file=FILE_NAME),
            "labels",
            f"{sum(labels[label] for label in lost)} labels such as {lost[0]} were written by former runs, and no "
            "prefix begins them any more; name their prefix as `previously` of its family, so that they are moved "
            "and not lost",
        )


def _origin(workspace: Workspace, team: str, family: str) -> Origin:
    for each in workspace.teams:
        if each.team == team:
            return each.origins.get(f"labels.{family}", each.origin)
    return workspace.labels.origins.get(family, Origin(file=FILE_NAME))


def _problem(origin: Origin, path: str, message: str) -> Problem:
    return Problem(origin=origin, path=path, message=message, severity="error", check="label-prefix")
