"""What was asked and what was learned: iterations, their experiments, and how long an answer took. Pure.

A rejected hypothesis is an answer like a confirmed one. What nobody answered is told apart from what is still open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from connectors.model import IssueChange, IssueRef, KnownIssue
from mappings.model import Answer, TeamMapping
from sync.model.rollup import CapabilityRollup, CapabilityState, CountedIssue, IncrementRollup

ExperimentOutcome = Literal["confirmed", "rejected", "inconclusive", "open", "missing"]
"""``missing``: closed, and nobody said how it ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One experiment."""

    ref: IssueRef
    title: str
    outcome: ExperimentOutcome
    asked: datetime
    """When its issue was created."""
    answered: datetime | None
    """When its result label was put, as far as the tracker's history tells, else when it was closed; None without an
    answer."""

    @property
    def duration(self) -> timedelta | None:
        return self.answered - self.asked if self.answered else None


@dataclass(frozen=True, kw_only=True, slots=True)
class IterationLearning:
    """An iteration of a capability, or its experiments that belong to none."""

    increment: str
    capability: str
    title: str
    """Of the capability."""
    iteration: str | None
    state: CapabilityState | None
    """Of the iteration; None without one."""
    done: int
    scope: int
    questions: tuple[Experiment, ...]

    def count(self, outcome: ExperimentOutcome) -> int:
        return sum(question.outcome == outcome for question in self.questions)

    @property
    def median_duration(self) -> timedelta | None:
        """Median time from question to answer; None without an answer."""
        times = [
            question.duration.total_seconds() for question in self.questions if question.duration is not None
        ]
        return timedelta(seconds=median(times)) if times else None


def learning_by_iteration(
    increments: Iterable[IncrementRollup],
    known: Mapping[IssueRef, KnownIssue],
    changes: Mapping[tuple[str, str], Sequence[IssueChange]],
    teams: Iterable[TeamMapping],
) -> tuple[IterationLearning, ...]:
    """The rounds in the order of the plans; capabilities without iterations and experiments are left out.

    ``changes``: what the trackers told of an issue's past, by tracker and id.
    """
    labels = {team.team: team.answers for team in teams}

    def question(issue: CountedIssue) -> Experiment:
        asked = known[issue.ref].issue
        return Experiment(
            ref=issue.ref,
            title=issue.title,
            outcome=_outcome(issue),
            asked=asked.created,
            answered=_answered_at(
                issue,
                changes.get((issue.ref.tracker, issue.ref.id), ()),
                labels.get(issue.team, {}),
                asked.closed,
            ),
        )

    return tuple(
        found
        for increment in increments
        for goal in increment.goals
        for capability in goal.capabilities
        for found in _iteration_learning(
            capability, [(each, question(each)) for each in _experiments(capability)]
        )
    )


def _experiments(capability: CapabilityRollup) -> list[CountedIssue]:
    return [issue for issue in capability.issues if issue.experiment and issue.in_scope]


def _iteration_learning(
    capability: CapabilityRollup, experiments: Sequence[tuple[CountedIssue, Experiment]]
) -> Iterable[IterationLearning]:
    def made(name: str | None, state: CapabilityState | None, done: int, scope: int) -> IterationLearning:
        return IterationLearning(
            increment=capability.increment,
            capability=capability.id,
            title=capability.title,
            iteration=name,
            state=state,
            done=done,
            scope=scope,
            questions=tuple(question for issue, question in experiments if issue.iteration == name),
        )

    for each in capability.iterations:
        yield made(each.name, each.state, each.counts.done, each.counts.scope)
    alone = [issue for issue, _ in experiments if issue.iteration is None]
    if alone:
        yield made(None, None, sum(issue.state.state == "done" for issue in alone), len(alone))


def _outcome(issue: CountedIssue) -> ExperimentOutcome:
    if issue.state.state != "done":
        return "open"
    return issue.answer or "missing"


def _answered_at(
    issue: CountedIssue,
    changes: Sequence[IssueChange],
    labels: Mapping[Answer, str],
    closed: datetime | None,
) -> datetime | None:
    if issue.answer is None or issue.state.state != "done":
        return None
    label = labels.get(issue.answer, "").casefold()
    put = [each.at for each in changes if each.kind == "label" and each.after.casefold() == label]
    return max(put, default=closed)
