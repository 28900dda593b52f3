"""Schema of a team's mapping file, and of ``defaults.yaml``, whose settings all teams inherit."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, RootModel, Tag

from mappings.schema.cases import CaseEntry
from mappings.schema.labels import LabelEntries
from mappings.schema.types import Entry, Silence, Text, described
from mappings.schema.when import When

DEFAULTS_FILE: Final = "defaults.yaml"


class SourceEntry(RootModel[dict[str, Text | None]]):
    """Part of a tracker that is read. Its keys depend on the kind of the tracker."""

    # ``mappings.checks.sources`` compares the keys with the options of the connector's specification.
    model_config = ConfigDict(frozen=True)


class StateEntry(Entry):
    """Statuses, labels and types that map to a state, in addition to the tracker's status category.

    Case and blanks at the ends are ignored."""

    statuses: list[Text] = described("Names of statuses.", ["Peer review"], default=[])
    labels: list[Text] = described(
        "Labels; for `todo` and `doing` only while the issue is not closed.", ["blocked"], default=[]
    )
    types: list[Text] = described("Issue types.", ["Spike"], default=[])


def _expand_short_form(value: Any) -> Any:
    if isinstance(value, str):
        return {"statuses": [value]}
    return {"statuses": value} if isinstance(value, list) else value


StateNames = Annotated[
    StateEntry, BeforeValidator(_expand_short_form, json_schema_input_type=Text | list[Text] | StateEntry)
]
"""One status, a list of statuses, or ``{statuses: [...], labels: [...], types: [...]}``."""


Dependencies = Annotated[
    Annotated[bool, Tag("switch")] | Annotated[list[Text], Tag("link types")],
    Discriminator(lambda value: "link types" if isinstance(value, list) else "switch"),
]
"""A switch, or types of links. Told apart by the value, so that a mistake is one message."""


class BlockedEntry(StateEntry):
    """Statuses, labels and types of blocked issues, and whether open blockers count.

    Case and blanks at the ends are ignored."""

    dependencies: Dependencies = described(
        "True: an open issue blocks it, by a dependency or a link `is blocked by`. A list names further link types, by "
        "name or inward text, that count as well.",
        True,
        ["depends on"],
        default=False,
    )


BlockedNames = Annotated[
    BlockedEntry, BeforeValidator(_expand_short_form, json_schema_input_type=Text | list[Text] | BlockedEntry)
]
"""As StateNames, with ``dependencies``."""


class StatesEntry(Entry):
    """Exceptions to the tracker's status categories."""

    todo: StateNames = described("Not started.", ["Backlog"], default=StateEntry())
    doing: StateNames = described("In progress.", ["Peer review"], default=StateEntry())
    done: StateNames = described("Finished.", ["Live"], default=StateEntry())
    dropped: StateNames = described("Will not be done.", ["Won't do"], default=StateEntry())
    blocked: BlockedNames = described(
        "Blocked; a flag in addition to the state.",
        {"labels": ["blocked"], "dependencies": True},
        default=BlockedEntry(),
    )


class AnswersEntry(Entry):
    """Labels that record the answer of an experiment."""

    confirmed: Text = described("The hypothesis holds.", default="result:confirmed")
    rejected: Text = described("The hypothesis does not hold.", default="result:rejected")
    inconclusive: Text = described("The experiment gave no clear answer.", default="result:inconclusive")


class RuleEntry(Entry):
    """Assigns matching issues to a capability. The first rule that matches wins."""

    id: Text = described("Unique in the team.", "feature-work")
    when: When = described("All conditions have to hold.", {"labels": ["features"]})
    assign: Text = described("Id of a capability of a plan.", "churn-features")
    iteration: Text | None = described("One of the capability's iterations.", "v2", default=None)
    experiment: bool = described("The issues are experiments: done when answered.", default=False)
    silence: Silence = Field(default=[])


class MappingFile(Entry):
    """Sources, states and rules of one team."""

    team: Text = described("Name of the team; unique over all mapping files.", "churn-science")
    flow: Literal["kanban", "scrum"] = described("Way of working of the team.", default="kanban")
    sources: list[dict[str, SourceEntry]] = described(
        "Sources of the team's issues: each entry is the name of a tracker with a part of it.",
        min_length=1,
    )
    states: StatesEntry = described(
        "Exceptions to the status categories of the tracker.", default=StatesEntry()
    )
    rules: list[RuleEntry] = described("Rules in order; the first that matches wins.", default=[])
    tests: list[CaseEntry] = described("Test cases for `mappings test`.", default=[])
    answers: AnswersEntry = described("Labels for the answers of experiments.", default=AnswersEntry())
    unplanned_label: bool = described("Put the label `unplanned` on ad-hoc work.", default=False)
    dropped_resolutions: list[Text] = described(
        "Additional resolutions that mean: will not be done.", ["Parked"], default=[]
    )
    done_resolutions: list[Text] = described(
        "Resolutions that mean: done. Closed issues with an unknown one count as done, and `mappings check` names it.",
        ["Live"],
        default=[],
    )
    labels: LabelEntries = described(
        "Prefix and colour by label family, for issues that this team's rules assign and for anchors of its "
        "capabilities; anchors of goals use those of the organisation.",
        {"capability": {"prefix": "churn:"}},
        default={},
    )
    silence: Silence = Field(default=[])


class DefaultsFile(Entry):
    """Settings that every team inherits. An entry of a team replaces the one here."""

    states: StatesEntry = described(
        "Exceptions to the trackers' status categories. A state in a team's mapping replaces the one here.",
        {"doing": ["Peer review"], "blocked": {"labels": ["blocked"]}},
        default=StatesEntry(),
    )
    answers: AnswersEntry = described(
        "Labels for the answers of experiments; a team can replace each of them.", default=AnswersEntry()
    )
    dropped_resolutions: list[Text] = described(
        "Additional resolutions that mean: will not be done. A list of a team replaces it.",
        ["Parked"],
        default=[],
    )
    done_resolutions: list[Text] = described(
        "Resolutions that mean: done. A list of a team replaces it.", ["Live"], default=[]
    )
    unplanned_label: bool = described("Put the label `unplanned` on ad-hoc work.", default=False)
    labels: LabelEntries = described(
        "Prefix and colour by label family. `increment-sync.yaml` overrides this, and a team overrides both for "
        "its own issues and anchors.",
        {"capability": {"prefix": "cap:", "color": "1d76db"}},
        default={},
    )
    silence: Silence = Field(default=[])
