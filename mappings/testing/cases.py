"""Cases of ``mappings test``: validate them and build their issues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from connectors.model import Blocker, Category, Issue, IssueRef, KnownIssue
from connectors.spec import ConnectorSpec
from connectors.text import fold_name
from mappings.build import WorkspaceBuilder
from mappings.model import Anchor, Overrides, TeamMapping, Workspace
from mappings.parsed import YamlLocation
from mappings.problems import Problem, suggestion
from mappings.references import InvalidReference, resolve_reference
from mappings.schema.cases import CASE_FIELDS, CaseEntry, CaseIssue

EXPECTATIONS: Final = ("assign", "rule", "iteration", "state", "unplanned", "ignored")

_CATEGORIES: Final[Mapping[str, Category]] = {
    "open": "todo",
    "closed": "done",
    "to do": "todo",
    "in progress": "doing",
    "done": "done",
}
"""Status category of these statuses unless a case sets it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MappingCase:
    """One case with its team and location."""

    team: str
    entry: CaseEntry
    location: YamlLocation

    @property
    def name(self) -> str:
        return self.entry.name or f"{self.entry.issue.key}: {self.entry.issue.title}"

    @property
    def expectations(self) -> Mapping[str, object]:
        """Expectations that are set, in the order of EXPECTATIONS."""
        given = {name: getattr(self.entry, name) for name in EXPECTATIONS}
        return {name: value for name, value in given.items() if value is not None}

    def mapping_in(self, workspace: Workspace) -> TeamMapping:
        """Return the mapping of its team, which must be in the workspace."""
        return next(team for team in workspace.teams if team.team == self.team)


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedCase:
    """Input of the matcher for one case."""

    issue: KnownIssue
    ancestors: tuple[KnownIssue, ...]
    overrides: Overrides
    now: datetime


def case_problems(
    case: MappingCase, workspace: Workspace, trackers: Mapping[str, ConnectorSpec]
) -> Iterator[Problem]:
    """Yield all reasons why a case cannot be run. ``workspace`` must contain its team."""
    team = case.mapping_in(workspace)
    yield from _expectation_problems(case)
    yield from _name_problems(case, workspace, team)
    yield from _issue_problems(case, team, trackers)


def _expectation_problems(case: MappingCase) -> Iterator[Problem]:
    expects, location = case.expectations, case.location
    if not expects:
        message = f"the case expects nothing; set one of {', '.join(EXPECTATIONS)}."
        yield location.problem("case", message, on_key=True)
    for exclusive in ("unplanned", "ignored"):
        clashing = [name for name in EXPECTATIONS if name in expects and name not in (exclusive, "state")]
        if expects.get(exclusive) is True and clashing:
            message = f"an issue that is {exclusive} has no {clashing[0]}; remove one of them."
            yield (location / clashing[0]).problem("case", message, on_key=True)


def _name_problems(case: MappingCase, workspace: Workspace, team: TeamMapping) -> Iterator[Problem]:
    entry, location = case.entry, case.location
    capabilities = {each.id: each for increment in workspace.increments for each in increment.capabilities}
    named = [(entry.assign, location / "assign"), (entry.pinned, location / "pinned")]
    named += location.items("vetoed", entry.vetoed)
    for name, at in named:
        if name is not None and name not in capabilities:
            hint = suggestion(name, capabilities, kind="capabilities")
            yield at.problem("case", f'unknown capability "{name}"; {hint}')
    rules = [rule.id for rule in team.rules]
    if entry.rule is not None and entry.rule not in rules:
        hint = suggestion(entry.rule, rules, kind="rules")
        yield (location / "rule").problem("case", f'{team.team} has no rule "{entry.rule}"; {hint}')
    capability = capabilities.get(entry.assign or "")
    if entry.iteration is not None and capability and entry.iteration not in capability.iterations:
        hint = suggestion(entry.iteration, capability.iterations, kind="iterations")
        message = f'"{capability.id}" has no iteration "{entry.iteration}"; {hint}'
        yield (location / "iteration").problem("case", message)


def _issue_problems(
    case: MappingCase, team: TeamMapping, trackers: Mapping[str, ConnectorSpec]
) -> Iterator[Problem]:
    issue, location = case.entry.issue, case.location / "issue"
    try:
        key = _key(case, team, trackers)
    except InvalidReference as reason:
        yield (location / "key").problem("case", str(reason))
    else:
        container = trackers[key.tracker].keys.container(key.key)
        if not _sources_holding(key.tracker, container, [team], issue.pull_request, of=team):
            names = ", ".join(source.name for source in team.sources)
            message = f"no source of {team.team} contains {key}; its sources are {names}."
            yield (location / "key").problem("case", message)
    if issue.parent is not None and issue.ancestors and issue.ancestors[0] != issue.parent:
        message = f"the parent is {issue.parent}, but the nearest ancestor is {issue.ancestors[0]}; write one of them."
        yield (location / "ancestors").problem("case", message, on_key=True)


def _key(case: MappingCase, team: TeamMapping, trackers: Mapping[str, ConnectorSpec]) -> Anchor:
    """Return tracker and key. A short key that fits several trackers belongs to the one that the team reads."""
    text = case.entry.issue.key
    read = {source.tracker for source in team.sources}
    narrowed = {name: spec for name, spec in trackers.items() if name in read}
    try:
        return resolve_reference(text, narrowed)
    except InvalidReference:
        return resolve_reference(text, trackers)


def _sources_holding(
    tracker: str, container: str, teams: Iterable[TeamMapping], pull_request: bool, *, of: TeamMapping
) -> frozenset[str]:
    """Return the names of the sources that contain the issue.

    What narrows a source cannot be evaluated here: such a source of the case's own team is assumed to contain the
    issue, one of another team is not."""
    return frozenset(
        source.name
        for team in teams
        for source in team.sources
        if source.tracker == tracker
        and source.container.casefold() == container.casefold()
        and (not source.narrowing or source in of.sources)
        and (source.has("pull_requests") or not pull_request)
    )


def prepare_case(case: MappingCase, workspace: Workspace, builder: WorkspaceBuilder) -> PreparedCase:
    """Build the issue, its ancestors and its overrides at the time of the case.

    ``case_problems`` must be empty and the workspace must have an increment.
    """
    entry = case.entry
    team = case.mapping_in(workspace)
    key = _key(case, team, builder.trackers)
    now = builder.to_utc(entry.now) if entry.now is not None else _moment(case, workspace, team)
    issue = _issue(case, key, builder, now)
    holders = _sources_holding(
        key.tracker, issue.container, workspace.teams, entry.issue.pull_request, of=team
    )
    return PreparedCase(
        issue=KnownIssue(issue=issue, sources=holders, first_seen=issue.created),
        ancestors=tuple(_ancestors(case, issue)),
        overrides=Overrides(
            pins={issue.ref: entry.pinned} if entry.pinned else {},
            vetoes={issue.ref: frozenset(entry.vetoed)} if entry.vetoed else {},
        ),
        now=now,
    )


def _moment(case: MappingCase, workspace: Workspace, team: TeamMapping) -> datetime:
    """Return the middle of the increment of the case, else of the one that ends last (UTC)."""
    entry = case.entry
    by_rule = [rule.assign for rule in team.rules if rule.id == entry.rule]
    for name in (entry.assign, entry.pinned, *by_rule, *entry.vetoed):
        found = workspace.capability(name) if name else None
        if found is not None:
            increment = found[0]
            break
    else:
        increment = max(workspace.increments, key=lambda each: (each.end, each.id))
    return increment.starts_at + (increment.ends_at - increment.starts_at) / 2


def _issue(case: MappingCase, key: Anchor, builder: WorkspaceBuilder, now: datetime) -> Issue:
    given = case.entry.issue
    closed = builder.to_utc(given.closed) if given.closed else None
    created = builder.to_utc(given.created) if given.created else (closed or now) - timedelta(days=1)
    spec = builder.trackers[key.tracker]
    status, category = _status(case, spec)
    return Issue(
        ref=IssueRef(tracker=key.tracker, id=key.key, key=key.key),
        url="",
        title=given.title,
        container=spec.keys.container(key.key),
        status=status,
        category=category,
        created=created,
        updated=builder.to_utc(given.updated) if given.updated else closed or max(created, now),
        closed=closed or max(created, now),  # of an open issue it has no meaning
        resolution=given.resolution,
        body=given.body,
        labels=frozenset(given.labels),
        parent=given.parent or (given.ancestors[0] if given.ancestors else None),
        blocked_by=tuple(
            Blocker(ref=IssueRef(tracker=key.tracker, id=each, key=each), is_open=True)
            for each in given.blocked_by
        ),
        flagged=given.flagged,
        is_pull_request=given.pull_request,
        fields={name: tuple(values) for name, values in given.fields.items()},
        **_field_values(given),
    )


def _field_values(given: CaseIssue) -> dict[str, Any]:
    values = {each.attribute: given.value(each) for each in CASE_FIELDS if each.attribute}
    values["reporter"] = values["reporter"] or values["author"]  # as on a new issue
    return {name: value for name, value in values.items() if value}


def _status(case: MappingCase, spec: ConnectorSpec) -> tuple[str, Category | None]:
    """Return status and category. A status without a category has none, unless it is in _CATEGORIES."""
    given = case.entry.issue
    category: Category | None = given.category
    if category is None and (given.resolution is not None or given.closed is not None):
        category = "done"
    if given.status is not None:
        usual = {fold_name(name): each for each, name in reversed([*spec.traits.statuses.items()])}
        status = fold_name(given.status)
        return given.status, category or usual.get(status, _CATEGORIES.get(status))
    category = category or "todo"
    return spec.traits.statuses[category], category


def _ancestors(case: MappingCase, issue: Issue) -> Iterator[KnownIssue]:
    """Yield stand-ins for the ancestors, of which the matcher reads only key and parent."""
    for child, parent in pairwise(case.entry.issue.ancestors):
        ref = IssueRef(tracker=issue.ref.tracker, id=child, key=child)
        stand_in = replace(issue, ref=ref, parent=parent)
        yield KnownIssue(issue=stand_in, sources=frozenset(), first_seen=issue.created)
