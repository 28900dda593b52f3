"""Confirmation of suspected overrides by direct reads, because search results lag and lists go stale."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Literal

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef, LabelEvent
from sync.diff.guard import is_override
from sync.model.labels import SuspectedOverride
from sync.pipeline.instances import instance_of_account
from sync.pull.recorded import label_renamer
from sync.pull.state_recorder import StateRecorder
from sync.runtime.context import RunContext

OverrideVerdict = Literal[
    "veto", "pin", "pin-lifted", "veto-lifted", "ignored", "ignored-lifted", "ours", "other-instance", "gone"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedOverride:
    """A suspected override that the direct read confirmed, with the verdict."""

    suspicion: SuspectedOverride
    verdict: OverrideVerdict
    decided_at: datetime | None = None
    """Time of the decision, if the history of the tracker has it."""


@dataclass(kw_only=True, slots=True)
class OverrideCheck:
    """Results of direct reads. Nothing is recorded yet."""

    fresh_issues: dict[IssueRef, Issue] = field(default_factory=dict)
    vanished: set[IssueRef] = field(default_factory=set)
    unread: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> reason why it could not be read. It stays unchanged in this run."""
    findings: list[CheckedOverride] = field(default_factory=list)

    @property
    def confirmed(self) -> list[SuspectedOverride]:
        """Confirmed overrides, without labels that the history attributes to us (a restored store forgot them)."""
        return [finding.suspicion for finding in self.findings if finding.verdict != "ours"]


def check_suspected_overrides(
    context: RunContext, suspicions: Iterable[SuspectedOverride], *, stop_after: int | None = None
) -> OverrideCheck:
    """Read each suspected issue directly.

    Costs one request for each issue, and one for its label history if the store does not know who put a label. Stops
    after more than ``stop_after`` confirmed overrides, because the guard refuses then.
    """
    check = OverrideCheck()
    ordered = sorted(suspicions, key=lambda s: (s.ref, s.label))
    for ref, group in groupby(ordered, key=lambda s: s.ref):
        if stop_after is not None and sum(map(is_override, check.confirmed)) > stop_after:
            break
        of_issue = list(group)
        try:
            _check_issue(context, ref, of_issue, check)
        except ConnectorError as error:
            check.unread[ref] = str(error)
    return check


def record_overrides(findings: Iterable[CheckedOverride], recorder: StateRecorder) -> None:
    """Record the verdicts in the recorder."""
    for finding in findings:
        ref, label, at = finding.suspicion.ref, finding.suspicion.label, finding.decided_at
        match finding.verdict:
            case "veto":
                source = "from the tracker's history: " if at else ""
                recorder.record_override(ref, "veto", label, f"{source}a person removed the label", at=at)
            case "pin":
                recorder.drop_override(ref, "veto", label)
                recorder.record_override(ref, "pin", label, "a person put the label")
            case "other-instance":
                recorder.record_override(ref, "held", label, "put by another instance; left to it")
            case "ignored":
                note = "not put by this instance according to the history"
                recorder.record_override(ref, "left", label, note)
            case "pin-lifted":
                recorder.drop_override(ref, "pin", label)
                recorder.forget_labels(ref, recorder.equivalent_labels(ref, label))
            case "veto-lifted":
                recorder.drop_override(ref, "veto", label)
            case "ignored-lifted":
                recorder.drop_override(ref, "left", label)
            case "ours":
                recorder.adopt_label(ref, label)
            case "gone":
                recorder.forget_labels(ref, frozenset({label}))


def _check_issue(
    context: RunContext, ref: IssueRef, suspicions: list[SuspectedOverride], check: OverrideCheck
) -> None:
    issue, history = None, {}
    with suppress(Gone):
        issue = context.read_issue(ref)
    if issue is not None:
        if any(suspicion.needs_history or suspicion.kind == "pin" for suspicion in suspicions):
            events = context.readers[ref.tracker].label_origins(ref)
            history = {label.lower(): event for label, event in events.items()}
        context.store.save_issue(issue, context.now())
    if issue is None or issue.ref != ref:  # a transferred one is another issue now
        context.store.mark_vanished(ref, context.now())
        check.vanished.add(ref)
        return
    check.fresh_issues[ref] = issue
    found = [
        CheckedOverride(suspicion=suspicion, verdict=verdict)
        for suspicion in suspicions
        if (verdict := _verdict_on(context, suspicion, issue, history))
    ]
    if any(each.verdict == "ours" for each in found):
        found += _forgotten_labels(context, issue, history, {each.label for each in suspicions})
    check.findings += found


def _forgotten_labels(
    context: RunContext, issue: Issue, history: Mapping[str, LabelEvent], suspected: Collection[str]
) -> Iterator[CheckedOverride]:
    """Find other labels of the issue that the history attributes to us, after the store forgot one."""
    ours = context.own_account_ids(issue.ref.tracker)
    for label in sorted(map(str.lower, context.workspace.labels.managed(issue.labels))):
        event = history.get(label)
        if event and event.author_id in ours and label not in suspected:
            suspicion = SuspectedOverride(ref=issue.ref, kind="origin", label=label, needs_history=True)
            yield CheckedOverride(suspicion=suspicion, verdict="ours")


def _verdict_on(
    context: RunContext, suspicion: SuspectedOverride, issue: Issue, history: Mapping[str, LabelEvent]
) -> OverrideVerdict | None:
    """Return the verdict on a suspected override; None if the direct read contradicts it."""
    live, current_name = {label.lower() for label in issue.labels}, label_renamer(context)
    is_there = suspicion.label in live
    match suspicion.kind:
        case "pin" | "origin":
            return _origin_verdict(context, suspicion, history) if is_there else None
        case "veto-lifted":
            return suspicion.kind if is_there else None
        case "gone":
            # On Jira another spelling is another label.
            is_exact = context.markup(issue.ref.tracker) == "jira"
            return None if suspicion.label in (issue.labels if is_exact else live) else suspicion.kind
        case "before-store":  # decided by the label history, see override_recovery.py
            return None
        case kind:
            return None if current_name(suspicion.label) in map(current_name, live) else kind


def _origin_verdict(
    context: RunContext, suspicion: SuspectedOverride, history: Mapping[str, LabelEvent]
) -> OverrideVerdict:
    event = history.get(suspicion.label)
    if event and event.author_id in context.own_account_ids(suspicion.ref.tracker):
        return "ours"
    if event and instance_of_account(context, suspicion.ref.tracker, event.author_id):
        return "other-instance"
    if not suspicion.needs_history:
        return "pin"
    return "ignored" if event is None or suspicion.kind == "origin" else "pin"
