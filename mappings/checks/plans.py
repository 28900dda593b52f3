"""Cross-file checks of plans, one function per check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from mappings.checks.duplicates import repeats
from mappings.labels import MAX_LABEL_LENGTH, is_valid_label
from mappings.parsed import ParsedWorkspace, YamlLocation
from mappings.problems import Problem, suggestion
from mappings.references import InvalidReference, resolve_reference


def unusable_id(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Report ids that cannot be part of a label on both trackers."""
    ids = [("increment", plan.entry.increment, plan.location / "increment") for plan in parsed.plans]
    ids += [("", goal.id, location / "id") for _, goal, location in parsed.goals()]
    ids += [("capability", each.capability.id, each.location / "id") for each in parsed.capabilities()]
    for family, name, location in ids:
        prefixes = parsed.labels.current_prefixes(family) if family else {""}
        label = max(sorted(f"{prefix}{name}" for prefix in prefixes), key=len)
        if is_valid_label(label):
            continue
        if len(label) > MAX_LABEL_LENGTH:
            message = (
                f'"{label}" has {len(label)} characters, a label may have {MAX_LABEL_LENGTH}; shorten the id.'
            )
        else:
            message = (
                f'"{name[:60]}" cannot be used in a label; use lower-case letters, digits and . _ : - only.'
            )
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


def bad_anchor(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Report anchors that are no issue references, and issues that are anchors twice."""
    anchors = [(goal.anchor, location) for _, goal, location in parsed.goals()]
    anchors += [(each.capability.anchor, each.location) for each in parsed.capabilities()]
    valid: list[tuple[str, YamlLocation]] = []
    for text, parent in anchors:
        if text is not None:
            location = parent / "anchor"
            try:
                valid.append((str(resolve_reference(text, parsed.trackers)), location))
            except InvalidReference as reason:
                yield location.problem("bad-anchor", str(reason))
    for anchor, before, location in repeats(valid, ignore_case=True):
        message = f"{anchor} is already the anchor at {before.origin}; an issue can be an anchor only once."
        yield location.problem("anchor-used-twice", message)


def unknown_team(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Warn about owners without a mapping; a team may own a capability before it has one."""
    for each in parsed.capabilities():
        team = each.capability.team
        if team not in parsed.declared_teams and parsed.teams_readable:
            hint = suggestion(team, parsed.declared_teams, kind="teams")
            message = f'no mapping file is for the team "{team}"; {hint}'
            yield (each.location / "team").warning("unknown-team", message)


def bad_continues(parsed: ParsedWorkspace) -> Iterator[Problem]:
    continued = {each.capability.id: each.capability.continues for each in parsed.capabilities()}
    known: list[tuple[str, YamlLocation]] = []
    for each in parsed.capabilities():
        old, location = each.capability.continues, each.location / "continues"
        if old in parsed.declared_capabilities:
            known.append((old, location))
            if each.capability.id in predecessors(old, continued):
                message = (
                    f'"{each.capability.id}" continues itself (circular `continues`); remove one of them.'
                )
                yield location.problem("bad-continues", message)
        elif old is not None and parsed.plans_readable:
            hint = suggestion(old, parsed.declared_capabilities, kind="capabilities")
            yield location.problem("bad-continues", f'unknown capability "{old}"; {hint}')
    for old, before, location in repeats(known):
        message = f'"{old}" is already continued at {before.origin}; only one capability can continue it.'
        yield location.problem("bad-continues", message)


def predecessors(capability: str | None, continued: Mapping[str, str | None]) -> set[str]:
    """Return a capability and those that it continues. ``continued``: what each capability continues."""
    line: set[str] = set()
    while capability is not None and capability not in line:
        line.add(capability)
        capability = continued.get(capability)
    return line


def previously_clashes(parsed: ParsedWorkspace) -> Iterator[Problem]:
    goals = [(goal.id, goal.previously, location) for _, goal, location in parsed.goals()]
    capabilities = [
        (each.capability.id, each.capability.previously, each.location) for each in parsed.capabilities()
    ]
    for entries in (goals, capabilities):
        current_ids = {name for name, _, _ in entries}
        former = [each for _, ids, parent in entries for each in parent.items("previously", ids)]
        for old, location in former:
            if old in current_ids:
                message = f'"{old}" is in use as an id; a former id cannot be a current one.'
                yield location.problem("previously-clashes", message)
        for old, before, location in repeats(each for each in former if each[0] not in current_ids):
            message = f'"{old}" is already a former id at {before.origin}; remove one.'
            yield location.problem("previously-clashes", message)


def goal_without_capabilities(parsed: ParsedWorkspace) -> Iterator[Problem]:
    for plan, goal, location in parsed.goals():
        if not goal.capabilities and not goal.cancelled and plan.complete:
            message = f'the goal "{goal.id}" has no capabilities and can never show progress; add one.'
            yield location.warning("empty-goal", message)
