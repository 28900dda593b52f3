"""The shape of the cases that ``mappings test`` runs, in mapping files and in files of their own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mappings.schema.types import Entry, Names, Text
from mappings.schema.when import Moment


class CaseIssue(Entry):
    """An issue as its tracker would tell it. What is left out is empty, or as on a new issue."""

    key: Text = Field(description="Its key.", examples=["acme/churn#7", "DS-141", "jira:DS-141"])
    title: Text = Field(default="A case", description="Its title.", examples=["Sessionise events"])
    body: str = Field(default="", description="Its description.")
    type: str = Field(default="", description="Its type.", examples=["Experiment"])
    labels: Names = Field(default=[], description="Its labels; ours are not seen.", examples=[["features"]])
    status: Text | None = Field(default=None, description="Name of its status.", examples=["In review"])
    category: Literal["todo", "doing", "done"] | None = Field(
        default=None,
        description="The tracker's own class of the status; open, closed, To Do, In Progress and Done have theirs.",
        examples=["doing"],
    )
    resolution: Text | None = Field(
        default=None, description="Jira's resolution or GitHub's reason.", examples=["Won't do"]
    )
    components: Names = Field(default=[], description="Its Jira components.", examples=[["Scoring"]])
    milestone: Text | None = Field(default=None, description="Its GitHub milestone.", examples=["Q4"])
    fix_version: Names = Field(default=[], description="Its Jira fix versions.", examples=["1.10"])
    sprint: Text | None = Field(default=None, description="Its sprint.", examples=["Blue 12"])
    parent: Text | None = Field(default=None, description="Key of its parent.", examples=["DS-140"])
    ancestors: Names = Field(
        default=[],
        description="Keys of all its ancestors, nearest first; instead of `parent`.",
        examples=[["DS-140", "DS-100"]],
    )
    assignee: Names = Field(default=[], description="Who works on it, by login.", examples=["mona"])
    author: str = Field(default="", description="Who created it, by login.", examples=["mona"])
    created: Moment | None = Field(
        default=None,
        description="When it was created; default: the day before the case plays.",
        examples=["2026-11-02"],
    )
    updated: Moment | None = Field(default=None, description="When it changed last.", examples=["2026-11-03"])
    closed: Moment | None = Field(default=None, description="When it was closed.", examples=["2026-11-03"])
    flagged: bool = Field(default=False, description="Flagged as impeded in Jira.")
    pull_request: bool = Field(default=False, description="Whether it is a pull request.")
    fields: dict[str, Names] = Field(
        default={}, description="Custom fields by name.", examples=[{"Model": ["churn"]}]
    )


class CaseEntry(Entry):
    """One case that the mapping has to get right. It has to expect something."""

    name: Text | None = Field(
        default=None,
        description="What the case is about; default: the issue's title.",
        examples=["Blocked work stays in its capability"],
    )
    issue: CaseIssue = Field(
        description="The issue: key, title, labels and so on.",
        examples=[{"key": "acme/churn#7", "labels": ["features"]}],
    )
    assign: Text | None = Field(
        default=None, description="The capability that it has to count towards.", examples=["churn-features"]
    )
    rule: Text | None = Field(
        default=None, description="The rule that has to decide.", examples=["feature-work"]
    )
    iteration: Text | None = Field(
        default=None, description="The iteration that it has to belong to.", examples=["v2"]
    )
    state: Literal["todo", "doing", "done", "dropped"] | None = Field(
        default=None, description="The state that it has to have.", examples=["doing"]
    )
    unplanned: bool | None = Field(
        default=None, description="True when it has to be unplanned.", examples=[True]
    )
    ignored: bool | None = Field(
        default=None,
        description="True when it has to be neither counted nor unplanned: an anchor, or old work.",
        examples=[True],
    )
    pinned: Text | None = Field(
        default=None, description="A capability that a person pinned it to.", examples=["churn-model"]
    )
    vetoed: Names = Field(
        default=[], description="Capabilities that a person took it out of.", examples=[["churn-model"]]
    )
    now: Moment | None = Field(
        default=None,
        description=(
            "When the case plays; default: the middle of the increment of the capability that it is about, "
            "so that cases do not go stale as time passes."
        ),
        examples=["2026-11-15"],
    )


class CaseFile(Entry):
    """Cases in a file of their own, below ``mappings/tests/``."""

    team: Text = Field(description="The team whose rules are tested.", examples=["churn-science"])
    tests: list[CaseEntry] = Field(description="The cases.")
