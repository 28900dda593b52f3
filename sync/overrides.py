"""Find out whether a person really decided something: search lags and lists go stale, so ask the issue itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef, LabelEvent
from mappings.conditions import wanted_by
from sync.compare import Suspicion
from sync.job import Job
from sync.memory import Recorder


class Unchecked(Exception):
    """A tracker did not answer, so nothing could be decided about an issue."""


def check_suspicions(
    job: Job, suspicions: Iterable[Suspicion], recorder: Recorder
) -> tuple[dict[IssueRef, Issue], dict[IssueRef, str]]:
    """Read each suspected issue directly and record what its people decided.

    Returns the issues as they are now, and the issues that could not be read with the reason: those stay as
    they are in this run. One read for each issue; one more for its history where this store cannot know who
    put a label.
    """
    fresh: dict[IssueRef, Issue] = {}
    unread: dict[IssueRef, str] = {}
    wanted = wanted_by(job.workspace.teams)
    ordered = sorted(suspicions, key=lambda s: (s.ref, s.label))
    for ref, group in groupby(ordered, key=lambda s: s.ref):
        found = list(group)
        try:
            issue = job.readers[ref.tracker].read(ref.key, wanted)
            history = _history(job, ref, found)
        except Gone:
            unread[ref] = "it is not there any more"
            continue
        except ConnectorError as error:
            unread[ref] = str(error)
            continue
        fresh[ref] = issue
        job.store.save_issue(issue, job.now())
        live = {label.lower() for label in issue.labels}
        for suspicion in found:
            _judge(job, suspicion, live, history, recorder)
    return fresh, unread


def _history(job: Job, ref: IssueRef, found: list[Suspicion]) -> Mapping[str, LabelEvent]:
    if not any(suspicion.needs_history for suspicion in found):
        return {}
    events = job.readers[ref.tracker].label_events(ref)
    return {label.lower(): event for label, event in events.items()}


def _judge(
    job: Job,
    suspicion: Suspicion,
    live: set[str],
    history: Mapping[str, LabelEvent],
    recorder: Recorder,
) -> None:
    ref, label, there = suspicion.ref, suspicion.label, suspicion.label in live
    if suspicion.kind == "veto" and not there:
        recorder.add(suspicion, "veto", "a person removed the label")
    elif suspicion.kind == "pin-lifted" and not there:
        recorder.drop(ref, "pin", label)
    elif suspicion.kind == "veto-lifted" and there:
        recorder.drop(ref, "veto", label)
    elif suspicion.kind in ("pin", "origin") and there:
        _judge_label_that_is_there(job, suspicion, history, recorder)


def _judge_label_that_is_there(
    job: Job, suspicion: Suspicion, history: Mapping[str, LabelEvent], recorder: Recorder
) -> None:
    ref, label = suspicion.ref, suspicion.label
    if suspicion.needs_history:
        event = history.get(label)
        if event and event.author_id == job.readers[ref.tracker].whoami().id:
            recorder.adopt(ref, label)
            return
        if event is None or suspicion.kind == "origin":
            recorder.add(suspicion, "left", "not put by this installation as far as the history tells")
            return
    recorder.drop(ref, "veto", label)
    recorder.add(suspicion, "pin", "a person put the label")
