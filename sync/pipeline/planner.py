"""The pure middle of a run: what was read and remembered -> assignments, roll-up, wishes, changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import Anchor, Overrides, Workspace
from mappings.rules.matcher import Matcher
from sync.config.settings import Settings
from sync.diff.comment_diff import compare_comments, leaving_comments
from sync.diff.desired_comments import StatusWishes
from sync.diff.desired_labels import DesireInputs, desire_labels
from sync.diff.label_diff import LabelWorld, compare_labels
from sync.forecast.health.attach import with_expected
from sync.model.anchors import anchors_by_subject
from sync.model.changes import ChangeSet
from sync.model.health import Expected
from sync.model.labels import Decisions, Observation, Wish
from sync.model.planning import Counting, Earlier, Remembered, Seen, Thought
from sync.model.renames import renamed_capabilities, renamed_labels
from sync.model.rollup import Rollup
from sync.rollup.aggregate import RollupInputs, roll_up
from sync.rollup.baseline import feeding_sources


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

    What is expected of the future is what was expected last. ``earlier`` spares looking again at issues that are judged
    as they were; warnings and observations are then those of the issues that are looked at.
    """
    counting = count_up(workspace, seen, remembered, now=now, earlier=earlier)
    expected = remembered.expected
    return decide(settings, workspace, seen, remembered, counting, expected, now=now, markup=markup)


def count_up(
    workspace: Workspace,
    seen: Seen,
    remembered: Remembered,
    *,
    now: datetime,
    earlier: Earlier | None = None,
) -> Counting:
    """Match and roll up."""
    scheme = workspace.labels
    renamed = renamed_capabilities(workspace)
    overrides, crowded = overrides_for_matching(remembered.decisions, scheme, workspace, renamed)
    looked_at = _looked_at(seen, earlier)
    anchors = seen.anchor_issues(workspace, remembered)
    matcher = Matcher(workspace, scheme, now, frozenset(anchors.values()))
    matched = matcher.match(looked_at.values(), overrides, seen.known.values())
    matched = earlier.matched(matched) if earlier else matched
    uncertain = _uncertain(workspace, seen, overrides, remembered.fed)
    rollup = roll_up(
        RollupInputs(
            workspace=workspace,
            matched=matched,
            known=seen.known,
            baselines=remembered.baselines,
            released=_released(seen, workspace, scheme, anchors),
            uncertain=uncertain,
            proofs=seen.proofs,
            now=now,
        )
    )
    return Counting(
        matched=matched,
        rollup=rollup,
        overrides=overrides,
        crowded=crowded,
        uncertain=uncertain,
        anchors=anchors,
        earlier=earlier,
    )


def decide(
    settings: Settings,
    workspace: Workspace,
    seen: Seen,
    remembered: Remembered,
    counting: Counting,
    expected: Mapping[str, Expected],
    *,
    now: datetime,
    markup: Mapping[str, str],
) -> Thought:
    """What has to be written, by what counts and what is expected (by subject)."""
    earlier = counting.earlier
    rollup = with_expected(counting.rollup, expected)
    inputs = _desire_inputs(settings, workspace, seen, remembered, counting, rollup, now)
    wishes = desire_labels(inputs)
    exact = frozenset(tracker for tracker, kind in markup.items() if kind == "jira")
    world = _label_world(inputs, wishes, remembered, renamed_capabilities(workspace), exact)
    labels = compare_labels(replace(world, not_looked_back=seen.not_looked_back))
    labels = earlier.labels(labels, wishes) if earlier else labels
    status = StatusWishes(inputs, settings, remembered, seen, counting.overrides, markup)
    wanted = status.wishes()
    comments, comment_notes = compare_comments(
        wanted,
        remembered.written,
        now=now,
        counts_every=settings.counts_every,
        drift=seen.comments,
        held=remembered.decisions.comments,
    )
    leaving = leaving_comments(remembered.written, status.places(wanted), held=remembered.decisions.comments)
    return Thought(
        matched=counting.matched,
        rollup=rollup,
        uncertain=counting.uncertain,
        wishes={**earlier.thought.wishes, **wishes} if earlier else wishes,
        changes=ChangeSet(labels=labels.changes, comments=comments, removals=leaving),
        suspicions=labels.suspicions,
        observations=(*labels.observations, *comment_notes, *counting.crowded),
        overrides=counting.overrides,
    )


def _desire_inputs(
    settings: Settings,
    workspace: Workspace,
    seen: Seen,
    remembered: Remembered,
    counting: Counting,
    rollup: Rollup,
    now: datetime,
) -> DesireInputs:
    earlier = counting.earlier
    return DesireInputs(
        workspace=workspace,
        matched=counting.matched,
        rollup=rollup,
        known=_looked_at(seen, earlier),
        anchors=seen.anchors,
        unread=seen.unread,
        uncertain=counting.uncertain,
        strays=seen.strays,
        scheme=workspace.labels,
        may_push=settings.may_push,
        finished=remembered.finished,
        now=now,
        unread_anchors=frozenset(counting.anchors.values()) - {issue.ref for issue in seen.anchors.values()},
        archived=remembered.archived(workspace),
        contested=seen.contested,
        # A look at some issues again has to say of each what became of it.
        concerned=None if earlier else {*remembered.pushed, *remembered.decisions.refs},
    )


def _looked_at(seen: Seen, earlier: Earlier | None) -> Mapping[IssueRef, KnownIssue]:
    return {ref: seen.known[ref] for ref in earlier.again} if earlier else seen.known


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


def _uncertain(
    workspace: Workspace, seen: Seen, overrides: Overrides, fed: Mapping[str, frozenset[str]]
) -> dict[str, tuple[str, ...]]:
    """Capability id -> those of its sources that were not read, whether they feed it now or ``fed`` it last. One that
    nothing feeds may be fed by mapping files that were left out: then their names."""
    if not seen.unread and not seen.left_out:
        return {}
    feeding = feeding_sources(workspace, seen.known, overrides)
    return {
        capability: missing
        for capability, sources in feeding.items()
        if (
            missing := (
                *sorted((sources | fed.get(capability, frozenset())) & seen.unread),
                *(() if sources else seen.left_out),
            )
        )
    }


def _released(
    seen: Seen, workspace: Workspace, scheme: LabelScheme, issues: Mapping[str, IssueRef]
) -> frozenset[str]:
    """Subjects whose anchor carries ``flag:released``. Of an anchor that could not be read in this run, what it
    said last holds: a failed read takes no release back. ``issues``: subject -> its anchor."""
    anchored = anchors_by_subject(workspace)
    missing = {
        (anchor.tracker, anchor.key.lower()) for anchor in anchored.values() if anchor not in seen.anchors
    }
    last = {
        place: item.issue
        for item in (seen.known.values() if missing else ())
        if (place := (item.issue.ref.tracker, item.issue.ref.key.lower())) in missing
    }

    def says_so(subject: str, anchor: Anchor) -> bool:
        issue = seen.anchors.get(anchor) or last.get((anchor.tracker, anchor.key.lower()))
        if issue is None and subject in issues and issues[subject] in seen.known:
            issue = seen.known[issues[subject]].issue
        return issue is not None and scheme.says_released(issue.labels)

    return frozenset(subject for subject, anchor in anchored.items() if says_so(subject, anchor))


def _label_world(
    inputs: DesireInputs,
    wishes: Mapping[IssueRef, Wish],
    remembered: Remembered,
    renamed: Mapping[str, str],
    exact: frozenset[str],
) -> LabelWorld:
    concerned = {ref: inputs.known[ref] for ref in wishes if ref in inputs.known}
    live = {ref: item.issue for ref, item in concerned.items()}
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
            for ref, item in concerned.items()
            if item.issue.created < remembered.born and item.first_labels
        },
        renamed=renamed_labels(inputs.workspace),
        finished=frozenset(scheme.label("increment", each) for each in inputs.finished),
        exact=exact,
    )
