"""The shape of ``defaults.yaml``: what the teams of an organisation share."""

from __future__ import annotations

from typing import Final

from pydantic import Field, field_validator

from mappings.labels import FAMILIES, is_legal
from mappings.schema_mapping import AnswersEntry, StatesEntry
from mappings.schema_parts import Entry, Text

DEFAULTS_FILE: Final = "defaults.yaml"


class LabelEntry(Entry):
    """Prefix and colour of one family of labels."""

    prefix: str | None = Field(
        default=None,
        description="What each label of the family begins with; for `unplanned` the whole label.",
        examples=["capability:"],
    )
    color: str | None = Field(
        default=None,
        pattern="^[0-9a-fA-F]{6}$",
        description="Six hex digits, used where the tracker has colours.",
        examples=["1d76db"],
    )

    @field_validator("prefix")
    @classmethod
    def _legal(cls, prefix: str | None) -> str | None:
        if prefix is not None and not is_legal(prefix):
            raise ValueError(f"{prefix!r} is not a legal label: use a-z, 0-9 and . _ : - only")
        return prefix


def known_families(labels: dict[str, LabelEntry]) -> dict[str, LabelEntry]:
    """The same; raises ValueError for a family that does not exist."""
    unknown = sorted(set(labels) - set(FAMILIES))
    if unknown:
        raise ValueError(f"unknown family {unknown[0]!r}; the families are {', '.join(FAMILIES)}")
    return labels


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
    labels: dict[str, LabelEntry] = Field(
        default={},
        description=(
            "Prefix and colour by family of labels. What `increment-sync.yaml` says wins; "
            "teams cannot change them, because labels are recognised by their prefix everywhere."
        ),
        examples=[{"capability": {"prefix": "cap:", "color": "1d76db"}}],
        json_schema_extra={"propertyNames": {"enum": list(FAMILIES)}},
    )

    @field_validator("labels")
    @classmethod
    def _families(cls, labels: dict[str, LabelEntry]) -> dict[str, LabelEntry]:
        return known_families(labels)
