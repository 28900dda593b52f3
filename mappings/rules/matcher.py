"""The matcher: issues and people's overrides in, assignments and unplanned work out.

Compiled once for a workspace and a moment; every command that says what a rule does uses it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import (
    Assignment,
    Conflict,
    Increment,
    IssueState,
    Matched,
    Overrides,
    Rule,
    Unplanned,
    Workspace,
)
from mappings.rules.cel_failures import CelReport
from mappings.rules.claims import Claim, left_open, owners_first
from mappings.rules.conditions import Subject
from mappings.rules.placement import Landing, Lifetimes
from mappings.rules.rule_index import RuleIndex
from mappings.rules.team_rules import TeamRules
from mappings.rules.trace import Outcome, Trace, trace_team

_REMEMBERED: Final = 10_000
"""Different sets of labels; issues share them."""


@dataclass(kw_only=True, slots=True)
class _Verdict:
    outcome: Outcome
    because: str
    homeless: Claim | None = None
    """The claim on a closed increment by which open work was left without a capability."""
    left_open: tuple[Assignment, ...] = ()
    """Where it counts as work that was not finished when its increment closed."""


class _Readers:
    """The teams whose sources hold an issue, and the index of their rules."""

    def __init__(self, teams: Sequence[TeamRules]) -> None:
        self.teams = teams
        self.first = RuleIndex([team.rules for team in teams]).first
        self.leave_done_alone = all(team.states.leave_done_alone for team in teams)

    def winners(self, subject: Subject) -> list[tuple[TeamRules, Rule | None]]:
        """The teams in order, each with the first of its rules that holds."""
        found = self.first(subject)
        return [(team, found.get(position)) for position, team in enumerate(self.teams)]


class Ancestry:
    """The parents of known issues."""

    def __init__(self, known: Iterable[KnownIssue]) -> None:
        self._parents = {
            (each.issue.ref.tracker, each.issue.ref.key): each.issue.parent
            for each in known
            if each.issue.parent
        }

    def of(self, issue: Issue) -> tuple[str, ...]:
        """Keys of all ancestors, nearest first. Beyond the known issues only the named key is known."""
        keys: list[str] = []
        seen = {issue.ref.key}
        parent = issue.parent
        while parent is not None and parent not in seen:
            keys.append(parent)
            seen.add(parent)
            parent = self._parents.get((issue.ref.tracker, parent))
        return tuple(keys)


class Matcher:
    """Says what becomes of issues. ``now`` (aware) decides which increments are running or closed. ``anchors`` are
    issues that are known as anchors; those that have a key of the plans are found without it."""

    def __init__(
        self,
        workspace: Workspace,
        labels: LabelScheme,
        now: datetime,
        anchors: frozenset[IssueRef] = frozenset(),
    ) -> None:
        self._labels = labels
        self._lifetimes = Lifetimes(workspace, now)
        self._anchors = _anchors(workspace.increments)
        self._anchor_issues = anchors
        self._teams_by_source: dict[str, list[TeamRules]] = {}
        teams = [TeamRules(mapping) for mapping in workspace.teams]
        self._cel = CelReport(teams)
        for team in teams:
            for name in dict.fromkeys(source.name for source in team.mapping.sources):
                self._teams_by_source.setdefault(name, []).append(team)
        self._order = {mapping.team: index for index, mapping in enumerate(workspace.teams)}
        self._readers_by_sources: dict[frozenset[str], _Readers] = {}
        self._visible: dict[frozenset[str], tuple[str, ...]] = {}

    def match(
        self, issues: Iterable[KnownIssue], overrides: Overrides, known: Iterable[KnownIssue] | None = None
    ) -> Matched:
        """What becomes of every issue, in the order given; ancestors are looked up among ``known``, without it
        among the issues."""
        self._cel.start()
        issues = list(issues)
        ancestry = Ancestry(issues if known is None else known)
        assignments: list[Assignment] = []
        unplanned: list[Unplanned] = []
        conflicts: list[Conflict] = []
        unfinished: list[Assignment] = []
        homeless: Counter[str] = Counter()
        for each in issues:
            if self._is_long_over(each):
                continue
            verdict = self._decide(each, self._subject(each.issue, ancestry), overrides)
            match verdict.outcome:
                case Assignment() as assignment:
                    assignments.append(assignment)
                case Unplanned() as work:
                    unplanned.append(work)
                case Conflict() as conflict:
                    conflicts.append(conflict)
            unfinished += verdict.left_open
            if verdict.homeless is not None:
                homeless[_who_names(verdict.homeless)] += 1
        return Matched(
            assignments=tuple(assignments),
            unplanned=tuple(unplanned),
            conflicts=tuple(conflicts),
            left_open=tuple(unfinished),
            warnings=(
                *(_homeless_warning(who, count) for who, count in sorted(homeless.items())),
                *self._cel.warnings(),
            ),
        )

    def trace(self, issue: KnownIssue, overrides: Overrides, known: Iterable[KnownIssue] = ()) -> Trace:
        """Why ``match`` does what it does with one issue; ``known`` gives its ancestors."""
        subject = self._subject(issue.issue, Ancestry(known))
        verdict = self._decide(issue, subject, overrides)
        return Trace(
            ref=issue.issue.ref,
            ancestors=subject.ancestors,
            hidden_labels=tuple(sorted(issue.issue.labels.difference(subject.labels))),
            teams=tuple(
                trace_team(team, subject, winner)
                for team, winner in self._readers(issue.sources).winners(subject)
            ),
            outcome=verdict.outcome,
            because=verdict.because,
        )

    def first_rules(
        self, known: Iterable[KnownIssue]
    ) -> Iterator[tuple[KnownIssue, Subject, list[tuple[TeamRules, Rule | None]]]]:
        """For each issue that is no anchor: how rules see it, and the first rule of each team that has it,
        whatever people decided about it and whatever the plans make of it."""
        everything = list(known)
        ancestry = Ancestry(everything)
        for each in everything:
            if not self._is_anchor(each.issue):
                subject = self._subject(each.issue, ancestry)
                yield each, subject, self._readers(each.sources).winners(subject)

    def _is_anchor(self, issue: Issue) -> bool:
        by_key = (issue.ref.tracker, issue.ref.key.casefold()) in self._anchors
        return by_key or issue.ref in self._anchor_issues

    def _is_long_over(self, known: KnownIssue) -> bool:
        """True for most issues of an old tracker: finished, whatever rule takes it, before the first increment
        began, and so neither assigned nor unplanned. ``trace`` asks the rules nevertheless."""
        issue = known.issue
        if issue.category != "done" or not self._lifetimes.is_before_all(issue.closed or issue.updated):
            return False
        return self._readers(known.sources).leave_done_alone

    def _subject(self, issue: Issue, ancestry: Ancestry) -> Subject:
        labels = self._visible.get(issue.labels)
        if labels is None:
            if len(self._visible) >= _REMEMBERED:
                self._visible.clear()
            labels = self._visible[issue.labels] = tuple(sorted(self._labels.not_ours(issue.labels)))
        return Subject(issue=issue, labels=labels, ancestors=ancestry.of(issue))

    def _readers(self, sources: frozenset[str]) -> _Readers:
        readers = self._readers_by_sources.get(sources)
        if readers is None:
            teams = {team.team: team for name in sources for team in self._teams_by_source.get(name, ())}
            in_order = sorted(teams.values(), key=lambda team: self._order[team.team])
            readers = self._readers_by_sources[sources] = _Readers(in_order)
        return readers

    def _decide(self, known: KnownIssue, subject: Subject, overrides: Overrides) -> _Verdict:
        issue = known.issue
        if self._is_anchor(issue):
            return _Verdict(
                outcome=None, because="It is the anchor of a capability or goal and never counted."
            )
        readers = self._readers(known.sources)
        teams = readers.teams
        if not teams:
            return _Verdict(outcome=None, because="No team has a source that holds it.")
        pin = self._lifetimes.present_id(overrides.pins.get(issue.ref, "")) if overrides.pins else None
        if pin is not None:
            return self._pinned(issue, pin, readers.winners(subject))
        winners = readers.first(subject).items()
        claims = [self._claim(issue, teams[position], rule.assign, rule) for position, rule in winners]
        if not claims:
            return self._without_rule(issue, teams)
        verdict = self._ruled(issue, teams, claims, overrides)
        if unfinished := left_open(issue, claims, "rule", self._lifetimes):
            vetoes = self._vetoes(issue, overrides)
            verdict.left_open = tuple(
                each for each in unfinished if vetoes.isdisjoint((claims[0].named, each.capability))
            )
        return verdict

    def _claim(self, issue: Issue, team: TeamRules, named: str, rule: Rule | None) -> Claim:
        state = team.states.of(issue, experiment=rule.experiment if rule else False)
        landing = self._lifetimes.land(named, issue, state)
        return Claim(team=team, named=named, landing=landing, state=state, rule=rule)

    def _vetoes(self, issue: Issue, overrides: Overrides) -> set[str | None]:
        """Capabilities, as they are called now, that a person took the issue out of."""
        return {self._lifetimes.present_id(each) for each in overrides.vetoes.get(issue.ref, ())}

    def _pinned(self, issue: Issue, pin: str, rules: Sequence[tuple[TeamRules, Rule | None]]) -> _Verdict:
        agreeing = [
            self._claim(issue, team, pin, rule)
            for team, rule in rules
            if rule is not None and rule.assign == pin
        ]
        claims = agreeing or [self._claim(issue, team, pin, None) for team, _ in rules]
        verdict = self._held(issue, [team for team, _ in rules], owners_first(claims))
        verdict.left_open = left_open(issue, claims, "pin", self._lifetimes)
        return verdict

    def _held(self, issue: Issue, teams: Sequence[TeamRules], claim: Claim) -> _Verdict:
        if claim.landing.kind == "old":
            return _too_old(claim.landing)
        if claim.landing.kind == "homeless":
            return self._homeless(issue, teams, claim)
        capability = claim.landing.capability.id
        return _Verdict(
            outcome=claim.assignment(issue, "pin"), because=f"A person pinned it to {capability}."
        )

    def _ruled(
        self, issue: Issue, teams: Sequence[TeamRules], claims: Sequence[Claim], overrides: Overrides
    ) -> _Verdict:
        live = [claim for claim in claims if claim.landing.kind != "old"]
        if not live:
            return _too_old(claims[0].landing)
        vetoes = self._vetoes(issue, overrides)
        vetoed = [c for c in live if c.named in vetoes or c.landing.capability.id in vetoes] if vetoes else []
        if vetoed:
            because = f"A person took it out of {vetoed[0].landing.capability.id}."
            return self._left_over(issue, teams, vetoed[0].state, "veto", because)
        homes = [claim for claim in live if claim.landing.kind == "home"]
        if not homes:
            return self._homeless(issue, teams, live[0])
        capabilities = {claim.landing.capability.id for claim in homes}
        if len(capabilities) > 1:
            outcome = Conflict(
                ref=issue.ref, claims=tuple(claim.assignment(issue, "rule") for claim in homes)
            )
            because = f"Teams claim it for different capabilities: {', '.join(sorted(capabilities))}."
            return _Verdict(outcome=outcome, because=because)
        claim = owners_first(homes)
        assignment = claim.assignment(issue, "rule")
        because = f'The rule "{assignment.rule}" of {assignment.team} took it.'
        return _Verdict(outcome=assignment, because=because)

    def _without_rule(self, issue: Issue, teams: Sequence[TeamRules]) -> _Verdict:
        state = teams[0].states.of(issue, experiment=False)
        if self._lifetimes.is_current(issue, state):
            because = "No rule takes it."
            return _Verdict(outcome=_unplanned(issue, teams, state, "no-rule"), because=because)
        because = "No rule takes it, and it is neither under way nor from a running increment."
        return _Verdict(outcome=None, because=because)

    def _homeless(self, issue: Issue, teams: Sequence[TeamRules], claim: Claim) -> _Verdict:
        capability, increment = claim.landing.capability.id, claim.landing.increment.id
        because = f"The increment {increment} of {capability} is closed and nothing continues {capability}."
        verdict = self._left_over(issue, teams, claim.state, "closed-increment", because)
        if not claim.is_open:
            return verdict
        return _Verdict(outcome=verdict.outcome, because=because, homeless=claim)

    def _left_over(
        self,
        issue: Issue,
        teams: Sequence[TeamRules],
        state: IssueState,
        reason: Literal["veto", "closed-increment"],
        because: str,
    ) -> _Verdict:
        """Open work without its capability is always unplanned, finished work only in a running increment."""
        if state.state in ("todo", "doing") or self._lifetimes.is_current(issue, state):
            return _Verdict(outcome=_unplanned(issue, teams, state, reason), because=because)
        return _Verdict(outcome=None, because=because)


def _anchors(increments: Iterable[Increment]) -> frozenset[tuple[str, str]]:
    goals = [goal for increment in increments for goal in increment.goals]
    anchors = [goal.anchor for goal in goals]
    anchors += [capability.anchor for goal in goals for capability in goal.capabilities]
    return frozenset((anchor.tracker, anchor.key.casefold()) for anchor in anchors if anchor)


def _unplanned(
    issue: Issue,
    teams: Sequence[TeamRules],
    state: IssueState,
    reason: Literal["no-rule", "veto", "closed-increment"],
) -> Unplanned:
    return Unplanned(ref=issue.ref, teams=tuple(team.team for team in teams), state=state, reason=reason)


def _too_old(landing: Landing) -> _Verdict:
    because = f"It was finished before the increment {landing.increment.id} of {landing.capability.id} began."
    return _Verdict(outcome=None, because=because)


def _who_names(claim: Claim) -> str:
    who = f'the rule "{claim.rule.id}" of {claim.team.team}' if claim.rule else "a pin"
    return f'{who} names "{claim.named}", whose increment is closed'


def _homeless_warning(who: str, count: int) -> str:
    issues = "1 open issue has" if count == 1 else f"{count} open issues have"
    text = f"{who}: {issues} no capability; add one that `continues` it to a plan, or change the rule."
    return text[0].upper() + text[1:]
