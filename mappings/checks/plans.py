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
    for name, place in entries:
        before = first.setdefault(name.casefold(), place)
        if before is not place:
            message = f'the {kind} "{name}" is already defined at {before.origin}; rename or remove one.'
            yield place.problem(check, message)


def duplicate_increment(draft: ParsedWorkspace) -> Iterator[Problem]:
    ids = ((plan.entry.increment, plan.location / "increment") for plan in draft.plans)
    return duplicate_ids("duplicate-increment", "increment", ids)


def duplicate_goal(draft: ParsedWorkspace) -> Iterator[Problem]:
    return duplicate_ids(
        "duplicate-goal", "goal", ((goal.id, place / "id") for _, goal, place in draft.goals())
    )


def duplicate_capability(draft: ParsedWorkspace) -> Iterator[Problem]:
    ids = ((each.capability.id, each.location / "id") for each in draft.capabilities())
    return duplicate_ids("duplicate-capability", "capability", ids)


def duplicate_iteration(draft: ParsedWorkspace) -> Iterator[Problem]:
    for each in draft.capabilities():
        names = enumerate(each.capability.iterations)
        places = ((name, each.location / "iterations" / index) for index, name in names)
        yield from duplicate_ids("duplicate-iteration", "iteration", places)


def unusable_id(draft: ParsedWorkspace) -> Iterator[Problem]:
    """Report ids that cannot be part of a label on both trackers."""
    for plan in draft.plans:
        yield from _label_problem(draft, "increment", plan.entry.increment, plan.location / "increment")
    for _, goal, place in draft.goals():
        yield from _label_problem(draft, None, goal.id, place / "id")
    for each in draft.capabilities():
        yield from _label_problem(draft, "capability", each.capability.id, each.location / "id")


def _label_problem(
    draft: ParsedWorkspace, family: str | None, name: str, place: YamlLocation
) -> Iterator[Problem]:
    prefixes = draft.labels.current_prefixes(family) if family else {""}
    label = max(sorted(f"{prefix}{name}" for prefix in prefixes), key=len)
    if is_valid_label(label):
        return
    if len(label) > MAX_LABEL_LENGTH:
        message = (
            f'"{label}" has {len(label)} characters, a label may have {MAX_LABEL_LENGTH}; shorten the id.'
        )
    else:
        message = f'"{name[:60]}" cannot be used in a label; use lower-case letters, digits and . _ : - only.'
    yield place.problem("unusable-id", message)


def end_before_start(draft: ParsedWorkspace) -> Iterator[Problem]:
    for plan in draft.plans:
        if plan.entry.end < plan.entry.start:
            message = (
                f"the increment ends before it starts ({plan.entry.start}); correct one of the two dates."
            )
            yield (plan.location / "end").problem("end-before-start", message)


def target_outside_increment(draft: ParsedWorkspace) -> Iterator[Problem]:
    for each in draft.capabilities():
        target, plan = each.capability.target, each.plan.entry
        if target is not None and plan.start <= plan.end and not plan.start <= target <= plan.end:
            message = f"the target {target} lies outside the increment ({plan.start} to {plan.end}); move it."
            yield (each.location / "target").problem("target-outside-increment", message)


def unknown_timezone(draft: ParsedWorkspace) -> Iterator[Problem]:
    for plan in draft.plans:
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


def _anchors(draft: ParsedWorkspace) -> Iterator[tuple[str, YamlLocation]]:
    for _, goal, place in draft.goals():
        if goal.anchor is not None:
            yield goal.anchor, place / "anchor"
    for each in draft.capabilities():
        if each.capability.anchor is not None:
            yield each.capability.anchor, each.location / "anchor"


def bad_anchor(draft: ParsedWorkspace) -> Iterator[Problem]:
    for text, place in _anchors(draft):
        try:
            resolve_reference(text, draft.trackers)
        except InvalidReference as reason:
            yield place.problem("bad-anchor", str(reason))


def anchor_used_twice(draft: ParsedWorkspace) -> Iterator[Problem]:
    first: dict[str, YamlLocation] = {}
    for text, place in _anchors(draft):
        try:
            anchor = str(resolve_reference(text, draft.trackers))
        except InvalidReference:
            continue
        before = first.setdefault(anchor.casefold(), place)
        if before is not place:
            message = (
                f"{anchor} is already the anchor at {before.origin}; an issue can be an anchor only once."
            )
            yield place.problem("anchor-used-twice", message)


def unknown_team(draft: ParsedWorkspace) -> Iterator[Problem]:
    """Warn about owners without a mapping; a team may own a capability before it has one."""
    for each in draft.capabilities():
        team = each.capability.team
        if team not in draft.declared_teams and draft.teams_readable:
            hint = suggestion(team, draft.declared_teams, kind="teams")
            message = f'no mapping file is for the team "{team}"; {hint}'
            yield (each.location / "team").problem("unknown-team", message, severity="warning")


def bad_continues(draft: ParsedWorkspace) -> Iterator[Problem]:
    parents = {each.capability.id: each.capability.continues for each in draft.capabilities()}
    taken: dict[str, YamlLocation] = {}
    for each in draft.capabilities():
        old, place = each.capability.continues, each.location / "continues"
        if old is None:
            continue
        if old not in draft.declared_capabilities:
            if draft.plans_readable:
                hint = suggestion(old, draft.declared_capabilities, kind="capabilities")
                yield place.problem("bad-continues", f'unknown capability "{old}"; {hint}')
            continue
        if _is_circular(each.capability.id, parents):
            message = f'"{each.capability.id}" continues itself (circular `continues`); remove one of them.'
            yield place.problem("bad-continues", message)
        before = taken.setdefault(old, place)
        if before is not place:
            message = f'"{old}" is already continued at {before.origin}; only one capability can continue it.'
            yield place.problem("bad-continues", message)


def _is_circular(start: str, parents: dict[str, str | None]) -> bool:
    seen: set[str] = set()
    current = parents.get(start)
    while current is not None and current not in seen:
        if current == start:
            return True
        seen.add(current)
        current = parents.get(current)
    return False


def previously_clashes(draft: ParsedWorkspace) -> Iterator[Problem]:
    goals = [(goal.id, goal.previously, place) for _, goal, place in draft.goals()]
    capabilities = [
        (each.capability.id, each.capability.previously, each.location) for each in draft.capabilities()
    ]
    for entries in (goals, capabilities):
        live = {name for name, _, _ in entries}
        first: dict[str, YamlLocation] = {}
        for _, olds, parent in entries:
            for index, old in enumerate(olds):
                place = parent / "previously" / index
                before = first.setdefault(old, place)
                if old in live:
                    message = f'"{old}" is in use as an id; a former id cannot be a current one.'
                    yield place.problem("previously-clashes", message)
                elif before is not place:
                    message = f'"{old}" is already a former id at {before.origin}; remove one.'
                    yield place.problem("previously-clashes", message)


def goal_without_capabilities(draft: ParsedWorkspace) -> Iterator[Problem]:
    for plan, goal, place in draft.goals():
        if not goal.capabilities and not goal.cancelled and plan.complete:
            message = f'the goal "{goal.id}" has no capabilities and can never show progress; add one.'
            yield place.problem("empty-goal", message, severity="warning")
