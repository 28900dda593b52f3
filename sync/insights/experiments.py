"""Iterations, the answers of their experiments, and the time to an answer. Pure.

A rejected hypothesis is an answer like a confirmed one. A closed experiment without an answer is not an open one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from connectors.model import IssueChange, IssueRef, KnownIssue
from connectors.text import fold_name
from mappings.model import TeamMapping
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
        times = [each.duration.total_seconds() for each in self.questions if each.duration is not None]
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
        answered = None
        if issue.state.state == "done" and issue.answer:
            label = fold_name(labels.get(issue.team, {}).get(issue.answer, ""))
            own = changes.get((issue.ref.tracker, issue.ref.id), ())
            labelled = [each.at for each in own if each.kind == "label" and fold_name(each.after) == label]
            answered = max(labelled, default=source.closed)
        return Experiment(
            ref=issue.ref,
            title=issue.title,
            outcome="open" if issue.state.state != "done" else issue.answer or "missing",
            asked=source.created,
            answered=answered,
        )

    return tuple(
        found
        for increment in increments
        for capability in increment.capabilities
        for found in _iteration_learning(capability, experiment)
    )


def _iteration_learning(
    capability: CapabilityRollup, experiment: Callable[[CountedIssue], Experiment]
) -> Iterator[IterationLearning]:
    issues = [issue for issue in capability.issues if issue.experiment and issue.in_scope]

    def learning(name: str | None, state: CapabilityState | None, done: int, scope: int) -> IterationLearning:
        return IterationLearning(
            increment=capability.increment,
            capability=capability.id,
            title=capability.title,
            iteration=name,
            state=state,
            done=done,
            scope=scope,
            questions=tuple(experiment(issue) for issue in issues if issue.iteration == name),
        )

    for each in capability.iterations:
        yield learning(each.name, each.state, each.counts.done, each.counts.scope)
    alone = [issue for issue in issues if issue.iteration is None]
    if alone:
        yield learning(None, None, sum(issue.state.state == "done" for issue in alone), len(alone))
