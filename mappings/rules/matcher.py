"""Matcher: assign issues to capabilities by rules and manual overrides.

One matcher is compiled for a workspace and a time. All commands that evaluate rules use it.
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
    MatchResult,
    Overrides,
    Rule,
    Unplanned,
    Workspace,
)
from mappings.rules.cel_failures import CelFailureReport
from mappings.rules.claims import Claim, owners_first, unfinished_at_close
from mappings.rules.placement import CapabilityTimeline, Placement
from mappings.rules.rule_index import RuleIndex
from mappings.rules.subject import RuleSubject
from mappings.rules.team_rules import TeamRules
from mappings.rules.trace import MatchOutcome, Trace, trace_team

_CACHE_SIZE: Final = 10_000
"""Different sets of labels that are cached; issues share them."""


@dataclass(kw_only=True, slots=True)
class _Decision:
    outcome: MatchOutcome
    because: str
    claim_without_successor: Claim | None = None
    """Claim of open work on a closed increment that nothing continues."""
    unfinished_at_close: tuple[Assignment, ...] = ()
    """Assignments as unfinished work of closed increments."""


class _CandidateTeams:
    """Teams that have a source of an issue, with the index of their rules."""

    def __init__(self, teams: Sequence[TeamRules]) -> None:
        self.teams = teams
        self.first = RuleIndex([team.rules for team in teams]).first
        self.never_reopen = all(team.states.never_reopens for team in teams)

    def first_rules(self, subject: RuleSubject) -> list[tuple[TeamRules, Rule | None]]:
        """Return the teams in order, each with its first matching rule."""
        found = self.first(subject)
        return [(team, found.get(position)) for position, team in enumerate(self.teams)]


class Ancestry:
    """Parents of known issues."""

    def __init__(self, known: Iterable[KnownIssue]) -> None:
        self._parents = {
            (each.issue.ref.tracker, each.issue.ref.key): each.issue.parent
            for each in known
            if each.issue.parent
        }

    def ancestors_of(self, issue: Issue) -> tuple[str, ...]:
        """Return the keys of all ancestors, parent first. The chain ends at the first unknown issue."""
        keys: list[str] = []
        seen = {issue.ref.key}
        parent = issue.parent
        while parent is not None and parent not in seen:
            keys.append(parent)
            seen.add(parent)
            parent = self._parents.get((issue.ref.tracker, parent))
        return tuple(keys)


class Matcher:
    """Assigns issues to capabilities.

    ``now`` (aware) decides which increments are running or closed. ``anchors`` are additional anchor issues; issues
    whose key is an anchor in the plans are recognised without it."""

    def __init__(
        self,
        workspace: Workspace,
        labels: LabelScheme,
        now: datetime,
        anchors: frozenset[IssueRef] = frozenset(),
    ) -> None:
        self._labels = labels
        self._timeline = CapabilityTimeline(workspace, now)
        self._anchors = _anchors(workspace.increments)
        self._anchor_issues = anchors
        self._teams_by_source: dict[str, list[TeamRules]] = {}
        teams = [TeamRules(mapping) for mapping in workspace.teams]
        self._cel_failures = CelFailureReport(teams)
        for team in teams:
            for name in dict.fromkeys(source.name for source in team.mapping.sources):
                self._teams_by_source.setdefault(name, []).append(team)
        self._order = {mapping.team: index for index, mapping in enumerate(workspace.teams)}
        self._candidates_by_sources: dict[frozenset[str], _CandidateTeams] = {}
        self._visible_labels: dict[frozenset[str], tuple[str, ...]] = {}

    def match(
        self, issues: Iterable[KnownIssue], overrides: Overrides, known: Iterable[KnownIssue] | None = None
    ) -> MatchResult:
        """Match all issues, in the given order. Ancestors are looked up in ``known``, by default in ``issues``."""
        self._cel_failures.reset()
        issues = list(issues)
        ancestry = Ancestry(issues if known is None else known)
        assignments: list[Assignment] = []
        unplanned: list[Unplanned] = []
        conflicts: list[Conflict] = []
        unfinished: list[Assignment] = []
        homeless: Counter[str] = Counter()
        for each in issues:
            if self._finished_before_all(each):
                continue
            verdict = self._decide(each, self._subject(each.issue, ancestry), overrides)
            match verdict.outcome:
                case Assignment() as assignment:
                    assignments.append(assignment)
                case Unplanned() as work:
                    unplanned.append(work)
                case Conflict() as conflict:
                    conflicts.append(conflict)
            unfinished += verdict.unfinished_at_close
            if verdict.claim_without_successor is not None:
                homeless[_describe_claim(verdict.claim_without_successor)] += 1
        return MatchResult(
            assignments=tuple(assignments),
            unplanned=tuple(unplanned),
            conflicts=tuple(conflicts),
            unfinished_at_close=tuple(unfinished),
            warnings=(
                *(_no_successor_warning(who, count) for who, count in sorted(homeless.items())),
                *self._cel_failures.warnings(),
            ),
        )

    def trace(self, issue: KnownIssue, overrides: Overrides, known: Iterable[KnownIssue] = ()) -> Trace:
        """Explain the match of one issue. Ancestors are looked up in ``known``."""
        subject = self._subject(issue.issue, Ancestry(known))
        verdict = self._decide(issue, subject, overrides)
        return Trace(
            ref=issue.issue.ref,
            ancestors=subject.ancestors,
            hidden_labels=tuple(sorted(issue.issue.labels.difference(subject.labels))),
            teams=tuple(
                trace_team(team, subject, winner)
                for team, winner in self._candidate_teams(issue.sources).first_rules(subject)
            ),
            outcome=verdict.outcome,
            because=verdict.because,
        )

    def first_rules(
        self, known: Iterable[KnownIssue]
    ) -> Iterator[tuple[KnownIssue, RuleSubject, list[tuple[TeamRules, Rule | None]]]]:
        """Yield each issue that is not an anchor with its subject and the first matching rule of each team.

        Overrides and increment dates are ignored."""
        everything = list(known)
        ancestry = Ancestry(everything)
        for each in everything:
            if not self._is_anchor(each.issue):
                subject = self._subject(each.issue, ancestry)
                yield each, subject, self._candidate_teams(each.sources).first_rules(subject)

    def _is_anchor(self, issue: Issue) -> bool:
        by_key = (issue.ref.tracker, issue.ref.key.casefold()) in self._anchors
        return by_key or issue.ref in self._anchor_issues

    def _finished_before_all(self, known: KnownIssue) -> bool:
        """Return True if the issue was finished before the first increment started.

        Such an issue is neither assigned nor unplanned, so ``match`` skips its rules. ``trace`` evaluates them."""
        issue = known.issue
        if issue.category != "done" or not self._timeline.is_before_all_increments(
            issue.closed or issue.updated
        ):
            return False
        return self._candidate_teams(known.sources).never_reopen

    def _subject(self, issue: Issue, ancestry: Ancestry) -> RuleSubject:
        labels = self._visible_labels.get(issue.labels)
        if labels is None:
            if len(self._visible_labels) >= _CACHE_SIZE:
                self._visible_labels.clear()
            labels = self._visible_labels[issue.labels] = tuple(sorted(self._labels.unmanaged(issue.labels)))
        return RuleSubject(issue=issue, labels=labels, ancestors=ancestry.ancestors_of(issue))

    def _candidate_teams(self, sources: frozenset[str]) -> _CandidateTeams:
        readers = self._candidates_by_sources.get(sources)
        if readers is None:
            teams = {team.team: team for name in sources for team in self._teams_by_source.get(name, ())}
            in_order = sorted(teams.values(), key=lambda team: self._order[team.team])
            readers = self._candidates_by_sources[sources] = _CandidateTeams(in_order)
        return readers

    def _decide(self, known: KnownIssue, subject: RuleSubject, overrides: Overrides) -> _Decision:
        issue = known.issue
        if self._is_anchor(issue):
            return _Decision(
                outcome=None, because="It is the anchor of a capability or goal, which is never counted."
            )
        readers = self._candidate_teams(known.sources)
        teams = readers.teams
        if not teams:
            return _Decision(outcome=None, because="No team has a source that contains it.")
        pin = self._timeline.current_id(overrides.pins.get(issue.ref, "")) if overrides.pins else None
        if pin is not None:
            return self._decide_pinned(issue, pin, readers.first_rules(subject))
        winners = readers.first(subject).items()
        claims = [self._claim(issue, teams[position], rule.assign, rule) for position, rule in winners]
        if not claims:
            return self._decide_without_rule(issue, teams)
        verdict = self._decide_by_rules(issue, teams, claims, overrides)
        if unfinished := unfinished_at_close(issue, claims, "rule", self._timeline):
            vetoes = self._vetoes(issue, overrides)
            verdict.unfinished_at_close = tuple(
                each for each in unfinished if vetoes.isdisjoint((claims[0].named, each.capability))
            )
        return verdict

    def _claim(self, issue: Issue, team: TeamRules, named: str, rule: Rule | None) -> Claim:
        state = team.states.resolve(issue, experiment=rule.experiment if rule else False)
        landing = self._timeline.place(named, issue, state)
        return Claim(team=team, named=named, placement=landing, state=state, rule=rule)

    def _vetoes(self, issue: Issue, overrides: Overrides) -> set[str | None]:
        """Return the current ids of capabilities from which a person removed the issue."""
        return {self._timeline.current_id(each) for each in overrides.vetoes.get(issue.ref, ())}

    def _decide_pinned(
        self, issue: Issue, pin: str, rules: Sequence[tuple[TeamRules, Rule | None]]
    ) -> _Decision:
        agreeing = [
            self._claim(issue, team, pin, rule)
            for team, rule in rules
            if rule is not None and rule.assign == pin
        ]
        claims = agreeing or [self._claim(issue, team, pin, None) for team, _ in rules]
        verdict = self._decide_pinned_claim(issue, [team for team, _ in rules], owners_first(claims))
        verdict.unfinished_at_close = unfinished_at_close(issue, claims, "pin", self._timeline)
        return verdict

    def _decide_pinned_claim(self, issue: Issue, teams: Sequence[TeamRules], claim: Claim) -> _Decision:
        if claim.placement.kind == "old":
            return _too_old(claim.placement)
        if claim.placement.kind == "homeless":
            return self._decide_without_successor(issue, teams, claim)
        capability = claim.placement.capability.id
        return _Decision(
            outcome=claim.assignment(issue, "pin"), because=f"A person pinned it to {capability}."
        )

    def _decide_by_rules(
        self, issue: Issue, teams: Sequence[TeamRules], claims: Sequence[Claim], overrides: Overrides
    ) -> _Decision:
        live = [claim for claim in claims if claim.placement.kind != "old"]
        if not live:
            return _too_old(claims[0].placement)
        vetoes = self._vetoes(issue, overrides)
        vetoed = (
            [c for c in live if c.named in vetoes or c.placement.capability.id in vetoes] if vetoes else []
        )
        if vetoed:
            because = f"A person removed it from {vetoed[0].placement.capability.id}."
            return self._decide_unassigned(issue, teams, vetoed[0].state, "veto", because)
        homes = [claim for claim in live if claim.placement.kind == "home"]
        if not homes:
            return self._decide_without_successor(issue, teams, live[0])
        capabilities = {claim.placement.capability.id for claim in homes}
        if len(capabilities) > 1:
            outcome = Conflict(
                ref=issue.ref, claims=tuple(claim.assignment(issue, "rule") for claim in homes)
            )
            because = f"Teams claim it for different capabilities: {', '.join(sorted(capabilities))}."
            return _Decision(outcome=outcome, because=because)
        claim = owners_first(homes)
        assignment = claim.assignment(issue, "rule")
        because = f'The rule "{assignment.rule}" of {assignment.team} matched it.'
        return _Decision(outcome=assignment, because=because)

    def _decide_without_rule(self, issue: Issue, teams: Sequence[TeamRules]) -> _Decision:
        state = teams[0].states.resolve(issue, experiment=False)
        if self._timeline.is_current(issue, state):
            because = "No rule matches it."
            return _Decision(outcome=_unplanned(issue, teams, state, "no-rule"), because=because)
        because = "No rule matches it, and it is neither in progress nor from a running increment."
        return _Decision(outcome=None, because=because)

    def _decide_without_successor(self, issue: Issue, teams: Sequence[TeamRules], claim: Claim) -> _Decision:
        capability, increment = claim.placement.capability.id, claim.placement.increment.id
        because = f"The increment {increment} of {capability} is closed and nothing continues {capability}."
        verdict = self._decide_unassigned(issue, teams, claim.state, "closed-increment", because)
        if not claim.is_open:
            return verdict
        return _Decision(outcome=verdict.outcome, because=because, claim_without_successor=claim)

    def _decide_unassigned(
        self,
        issue: Issue,
        teams: Sequence[TeamRules],
        state: IssueState,
        reason: Literal["veto", "closed-increment"],
        because: str,
    ) -> _Decision:
        """Return unplanned for open work, and for finished work of a running increment; else no outcome."""
        if state.state in ("todo", "doing") or self._timeline.is_current(issue, state):
            return _Decision(outcome=_unplanned(issue, teams, state, reason), because=because)
        return _Decision(outcome=None, because=because)


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


def _too_old(landing: Placement) -> _Decision:
    because = (
        f"It was finished before the increment {landing.increment.id} of {landing.capability.id} started."
    )
    return _Decision(outcome=None, because=because)


def _describe_claim(claim: Claim) -> str:
    who = f'the rule "{claim.rule.id}" of {claim.team.team}' if claim.rule else "a pin"
    return f'{who} names "{claim.named}", whose increment is closed'


def _no_successor_warning(who: str, count: int) -> str:
    issues = "1 open issue has" if count == 1 else f"{count} open issues have"
    text = f"{who}: {issues} no capability; add one that `continues` it to a plan, or change the rule."
    return text[0].upper() + text[1:]
