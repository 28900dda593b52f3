"""Checks of ``sources`` against the specifications of the trackers' connectors."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.spec import ConnectorSpec, Option
from mappings.build import read_boolean
from mappings.parsed import ParsedWorkspace, YamlLocation, located_sources
from mappings.problems import Problem, suggestion
from mappings.schema.mapping import SourceEntry


def one_tracker_per_entry(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for team in parsed.teams:
        for by_tracker, location in team.location.items("sources", team.entry.sources):
            if len(by_tracker) != 1 and team.complete:
                message = (
                    "each entry of `sources` must name exactly one tracker; write one entry per tracker."
                )
                yield location.problem("source-shape", message)


def source_does_not_fit_tracker(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for team in parsed.teams:
        for tracker, source, location in located_sources(team):
            spec = parsed.trackers.get(tracker)
            if spec is not None and not spec.unusable:
                yield from _unknown_options(parsed, tracker, source, location)
                yield from _missing_container(tracker, spec, source, location)
                for option in spec.source.options:
                    yield from _option_problems(option, source, location)


def _unknown_options(
    parsed: ParsedWorkspace, tracker: str, source: SourceEntry, location: YamlLocation
) -> Iterator[Problem]:
    spec = parsed.trackers[tracker]
    known = [option.name for option in spec.source.options]
    for name in source.root:
        if name not in known:
            at, other = location / name, _other_owner(parsed, name)
            if other is None:
                message = f'unknown key "{name[:60]}"; {suggestion(name, known, kind="keys")}'
                yield at.problem("shape", message, on_key=True)
                continue
            message = (
                f"`{name}` is for {other.title}, but {tracker} is a {spec.title} tracker; "
                f"write {spec.source.shape}."
            )
            yield at.problem("source-shape", message, on_key=True)


def _other_owner(parsed: ParsedWorkspace, name: str) -> ConnectorSpec | None:
    """Return the specification of another tracker that has an option of this name."""
    specs = (spec for _, spec in sorted(parsed.trackers.items()))
    return next((spec for spec in specs if any(each.name == name for each in spec.source.options)), None)


def _missing_container(
    tracker: str, spec: ConnectorSpec, source: SourceEntry, location: YamlLocation
) -> Iterator[Problem]:
    if source.root.get(spec.source.container.name) is None:
        message = f"a source of {tracker} needs a {spec.source.noun}; write {spec.source.shape}."
        yield location.problem("source-shape", message, on_key=True)


def _option_problems(option: Option, source: SourceEntry, location: YamlLocation) -> Iterator[Problem]:
    text, at = source.root.get(option.name), location / option.name
    if text is None:
        return
    if option.type == "boolean":
        if read_boolean(text) is None:
            message = f'"{text[:60]}" should be true or false; write it as such.'
            yield at.problem("source-shape", message)
        return
    for finding in option.check(text):
        if finding.is_warning:
            yield at.warning("doubtful-source", finding.sentence)
        else:
            yield at.problem("source-shape", finding.sentence)
