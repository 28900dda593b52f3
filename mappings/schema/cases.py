"""Schema of the cases for ``mappings test``, in mapping files and in separate test files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import create_model

from mappings.rules.fields import FIELDS, RuleField
from mappings.schema.types import Entry, Names, Text, described
from mappings.schema.when import Moment


class _CaseIssueBase(Entry):
    """Issue of a test case. Omitted keys are empty, or as on a new issue."""

    key: Text = described("Its key.", "acme/churn#7", "DS-141")
    title: Text = described("Its title.", "Sessionise events", default="A case")
    body: str = described("Its description.", default="")
    labels: Names = described("Its labels.", ["features"], default=[])
    status: Text | None = described("Name of its status.", "In review", default=None)
    category: Literal["todo", "doing", "done"] | None = described(
        "Category of the status; open, closed, To Do, In Progress and Done have theirs.",
        "doing",
        default=None,
    )
    resolution: Text | None = described(
        "Its resolution, or the reason of its closing.", "Won't do", default=None
    )
    parent: Text | None = described("Key of its parent.", "DS-140", default=None)
    ancestors: Names = described(
        "Keys of all its ancestors, parent first; instead of `parent`.", ["DS-140", "DS-100"], default=[]
    )
    blocked_by: Names = described("Keys of the open issues that block it.", ["DS-150"], default=[])
    created: Moment | None = described(
        "Time of creation; default: the day before the time of the case.", "2026-11-02", default=None
    )
    updated: Moment | None = described("Time of the last change.", "2026-11-03", default=None)
    closed: Moment | None = described("Time of closing.", "2026-11-03", default=None)
    flagged: bool = described("Flagged as impeded.", default=False)
    pull_request: bool = described("True for a pull request.", default=False)
    fields: dict[str, Names] = described("Custom fields by name.", {"Model": ["churn"]}, default={})

    def value(self, field: RuleField) -> str | tuple[str, ...] | None:
        """Return the value of a field of ``CASE_FIELDS``, as an ``Issue`` holds it; None if it is not set."""
        value = getattr(self, field.key)
        return tuple(value) if field.many else value


CASE_FIELDS: Final = tuple(
    each
    for each in FIELDS
    if each.attribute and not {each.key, each.attribute} & _CaseIssueBase.model_fields.keys()
)
"""Fields whose values a case sets under the key of the condition, without special treatment."""


def _case_fields() -> dict[str, Any]:
    return {
        each.key: (
            Names if each.many else str | None,
            described(each.description, each.sample, default=[] if each.many else None),
        )
        for each in CASE_FIELDS
    }


if TYPE_CHECKING:
    CaseIssue = _CaseIssueBase
else:
    CaseIssue = create_model(
        "CaseIssue", __base__=_CaseIssueBase, __doc__=_CaseIssueBase.__doc__, **_case_fields()
    )


class CaseEntry(Entry):
    """One test case. It has at least one expectation."""

    name: Text | None = described(
        "Name of the case; default: the title of the issue.",
        "Blocked work stays in its capability",
        default=None,
    )
    issue: CaseIssue = described(
        "The issue: key, title, labels and so on.", {"key": "acme/churn#7", "labels": ["features"]}
    )
    assign: Text | None = described("Expected capability.", "churn-features", default=None)
    rule: Text | None = described("Expected rule.", "feature-work", default=None)
    iteration: Text | None = described("Expected iteration.", "v2", default=None)
    state: Literal["todo", "doing", "done", "dropped"] | None = described(
        "Expected state.", "doing", default=None
    )
    unplanned: bool | None = described("True if the issue is expected to be unplanned.", True, default=None)
    ignored: bool | None = described(
        "True if the issue is expected to be neither counted nor unplanned: an anchor, or old work.",
        True,
        default=None,
    )
    pinned: Text | None = described(
        "Capability that a person pinned the issue to.", "churn-model", default=None
    )
    vetoed: Names = described(
        "Capabilities from which a person removed the issue.", ["churn-model"], default=[]
    )
    now: Moment | None = described(
        "Time of the case; default: the middle of the increment of its capability, so that cases do not "
        "become stale.",
        "2026-11-15",
        default=None,
    )


class CaseFile(Entry):
    """Test cases in a separate file, below ``mappings/tests/``."""

    team: Text = described("The team whose rules are tested.", "churn-science")
    tests: list[CaseEntry] = described("The cases.")
