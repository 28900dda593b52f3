"""Schema of ``labels:`` in the settings, in ``defaults.yaml`` and in mapping files."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from mappings.labels import FAMILIES, is_valid_label
from mappings.schema.types import Entry, Names, described


class LabelEntry(Entry):
    """Prefix and colour of one label family."""

    prefix: str | None = described(
        "Prefix of all labels of the family; for `unplanned` the whole label.", "capability:", default=None
    )
    color: str | None = described(
        "Six hex digits; used on trackers with label colours.",
        "1d76db",
        default=None,
        pattern="^[0-9a-fA-F]{6}$",
    )
    previously: Names = described(
        "Former prefixes of the family: labels with them are still recognised, and the next run renames them to "
        "the current prefix.",
        ["capability:"],
        default=[],
    )

    @field_validator("prefix")
    @classmethod
    def _legal(cls, prefix: str | None) -> str | None:
        if prefix is not None and not is_valid_label(prefix):
            raise ValueError(f"{prefix!r} is not a legal label: use a-z, 0-9 and . _ : - only")
        return prefix

    @field_validator("previously")
    @classmethod
    def _all_legal(cls, prefixes: list[str]) -> list[str]:
        for prefix in prefixes:
            cls._legal(prefix)
        return prefixes


def _check_families(labels: dict[str, LabelEntry]) -> dict[str, LabelEntry]:
    unknown = sorted(set(labels) - set(FAMILIES))
    if unknown:
        raise ValueError(f"unknown family {unknown[0]!r}; the families are {', '.join(FAMILIES)}")
    return labels


LabelEntries = Annotated[
    dict[str, LabelEntry],
    AfterValidator(_check_families),
    Field(json_schema_extra={"propertyNames": {"enum": list(FAMILIES)}}),
]
"""By family."""
