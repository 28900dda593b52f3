"""The one label grammar, legal in Jira and GitHub, and the families of labels that are ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mappings.model import Origin

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

_PARSE_CACHE_SIZE: Final = 10_000

_GRAMMAR: Final = re.compile(r"[a-z0-9._:-]+")

RELEASED_FLAG: Final = "released"
"""``flag:released`` is put and removed by people alone and only read by us."""

_RELEASED: Final = ("flag", RELEASED_FLAG)


def is_valid_label(label: str) -> bool:
    """True for a label that both trackers take as it is."""
    return len(label) <= MAX_LABEL_LENGTH and _GRAMMAR.fullmatch(label) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamLabels:
    """What one team says differently about its labels, by family."""

    prefixes: Mapping[str, str] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)
    former_prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelScheme:
    """Prefix and colour of each family of labels: the organisation's, and what single teams say differently.

    A label is recognised by every prefix that anybody has or had; which one is written depends on the team.
    ``unplanned`` is a whole label, not a prefix. Comparison ignores case, as GitHub does.
    """

    prefixes: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_PREFIXES))
    colors: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_COLORS))
    former_prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By family, the prefixes that the organisation had before (``previously``)."""
    teams: Mapping[str, TeamLabels] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """By family, where the organisation's prefix was written, if anywhere."""
    _parts: dict[str, tuple[str, str, str] | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """(family, prefix, value) of labels that were asked about: a few labels are asked about for every issue.
    People's ``flag:released`` has ``released`` in the place of a family."""
    _known: list[tuple[str, str]] = field(default_factory=list, init=False, repr=False, compare=False)
    """Every (prefix, family), longest first: a former prefix may begin with the one of today."""

    def with_teams(self, teams: Mapping[str, TeamLabels]) -> LabelScheme:
        """The same with what teams say differently."""
        return replace(self, teams={name: each for name, each in teams.items() if each != TeamLabels()})

    def label(self, family: str, value: str = "", team: str | None = None) -> str:
        """``label("capability", "churn")`` -> ``capability:churn``, as ``team`` or else the organisation writes it."""
        return f"{self.prefix(family, team)}{value}"

    def prefix(self, family: str, team: str | None = None) -> str:
        """What labels of a family begin with in a team, or without one in the organisation."""
        own = self.teams.get(team) if team else None
        return (own.prefixes.get(family) if own else None) or self.prefixes[family]

    def current_prefixes(self, family: str) -> frozenset[str]:
        """Every prefix in use for a family."""
        return frozenset({self.prefixes[family], *(self.prefix(family, team) for team in self.teams)})

    def known_prefixes(self, family: str) -> frozenset[str]:
        """Every prefix by which a family is known: those in use and those of former times."""
        return self.current_prefixes(family) | self.prefix_replacements(family).keys()

    def prefix_replacements(self, family: str) -> Mapping[str, str]:
        """Former prefix -> the prefix that took its place."""
        taken = {
            old: self.prefix(family, team)
            for team, own in self.teams.items()
            for old in own.former_prefixes.get(family, ())
        }
        return taken | dict.fromkeys(self.former_prefixes.get(family, ()), self.prefixes[family])

    def family_of(self, label: str) -> str | None:
        """The family that a label belongs to, or None when it is not ours.

        ``flag:released`` belongs to people and so to no family.
        """
        parts = self._ours(label)
        return parts[0] if parts else None

    def _ours(self, label: str) -> tuple[str, str, str] | None:
        parts = self._split(label)
        return parts if parts and parts[0] != RELEASED_FLAG else None

    def _split(self, label: str) -> tuple[str, str, str] | None:
        if label not in self._parts:
            if len(self._parts) >= _PARSE_CACHE_SIZE:
                self._parts.clear()
            self._parts[label] = self._parts_of(label.lower())
        return self._parts[label]

    def _parts_of(self, lowered: str) -> tuple[str, str, str] | None:
        if not self._known:
            pairs = {(prefix, family) for family in FAMILIES for prefix in self.known_prefixes(family)}
            self._known.extend(sorted(pairs, key=lambda pair: (-len(pair[0]), pair)))
        for prefix, family in self._known:
            value = lowered.removeprefix(prefix)
            if lowered.startswith(prefix) and bool(value) != (family == "unplanned"):
                return (RELEASED_FLAG if (family, value) == _RELEASED else family), prefix, value
        return None

    @property
    def released_label(self) -> str:
        """The label by which a person says that a capability or goal is released."""
        return self.label("flag", RELEASED_FLAG)

    def has_released_label(self, labels: Iterable[str]) -> bool:
        """Whether a person said so, with the prefix of any team and also with a former one."""
        return any(parts[0] == RELEASED_FLAG for parts in map(self._split, labels) if parts)

    def managed(self, labels: Iterable[str]) -> frozenset[str]:
        """Those labels that lie inside our families."""
        return frozenset(filter(self.family_of, labels))

    def unmanaged(self, labels: Iterable[str]) -> frozenset[str]:
        """What rules may see: everything outside our families."""
        return frozenset(label for label in labels if not self._split(label))

    def capability_of(self, label: str) -> str | None:
        """The capability id in ``capability:<id>``, else None."""
        return self.value_of("capability", label)

    def value_of(self, family: str, label: str) -> str | None:
        """What a label of that family says after its prefix; None for any other label."""
        parts = self._ours(label)
        return parts[2] if parts and parts[0] == family else None

    def canonical_name(self, label: str) -> str:
        """The same statement with the organisation's prefix of today; a label that is not ours as it is."""
        parts = self._ours(label)
        return f"{self.prefixes[parts[0]]}{parts[2]}" if parts else label

    def has_former_prefix(self, label: str) -> bool:
        """Its prefix is one that nobody uses any more."""
        parts = self._ours(label)
        return parts is not None and parts[1] not in self.current_prefixes(parts[0])

    def with_current_prefix(self, label: str) -> str:
        """A label with a former prefix as it would be written now, any other in lower case."""
        parts = self._ours(label)
        if parts is None or not self.has_former_prefix(label):
            return label.lower()
        return f"{self.prefix_replacements(parts[0])[parts[1]]}{parts[2]}"

    def color(self, label: str, team: str | None = None) -> str:
        """Six hex digits for a label of ours."""
        family = self.family_of(label) or "flag"
        own = self.teams.get(team) if team else None
        return (own.colors.get(family) if own else None) or self.colors[family]
