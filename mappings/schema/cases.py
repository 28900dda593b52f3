"""Schema of the cases for ``mappings test``, in mapping files and in separate test files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field, create_model

from mappings.rules.fields import FIELDS, RuleField
from mappings.schema.types import Entry, Names, Text
from mappings.schema.when import Moment


class _CaseIssueBase(Entry):
    """Issue of a test case. Omitted keys are empty, or as on a new issue."""

    key: Text = Field(description="Its key.", examples=["acme/churn#7", "DS-141", "jira:DS-141"])
    title: Text = Field(default="A case", description="Its title.", examples=["Sessionise events"])
    body: str = Field(default="", description="Its description.")
    labels: Names = Field(default=[], description="Its labels.", examples=[["features"]])
    status: Text | None = Field(default=None, description="Name of its status.", examples=["In review"])
    category: Literal["todo", "doing", "done"] | None = Field(
        default=None,
        description="Category of the status; open, closed, To Do, In Progress and Done have theirs.",
        examples=["doing"],
    )
    resolution: Text | None = Field(
        default=None, description="Jira's resolution or GitHub's reason.", examples=["Won't do"]
    )
    parent: Text | None = Field(default=None, description="Key of its parent.", examples=["DS-140"])
    ancestors: Names = Field(
        default=[],
        description="Keys of all its ancestors, parent first; instead of `parent`.",
        examples=[["DS-140", "DS-100"]],
    )
    created: Moment | None = Field(
        default=None,
        description="Time of creation; default: the day before the time of the case.",
        examples=["2026-11-02"],
    )
    updated: Moment | None = Field(
        default=None, description="Time of the last change.", examples=["2026-11-03"]
    )
    closed: Moment | None = Field(default=None, description="Time of closing.", examples=["2026-11-03"])
    flagged: bool = Field(default=False, description="Flagged as impeded in Jira.")
    pull_request: bool = Field(default=False, description="True for a pull request.")
    fields: dict[str, Names] = Field(
        default={}, description="Custom fields by name.", examples=[{"Model": ["churn"]}]
    )

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
            Field(default=[] if each.many else None, description=each.description, examples=[each.sample]),
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

    name: Text | None = Field(
        default=None,
        description="Name of the case; default: the title of the issue.",
        examples=["Blocked work stays in its capability"],
    )
    issue: CaseIssue = Field(
        description="The issue: key, title, labels and so on.",
        examples=[{"key": "acme/churn#7", "labels": ["features"]}],
    )
    assign: Text | None = Field(default=None, description="Expected capability.", examples=["churn-features"])
    rule: Text | None = Field(default=None, description="Expected rule.", examples=["feature-work"])
    iteration: Text | None = Field(default=None, description="Expected iteration.", examples=["v2"])
    state: Literal["todo", "doing", "done", "dropped"] | None = Field(
        default=None, description="Expected state.", examples=["doing"]
    )
    unplanned: bool | None = Field(
        default=None, description="True if the issue is expected to be unplanned.", examples=[True]
    )
    ignored: bool | None = Field(
        default=None,
        description="True if the issue is expected to be neither counted nor unplanned: an anchor, or old work.",
        examples=[True],
    )
    pinned: Text | None = Field(
        default=None, description="Capability that a person pinned the issue to.", examples=["churn-model"]
    )
    vetoed: Names = Field(
        default=[],
        description="Capabilities from which a person removed the issue.",
        examples=[["churn-model"]],
    )
    now: Moment | None = Field(
        default=None,
        description=(
            "Time of the case; default: the middle of the increment of its capability, so that cases do not "
            "become stale."
        ),
        examples=["2026-11-15"],
    )


class CaseFile(Entry):
    """Test cases in a separate file, below ``mappings/tests/``."""

    team: Text = Field(description="The team whose rules are tested.", examples=["churn-science"])
    tests: list[CaseEntry] = Field(description="The cases.")
