"""Confirmation of suspected overrides: direct reads, because search results lag, and the trackers' label histories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef
from sync.diff.guard import is_override
from sync.model.labels import SuspectedOverride
from sync.pipeline.label_evidence import CheckedOverride, LabelEvidence, needs_evidence
from sync.pull.recorded import FROM_HISTORY, label_renamer
from sync.pull.state_recorder import StateRecorder
from sync.runtime.context import RunContext

MAX_CHECKS_PER_RUN: Final = 100
"""Issues with suspected overrides that one run reads."""
_NOT_OURS: Final = frozenset({"ours", "gone", "too-early"})
"""Verdicts by which no person decided."""


@dataclass(kw_only=True, slots=True)
class OverrideCheck:
    """Results of direct reads. Nothing is recorded yet."""

    fresh_issues: dict[IssueRef, Issue] = field(default_factory=dict)
    vanished: set[IssueRef] = field(default_factory=set)
    unread: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> reason why it could not be read. It stays unchanged in this run."""
    postponed: set[IssueRef] = field(default_factory=set)
    """Issues that a later run checks. They stay unchanged in this run."""
    findings: list[CheckedOverride] = field(default_factory=list)

    @property
    def confirmed(self) -> list[SuspectedOverride]:
        """Confirmed overrides, without what our own account did or a write that had no effect left undone."""
        return [
            each.suspicion
            for each in self.findings
            if each.verdict not in _NOT_OURS or each.suspicion.kind == "gone"
        ]


@dataclass(kw_only=True, slots=True)
class _Checker:
    context: RunContext
    evidence: LabelEvidence
    accepted: frozenset[SuspectedOverride]
    check: OverrideCheck = field(default_factory=OverrideCheck)

    def run(self, by_issue: dict[IssueRef, list[SuspectedOverride]]) -> None:
        """Check all suspicions of these issues: read each issue, and the histories of a tracker together."""
        confirmed: dict[IssueRef, list[SuspectedOverride]] = {}
        for ref, suspicions in by_issue.items():
            try:
                if issue := self._read(ref):
                    confirmed[ref] = [each for each in suspicions if _is_confirmed(self.context, each, issue)]
            except ConnectorError as error:
                self.check.unread[ref] = str(error)
        self.evidence.request([ref for ref, found in confirmed.items() if any(map(needs_evidence, found))])
        for ref, found in confirmed.items():
            self._judge(ref, found)

    def _read(self, ref: IssueRef) -> Issue | None:
        issue = None
        with suppress(Gone):
            issue = self.context.read_issue(ref)
            self.context.store.save_issue(issue, self.context.now())
        if issue is None or issue.ref != ref:  # a transferred one is another issue now
            self.context.store.mark_vanished(ref, self.context.now())
            self.check.vanished.add(ref)
            return None
        self.check.fresh_issues[ref] = issue
        return issue

    def _judge(self, ref: IssueRef, suspicions: Sequence[SuspectedOverride]) -> None:
        check, issue = self.check, self.check.fresh_issues[ref]
        if ref in self.evidence.unread and any(map(needs_evidence, suspicions)):
            check.unread[ref] = self.evidence.unread[ref]
            return
        found = [self._verdict(each, issue) for each in suspicions]
        if any(each.verdict == "too-early" for each in found):
            check.postponed.add(ref)
            return
        if any(each.verdict == "ours" for each in found):
            found += self.evidence.forgotten_labels(issue, {each.label for each in suspicions})
        check.findings += found

    def _verdict(self, suspicion: SuspectedOverride, issue: Issue) -> CheckedOverride:
        if needs_evidence(suspicion):
            return self.evidence.judge(suspicion, issue, accepted=suspicion in self.accepted)
        match suspicion.kind:
            case "pin-lifted" | "ignored-lifted" | "gone":
                return CheckedOverride(suspicion=suspicion, verdict=suspicion.kind)
            case kind:
                raise ValueError(f"no direct read decides on {kind}")


def check_suspected_overrides(
    context: RunContext,
    suspicions: Iterable[SuspectedOverride],
    *,
    stop_after: int | None = None,
    evidence: LabelEvidence | None = None,
    accepted: Collection[SuspectedOverride] = (),
) -> OverrideCheck:
    """Read each suspected issue directly, and the label histories of those that people may have changed.

    Costs one request for each issue, and those of ``IssueReader.label_histories``. Stops after more than ``stop_after``
    confirmed overrides, because the guard refuses then, and leaves what is more than ``MAX_CHECKS_PER_RUN`` to the next
    run. ``accepted``: vetoes that the user accepts without evidence.
    """
    by_issue: defaultdict[IssueRef, list[SuspectedOverride]] = defaultdict(list)
    for each in sorted(suspicions, key=lambda s: (s.ref, s.label)):
        by_issue[each.ref].append(each)
    evidence = evidence or LabelEvidence(context=context)
    checker = _Checker(context=context, evidence=evidence, accepted=frozenset(accepted))
    check, refs = checker.check, list(by_issue)
    limit = len(refs) if stop_after is None else max(MAX_CHECKS_PER_RUN, stop_after + 1)
    for batch in _batches(refs[:limit], stop_after):
        if stop_after is not None and sum(map(is_override, check.confirmed)) > stop_after:
            break
        checker.run({ref: by_issue[ref] for ref in batch})
    check.postponed.update(refs[limit:])
    return check


def _batches(refs: Sequence[IssueRef], stop_after: int | None) -> Iterator[Sequence[IssueRef]]:
    """Split issues so that few are read in vain if the guard refuses, and histories are requested together."""
    first = len(refs) if stop_after is None else stop_after + 1
    yield refs[:first]
    for start in range(first, len(refs), MAX_CHECKS_PER_RUN):
        yield refs[start : start + MAX_CHECKS_PER_RUN]


def record_overrides(findings: Iterable[CheckedOverride], recorder: StateRecorder) -> None:
    """Record the verdicts in the recorder."""
    for finding in findings:
        ref, label, at = finding.suspicion.ref, finding.suspicion.label, finding.decided_at
        match finding.verdict:
            case "veto":
                recorder.record_override(ref, "veto", label, _evidence(finding, "removed"), at=at)
            case "pin":
                recorder.drop_override(ref, "veto", label)
                recorder.record_override(ref, "pin", label, _evidence(finding, "put"), at=at)
            case "other-instance":
                recorder.record_override(ref, "held", label, "put by another instance; left to it")
            case "ignored":
                recorder.record_override(ref, "left", label, _evidence(finding, "put"), at=at)
            case "pin-lifted":
                recorder.drop_override(ref, "pin", label)
                recorder.forget_labels(ref, recorder.equivalent_labels(ref, label))
            case "veto-lifted":
                recorder.drop_override(ref, "veto", label)
            case "ignored-lifted":
                recorder.drop_override(ref, "left", label)
            case "ours":
                recorder.drop_override(ref, "veto", label)
                recorder.adopt_label(ref, label)
            case "gone":
                recorder.forget_labels(ref, frozenset({label}))


def _evidence(finding: CheckedOverride, verb: str) -> str:
    """Return what the tracker's history says about a decision, or that it does not say it."""
    if finding.decided_at is None:
        return f"the tracker's history does not say who {verb} the label"
    account = f" (account {finding.account})" if finding.account else ""
    return f"{FROM_HISTORY}a person {verb} the label{account}"


def _is_confirmed(context: RunContext, suspicion: SuspectedOverride, issue: Issue) -> bool:
    """Return False if the direct read contradicts a suspicion."""
    live, current_name = {label.lower() for label in issue.labels}, label_renamer(context)
    match suspicion.kind:
        case "pin" | "origin" | "veto-lifted":
            return suspicion.label in live
        case "gone":
            is_exact = context.settings.spec(issue.ref.tracker).traits.labels_case_exact
            return suspicion.label not in (issue.labels if is_exact else live)
        case _:
            return current_name(suspicion.label) not in map(current_name, live)
