"""Matcher: assign issues to capabilities by rules and manual overrides.

One matcher is compiled for a workspace and a time. All commands that evaluate rules use it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from connectors.model import Issue, IssueRef, KnownIssue
from connectors.text import fold_name
from mappings.labels import LabelScheme
from mappings.model import Assignment, Conflict, Increment, MatchResult, Overrides, Rule, Unplanned, Workspace
from mappings.rules.ancestry import Ancestry
from mappings.rules.decision import Decider, Decision
from mappings.rules.placement import CapabilityTimeline, ClosingTimes, TrackerClosingTimes
from mappings.rules.subject import RuleSubject
from mappings.rules.team_rules import CandidateTeams, TeamRules
from mappings.rules.trace import Trace, trace_team

_CACHE_SIZE: Final = 10_000
"""Different sets of labels that are cached; issues share them."""
_MAX_NAMED: Final = 5
"""Issues that a warning names."""


class Matcher:
    """Assigns issues to capabilities.

    ``now`` (aware) decides which increments are running or closed. ``anchors`` are additional anchor issues; issues
    whose key is an anchor in the plans are recognised without it. ``closing_times``: by default what trackers say."""

    def __init__(
        self,
        workspace: Workspace,
        labels: LabelScheme,
        now: datetime,
        anchors: frozenset[IssueRef] = frozenset(),
        closing_times: ClosingTimes | None = None,
    ) -> None:
        self._labels = labels
        self._timeline = CapabilityTimeline(workspace, now)
        self._decider = Decider(self._timeline, closing_times or TrackerClosingTimes())
        self._anchors = _anchors(workspace.increments)
        self._anchor_issues = anchors
        self._teams = [TeamRules(mapping) for mapping in workspace.teams]
        self._candidates_by_sources: dict[frozenset[str], CandidateTeams] = {}
        self._visible_labels: dict[frozenset[str], tuple[str, ...]] = {}

    def match(
        self, issues: Iterable[KnownIssue], overrides: Overrides, known: Iterable[KnownIssue] | None = None
    ) -> MatchResult:
        """Match all issues, in the given order. Ancestors are looked up in ``known``, by default in ``issues``."""
        for team in self._teams:
            team.reset_cel_failures()
        issues = list(issues)
        ancestry = Ancestry(issues if known is None else known)
        assignments: list[Assignment] = []
        unplanned: list[Unplanned] = []
        conflicts: list[Conflict] = []
        unfinished: list[Assignment] = []
        without_successor: Counter[str] = Counter()
        closed_some_time: list[str] = []
        for each in issues:
            if self._finished_before_all(each):
                continue
            decision = self._decide(each, self._subject(each.issue, ancestry), overrides, ancestry)
            match decision.outcome:
                case Assignment() as assignment:
                    assignments.append(assignment)
                case Unplanned() as work:
                    unplanned.append(work)
                case Conflict() as conflict:
                    conflicts.append(conflict)
            unfinished += decision.unfinished_at_close
            if decision.closed_some_time:
                closed_some_time.append(each.issue.ref.key)
            if (claim := decision.claim_without_successor) is not None:
                who = f'The rule "{claim.rule.id}" of {claim.team.team}' if claim.rule else "A pin"
                without_successor[f'{who} names "{claim.named}", whose increment is closed'] += 1
        return MatchResult(
            assignments=tuple(assignments),
            unplanned=tuple(unplanned),
            conflicts=tuple(conflicts),
            unfinished_at_close=tuple(unfinished),
            warnings=(
                *(_no_successor_warning(who, count) for who, count in sorted(without_successor.items())),
                *_unknown_closing_warning(closed_some_time),
                *self._rule_warnings(ancestry),
            ),
        )

    def _rule_warnings(self, ancestry: Ancestry) -> Iterator[str]:
        """Yield warnings about former keys in rules and plans, and about rules that fail."""
        for team in self._teams:
            yield from _former_key_warnings(team, ancestry)
        for place in sorted(self._anchors):
            if current := ancestry.current_key(*place):
                yield f"A plan names the anchor {_new_key(*place, current)}"
        for team in self._teams:
            yield from team.cel_warnings()

    def trace(self, issue: KnownIssue, overrides: Overrides, known: Iterable[KnownIssue] = ()) -> Trace:
        """Explain the match of one issue. Ancestors are looked up in ``known``."""
        ancestry = Ancestry(known)
        subject = self._subject(issue.issue, ancestry)
        decision = self._decide(issue, subject, overrides, ancestry)
        return Trace(
            ref=issue.issue.ref,
            ancestors=subject.ancestors,
            hidden_labels=tuple(sorted(issue.issue.labels.difference(subject.labels))),
            teams=tuple(
                trace_team(team, subject, first)
                for team, first in self._candidate_teams(issue.sources).first_rules(subject)
            ),
            outcome=decision.outcome,
            because=decision.because,
        )

    def first_rules(
        self, known: Iterable[KnownIssue]
    ) -> Iterator[tuple[KnownIssue, RuleSubject, list[tuple[TeamRules, Rule | None]]]]:
        """Yield each issue that is not an anchor with its subject and the first matching rule of each team.

        Overrides and increment dates are ignored."""
        issues = list(known)
        ancestry = Ancestry(issues)
        for each in issues:
            if not self._is_anchor(each, ancestry):
                subject = self._subject(each.issue, ancestry)
                yield each, subject, self._candidate_teams(each.sources).first_rules(subject)

    def _is_anchor(self, known: KnownIssue, ancestry: Ancestry) -> bool:
        ref = known.issue.ref
        by_key = any((ref.tracker, key.casefold()) in self._anchors for key in ancestry.keys_of(known))
        return by_key or ref in self._anchor_issues

    def _finished_before_all(self, known: KnownIssue) -> bool:
        """Return True if the issue is done and untouched since before the first increment started.

        Such an issue is neither assigned nor unplanned, so ``match`` skips its rules. ``trace`` evaluates them."""
        issue = known.issue
        if issue.category != "done" or not self._timeline.is_before_all_increments(issue.updated):
            return False
        return self._candidate_teams(known.sources).never_reopen

    def _subject(self, issue: Issue, ancestry: Ancestry) -> RuleSubject:
        labels = self._visible_labels.get(issue.labels)
        if labels is None:
            if len(self._visible_labels) >= _CACHE_SIZE:
                self._visible_labels.clear()
            labels = self._visible_labels[issue.labels] = tuple(sorted(self._labels.unmanaged(issue.labels)))
        return RuleSubject(
            issue=issue,
            labels=labels,
            ancestors=ancestry.names_of(issue),
            other_containers=ancestry.containers_of(issue),
        )

    def _candidate_teams(self, sources: frozenset[str]) -> CandidateTeams:
        candidates = self._candidates_by_sources.get(sources)
        if candidates is None:
            teams = [
                team for team in self._teams if any(source.name in sources for source in team.mapping.sources)
            ]
            candidates = self._candidates_by_sources[sources] = CandidateTeams(teams)
        return candidates

    def _decide(
        self, known: KnownIssue, subject: RuleSubject, overrides: Overrides, ancestry: Ancestry
    ) -> Decision:
        if self._is_anchor(known, ancestry):
            because = "It is the anchor of a capability or goal, which is never counted."
            return Decision(outcome=None, because=because)
        return self._decider.decide(subject, self._candidate_teams(known.sources), overrides)


def _anchors(increments: Iterable[Increment]) -> frozenset[tuple[str, str]]:
    goals = [goal for increment in increments for goal in increment.goals]
    anchors = [goal.anchor for goal in goals]
    anchors += [capability.anchor for goal in goals for capability in goal.capabilities]
    return frozenset((anchor.tracker, anchor.key.casefold()) for anchor in anchors if anchor)


def _unknown_closing_warning(keys: Sequence[str]) -> Iterator[str]:
    """Yield a warning about closed issues of which nothing says when they were closed."""
    if keys:
        more = f" and {len(keys) - _MAX_NAMED} more" if len(keys) > _MAX_NAMED else ""
        verb = "was" if len(keys) == 1 else "were"
        yield (
            f"Nothing says when {', '.join(keys[:_MAX_NAMED])}{more} {verb} closed (no history, no resolution "
            "date): counted as finished before the increment."
        )


def _former_key_warnings(team: TeamRules, ancestry: Ancestry) -> Iterator[str]:
    """Yield a warning for each key in the team's rules that its issue no longer has."""
    trackers = {source.tracker for source in team.mapping.sources}
    for rule in team.rules:
        for name in rule.names("parent"):
            prefix, _, key = name.rpartition(":")
            for tracker in sorted(trackers):
                if prefix in ("", fold_name(tracker)) and (current := ancestry.current_key(tracker, key)):
                    yield (
                        f'The rule "{rule.rule.id}" of {team.team} ({rule.rule.origin}) names '
                        f"{_new_key(tracker, key, current)}"
                    )


def _new_key(tracker: str, former: str, current: str) -> str:
    """Return ``main:DS-100, which is OPS-1 now; write the new key.``"""
    key = former if "#" in former else former.upper()
    return f"{tracker}:{key}, which is {current} now; write the new key."


def _no_successor_warning(who: str, count: int) -> str:
    issues = "1 open issue has" if count == 1 else f"{count} open issues have"
    return f"{who}: {issues} no capability; add one that `continues` it to a plan, or change the rule."
