"""Check that ids, anchors and sources are used only once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.text import fold_name
from mappings.build import build_source
from mappings.parsed import ParsedWorkspace, YamlLocation, located_sources
from mappings.problems import Problem

Located = tuple[str, YamlLocation]


def repeats(
    entries: Iterable[Located], *, ignore_case: bool = False
) -> Iterator[tuple[str, YamlLocation, YamlLocation]]:
    """Yield each name that was used before, with the first location and its own."""
    first: dict[str, YamlLocation] = {}
    for name, location in entries:
        before = first.setdefault(fold_name(name) if ignore_case else name, location)
        if before is not location:
            yield name, before, location


def duplicate_ids(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Report ids that are used twice, ignoring case. Rules and iterations are unique in their parent only."""
    capabilities = list(parsed.capabilities())
    groups: list[tuple[str, list[Located]]] = [
        ("increment", [(plan.entry.increment, plan.location / "increment") for plan in parsed.plans]),
        ("goal", [(goal.id, location / "id") for _, goal, location in parsed.goals()]),
        ("capability", [(each.capability.id, each.location / "id") for each in capabilities]),
        ("team", [(team.entry.team, team.location / "team") for team in parsed.teams]),
    ]
    for each in capabilities:
        groups.append(("iteration", list(each.location.items("iterations", each.capability.iterations))))
    for team in parsed.teams:
        rules = team.location.items("rules", team.entry.rules)
        groups.append(("rule", [(rule.id, location / "id") for rule, location in rules]))
    for kind, entries in groups:
        for name, before, location in repeats(entries, ignore_case=True):
            message = f'the {kind} "{name}" is already defined at {before.origin}; rename or remove one.'
            yield location.problem(f"duplicate-{kind}", message)


def duplicate_source(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for team in parsed.teams:
        sources: list[Located] = []
        for tracker, entry, location in located_sources(team):
            source = build_source(tracker, entry, parsed.trackers.get(tracker))
            sources.append((f"{tracker}:{fold_name(source.container)} {source.narrowing}", location))
        for _, before, location in repeats(sources):
            message = f"the team already has this source at {before.key_origin}; remove one."
            yield location.problem("duplicate-source", message, on_key=True)
