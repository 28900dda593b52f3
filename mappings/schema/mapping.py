"""The shape of a team's mapping file: sources, states and rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mappings.schema.cases import CaseEntry
from mappings.schema.labels import LabelEntries
from mappings.schema.types import Entry, Silence, Text
from mappings.schema.when import When


class SourceEntry(Entry):
    """A part of a tracker: a Jira project or a GitHub repository."""

    project: Text | None = Field(default=None, description="Jira project key.", examples=["DS"])
    jql: Text | None = Field(
        default=None,
        description="Narrows the Jira project; without ORDER BY.",
        examples=["component = Churn"],
    )
    repo: Text | None = Field(default=None, description="GitHub repository.", examples=["acme/churn"])
    pull_requests: bool = Field(
        default=False, description="Whether pull requests of the repository count too."
    )


class StateEntry(Entry):
    """What puts an issue into a state, besides the tracker's own class. Compared without regard to case."""

    statuses: list[Text] = Field(default=[], description="Names of statuses.", examples=[["Peer review"]])
    labels: list[Text] = Field(
        default=[],
        description="Labels; for `todo` and `doing` only while the tracker does not call it closed.",
        examples=[["blocked"]],
    )
    types: list[Text] = Field(default=[], description="Issue types.", examples=[["Spike"]])


def _expand_short_form(value: Any) -> Any:
    if isinstance(value, str):
        return {"statuses": [value]}
    return {"statuses": value} if isinstance(value, list) else value


StateNames = Annotated[
    StateEntry,
    BeforeValidator(_expand_short_form, json_schema_input_type=Text | list[Text] | StateEntry),
]
"""One status, a list of statuses, or ``{statuses: [...], labels: [...], types: [...]}``."""


class StatesEntry(Entry):
    """Exceptions to the tracker's own classes."""

    todo: StateNames = Field(default=StateEntry(), description="Not started.", examples=[["Backlog"]])
    doing: StateNames = Field(default=StateEntry(), description="Under way.", examples=[["Peer review"]])
    done: StateNames = Field(default=StateEntry(), description="Finished.", examples=[["Live"]])
    dropped: StateNames = Field(
        default=StateEntry(), description="Will not be done.", examples=[["Won't do"]]
    )
    blocked: StateNames = Field(
        default=StateEntry(),
        description="In the way of going on; a flag beside the state.",
        examples=[{"labels": ["blocked"]}],
    )


class AnswersEntry(Entry):
    """The labels by which people say how an experiment ended."""

    confirmed: Text = Field(default="result:confirmed", description="The hypothesis holds.")
    rejected: Text = Field(default="result:rejected", description="The hypothesis does not hold.")
    inconclusive: Text = Field(default="result:inconclusive", description="The experiment could not tell.")


class RuleEntry(Entry):
    """Says which issues count towards which capability. The first rule that matches wins."""

    id: Text = Field(description="Unique in the team.", examples=["feature-work"])
    when: When = Field(description="All conditions have to hold.", examples=[{"labels": ["features"]}])
    assign: Text = Field(description="Id of a capability of a plan.", examples=["churn-features"])
    iteration: Text | None = Field(
        default=None, description="One of the capability's iterations.", examples=["v2"]
    )
    experiment: bool = Field(default=False, description="The issues ask questions: done when answered.")
    silence: Silence = Field(default=[])


class MappingFile(Entry):
    """How the issues of one team count towards the plan."""

    team: Text = Field(
        description="Name of the team; unique over all mapping files.", examples=["churn-science"]
    )
    flow: Literal["kanban", "scrum"] = Field(default="kanban", description="How the team works.")
    sources: list[dict[str, SourceEntry]] = Field(
        min_length=1,
        description="Where the team's issues are: each entry is one tracker's name with what to read there.",
        examples=[[{"jira": {"project": "DS"}}, {"github": {"repo": "acme/churn"}}]],
    )
    states: StatesEntry = Field(
        default=StatesEntry(),
        description="What puts an issue into another state than the tracker's own class of its status says.",
    )
    rules: list[RuleEntry] = Field(default=[], description="In order; the first that matches wins.")
    tests: list[CaseEntry] = Field(default=[], description="Cases that `mappings test` runs.")
    answers: AnswersEntry = Field(
        default=AnswersEntry(), description="Labels for the answers of experiments."
    )
    unplanned_label: bool = Field(default=False, description="Put the label `unplanned` on ad-hoc work.")
    dropped_resolutions: list[Text] = Field(
        default=[], description="More Jira resolutions that mean: will not be done.", examples=[["Parked"]]
    )
    labels: LabelEntries = Field(
        default={},
        description=(
            "Prefix and colour by family of labels, for the issues that this team's rules assign and the anchors "
            "of its capabilities; anchors of goals have the organisation's."
        ),
        examples=[{"capability": {"prefix": "churn:"}}],
    )
    silence: Silence = Field(default=[])
