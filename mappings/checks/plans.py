"""Cross-file checks of plans, one function per check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from mappings.labels import MAX_LABEL_LENGTH, is_valid_label
from mappings.parsed import ParsedWorkspace, YamlLocation
from mappings.problems import Problem, suggestion
from mappings.references import InvalidReference, resolve_reference


def duplicate_ids(check: str, kind: str, entries: Iterable[tuple[str, YamlLocation]]) -> Iterator[Problem]:
    """Yield a problem for each id that was used before, ignoring case."""
    first: dict[str, YamlLocation] = {}
    for name, location in entries:
        before = first.setdefault(name.casefold(), location)
        if before is not location:
            message = f'the {kind} "{name}" is already defined at {before.origin}; rename or remove one.'
            yield location.problem(check, message)


def duplicate_increment(parsed: ParsedWorkspace) -> Iterator[Problem]:
    ids = ((plan.entry.increment, plan.location / "increment") for plan in parsed.plans)
    return duplicate_ids("duplicate-increment", "increment", ids)


def duplicate_goal(parsed: ParsedWorkspace) -> Iterator[Problem]:
    return duplicate_ids(
        "duplicate-goal", "goal", ((goal.id, location / "id") for _, goal, location in parsed.goals())
    )


def duplicate_capability(parsed: ParsedWorkspace) -> Iterator[Problem]:
    ids = ((each.capability.id, each.location / "id") for each in parsed.capabilities())
    return duplicate_ids("duplicate-capability", "capability", ids)


def duplicate_iteration(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for each in parsed.capabilities():
        names = enumerate(each.capability.iterations)
        places = ((name, each.location / "iterations" / index) for index, name in names)
        yield from duplicate_ids("duplicate-iteration", "iteration", places)


def unusable_id(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Report ids that cannot be part of a label on both trackers."""
    for plan in parsed.plans:
        yield from _label_problem(parsed, "increment", plan.entry.increment, plan.location / "increment")
    for _, goal, location in parsed.goals():
        yield from _label_problem(parsed, None, goal.id, location / "id")
    for each in parsed.capabilities():
        yield from _label_problem(parsed, "capability", each.capability.id, each.location / "id")


def _label_problem(
    parsed: ParsedWorkspace, family: str | None, name: str, location: YamlLocation
) -> Iterator[Problem]:
    prefixes = parsed.labels.current_prefixes(family) if family else {""}
    label = max(sorted(f"{prefix}{name}" for prefix in prefixes), key=len)
    if is_valid_label(label):
        return
    if len(label) > MAX_LABEL_LENGTH:
        message = (
            f'"{label}" has {len(label)} characters, a label may have {MAX_LABEL_LENGTH}; shorten the id.'
        )
    else:
        message = f'"{name[:60]}" cannot be used in a label; use lower-case letters, digits and . _ : - only.'
    yield location.problem("unusable-id", message)


def end_before_start(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for plan in parsed.plans:
        if plan.entry.end < plan.entry.start:
            message = (
                f"the increment ends before it starts ({plan.entry.start}); correct one of the two dates."
            )
            yield (plan.location / "end").problem("end-before-start", message)


def target_outside_increment(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for each in parsed.capabilities():
        target, plan = each.capability.target, each.plan.entry
        if target is not None and plan.start <= plan.end and not plan.start <= target <= plan.end:
            message = f"the target {target} lies outside the increment ({plan.start} to {plan.end}); move it."
            yield (each.location / "target").problem("target-outside-increment", message)


def unknown_timezone(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for plan in parsed.plans:
        if plan.entry.timezone is not None and not is_zone(plan.entry.timezone):
            message = (
                f'unknown time zone "{plan.entry.timezone[:60]}"; write an IANA name such as Europe/Berlin.'
            )
            yield (plan.location / "timezone").problem("unknown-timezone", message)


def is_zone(name: str) -> bool:
    """Return True for an IANA time zone that is known on this machine."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _anchors(parsed: ParsedWorkspace) -> Iterator[tuple[str, YamlLocation]]:
    for _, goal, location in parsed.goals():
        if goal.anchor is not None:
            yield goal.anchor, location / "anchor"
    for each in parsed.capabilities():
        if each.capability.anchor is not None:
            yield each.capability.anchor, each.location / "anchor"


def bad_anchor(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for text, location in _anchors(parsed):
        try:
            resolve_reference(text, parsed.trackers)
        except InvalidReference as reason:
            yield location.problem("bad-anchor", str(reason))


def anchor_used_twice(parsed: ParsedWorkspace) -> Iterator[Problem]:
    first: dict[str, YamlLocation] = {}
    for text, location in _anchors(parsed):
        try:
            anchor = str(resolve_reference(text, parsed.trackers))
        except InvalidReference:
            continue
        before = first.setdefault(anchor.casefold(), location)
        if before is not location:
            message = (
                f"{anchor} is already the anchor at {before.origin}; an issue can be an anchor only once."
            )
            yield location.problem("anchor-used-twice", message)


def unknown_team(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Warn about owners without a mapping; a team may own a capability before it has one."""
    for each in parsed.capabilities():
        team = each.capability.team
        if team not in parsed.declared_teams and parsed.teams_readable:
            hint = suggestion(team, parsed.declared_teams, kind="teams")
            message = f'no mapping file is for the team "{team}"; {hint}'
            yield (each.location / "team").problem("unknown-team", message, severity="warning")


def bad_continues(parsed: ParsedWorkspace) -> Iterator[Problem]:
    parents = {each.capability.id: each.capability.continues for each in parsed.capabilities()}
    continued: dict[str, YamlLocation] = {}
    for each in parsed.capabilities():
        old, location = each.capability.continues, each.location / "continues"
        if old is None:
            continue
        if old not in parsed.declared_capabilities:
            if parsed.plans_readable:
                hint = suggestion(old, parsed.declared_capabilities, kind="capabilities")
                yield location.problem("bad-continues", f'unknown capability "{old}"; {hint}')
            continue
        if _is_circular(each.capability.id, parents):
            message = f'"{each.capability.id}" continues itself (circular `continues`); remove one of them.'
            yield location.problem("bad-continues", message)
        before = continued.setdefault(old, location)
        if before is not location:
            message = f'"{old}" is already continued at {before.origin}; only one capability can continue it.'
            yield location.problem("bad-continues", message)


def _is_circular(start: str, parents: dict[str, str | None]) -> bool:
    visited: set[str] = set()
    current = parents.get(start)
    while current is not None and current not in visited:
        if current == start:
            return True
        visited.add(current)
        current = parents.get(current)
    return False


def previously_clashes(parsed: ParsedWorkspace) -> Iterator[Problem]:
    goals = [(goal.id, goal.previously, location) for _, goal, location in parsed.goals()]
    capabilities = [
        (each.capability.id, each.capability.previously, each.location) for each in parsed.capabilities()
    ]
    for entries in (goals, capabilities):
        current_ids = {name for name, _, _ in entries}
        first: dict[str, YamlLocation] = {}
        for _, former_ids, parent in entries:
            for index, old in enumerate(former_ids):
                location = parent / "previously" / index
                before = first.setdefault(old, location)
                if old in current_ids:
                    message = f'"{old}" is in use as an id; a former id cannot be a current one.'
                    yield location.problem("previously-clashes", message)
                elif before is not location:
                    message = f'"{old}" is already a former id at {before.origin}; remove one.'
                    yield location.problem("previously-clashes", message)


def goal_without_capabilities(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for plan, goal, location in parsed.goals():
        if not goal.capabilities and not goal.cancelled and plan.complete:
            message = f'the goal "{goal.id}" has no capabilities and can never show progress; add one.'
            yield location.problem("empty-goal", message, severity="warning")
