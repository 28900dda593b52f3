"""Schema of ``defaults.yaml``: settings that all teams of an organisation inherit."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from mappings.schema.labels import LabelEntries
from mappings.schema.mapping import AnswersEntry, StatesEntry
from mappings.schema.types import Entry, Text

DEFAULTS_FILE: Final = "defaults.yaml"


class DefaultsFile(Entry):
    """Settings that every team inherits. An entry of a team replaces the one here."""

    states: StatesEntry = Field(
        default=StatesEntry(),
        description="Exceptions to the trackers' status categories. A state in a team's mapping replaces the one here.",
        examples=[{"doing": ["Peer review"], "blocked": {"labels": ["blocked"]}}],
    )
    answers: AnswersEntry = Field(
        default=AnswersEntry(),
        description="Labels for the answers of experiments; a team can replace each of them.",
    )
    dropped_resolutions: list[Text] = Field(
        default=[],
        description="Additional Jira resolutions that mean: will not be done. A list of a team replaces it.",
        examples=[["Parked"]],
    )
    unplanned_label: bool = Field(default=False, description="Put the label `unplanned` on ad-hoc work.")
    labels: LabelEntries = Field(
        default={},
        description=(
            "Prefix and colour by label family. `increment-sync.yaml` overrides this, and a team overrides both for "
            "its own issues and anchors."
        ),
        examples=[{"capability": {"prefix": "cap:", "color": "1d76db"}}],
    )
