"""Schema of a team's mapping file: sources, states and rules."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mappings.schema.cases import CaseEntry
from mappings.schema.labels import LabelEntries
from mappings.schema.types import Entry, Silence, Text
from mappings.schema.when import When


class SourceEntry(Entry):
    """Jira project or GitHub repository that is read."""

    project: Text | None = Field(default=None, description="Jira project key.", examples=["DS"])
    jql: Text | None = Field(
        default=None,
        description="JQL that narrows the Jira project; without ORDER BY.",
        examples=["component = Churn"],
    )
    repo: Text | None = Field(default=None, description="GitHub repository.", examples=["acme/churn"])
    pull_requests: bool = Field(default=False, description="Include pull requests of the repository.")


class StateEntry(Entry):
    """Statuses, labels and types that map to a state, in addition to the tracker's status category. Case is ignored."""

    statuses: list[Text] = Field(default=[], description="Names of statuses.", examples=[["Peer review"]])
    labels: list[Text] = Field(
        default=[],
        description="Labels; for `todo` and `doing` only while the issue is not closed.",
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
    """Exceptions to the tracker's status categories."""

    todo: StateNames = Field(default=StateEntry(), description="Not started.", examples=[["Backlog"]])
    doing: StateNames = Field(default=StateEntry(), description="In progress.", examples=[["Peer review"]])
    done: StateNames = Field(default=StateEntry(), description="Finished.", examples=[["Live"]])
    dropped: StateNames = Field(
        default=StateEntry(), description="Will not be done.", examples=[["Won't do"]]
    )
    blocked: StateNames = Field(
        default=StateEntry(),
        description="Blocked; a flag in addition to the state.",
        examples=[{"labels": ["blocked"]}],
    )


class AnswersEntry(Entry):
    """Labels that record the answer of an experiment."""

    confirmed: Text = Field(default="result:confirmed", description="The hypothesis holds.")
    rejected: Text = Field(default="result:rejected", description="The hypothesis does not hold.")
    inconclusive: Text = Field(
        default="result:inconclusive", description="The experiment gave no clear answer."
    )


class RuleEntry(Entry):
    """Assigns matching issues to a capability. The first rule that matches wins."""

    id: Text = Field(description="Unique in the team.", examples=["feature-work"])
    when: When = Field(description="All conditions have to hold.", examples=[{"labels": ["features"]}])
    assign: Text = Field(description="Id of a capability of a plan.", examples=["churn-features"])
    iteration: Text | None = Field(
        default=None, description="One of the capability's iterations.", examples=["v2"]
    )
    experiment: bool = Field(default=False, description="The issues are experiments: done when answered.")
    silence: Silence = Field(default=[])


class MappingFile(Entry):
    """Sources, states and rules of one team."""

    team: Text = Field(
        description="Name of the team; unique over all mapping files.", examples=["churn-science"]
    )
    flow: Literal["kanban", "scrum"] = Field(default="kanban", description="Way of working of the team.")
    sources: list[dict[str, SourceEntry]] = Field(
        min_length=1,
        description="Sources of the team's issues: each entry is a tracker name with a project or repository.",
        examples=[[{"jira": {"project": "DS"}}, {"github": {"repo": "acme/churn"}}]],
    )
    states: StatesEntry = Field(
        default=StatesEntry(),
        description="Exceptions to the status categories of the tracker.",
    )
    rules: list[RuleEntry] = Field(default=[], description="Rules in order; the first that matches wins.")
    tests: list[CaseEntry] = Field(default=[], description="Test cases for `mappings test`.")
    answers: AnswersEntry = Field(
        default=AnswersEntry(), description="Labels for the answers of experiments."
    )
    unplanned_label: bool = Field(default=False, description="Put the label `unplanned` on ad-hoc work.")
    dropped_resolutions: list[Text] = Field(
        default=[],
        description="Additional Jira resolutions that mean: will not be done.",
        examples=[["Parked"]],
    )
    labels: LabelEntries = Field(
        default={},
        description=(
            "Prefix and colour by label family, for issues that this team's rules assign and for anchors of its "
            "capabilities; anchors of goals use those of the organisation."
        ),
        examples=[{"capability": {"prefix": "churn:"}}],
    )
    silence: Silence = Field(default=[])
