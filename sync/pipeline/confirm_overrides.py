"""Find out whether a person really decided something: search lags and lists go stale, so ask the issue itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Literal

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef, LabelEvent
from mappings.rules.conditions import wanted_by
from sync.diff.limits import is_override
from sync.model.labels import Suspicion
from sync.pipeline.instances import installation_of
from sync.pull.recorded import Recorder, label_names
from sync.runtime.context import Job

Verdict = Literal[
    "veto", "pin", "pin-lifted", "veto-lifted", "left", "left-lifted", "ours", "neighbour", "gone"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A suspicion that the direct read confirmed, and what it comes to."""

    suspicion: Suspicion
    verdict: Verdict
    at: datetime | None = None
    """When a person did it, where the tracker's history tells."""


@dataclass(kw_only=True, slots=True)
class Checked:
    """What direct reads said about suspicions. Nothing is recorded yet."""

    fresh: dict[IssueRef, Issue] = field(default_factory=dict)
    vanished: set[IssueRef] = field(default_factory=set)
    unread: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> why it could not be read; it stays as it is in this run."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def confirmed(self) -> list[Suspicion]:
        """Without those of which the history says that it was us: a store that came from a backup forgot them."""
        return [finding.suspicion for finding in self.findings if finding.verdict != "ours"]


def check_suspicions(job: Job, suspicions: Iterable[Suspicion], *, stop_after: int | None = None) -> Checked:
    """Read each suspected issue directly: one read for each issue, and one more for its history where a label is
    there of which this store cannot know, or has forgotten, who put it.

    Stops when more than ``stop_after`` decisions of people were confirmed, because the guard then refuses.
    """
    checked = Checked()
    ordered = sorted(suspicions, key=lambda s: (s.ref, s.label))
    for ref, group in groupby(ordered, key=lambda s: s.ref):
        if stop_after is not None and sum(map(is_override, checked.confirmed)) > stop_after:
            break
        found = list(group)
        try:
            _check_issue(job, ref, found, checked)
        except ConnectorError as error:
            checked.unread[ref] = str(error)
    return checked


def record(findings: Iterable[Finding], recorder: Recorder) -> None:
    """Take what was found into memory."""
    for finding in findings:
        ref, label = finding.suspicion.ref, finding.suspicion.label
        if finding.verdict == "veto":
            told = "from the tracker's history: " if finding.at else ""
            recorder.add(ref, "veto", label, f"{told}a person removed the label", at=finding.at)
        elif finding.verdict == "pin":
            recorder.drop(ref, "veto", label)
            recorder.add(ref, "pin", label, "a person put the label")
        elif finding.verdict == "neighbour":
            recorder.add(ref, "held", label, "put by another installation; what it labels is left to it")
        elif finding.verdict == "left":
            recorder.add(ref, "left", label, "not put by this installation as far as the history tells")
        elif finding.verdict == "pin-lifted":
            recorder.drop(ref, "pin", label)
            recorder.forget(ref, recorder.spellings(ref, label))
        elif finding.verdict == "veto-lifted":
            recorder.drop(ref, "veto", label)
        elif finding.verdict == "left-lifted":
            recorder.drop(ref, "left", label)
        elif finding.verdict == "ours":
            recorder.adopt(ref, label)
        else:
            recorder.forget(ref, frozenset({label}))


def _check_issue(job: Job, ref: IssueRef, found: list[Suspicion], checked: Checked) -> None:
    try:
        issue = job.readers[ref.tracker].read(ref.key, wanted_by(job.workspace.teams))
    except Gone:
        _vanish(job, ref, checked)
        return
    history = _history(job, ref, found)
    job.store.save_issue(issue, job.now())
    if issue.ref != ref:  # transferred: it is another issue now, and this one is not there any more
        _vanish(job, ref, checked)
        return
    checked.fresh[ref] = issue
    for suspicion in found:
        if verdict := _verdict(job, suspicion, issue, history):
            checked.findings.append(Finding(suspicion=suspicion, verdict=verdict))
    if any(each.verdict == "ours" and each.suspicion.ref == ref for each in checked.findings):
        checked.findings += _forgotten(job, issue, history, {suspicion.label for suspicion in found})


def _forgotten(
    job: Job, issue: Issue, history: Mapping[str, LabelEvent], looked_at: Collection[str]
) -> Iterator[Finding]:
    """This store forgot one label of ours on the issue: the others that the history says we put come back with it."""
    ours = job.accounts(issue.ref.tracker)
    for label in sorted(job.workspace.labels.ours(issue.labels)):
        event = history.get(label.lower())
        if event and event.author_id in ours and label.lower() not in looked_at:
            suspicion = Suspicion(ref=issue.ref, kind="origin", label=label.lower(), needs_history=True)
            yield Finding(suspicion=suspicion, verdict="ours")


def _vanish(job: Job, ref: IssueRef, checked: Checked) -> None:
    job.store.mark_vanished(ref, job.now())
    checked.vanished.add(ref)


def _history(job: Job, ref: IssueRef, found: list[Suspicion]) -> Mapping[str, LabelEvent]:
    if not any(suspicion.needs_history or suspicion.kind == "pin" for suspicion in found):
        return {}
    events = job.readers[ref.tracker].label_events(ref)
    return {label.lower(): event for label, event in events.items()}


def _verdict(
    job: Job, suspicion: Suspicion, issue: Issue, history: Mapping[str, LabelEvent]
) -> Verdict | None:
    """What a suspicion comes to, or None when the issue itself says otherwise."""
    live = {label.lower() for label in issue.labels}
    is_there = suspicion.label in live
    today = label_names(job)

    def said_otherwise(label: str) -> bool:
        return today(label) in set(map(today, live))

    match suspicion.kind:
        case "pin" | "origin":
            return _who_put_it(job, suspicion, history) if is_there else None
        case "veto-lifted":
            return suspicion.kind if is_there else None
        case "gone":
            return None if suspicion.label in _spelled(job, issue) else suspicion.kind
        case "veto":
            return None if is_there or said_otherwise(suspicion.label) else suspicion.kind
        case "earlier":  # the history says it, see lost_store.py
            return None
        case kind:
            return None if is_there or said_otherwise(suspicion.label) else kind


def _spelled(job: Job, issue: Issue) -> frozenset[str]:
    """Names under which a label of ours may be looked for: another spelling is another label on Jira."""
    if job.markup(issue.ref.tracker) == "jira":
        return issue.labels
    return frozenset(label.lower() for label in issue.labels)


def _who_put_it(job: Job, suspicion: Suspicion, history: Mapping[str, LabelEvent]) -> Verdict:
    event = history.get(suspicion.label)
    if event and event.author_id in job.accounts(suspicion.ref.tracker):
        return "ours"
    if event and installation_of(job, suspicion.ref.tracker, event.author_id):
        return "neighbour"
    if not suspicion.needs_history:
        return "pin"
    return "left" if event is None or suspicion.kind == "origin" else "pin"
