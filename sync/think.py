"""The pure middle of a run: what was read and remembered -> assignments, roll-up, wishes, changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.match import Matcher
from mappings.model import Anchor, Matched, Overrides, Workspace
from sync.changes import ChangeSet, Reason
from sync.comment import capability_document, digest, goal_document, render, with_notice
from sync.compare import Decisions, LabelWorld, Observation, Suspicion, compare_labels
from sync.compare_comments import (
    CommentDrift,
    CommentWish,
    Places,
    WrittenComment,
    compare_comments,
    leaving_comments,
)
from sync.desired import DesireInputs, Subject, Wish, desire_labels, subjects
from sync.earlier import Earlier
from sync.homes import Home, homes_of
from sync.rollup import RollupInputs, roll_up
from sync.rollup_model import Baseline, CapabilityRollup, Rollup
from sync.scope import feeding_sources
from sync.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """What the store knows from earlier runs."""

    pushed: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    written: Mapping[str, WrittenComment] = field(default_factory=dict)
    bodies: Mapping[str, str] = field(default_factory=dict)
    """Subject -> the comment text that we last wrote."""
    decisions: Decisions = field(default_factory=Decisions)
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    finished: frozenset[str] = frozenset()
    homes: Mapping[str, Home] = field(default_factory=dict)
    """Subject -> where its comment belongs, those included that the plans name no more."""
    born: datetime

    def archived(self, workspace: Workspace) -> frozenset[IssueRef]:
        """Anchors of subjects that no plan names and whose increment is finished or has no plan here."""
        planned = homes_of(workspace)
        return frozenset(
            last.ref
            for subject, last in self.written.items()
            if subject not in planned and not self.is_deleted(subject, workspace)
        )

    def is_deleted(self, subject: str, workspace: Workspace) -> bool:
        """It was taken out of a plan that is still here and still written to."""
        home = self.homes.get(subject)
        present = {increment.id for increment in workspace.increments} - self.finished
        return home is not None and home.increment in present and subject not in homes_of(workspace)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What the trackers said in this run."""

    known: Mapping[IssueRef, KnownIssue]
    anchors: Mapping[Anchor, Issue]
    unread: frozenset[str]
    failing_since: Mapping[str, datetime]
    strays: frozenset[IssueRef] = frozenset()
    """Issues of no source that still carry our labels and were read directly."""
    comments: Mapping[str, CommentDrift] = field(default_factory=dict)
    """Subject -> what a person did to its status comment; only ``reconcile`` looks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thought:
    """What follows from what was seen and remembered."""

    matched: Matched
    rollup: Rollup
    uncertain: Mapping[str, tuple[str, ...]]
    wishes: Mapping[IssueRef, Wish]
    changes: ChangeSet
    suspicions: tuple[Suspicion, ...]
    observations: tuple[Observation, ...]
    overrides: Overrides


def think(
    settings: Settings,
    workspace: Workspace,
    seen: Seen,
    remembered: Remembered,
    *,
    now: datetime,
    markup: Mapping[str, str],
    earlier: Earlier | None = None,
) -> Thought:
    """Decide everything. Time is passed in; nothing is read and nothing is written.

    ``earlier`` spares looking again at issues that are judged as they were; warnings and observations are then
    those of the issues that are looked at.
    """
    scheme = settings.scheme
    renamed = renamed_capabilities(workspace)
    overrides, crowded = overrides_for_matching(remembered.decisions, scheme, workspace, renamed)
    looked_at = {ref: seen.known[ref] for ref in earlier.again} if earlier else seen.known
    matched = Matcher(workspace, scheme, now).match(looked_at.values(), overrides, seen.known.values())
    matched = earlier.matched(matched) if earlier else matched
    uncertain = _uncertain(workspace, seen, overrides)
    rollup = roll_up(
        RollupInputs(
            workspace=workspace,
            matched=matched,
            known=seen.known,
            baselines=remembered.baselines,
            released=_released(seen, workspace, scheme),
            uncertain=uncertain,
            now=now,
        )
    )
    inputs = DesireInputs(
        workspace=workspace,
        matched=matched,
        rollup=rollup,
        known=looked_at,
        anchors=seen.anchors,
        unread=seen.unread,
        uncertain=uncertain,
        strays=seen.strays,
        scheme=scheme,
        may_push=settings.may_push,
        finished=remembered.finished,
        now=now,
        archived=remembered.archived(workspace),
    )
    wishes = desire_labels(inputs)
    labels = compare_labels(_label_world(inputs, wishes, remembered, renamed))
    labels = earlier.labels(labels, wishes) if earlier else labels
    wanted = _comment_wishes(inputs, settings, remembered, seen, overrides, markup)
    comments, comment_notes = compare_comments(
        wanted,
        remembered.written,
        now=now,
        counts_every=settings.counts_every,
        drift=seen.comments,
    )
    leaving = leaving_comments(remembered.written, _places(inputs, settings, remembered, wanted))
    return Thought(
        matched=matched,
        rollup=rollup,
        uncertain=uncertain,
        wishes={**earlier.thought.wishes, **wishes} if earlier else wishes,
        changes=ChangeSet(labels=labels.changes, comments=comments, removals=leaving),
        suspicions=labels.suspicions,
        observations=(*labels.observations, *comment_notes, *crowded),
        overrides=overrides,
    )


def renamed_capabilities(workspace: Workspace) -> dict[str, str]:
    """Old capability id -> the id that it has now, from ``previously``."""
    return {
        old: capability.id
        for increment in workspace.increments
        for capability in increment.capabilities
        for old in capability.previously
    }


def overrides_for_matching(
    decisions: Decisions, scheme: LabelScheme, workspace: Workspace, renamed: Mapping[str, str]
) -> tuple[Overrides, tuple[Observation, ...]]:
    """Pins and vetoes as capability ids. Two pins on one issue cancel out: the rules decide, people are told."""

    def capabilities(labels: frozenset[str]) -> set[str]:
        named = {scheme.capability_of(label) for label in labels}
        current = {renamed.get(name, name) for name in named if name}
        return {name for name in current if workspace.capability(name)}

    pins: dict[IssueRef, str] = {}
    crowded: list[Observation] = []
    for ref, labels in decisions.pins.items():
        found = capabilities(labels)
        if len(found) == 1:
            pins[ref] = found.pop()
        elif found:
            names = ", ".join(sorted(found))
            crowded.append(
                Observation(ref=ref, text=f"is pinned to several capabilities ({names}): rules decide")
            )
    vetoes = {ref: frozenset(capabilities(labels)) for ref, labels in decisions.vetoes.items()}
    return Overrides(pins=pins, vetoes={ref: ids for ref, ids in vetoes.items() if ids}), tuple(crowded)


def _uncertain(workspace: Workspace, seen: Seen, overrides: Overrides) -> dict[str, tuple[str, ...]]:
    if not seen.unread:
        return {}
    feeding = feeding_sources(workspace, seen.known, overrides)
    return {
        capability: tuple(sorted(sources & seen.unread))
        for capability, sources in feeding.items()
        if sources & seen.unread
    }


def _released(seen: Seen, workspace: Workspace, scheme: LabelScheme) -> frozenset[str]:
    """Subjects whose anchor carries ``flag:released``. Of an anchor that could not be read in this run, what it
    said last holds: a failed read takes no release back."""
    last = {(item.issue.ref.tracker, item.issue.ref.key.lower()): item.issue for item in seen.known.values()}

    def says_so(anchor: Anchor | None) -> bool:
        if anchor is None:
            return False
        issue = seen.anchors.get(anchor) or last.get((anchor.tracker, anchor.key.lower()))
        return issue is not None and scheme.released in {label.lower() for label in issue.labels}

    return frozenset(
        name
        for increment in workspace.increments
        for goal in increment.goals
        for name, anchor in (
            (f"goal:{goal.id}", goal.anchor),
            *((f"capability:{capability.id}", capability.anchor) for capability in goal.capabilities),
        )
        if says_so(anchor)
    )


def _label_world(
    inputs: DesireInputs, wishes: Mapping[IssueRef, Wish], remembered: Remembered, renamed: Mapping[str, str]
) -> LabelWorld:
    live = {ref: item.issue for ref, item in inputs.known.items()}
    live |= {issue.ref: issue for issue in inputs.anchors.values()}
    scheme = inputs.scheme
    return LabelWorld(
        wishes=wishes,
        live=live,
        pushed=remembered.pushed,
        decisions=remembered.decisions,
        scheme=scheme,
        capabilities=frozenset(
            {c.id for increment in inputs.workspace.increments for c in increment.capabilities} | set(renamed)
        ),
        unproven={
            ref: frozenset(label.lower() for label in scheme.ours(item.first_labels))
            for ref, item in inputs.known.items()
            if item.issue.created < remembered.born and item.first_labels
        },
        renamed={
            scheme.label("capability", old): scheme.label("capability", new) for old, new in renamed.items()
        },
        finished=frozenset(scheme.label("increment", each) for each in inputs.finished),
    )


def _comment_wishes(
    inputs: DesireInputs,
    settings: Settings,
    remembered: Remembered,
    seen: Seen,
    overrides: Overrides,
    markup: Mapping[str, str],
) -> tuple[CommentWish, ...]:
    wishes = (
        _comment_wish(
            subject, inputs, settings, remembered, seen, overrides, markup[subject.anchor.ref.tracker]
        )
        for subject in subjects(inputs)
        if subject.may_push
    )
    return tuple(wish for wish in wishes if wish)


def _comment_wish(
    subject: Subject,
    inputs: DesireInputs,
    settings: Settings,
    remembered: Remembered,
    seen: Seen,
    overrides: Overrides,
    kind: str,
) -> CommentWish | None:
    reason = Reason(text=f"roll-up of {subject.name}")
    if subject.uncertain:
        return _notice_wish(subject, settings, remembered, seen, inputs.now, kind)
    rollup = subject.rollup
    if isinstance(rollup, CapabilityRollup):
        goal = inputs.rollup.goal(rollup.goal)
        document = capability_document(
            rollup,
            goal.title if goal else rollup.goal,
            subject.increment,
            overrides=_count_overrides(overrides, {rollup.id}),
            instance=settings.instance,
        )
    else:
        document = goal_document(
            rollup,
            subject.increment,
            overrides=_count_overrides(overrides, {c.id for c in rollup.capabilities}),
            instance=settings.instance,
        )
    text = render(document, kind)
    return CommentWish(
        subject=subject.name,
        ref=subject.anchor.ref,
        body=text.body,
        urgent_hash=text.urgent_hash,
        full_hash=text.full_hash,
        reason=reason,
        last=subject.increment.phase(inputs.now) == "closed",
    )


def _places(
    inputs: DesireInputs, settings: Settings, remembered: Remembered, wanted: tuple[CommentWish, ...]
) -> Places:
    """What became of the anchors in the plans. Only for teams that are written for."""
    anchors = {
        name: anchor
        for increment in inputs.workspace.increments
        if increment.id not in inputs.finished
        for goal in increment.goals
        for name, anchor in (
            (f"goal:{goal.id}", goal.anchor),
            *((f"capability:{capability.id}", capability.anchor) for capability in goal.capabilities),
        )
    }
    written_for = {s for s, home in remembered.homes.items() if all(map(settings.may_push, home.teams))}
    sure = {name for name in anchors if not getattr(inputs.rollup.subject(name), "uncertain", ())}
    return Places(
        wanted={wish.subject: wish.ref for wish in wanted},
        without_anchor=frozenset(name for name in sure & written_for if anchors[name] is None),
        deleted=frozenset(s for s in written_for if remembered.is_deleted(s, inputs.workspace)),
    )


def _notice_wish(
    subject: Subject,
    settings: Settings,
    remembered: Remembered,
    seen: Seen,
    now: datetime,
    kind: str,
) -> CommentWish | None:
    """After a day, one edit says since when which source is unreadable; the figures stay as they were."""
    last, body = remembered.written.get(subject.name), remembered.bodies.get(subject.name)
    failing = {
        name: seen.failing_since[name]
        for name in subject.uncertain
        if name in seen.failing_since and now - seen.failing_since[name] >= settings.unreadable_after
    }
    if last is None or body is None or not failing:
        return None
    text = with_notice(body, failing, kind)
    return CommentWish(
        subject=subject.name,
        ref=subject.anchor.ref,
        body=text,
        urgent_hash=digest("unreadable " + " ".join(sorted(failing))),
        full_hash=digest(text),
        reason=Reason(text=f"sources of {subject.name} are unreadable"),
    )


def _count_overrides(overrides: Overrides, capabilities: set[str]) -> int:
    pinned = sum(capability in capabilities for capability in overrides.pins.values())
    return pinned + sum(len(ids & capabilities) for ids in overrides.vetoes.values())
