"""Label grammar that all trackers accept, and the label families that increment-sync manages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from mappings.problems import Origin

DEFAULT_PREFIXES: Final[Mapping[str, str]] = {
    "increment": "increment:",
    "capability": "capability:",
    "state": "state:",
    "health": "health:",
    "flag": "flag:",
    "unplanned": "unplanned",
}

FAMILIES: Final = tuple(DEFAULT_PREFIXES)

DEFAULT_COLORS: Final[Mapping[str, str]] = {
    "increment": "5319e7",
    "capability": "1d76db",
    "state": "0e8a16",
    "health": "fbca04",
    "flag": "d93f0b",
    "unplanned": "bfd4f2",
}

MAX_LABEL_LENGTH: Final = 50
"""The shortest limit of a tracker; others allow 255."""

_PARSE_CACHE_SIZE: Final = 10_000

_GRAMMAR: Final = re.compile(r"[a-z0-9._:-]+")

RELEASED_FLAG: Final = "released"
"""Value of ``flag:released``: people add and remove this label, increment-sync only reads it."""


def is_valid_label(label: str) -> bool:
    """Return True if both trackers accept the label unchanged."""
    return len(label) <= MAX_LABEL_LENGTH and _GRAMMAR.fullmatch(label) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """A label inside the families, parsed."""

    text: str
    """As written on the issue, in lower case."""
    family: str
    prefix: str
    value: str
    """The part after the prefix; empty for ``unplanned``."""
    canonical_name: str
    """The organization's current prefix and the value. Labels that differ only in prefix have the same name."""
    has_former_prefix: bool
    """True for a prefix that no team uses now."""
    is_managed: bool
    """False for ``flag:released``, which belongs to people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamLabels:
    """Label settings of one team that differ from the organization's, by family."""

    prefixes: Mapping[str, str] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)
    former_prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_NO_OWN_LABELS: Final = TeamLabels()


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelScheme:
    """Prefix and color of each label family, for the organization and for teams that differ.

    ``parse`` recognizes every prefix in use and every former one; ``label`` writes the team's current prefix.
    ``unplanned`` is a whole label, not a prefix. Case is ignored, because some trackers ignore it.
    """

    prefixes: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_PREFIXES))
    colors: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_COLORS))
    former_prefixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By family, the organization's earlier prefixes (``previously``)."""
    teams: Mapping[str, TeamLabels] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """By family, the place in the settings file that sets the organization's prefix."""
    _parse_cache: dict[str, Label | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Results of ``parse``: thousands of issues share a few labels."""
    _sorted_prefixes: list[tuple[str, str]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )
    """Every (prefix, family), longest prefix first: one prefix may start with another one."""

    def with_teams(self, teams: Mapping[str, TeamLabels]) -> LabelScheme:
        """Return a copy with the given team settings; teams without differences are left out."""
        return replace(self, teams={name: each for name, each in teams.items() if each != _NO_OWN_LABELS})

    def label(self, family: str, value: str = "", team: str | None = None) -> str:
        """``label("capability", "churn")`` -> ``capability:churn``, with the prefix of ``team`` if given."""
        return f"{self.prefix(family, team)}{value}"

    def prefix(self, family: str, team: str | None = None) -> str:
        """Return the current prefix of a family, of ``team`` if it has its own."""
        own = self.teams.get(team or "", _NO_OWN_LABELS)
        return own.prefixes.get(family) or self.prefixes[family]

    def color(self, label: str, team: str | None = None) -> str:
        """Return the color of a managed label as six hex digits."""
        family = self.family_of(label) or "flag"
        own = self.teams.get(team or "", _NO_OWN_LABELS)
        return own.colors.get(family) or self.colors[family]

    def current_prefixes(self, family: str) -> frozenset[str]:
        """Return every prefix in use for a family."""
        return frozenset({self.prefixes[family], *(self.prefix(family, team) for team in self.teams)})

    def known_prefixes(self, family: str) -> frozenset[str]:
        """Return every prefix of a family, in use or former."""
        return self.current_prefixes(family) | self.prefix_replacements(family).keys()

    def prefix_replacements(self, family: str) -> Mapping[str, str]:
        """Map each former prefix to the one that replaced it."""
        of_teams = {
            former: self.prefix(family, team)
            for team, own in self.teams.items()
            for former in own.former_prefixes.get(family, ())
        }
        return of_teams | dict.fromkeys(self.former_prefixes.get(family, ()), self.prefixes[family])

    def parse(self, label: str) -> Label | None:
        """Parse a label of a known family, ``flag:released`` included; None for any other label."""
        try:
            return self._parse_cache[label]
        except KeyError:
            if len(self._parse_cache) >= _PARSE_CACHE_SIZE:
                self._parse_cache.clear()
            parsed = self._parse_cache[label] = self._parse(label.lower())
            return parsed

    def parse_managed(self, label: str) -> Label | None:
        """Parse a label that increment-sync may add and remove; None for any other label."""
        parsed = self.parse(label)
        return parsed if parsed and parsed.is_managed else None

    def _parse(self, text: str) -> Label | None:
        if not self._sorted_prefixes:
            pairs = {(prefix, family) for family in FAMILIES for prefix in self.known_prefixes(family)}
            self._sorted_prefixes.extend(sorted(pairs, key=lambda pair: (-len(pair[0]), pair)))
        for prefix, family in self._sorted_prefixes:
            value = text.removeprefix(prefix)
            if text.startswith(prefix) and bool(value) != (family == "unplanned"):
                return Label(
                    text=text,
                    family=family,
                    prefix=prefix,
                    value=value,
                    canonical_name=f"{self.prefixes[family]}{value}",
                    has_former_prefix=prefix not in self.current_prefixes(family),
                    is_managed=(family, value) != ("flag", RELEASED_FLAG),
                )
        return None

    @property
    def released_label(self) -> str:
        """The label by which a person marks a capability or goal as released."""
        return self.label("flag", RELEASED_FLAG)

    def has_released_label(self, labels: Iterable[str]) -> bool:
        """Return True if one of the labels marks a release, with the prefix of any team or a former one."""
        return any(parsed and not parsed.is_managed for parsed in map(self.parse, labels))

    def managed(self, labels: Iterable[str]) -> frozenset[str]:
        """Return the labels that increment-sync may add and remove."""
        return frozenset(filter(self.parse_managed, labels))

    def unmanaged(self, labels: Iterable[str]) -> frozenset[str]:
        """Return the labels that rules may match: those outside the families."""
        return frozenset(label for label in labels if not self.parse(label))

    def family_of(self, label: str) -> str | None:
        """Return the family of a managed label; None for ``flag:released`` and labels outside the families."""
        parsed = self.parse_managed(label)
        return parsed.family if parsed else None

    def value_of(self, family: str, label: str) -> str | None:
        """Return the value of a managed label of ``family``; None for any other label."""
        parsed = self.parse_managed(label)
        return parsed.value if parsed and parsed.family == family else None

    def capability_of(self, label: str) -> str | None:
        """Return the id in ``capability:<id>``; None for any other label."""
        return self.value_of("capability", label)

    def canonical_name(self, label: str) -> str:
        """Return a managed label with the organization's current prefix; any other label unchanged."""
        parsed = self.parse_managed(label)
        return parsed.canonical_name if parsed else label

    def with_current_prefix(self, label: str) -> str:
        """Return the label in lower case, with a former prefix replaced by its successor."""
        parsed = self.parse_managed(label)
        if parsed is None or not parsed.has_former_prefix:
            return label.lower()
        return f"{self.prefix_replacements(parsed.family)[parsed.prefix]}{parsed.value}"
