"""Inputs of the label comparison, with each label parsed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.model import Issue, IssueRef
from mappings.labels import LabelScheme
from sync.model.labels import DesiredLabels, RecordedOverrides


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparedLabel:
    """A label as the comparison sees it, parsed once on intake."""

    text: str
    """In lower case."""
    family: str | None
    """None for a pushed label with a prefix that is neither in use nor listed in ``previously``."""
    name: str
    """The label with the organization's prefix and the current capability id. Labels with one name mean the same."""
    is_outdated: bool
    """The prefix or the capability has another name now."""
    is_capability: bool
    """It names a capability of the plans."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelDiffInputs:
    """Everything that the comparison of labels depends on."""

    desired: Mapping[IssueRef, DesiredLabels]
    live: Mapping[IssueRef, Issue]
    pushed: Mapping[IssueRef, frozenset[str]]
    overrides: RecordedOverrides
    scheme: LabelScheme
    capability_ids: frozenset[str]
    """Ids of all plans, former ids included."""
    unproven: Mapping[IssueRef, frozenset[str]]
    """Labels that an older issue had when this store first read it. Their origin is unknown."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """Former label -> current label, from ``previously`` in the plans; both with the organization's prefix."""
    finished_increment_labels: frozenset[str] = frozenset()
    """``increment:`` labels of increments that had their last write: issues done there keep their labels."""
    unrecovered: frozenset[IssueRef] = frozenset()
    """Issues from which a person may have removed our labels before this store existed."""
    case_sensitive_trackers: frozenset[str] = frozenset()
    """Trackers on which ``Capability:X`` and ``capability:x`` are two labels."""
    _parsed: dict[str, ComparedLabel] = field(default_factory=dict, init=False, repr=False, compare=False)

    def parse(self, text: str) -> ComparedLabel:
        """Parse a label; the result is kept, because many issues share a few labels."""
        if (known := self._parsed.get(text)) is None:
            known = self._parsed[text] = self._parse(text)
        return known

    def current_name(self, text: str) -> str:
        """Return the name under which labels are compared and overrides are recorded."""
        return self.parse(text).name

    def _parse(self, text: str) -> ComparedLabel:
        label = self.scheme.parse_managed(text)
        name = label.canonical_name if label else text
        return ComparedLabel(
            text=text,
            family=label.family if label else None,
            name=self.renames.get(name, name),
            is_outdated=name in self.renames or (label is not None and label.has_former_prefix),
            is_capability=label is not None
            and label.family == "capability"
            and label.value in self.capability_ids,
        )
