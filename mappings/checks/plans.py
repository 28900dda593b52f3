"""Cross-file checks of plans: one function for each thing that can be wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from mappings.labels import MAX_LABEL_LENGTH, is_legal
from mappings.parsed import Draft, Place
from mappings.problems import Problem, suggestion
from mappings.references import NotAReference, resolve_reference


def twice(check: str, kind: str, entries: Iterable[tuple[str, Place]]) -> Iterator[Problem]:
    """A problem for each id (compared without regard to case) that was there before."""
    first: dict[str, Place] = {}
    for name, place in entries:
        before = first.setdefault(name.casefold(), place)
        if before is not place:
            message = f'the {kind} "{name}" is defined already at {before.origin}; rename or remove one.'
            yield place.problem(check, message)


def duplicate_increment(draft: Draft) -> Iterator[Problem]:
    ids = ((plan.entry.increment, plan.place / "increment") for plan in draft.plans)
    return twice("duplicate-increment", "increment", ids)


def duplicate_goal(draft: Draft) -> Iterator[Problem]:
    return twice("duplicate-goal", "goal", ((goal.id, place / "id") for _, goal, place in draft.goals()))


def duplicate_capability(draft: Draft) -> Iterator[Problem]:
    ids = ((each.capability.id, each.place / "id") for each in draft.capabilities())
    return twice("duplicate-capability", "capability", ids)


def duplicate_iteration(draft: Draft) -> Iterator[Problem]:
    for each in draft.capabilities():
        names = enumerate(each.capability.iterations)
        places = ((name, each.place / "iterations" / index) for index, name in names)
        yield from twice("duplicate-iteration", "iteration", places)


def unusable_id(draft: Draft) -> Iterator[Problem]:
    """Ids become labels, so they have to be legal in both trackers."""
    for plan in draft.plans:
        yield from _label_problem(draft, "increment", plan.entry.increment, plan.place / "increment")
    for _, goal, place in draft.goals():
        yield from _label_problem(draft, None, goal.id, place / "id")
    for each in draft.capabilities():
        yield from _label_problem(draft, "capability", each.capability.id, each.place / "id")


def _label_problem(draft: Draft, family: str | None, name: str, place: Place) -> Iterator[Problem]:
    prefixes = draft.labels.current(family) if family else {""}
    label = max(sorted(f"{prefix}{name}" for prefix in prefixes), key=len)
    if is_legal(label):
        return
    if len(label) > MAX_LABEL_LENGTH:
        message = (
            f'"{label}" has {len(label)} characters, a label may have {MAX_LABEL_LENGTH}; shorten the id.'
        )
    else:
        message = f'"{name[:60]}" cannot be used in a label; use lower-case letters, digits and . _ : - only.'
    yield place.problem("unusable-id", message)


def end_before_start(draft: Draft) -> Iterator[Problem]:
    for plan in draft.plans:
        if plan.entry.end < plan.entry.start:
            message = (
                f"the increment ends before it starts ({plan.entry.start}); correct one of the two dates."
            )
            yield (plan.place / "end").problem("end-before-start", message)


def target_outside_increment(draft: Draft) -> Iterator[Problem]:
    for each in draft.capabilities():
        target, plan = each.capability.target, each.plan.entry
        if target is not None and plan.start <= plan.end and not plan.start <= target <= plan.end:
            message = f"the target {target} lies outside the increment ({plan.start} to {plan.end}); move it."
            yield (each.place / "target").problem("target-outside-increment", message)


def unknown_timezone(draft: Draft) -> Iterator[Problem]:
    for plan in draft.plans:
        if plan.entry.timezone is not None and not is_zone(plan.entry.timezone):
            message = (
                f'unknown time zone "{plan.entry.timezone[:60]}"; write an IANA name such as Europe/Berlin.'
            )
            yield (plan.place / "timezone").problem("unknown-timezone", message)


def is_zone(name: str) -> bool:
    """True for an IANA zone that this machine knows."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _anchors(draft: Draft) -> Iterator[tuple[str, Place]]:
    for _, goal, place in draft.goals():
        if goal.anchor is not None:
            yield goal.anchor, place / "anchor"
    for each in draft.capabilities():
        if each.capability.anchor is not None:
            yield each.capability.anchor, each.place / "anchor"


def bad_anchor(draft: Draft) -> Iterator[Problem]:
    for text, place in _anchors(draft):
        try:
            resolve_reference(text, draft.trackers)
        except NotAReference as reason:
            yield place.problem("bad-anchor", str(reason))


def anchor_used_twice(draft: Draft) -> Iterator[Problem]:
    first: dict[str, Place] = {}
    for text, place in _anchors(draft):
        try:
            anchor = str(resolve_reference(text, draft.trackers))
        except NotAReference:
            continue
        before = first.setdefault(anchor.casefold(), place)
        if before is not place:
            message = (
                f"{anchor} is the anchor at {before.origin} already; one issue stands for one thing only."
            )
            yield place.problem("anchor-used-twice", message)


def unknown_owner(draft: Draft) -> Iterator[Problem]:
    """A warning: a team may own a capability before it has a mapping of its own."""
    for each in draft.capabilities():
        team = each.capability.team
        if team not in draft.written_teams and draft.teams_readable:
            hint = suggestion(team, draft.written_teams, kind="teams")
            message = f'no mapping file is for the team "{team}"; {hint}'
            yield (each.place / "team").problem("unknown-team", message, severity="warning")


def bad_continues(draft: Draft) -> Iterator[Problem]:
    parents = {each.capability.id: each.capability.continues for each in draft.capabilities()}
    taken: dict[str, Place] = {}
    for each in draft.capabilities():
        old, place = each.capability.continues, each.place / "continues"
        if old is None:
            continue
        if old not in draft.written_capabilities:
            if draft.plans_readable:
                hint = suggestion(old, draft.written_capabilities, kind="capabilities")
                yield place.problem("bad-continues", f'unknown capability "{old}"; {hint}')
            continue
        if _in_circle(each.capability.id, parents):
            message = f'"{each.capability.id}" continues itself in a circle; remove one `continues`.'
            yield place.problem("bad-continues", message)
        before = taken.setdefault(old, place)
        if before is not place:
            message = f'"{old}" is continued at {before.origin} already; only one capability can take over.'
            yield place.problem("bad-continues", message)


def _in_circle(start: str, parents: dict[str, str | None]) -> bool:
    seen: set[str] = set()
    current = parents.get(start)
    while current is not None and current not in seen:
        if current == start:
            return True
        seen.add(current)
        current = parents.get(current)
    return False


def previously_clashes(draft: Draft) -> Iterator[Problem]:
    goals = [(goal.id, goal.previously, place) for _, goal, place in draft.goals()]
    capabilities = [
        (each.capability.id, each.capability.previously, each.place) for each in draft.capabilities()
    ]
    for entries in (goals, capabilities):
        live = {name for name, _, _ in entries}
        first: dict[str, Place] = {}
        for _, olds, parent in entries:
            for index, old in enumerate(olds):
                place = parent / "previously" / index
                before = first.setdefault(old, place)
                if old in live:
                    message = f'"{old}" is in use as an id; a former id cannot be a present one.'
                    yield place.problem("previously-clashes", message)
                elif before is not place:
                    message = f'"{old}" is a former id at {before.origin} already; remove one.'
                    yield place.problem("previously-clashes", message)


def goal_without_capabilities(draft: Draft) -> Iterator[Problem]:
    for plan, goal, place in draft.goals():
        if not goal.capabilities and not goal.cancelled and plan.whole:
            message = f'the goal "{goal.id}" has no capabilities and so will never show progress; add one.'
            yield place.problem("empty-goal", message, severity="warning")
