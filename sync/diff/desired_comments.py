"""Desired status comments of capabilities and goals, and the place of each comment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connectors.model import Issue
from connectors.spec import Markup
from sync.config.settings import Settings
from sync.diff.comment_content import capability_comment, goal_comment
from sync.diff.comment_diff import CommentPlacement
from sync.diff.comment_markup import add_unreadable_notice, render_comment, text_digest
from sync.diff.desired_labels import AnchoredSubject, DesiredStateInputs, anchored_subjects
from sync.model.anchors import planned_subjects
from sync.model.changes import Reason
from sync.model.comments import CommentContent, DesiredComment
from sync.model.rollup import CapabilityRollup


class StatusCommentBuilder:
    """Builds the desired status comments. ``markup``: tracker -> how its comments are written."""

    def __init__(self, inputs: DesiredStateInputs, settings: Settings, markup: Mapping[str, Markup]) -> None:
        self._inputs, self._settings, self._markup = inputs, settings, markup
        self._recorded, self._observed = inputs.recorded, inputs.observed
        self._overrides = inputs.assessment.overrides
        self._sources = [source for team in inputs.workspace.teams for source in team.sources]

    def build_all(self) -> tuple[DesiredComment, ...]:
        """Return a comment for every anchor that was read and whose teams have pushing enabled."""
        found = (self._build(subject) for subject in anchored_subjects(self._inputs) if subject.may_push)
        return tuple(comment for comment in found if comment)

    def placement(self, desired: tuple[DesiredComment, ...]) -> CommentPlacement:
        """Return the anchors of all subjects for which pushing is enabled."""
        inputs, recorded = self._inputs, self._recorded
        planned = [
            each
            for each in planned_subjects(inputs.workspace)
            if each.increment.id not in recorded.finished_increments
        ]
        may_push = self._settings.may_push
        pushed_subjects = {
            name for name, owner in recorded.comment_owners.items() if all(map(may_push, owner.teams))
        }
        without_anchor = {each.name for each in planned if each.anchor is None} & pushed_subjects
        return CommentPlacement(
            desired={comment.subject: comment.ref for comment in desired},
            without_anchor=frozenset(name for name in without_anchor if self._is_certain(name)),
            removed_subjects=frozenset(
                name for name in pushed_subjects if recorded.is_deleted(name, inputs.workspace)
            ),
        )

    def _is_certain(self, subject: str) -> bool:
        rollup = self._inputs.rollup.subject(subject)
        return rollup is None or not rollup.uncertain

    def _build(self, subject: AnchoredSubject) -> DesiredComment | None:
        markup = self._markup[subject.anchor.ref.tracker]
        if subject.rollup.uncertain:
            return self._unreadable_notice(subject, markup)
        content = self._observed.redaction.redact(
            self._content(subject), subject.anchor, self._observed.known
        )
        text = render_comment(content, markup)
        return DesiredComment(
            subject=subject.name,
            ref=subject.anchor.ref,
            body=text.body,
            urgent_hash=text.urgent_hash,
            full_hash=text.full_hash,
            reason=Reason(text=f"roll-up of {subject.name}"),
            is_final=subject.increment.phase(self._inputs.now) == "closed",
        )

    def _content(self, subject: AnchoredSubject) -> CommentContent:
        rollup, instance = subject.rollup, self._settings.instance
        if isinstance(rollup, CapabilityRollup):
            goal = self._inputs.rollup.goal(rollup.goal)
            return capability_comment(
                rollup,
                goal.title if goal else rollup.goal,
                subject.increment,
                overrides=self._count_overrides({rollup.id}),
                instance=instance,
            )
        overrides = self._count_overrides({capability.id for capability in rollup.capabilities})
        return goal_comment(rollup, subject.increment, overrides=overrides, instance=instance)

    def _unreadable_notice(self, subject: AnchoredSubject, markup: Markup) -> DesiredComment | None:
        """Return an edit that names the unreadable sources and keeps the earlier numbers.

        None before ``unreadable_after``, and for an anchor without a comment.
        """
        last = self._recorded.status_comments.get(subject.name)
        since, threshold = self._observed.failing_since, self._settings.unreadable_after
        failing = {
            name: since[name]
            for name in subject.rollup.uncertain
            if name in since and self._inputs.now - since[name] >= threshold
        }
        if last is None or last.ref != subject.anchor.ref or not failing:
            return None
        text = add_unreadable_notice(last.body, self._source_names(failing, subject.anchor), markup)
        return DesiredComment(
            subject=subject.name,
            ref=subject.anchor.ref,
            body=text,
            urgent_hash=text_digest("unreadable " + " ".join(sorted(failing))),
            full_hash=text_digest(text),
            reason=Reason(text=f"sources of {subject.name} are unreadable"),
        )

    def _source_names(self, failing: Mapping[str, datetime], anchor: Issue) -> dict[str, datetime]:
        """Return failing sources and since when, under names that the comment on ``anchor`` may contain."""
        times: dict[str, datetime] = {}
        for source, since in failing.items():
            name = self._observed.redaction.visible_source_name(source, self._sources, anchor)
            times[name] = min(since, times.get(name, since))
        return times

    def _count_overrides(self, capabilities: set[str]) -> int:
        pinned = sum(capability in capabilities for capability in self._overrides.pins.values())
        return pinned + sum(len(ids & capabilities) for ids in self._overrides.vetoes.values())
