"""Schema of a plan file: one increment with its goals and capabilities."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from mappings.schema.types import Day, Entry, Silence, Text
from mappings.schema.when import is_lenient


def _check_relative_path(value: str) -> str:
    if "://" in value:
        raise ValueError(f'"{value[:60]}" is a URL; evidence is a file of the workspace')
    if value.startswith(("/", "~")) or "\\" in value or ":" in value or "\0" in value:
        raise ValueError(
            f'"{value[:60]}" is not a path relative to the workspace; write it as metrics/churn.json'
        )
    if ".." in value.split("/"):
        raise ValueError(f'"{value[:60]}" leaves a folder with ".."; write a path relative to the workspace')
    return value


class EvidenceEntry(Entry):
    """Bound that a metric has to meet before a done capability counts as proven."""

    file: Annotated[Text, AfterValidator(_check_relative_path)] = Field(
        description="A JSON file; path relative to the workspace.", examples=["metrics/churn.json"]
    )
    metric: Text = Field(
        description="Path of the number in it; dots lead into objects and lists.",
        examples=["auc", "folds.0.auc"],
    )
    at_least: float | None = Field(
        default=None, allow_inf_nan=False, description="Minimum of the number.", examples=[0.8]
    )
    at_most: float | None = Field(
        default=None, allow_inf_nan=False, description="Maximum of the number.", examples=[0.05]
    )

    @model_validator(mode="after")
    def _has_a_bound(self, info: ValidationInfo) -> Self:
        if is_lenient(info):
            return self
        if self.at_least is None and self.at_most is None:
            raise ValueError("`evidence` has no bound; set `at_least` or `at_most`")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("`at_least` is greater than `at_most`; correct one of them")
        return self


class CapabilityEntry(Entry):
    """Part of a goal that can be released when it is done."""

    id: Text = Field(
        description="Unique over all plan files; becomes the label `capability:<id>`.",
        examples=["churn-features"],
    )
    title: Text = Field(description="Name for people.", examples=["Churn feature set"])
    team: Text = Field(description="The team that owns it.", examples=["churn-science"])
    anchor: Text | None = Field(
        default=None,
        description="Tracker issue that represents it and carries its status comment.",
        examples=["github:acme/churn#12", "DS-101"],
    )
    iterations: list[Text] = Field(
        default=[], description="Named rounds: build, observe, analyse.", examples=[["v1", "v2"]]
    )
    target: Day | None = Field(
        default=None,
        description="Target date; default: the end of the increment.",
        examples=["2026-12-11"],
    )
    required: bool = Field(default=True, description="Whether the goal needs it.")
    cancelled: bool = Field(default=False, description="Cancelled; not counted for the goal.")
    released: Day | None = Field(
        default=None,
        description="Release day; set by people, never inferred.",
        examples=["2026-11-30"],
    )
    continues: Text | None = Field(
        default=None,
        description="The capability of an earlier increment whose open issues this one takes over.",
        examples=["churn-features-q3"],
    )
    previously: list[Text] = Field(
        default=[],
        description="Former ids; labels, comment and baseline carry over.",
        examples=[["churn-inputs"]],
    )
    evidence: EvidenceEntry | None = Field(
        default=None,
        description="Without it, done is shown as `done, not proven`.",
        examples=[{"file": "metrics/churn.json", "metric": "auc", "at_least": 0.8}],
    )
    silence: Silence = Field(default=[])


class GoalEntry(Entry):
    """Outcome of one increment."""

    id: Text = Field(description="Unique over all plan files.", examples=["retention-model"])
    title: Text = Field(
        description="The outcome in one line.", examples=["Recommendations that keep subscribers"]
    )
    commitment: Literal["committed", "stretch"] = Field(
        default="committed", description="Committed or stretch; the two are counted separately."
    )
    anchor: Text | None = Field(
        default=None, description="Tracker issue that represents the goal.", examples=["jira:DS-100"]
    )
    capabilities: list[CapabilityEntry] = Field(default=[], description="Capabilities of the goal.")
    value: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Planned value, for example 1 to 10.",
        examples=[8],
    )
    actual_value: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="Value assessed at the review.",
        examples=[6],
    )
    acceptance: Literal["automatic", "manual"] = Field(
        default="automatic", description="`manual`: done only with `accepted: true`."
    )
    accepted: bool = Field(
        default=False, description="A person accepted the goal; used with `acceptance: manual`."
    )
    cancelled: bool = Field(default=False, description="The goal is cancelled.")
    previously: list[Text] = Field(
        default=[], description="Former ids of the goal.", examples=[["keep-subscribers"]]
    )
    silence: Silence = Field(default=[])


class PlanFile(Entry):
    """One increment: a fixed period with its goals."""

    increment: Text = Field(
        description="Id of the increment; becomes the label `increment:<id>`.", examples=["2026-q4"]
    )
    start: Day = Field(description="First day.", examples=["2026-10-01"])
    end: Day = Field(description="Last day, included in the increment.", examples=["2026-12-31"])
    timezone: Text | None = Field(
        default=None,
        description="IANA time zone of the days; default: that of the settings.",
        examples=["Europe/Berlin"],
    )
    grace_days: int = Field(
        default=5, ge=0, le=60, description="Days after the end in which closed issues still count."
    )
    holidays: list[Day] = Field(default=[], description="Days without work.", examples=[["2026-12-25"]])
    goals: list[GoalEntry] = Field(default=[], description="Goals of the increment.")
