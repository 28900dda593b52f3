"""Evidence for decisions of people: the label histories of the trackers.

A veto, a pin or a label that is left alone is recorded as the history shows it. Our own account may have acted in a
run that this store does not know (a backup was put back), and a write that was answered with success may have had no
effect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final, Literal

from connectors.errors import ConnectorError
from connectors.model import Issue, IssueRef, LabelHistory
from sync.model.labels import SuspectedOverride
from sync.pipeline.instances import instance_of_account
from sync.runtime.context import RunContext

OverrideVerdict = Literal[
    "veto",
    "pin",
    "pin-lifted",
    "veto-lifted",
    "ignored",
    "ignored-lifted",
    "ours",
    "other-instance",
    "gone",
    "too-early",
]
HISTORY_LAG: Final = timedelta(minutes=10)
"""Time after a change of an issue in which its history may lack the change."""
_KINDS_WITH_EVIDENCE: Final = frozenset({"veto", "pin", "origin", "veto-lifted"})
UNREAD_HISTORY: Final = "its label history cannot be read, so it is not known who changed its labels"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedOverride:
    """A suspected override that the direct read confirmed, with the verdict."""

    suspicion: SuspectedOverride
    verdict: OverrideVerdict
    decided_at: datetime | None = None
    """Time of the decision, if the history of the tracker has it."""
    account: str = ""
    """Account that the history names for it."""


def needs_evidence(suspicion: SuspectedOverride) -> bool:
    """Return True if the verdict says something about a person."""
    return suspicion.kind in _KINDS_WITH_EVIDENCE


@dataclass(kw_only=True, slots=True)
class LabelEvidence:
    """Label histories of one run. Each is requested once, those of a tracker together."""

    context: RunContext
    histories: dict[IssueRef, Mapping[str, LabelHistory]] = field(default_factory=dict)
    unread: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> reason why its history could not be read now."""
    silent: set[IssueRef] = field(default_factory=set)
    """Issues whose history the tracker does not show, or not completely."""

    def request(self, refs: Collection[IssueRef]) -> None:
        """Read the histories that are not known yet."""
        missing = sorted(set(refs) - self.histories.keys() - self.unread.keys() - self.silent)
        for tracker, group in groupby(missing, key=lambda ref: ref.tracker):
            of_tracker = list(group)
            try:
                found = self.context.readers[tracker].label_histories(of_tracker)
            except ConnectorError as error:
                self.unread.update(dict.fromkeys(of_tracker, f"{UNREAD_HISTORY}: {error}"))
                continue
            self.histories.update(found)
            self.silent.update(ref for ref in of_tracker if ref not in found)
            self.context.log.info("history.labels", tracker=tracker, issues=len(of_tracker))

    def judge(self, suspicion: SuspectedOverride, issue: Issue, *, accepted: bool) -> CheckedOverride:
        """Return the verdict on a suspicion that the direct read of ``issue`` confirmed. Its history was requested.

        Without a history, what the labels say holds, and no time is named. ``accepted``: the label is gone from all
        issues, and the user accepts that.
        """
        history = self.histories.get(suspicion.ref, {}).get(suspicion.label, LabelHistory())
        if suspicion.kind == "veto":
            accepted = accepted or suspicion.ref in self.silent
            return self._judge_veto(suspicion, issue, history, accepted=accepted)
        event = None if history.removed else history.added
        verdict = self._judge_live(suspicion, event.author_id if event else None)
        return CheckedOverride(
            suspicion=suspicion,
            verdict=verdict,
            decided_at=event.at if event else None,
            account=event.author_id if event else "",
        )

    def _judge_veto(
        self, suspicion: SuspectedOverride, issue: Issue, history: LabelHistory, *, accepted: bool
    ) -> CheckedOverride:
        removed, ours = history.removed, self.context.own_account_ids(suspicion.ref.tracker)
        if removed and removed.author_id not in ours:
            return CheckedOverride(
                suspicion=suspicion, verdict="veto", decided_at=removed.at, account=removed.author_id
            )
        if removed is None and accepted:
            return CheckedOverride(suspicion=suspicion, verdict="veto")
        if removed is None and history.added and issue.updated > self.context.now() - HISTORY_LAG:
            return CheckedOverride(suspicion=suspicion, verdict="too-early")
        return CheckedOverride(suspicion=suspicion, verdict="gone")

    def _judge_live(self, suspicion: SuspectedOverride, author: str | None) -> OverrideVerdict:
        tracker, kind = suspicion.ref.tracker, suspicion.kind
        if author is not None and author in self.context.own_account_ids(tracker):
            return "ours"
        if kind == "veto-lifted":
            return "veto-lifted"
        if author is not None and instance_of_account(self.context, tracker, author):
            return "other-instance"
        if kind == "pin" and (author is not None or not suspicion.needs_history):
            return "pin"
        return "ignored"

    def forgotten_labels(self, issue: Issue, suspected: Collection[str]) -> list[CheckedOverride]:
        """Find other labels of the issue that its history attributes to us, after the store forgot one."""
        ours, history = self.context.own_account_ids(issue.ref.tracker), self.histories[issue.ref]
        found = []
        for label in sorted(map(str.lower, self.context.workspace.labels.managed(issue.labels))):
            each = history.get(label, LabelHistory())
            if label not in suspected and each.added and not each.removed and each.added.author_id in ours:
                suspicion = SuspectedOverride(ref=issue.ref, kind="origin", label=label, needs_history=True)
                found.append(CheckedOverride(suspicion=suspicion, verdict="ours"))
        return found
