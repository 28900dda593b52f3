"""Confirmation of suspected overrides by direct reads, because search results lag and lists go stale."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
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
        ref, label = finding.suspicion.ref, finding.suspicion.label
        if finding.verdict == "veto":
            source = "from the tracker's history: " if finding.decided_at else ""
            recorder.record_override(
                ref, "veto", label, f"{source}a person removed the label", at=finding.decided_at
            )
        elif finding.verdict == "pin":
            recorder.drop_override(ref, "veto", label)
            recorder.record_override(ref, "pin", label, "a person put the label")
        elif finding.verdict == "other-instance":
            recorder.record_override(ref, "held", label, "put by another instance; left to it")
        elif finding.verdict == "ignored":
            recorder.record_override(ref, "left", label, "not put by this instance according to the history")
        elif finding.verdict == "pin-lifted":
            recorder.drop_override(ref, "pin", label)
            recorder.forget_labels(ref, recorder.equivalent_labels(ref, label))
        elif finding.verdict == "veto-lifted":
            recorder.drop_override(ref, "veto", label)
        elif finding.verdict == "ignored-lifted":
            recorder.drop_override(ref, "left", label)
        elif finding.verdict == "ours":
            recorder.adopt_label(ref, label)
        else:
            recorder.forget_labels(ref, frozenset({label}))


def _check_issue(
    context: RunContext, ref: IssueRef, suspicions: list[SuspectedOverride], check: OverrideCheck
) -> None:
    try:
        issue = context.read_issue(ref)
    except Gone:
        _mark_vanished(context, ref, check)
        return
    history = _label_history(context, ref, suspicions)
    context.store.save_issue(issue, context.now())
    if issue.ref != ref:  # transferred: another issue now, and this one no longer exists
        _mark_vanished(context, ref, check)
        return
    check.fresh_issues[ref] = issue
    for suspicion in suspicions:
        if verdict := _verdict_on(context, suspicion, issue, history):
            check.findings.append(CheckedOverride(suspicion=suspicion, verdict=verdict))
    if any(each.verdict == "ours" and each.suspicion.ref == ref for each in check.findings):
        check.findings += _forgotten_labels(
            context, issue, history, {suspicion.label for suspicion in suspicions}
        )


def _forgotten_labels(
    context: RunContext, issue: Issue, history: Mapping[str, LabelEvent], read_issues: Collection[str]
) -> Iterator[CheckedOverride]:
    """Find other labels of the issue that the history attributes to us, after the store forgot one."""
    ours = context.own_account_ids(issue.ref.tracker)
    for label in sorted(context.workspace.labels.managed(issue.labels)):
        event = history.get(label.lower())
        if event and event.author_id in ours and label.lower() not in read_issues:
            suspicion = SuspectedOverride(
                ref=issue.ref, kind="origin", label=label.lower(), needs_history=True
            )
            yield CheckedOverride(suspicion=suspicion, verdict="ours")


def _mark_vanished(context: RunContext, ref: IssueRef, check: OverrideCheck) -> None:
    context.store.mark_vanished(ref, context.now())
    check.vanished.add(ref)


def _label_history(
    context: RunContext, ref: IssueRef, suspicions: list[SuspectedOverride]
) -> Mapping[str, LabelEvent]:
    if not any(suspicion.needs_history or suspicion.kind == "pin" for suspicion in suspicions):
        return {}
    events = context.readers[ref.tracker].label_origins(ref)
    return {label.lower(): event for label, event in events.items()}


def _verdict_on(
    context: RunContext, suspicion: SuspectedOverride, issue: Issue, history: Mapping[str, LabelEvent]
) -> OverrideVerdict | None:
    """Return the verdict on a suspected override; None if the direct read contradicts it."""
    live = {label.lower() for label in issue.labels}
    is_there = suspicion.label in live
    current_name = label_renamer(context)

    def has_equivalent(label: str) -> bool:
        return current_name(label) in set(map(current_name, live))

    match suspicion.kind:
        case "pin" | "origin":
            return _origin_verdict(context, suspicion, history) if is_there else None
        case "veto-lifted":
            return suspicion.kind if is_there else None
        case "gone":
            return None if suspicion.label in _comparable_names(context, issue) else suspicion.kind
        case "veto":
            return None if is_there or has_equivalent(suspicion.label) else suspicion.kind
        case "before-store":  # decided by the label history, see override_recovery.py
            return None
        case kind:
            return None if is_there or has_equivalent(suspicion.label) else kind


def _comparable_names(context: RunContext, issue: Issue) -> frozenset[str]:
    """Return the live labels as they are compared: exact on Jira, where another spelling is another label."""
    if context.markup(issue.ref.tracker) == "jira":
        return issue.labels
    return frozenset(label.lower() for label in issue.labels)


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
