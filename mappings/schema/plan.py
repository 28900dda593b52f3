"""Schema of a plan file: one increment with its goals and capabilities."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, model_validator

from mappings.schema.types import Day, Entry, Silence, Text, described
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

    file: Annotated[
        str, StringConstraints(min_length=1, max_length=500), AfterValidator(_check_relative_path)
    ] = described("A JSON file; path relative to the workspace.", "metrics/churn.json")
    metric: Text = described(
        "Path of the number in it; dots lead into objects and lists.", "auc", "folds.0.auc"
    )
    at_least: float | None = described("Minimum of the number.", 0.8, default=None, allow_inf_nan=False)
    at_most: float | None = described("Maximum of the number.", 0.05, default=None, allow_inf_nan=False)

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

    id: Text = described("Unique over all plan files; becomes the label `capability:<id>`.", "churn-features")
    title: Text = described("Name for people.", "Churn feature set")
    team: Text = described("The team that owns it.", "churn-science")
    anchor: Text | None = described(
        "Tracker issue that represents it and carries its status comment.",
        "acme/churn#12",
        "DS-101",
        default=None,
    )
    iterations: list[Text] = described("Named rounds: build, observe, analyse.", ["v1", "v2"], default=[])
    target: Day | None = described(
        "Target date; default: the end of the increment.", "2026-12-11", default=None
    )
    required: bool = described("Whether the goal needs it.", default=True)
    cancelled: bool = described("Cancelled; not counted for the goal.", default=False)
    released: Day | None = described(
        "Release day; set by people, never inferred.", "2026-11-30", default=None
    )
    continues: Text | None = described(
        "The capability of an earlier increment whose open issues this one takes over.",
        "churn-features-q3",
        default=None,
    )
    previously: list[Text] = described(
        "Former ids; labels, comment and baseline carry over.", ["churn-inputs"], default=[]
    )
    evidence: EvidenceEntry | None = described(
        "Without it, done is shown as `done, not proven`.",
        {"file": "metrics/churn.json", "metric": "auc", "at_least": 0.8},
        default=None,
    )
    silence: Silence = Field(default=[])


class GoalEntry(Entry):
    """Outcome of one increment."""

    id: Text = described("Unique over all plan files.", "retention-model")
    title: Text = described("The outcome in one line.", "Recommendations that keep subscribers")
    commitment: Literal["committed", "stretch"] = described(
        "Committed or stretch; the two are counted separately.", default="committed"
    )
    anchor: Text | None = described("Tracker issue that represents the goal.", "DS-100", default=None)
    capabilities: list[CapabilityEntry] = described("Capabilities of the goal.", default=[])
    value: float | None = described(
        "Planned value, for example 1 to 10.", 8, default=None, ge=0, allow_inf_nan=False
    )
    actual_value: float | None = described(
        "Value assessed at the review.", 6, default=None, ge=0, allow_inf_nan=False
    )
    acceptance: Literal["automatic", "manual"] = described(
        "`manual`: done only with `accepted: true`.", default="automatic"
    )
    accepted: bool = described("A person accepted the goal; used with `acceptance: manual`.", default=False)
    cancelled: bool = described("The goal is cancelled.", default=False)
    previously: list[Text] = described("Former ids of the goal.", ["keep-subscribers"], default=[])
    silence: Silence = Field(default=[])


class PlanFile(Entry):
    """One increment: a fixed period with its goals."""

    increment: Text = described("Id of the increment; becomes the label `increment:<id>`.", "2026-q4")
    start: Day = described("First day.", "2026-10-01")
    end: Day = described("Last day, included in the increment.", "2026-12-31")
    timezone: Text | None = described(
        "IANA time zone of the days; default: that of the settings.", "Europe/Berlin", default=None
    )
    grace_days: int = described(
        "Days after the end in which closed issues still count.", default=5, ge=0, le=60
    )
    holidays: list[Day] = described("Days without work.", ["2026-12-25"], default=[])
    goals: list[GoalEntry] = described("Goals of the increment.", default=[])
