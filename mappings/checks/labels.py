"""Check that label prefixes are unambiguous: each label belongs to one family and has one value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from mappings.labels import FAMILIES, LabelScheme
from mappings.parsed import ParsedWorkspace, YamlLocation
from mappings.problems import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class _Prefix:
    family: str
    text: str
    former: bool = False
    owner: str = ""
    location: YamlLocation | None = None

    @property
    def name(self) -> str:
        return f"the {'former ' if self.former else ''}prefix {self.text!r} of {self.family}{self.owner}"

    def clashes(self, other: _Prefix) -> bool:
        """Return True if a label could carry both prefixes.

        Within one family only different current prefixes clash: former ones are distinguished by length."""
        if self.family == other.family and (self.former or other.former or self.text == other.text):
            return False
        return self.text.startswith(other.text) or other.text.startswith(self.text)


def clashing_prefixes(parsed: ParsedWorkspace) -> Iterator[Problem]:
    """Report prefixes of a team that start, or are started by, a prefix of another family or team."""
    found = [*_organisation_prefixes(parsed.labels), *_team_prefixes(parsed)]
    reported: set[tuple[str, str]] = set()
    for one, other in combinations(found, 2):
        location = other.location or one.location
        if location is None or not one.clashes(other):
            continue
        mine, theirs = (other, one) if other.location else (one, other)
        if (theirs.text, mine.name) not in reported:
            reported.add((theirs.text, mine.name))
            message = f"{mine.name} and {theirs.name} are ambiguous; choose another."
            yield location.problem("label-prefix", message)


def organisation_prefix_clashes(scheme: LabelScheme) -> Iterator[tuple[str, str]]:
    """Yield (family, message) for each clash among the prefixes of the organisation."""
    for one, other in combinations(_organisation_prefixes(scheme), 2):
        if one.clashes(other):
            short, long = sorted((one, other), key=lambda each: len(each.text))
            starts = f"{short.name} also starts {long.text!r} of {long.family}"
            yield short.family, f"{starts}; choose another, here or in defaults.yaml"


def _organisation_prefixes(scheme: LabelScheme) -> Iterator[_Prefix]:
    for family in FAMILIES:
        yield _Prefix(family=family, text=scheme.prefixes[family])
        for text in scheme.former_prefixes.get(family, ()):
            yield _Prefix(family=family, text=text, former=True)


def _team_prefixes(parsed: ParsedWorkspace) -> Iterator[_Prefix]:
    for team in parsed.teams:
        owner = f" in team {team.entry.team!r}"
        for family, entry in team.entry.labels.items():
            location = team.location / "labels" / family
            if entry.prefix:
                at = location / "prefix"
                yield _Prefix(family=family, text=entry.prefix, owner=owner, location=at)
            for text, at in location.items("previously", entry.previously):
                yield _Prefix(family=family, text=text, former=True, owner=owner, location=at)
