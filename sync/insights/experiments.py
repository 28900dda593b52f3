"""Iterations, the answers of their experiments, and the time to an answer. Pure.

A rejected hypothesis is an answer like a confirmed one. A closed experiment without an answer is not an open one.
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
"""``missing``: closed without an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One experiment."""

    ref: IssueRef
    title: str
    outcome: ExperimentOutcome
    asked: datetime
    """Creation time of its issue."""
    answered: datetime | None
    """Time at which its result label was added, if the tracker's history has it, else its closing time; None without an
    answer."""

    @property
    def duration(self) -> timedelta | None:
        """Time from creation to answer; None without an answer."""
        return self.answered - self.asked if self.answered else None


@dataclass(frozen=True, kw_only=True, slots=True)
class IterationLearning:
    """One iteration of a capability with its experiments, or the experiments that belong to no iteration."""

    increment: str
    capability: str
    title: str
    """Title of the capability."""
    iteration: str | None
    state: CapabilityState | None
    """State of the iteration; None without an iteration."""
    done: int
    scope: int
    questions: tuple[Experiment, ...]

    def count(self, outcome: ExperimentOutcome) -> int:
        return sum(experiment.outcome == outcome for experiment in self.questions)

    @property
    def median_duration(self) -> timedelta | None:
        """Median time from creation to answer; None without an answer."""
        times = [
            experiment.duration.total_seconds()
            for experiment in self.questions
            if experiment.duration is not None
        ]
        return timedelta(seconds=median(times)) if times else None


def learning_by_iteration(
    increments: Iterable[IncrementRollup],
    known: Mapping[IssueRef, KnownIssue],
    changes: Mapping[tuple[str, str], Sequence[IssueChange]],
    teams: Iterable[TeamMapping],
) -> tuple[IterationLearning, ...]:
    """Return the iterations in the order of the plans. Capabilities without iterations and experiments are left out.

    ``changes``: changes of issues by tracker and id.
    """
    labels = {team.team: team.answers for team in teams}

    def experiment(issue: CountedIssue) -> Experiment:
        source = known[issue.ref].issue
        return Experiment(
            ref=issue.ref,
            title=issue.title,
            outcome=_outcome(issue),
            asked=source.created,
            answered=_answered_at(
                issue,
                changes.get((issue.ref.tracker, issue.ref.id), ()),
                labels.get(issue.team, {}),
                source.closed,
            ),
        )

    return tuple(
        found
        for increment in increments
        for goal in increment.goals
        for capability in goal.capabilities
        for found in _iteration_learning(
            capability, [(each, experiment(each)) for each in _experiments(capability)]
        )
    )


def _experiments(capability: CapabilityRollup) -> list[CountedIssue]:
    return [issue for issue in capability.issues if issue.experiment and issue.in_scope]


def _iteration_learning(
    capability: CapabilityRollup, experiments: Sequence[tuple[CountedIssue, Experiment]]
) -> Iterable[IterationLearning]:
    def build(name: str | None, state: CapabilityState | None, done: int, scope: int) -> IterationLearning:
        return IterationLearning(
            increment=capability.increment,
            capability=capability.id,
            title=capability.title,
            iteration=name,
            state=state,
            done=done,
            scope=scope,
            questions=tuple(experiment for issue, experiment in experiments if issue.iteration == name),
        )

    for each in capability.iterations:
        yield build(each.name, each.state, each.counts.done, each.counts.scope)
    alone = [issue for issue, _ in experiments if issue.iteration is None]
    if alone:
        yield build(None, None, sum(issue.state.state == "done" for issue in alone), len(alone))


def _outcome(issue: CountedIssue) -> ExperimentOutcome:
    if issue.state.state != "done":
        return "open"
    return issue.answer or "missing"


def _answered_at(
    issue: CountedIssue, changes: Sequence[IssueChange], labels: Mapping[Answer, str], closed: datetime | None
) -> datetime | None:
    if issue.answer is None or issue.state.state != "done":
        return None
    label = labels.get(issue.answer, "").casefold()
    labelled = [each.at for each in changes if each.kind == "label" and each.after.casefold() == label]
    return max(labelled, default=closed)
