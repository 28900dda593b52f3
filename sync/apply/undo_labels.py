"""Take a run back: its journal, and what the trackers show now -> inverse changes, and what is left and why.

Labels of which an issue has one at most (all but flags) are judged together: they go back to the before-image only
where they stand exactly as the run left them. Pure: nothing is read or written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connectors.model import Issue, IssueRef
from mappings.labels import LabelScheme
from sync.apply.undo_comments import comments_back
from sync.model.changes import ChangeSet, LabelChange, Reason
from sync.model.records import JournalRow
from sync.model.renames import name_of_today
from sync.model.undo import Found, Hold, Left, Request, Undoing

LABEL_OPS = ("add-label", "remove-label")
COMMENT_OPS = ("create-comment", "edit-comment", "delete-comment")


def take_back(request: Request, found: Mapping[IssueRef, Found]) -> Undoing:
    """The inverse of everything that the run did on the issues of ``found``.

    A write that failed took nothing; one whose outcome is unknown is refused.
    """
    undoing = _Parts()
    for ref, now in sorted(found.items()):
        rows = [row for row in request.entries if row.ref == ref]
        _one_issue(request, now, rows, undoing)
    return undoing.as_undoing()


def part_of(label: str, scheme: LabelScheme) -> tuple[str, str]:
    """What a label is judged together with: its family where an issue has one of it at most, else itself."""
    family = scheme.family(label)
    return ("", label) if family in (None, "flag") else (f"{family}", "")


@dataclass(kw_only=True, slots=True)
class _Parts:
    labels: list[LabelChange] = field(default_factory=list)
    comments: list[Undoing] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    refused: list[Left] = field(default_factory=list)
    already: list[Left] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def as_undoing(self) -> Undoing:
        of_comments = self.comments
        return Undoing(
            changes=ChangeSet(
                labels=tuple(self.labels),
                comments=tuple(c for each in of_comments for c in each.changes.comments),
                removals=tuple(r for each in of_comments for r in each.changes.removals),
            ),
            holds=(*self.holds, *(hold for each in of_comments for hold in each.holds)),
            refused=(*self.refused, *(left for each in of_comments for left in each.refused)),
            already=(*self.already, *(left for each in of_comments for left in each.already)),
            notes=tuple(self.notes),
        )


def _one_issue(request: Request, now: Found, rows: list[JournalRow], parts: _Parts) -> None:
    done = [row for row in rows if row.outcome == "done"]
    for row in rows:
        if row.outcome in (None, "unknown"):
            parts.refused.append(Left(ref=now.ref, text=f"nobody knows whether its {row.op} took effect"))
    for row in done:
        _what_stays(row, now, parts)
    labels = [row for row in done if row.op in LABEL_OPS]
    comments = [row for row in done if row.op in COMMENT_OPS]
    if now.issue is None:
        if labels or comments:
            parts.refused.append(Left(ref=now.ref, text=now.problem))
        return
    if labels:
        _LabelsBack(request, now, now.issue, labels).judge(parts)
    if comments:
        parts.comments.append(comments_back(request, now, comments))


def _what_stays(row: JournalRow, now: Found, parts: _Parts) -> None:
    place = row.ref.key.partition("#")[0]
    if row.op == "create-label":
        parts.notes[f"the label {row.payload['label']} was made in {place} if it was not there; it stays"] = (
            None
        )
    elif row.op == "rename-label":
        text = (
            f"the label {row.payload['label']} of {place} was renamed {row.payload['new']} because the plan says "
            "so; change the plan to have it back"
        )
        parts.refused.append(Left(ref=now.ref, text=text))


class _LabelsBack:
    """The labels of one issue."""

    def __init__(self, request: Request, now: Found, issue: Issue, rows: list[JournalRow]) -> None:
        self.request, self.now, self.rows, self.issue = request, now, rows, issue
        self.names = {self._today(label): label for label in sorted(issue.labels)}
        self.before = frozenset(map(self._today, rows[0].before.get("labels", ())))
        self.after = self._after()
        self.live = frozenset(self.names)

    def judge(self, parts: _Parts) -> None:
        add: dict[str, Reason] = {}
        remove: dict[str, Reason] = {}
        pure: list[str] = []
        for part in sorted({self._part(self._of(row)) for row in self.rows}):
            whole = frozenset(
                label for label in self.before | self.after | self.live if self._part(label) == part
            )
            before, after, live = self.before & whole, self.after & whole, self.live & whole
            if live == before:
                parts.already.append(Left(ref=self.now.ref, text=f"{_names(whole)} as before the run"))
                continue
            if why := self._in_the_way(whole, after, live, live - before):
                parts.refused.append(Left(ref=self.now.ref, text=why))
                continue
            coming, going = before - live, live - before
            add |= {self._written(label): self._reason(label) for label in sorted(coming)}
            remove |= {self.names[label]: self._reason(label) for label in sorted(going)}
            pure += [] if coming else [self.names[label] for label in sorted(going)]
            parts.holds += [
                Hold(ref=self.now.ref, kind="held", label=label) for label in sorted(coming | going)
            ]
        if add or remove:
            parts.labels.append(
                LabelChange(
                    ref=self.now.ref,
                    container=self.issue.container,
                    add=add,
                    remove=remove,
                    before=tuple(sorted(self.request.scheme.ours(self.issue.labels))),
                    pure_removals=tuple(pure),
                )
            )

    def _in_the_way(
        self, whole: frozenset[str], after: frozenset[str], live: frozenset[str], going: frozenset[str]
    ) -> str | None:
        """Who changed the same thing since, if anybody did."""
        if live != after:
            later = [row for row in self.now.later if row.op in LABEL_OPS and self._of(row) in whole | live]
            shown, left = _names(live) or "nothing", _names(after) or "nothing"
            if later:
                return f"run {later[-1].run_id} changed {_names(live | after)} since; undo that run first"
            return f"a person changed it since: the run left {left}, now it carries {shown}"
        if theirs := going & frozenset(map(self._today, self.now.put_by_others)):
            return f"a person took {_names(theirs)} off and put it again since"
        return None

    def _part(self, label: str) -> tuple[str, str]:
        return part_of(label, self.request.scheme)

    def _after(self) -> frozenset[str]:
        labels = set(self.before)
        for row in self.rows:
            (labels.add if row.op == "add-label" else labels.discard)(self._of(row))
        return frozenset(labels)

    def _written(self, name: str) -> str:
        """The label that said so before the run, unless it has another name today."""
        labels = map(str, self.rows[0].before.get("labels", ()))
        return next(
            (label for label in labels if label.lower() == name or self._is_of_today(label, name)), name
        )

    def _is_of_today(self, label: str, name: str) -> bool:
        scheme = self.request.scheme
        return scheme.canonical(label.lower()) == name and not scheme.is_former(label)

    def _of(self, row: JournalRow) -> str:
        return self._today(str(row.payload["label"]))

    def _today(self, label: str) -> str:
        return name_of_today(label.lower(), self.request.scheme, self.request.renamed)

    def _reason(self, label: str) -> Reason:
        row = next((row for row in reversed(self.rows) if self._of(row) == label), self.rows[0])
        return Reason(text=f"undo of {self.request.run_id}, which said: {row.why}", rule=row.rule)


def _names(labels: Iterable[str]) -> str:
    return ", ".join(sorted(labels))
