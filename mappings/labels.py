"""The one label grammar, legal in Jira and GitHub, and the families of labels that are ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

FAMILIES: Final = ("increment", "capability", "state", "health", "flag", "unplanned")

DEFAULT_PREFIXES: Final[Mapping[str, str]] = {
    "increment": "increment:",
    "capability": "capability:",
    "state": "state:",
    "health": "health:",
    "flag": "flag:",
    "unplanned": "unplanned",
}

DEFAULT_COLORS: Final[Mapping[str, str]] = {
    "increment": "5319e7",
    "capability": "1d76db",
    "state": "0e8a16",
    "health": "fbca04",
    "flag": "d93f0b",
    "unplanned": "bfd4f2",
}

MAX_LABEL_LENGTH: Final = 50
"""GitHub refuses longer names; Jira allows 255."""

_REMEMBERED: Final = 10_000

_GRAMMAR: Final = re.compile(r"[a-z0-9._:-]+")

RELEASED_FLAG: Final = "released"
"""``flag:released`` is put and removed by people alone and only read by us."""


def is_legal(label: str) -> bool:
    """True for a label that both trackers take as it is."""
    return len(label) <= MAX_LABEL_LENGTH and _GRAMMAR.fullmatch(label) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelScheme:
    """Prefix and colour of each family of labels, from the settings.

    ``unplanned`` is a whole label, not a prefix. Comparison ignores case, as GitHub does.
    """

    prefixes: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_PREFIXES))
    colors: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_COLORS))
    _families: dict[str, str | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The families of labels that were asked about: a few labels are asked about for every issue."""

    def label(self, family: str, value: str = "") -> str:
        """``label("capability", "churn")`` -> ``capability:churn``."""
        return f"{self.prefixes[family]}{value}"

    def family(self, label: str) -> str | None:
        """The family that a label belongs to, or None when it is not ours.

        ``flag:released`` belongs to people and so to no family.
        """
        if label not in self._families:
            if len(self._families) >= _REMEMBERED:
                self._families.clear()
            self._families[label] = self._family(label.lower())
        return self._families[label]

    def _family(self, lowered: str) -> str | None:
        if lowered == self.released:
            return None
        if lowered == self.prefixes["unplanned"]:
            return "unplanned"
        for family in FAMILIES[:-1]:
            prefix = self.prefixes[family]
            if lowered.startswith(prefix) and len(lowered) > len(prefix):
                return family
        return None

    @property
    def released(self) -> str:
        """The label by which a person says that a capability or goal is released."""
        return self.label("flag", RELEASED_FLAG)

    def ours(self, labels: Iterable[str]) -> frozenset[str]:
        """Those labels that lie inside our families."""
        return frozenset(filter(self.family, labels))

    def not_ours(self, labels: Iterable[str]) -> frozenset[str]:
        """What rules may see: everything outside our families."""
        return frozenset(
            label for label in labels if not self.family(label) and label.lower() != self.released
        )

    def capability_of(self, label: str) -> str | None:
        """The capability id in ``capability:<id>``, else None."""
        if self.family(label) != "capability":
            return None
        return label.lower().removeprefix(self.prefixes["capability"])

    def color(self, label: str) -> str:
        """Six hex digits for a label of ours."""
        return self.colors[self.family(label) or "flag"]
