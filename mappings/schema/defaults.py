"""The shape of ``defaults.yaml``: what the teams of an organisation share."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from mappings.schema.labels import LabelEntries
from mappings.schema.mapping import AnswersEntry, StatesEntry
from mappings.schema.types import Entry, Text

DEFAULTS_FILE: Final = "defaults.yaml"


class DefaultsFile(Entry):
    """What holds for every team that does not say otherwise. A team's own entry replaces the one here."""

    states: StatesEntry = Field(
        default=StatesEntry(),
        description="Exceptions to the trackers' own classes. A team that writes a state replaces it whole.",
        examples=[{"doing": ["Peer review"], "blocked": {"labels": ["blocked"]}}],
    )
    answers: AnswersEntry = Field(
        default=AnswersEntry(), description="Labels for the answers of experiments; replaced one by one."
    )
    dropped_resolutions: list[Text] = Field(
        default=[],
        description="More Jira resolutions that mean: will not be done. A team's own list replaces it.",
        examples=[["Parked"]],
    )
    unplanned_label: bool = Field(default=False, description="Put the label `unplanned` on ad-hoc work.")
    labels: LabelEntries = Field(
        default={},
        description=(
            "Prefix and colour by family of labels. What `increment-sync.yaml` says wins over this, and what a "
            "team says wins over both for the issues and anchors of that team."
        ),
        examples=[{"capability": {"prefix": "cap:", "color": "1d76db"}}],
    )
