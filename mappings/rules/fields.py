"""Table of the issue fields that rules compare.

One entry per key of ``when`` or variable of ``cel``. Everything that has to know the fields is derived from here:
the schemas of rules and test cases, compiled conditions, CEL variables and samples, the rule index, checks of rules,
issues of test cases, the fingerprint of an issue, the comparison in ``explain`` and the features of ``suggest``.

To add a key: add the value to ``connectors.model.Issue``, read it in the connectors that have it (an optional one also
goes into their specifications), and add an entry here. The store's codec and ``make reference`` follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final, Literal

from connectors.spec import ConnectorSpec

Comparison = Literal["names", "pattern", "time", "custom", "none"]


@dataclass(frozen=True, slots=True)
class RuleField:
    """One field of an issue."""

    key: str
    """Key under ``when``."""
    path: str
    """Attribute path of the value in a ``RuleSubject``: ``issue.sprint``."""
    description: str
    """Sentence for the schemas and the reference."""
    _: KW_ONLY
    example: Any = None
    """Example in the reference, and value of the sample issue of ``cel``."""
    comparison: Comparison = "names"
    """Condition of the key: names with wildcards, RE2 pattern, time range, or names by custom field.
    ``none``: the field is only a variable of ``cel``."""
    many: bool = False
    """True for a tuple of texts. False for one text, which may be empty or None, or one time."""
    in_cel: bool = True
    """False if it is not a variable of ``cel``."""
    selectivity: int | None = None
    """Rank in the rule index, 1 first: the lower, the fewer issues share a value. None: not indexed."""
    is_location: bool = False
    """True for fields that are fixed by the source of an issue."""
    optional: bool = False
    """True if only those trackers have it whose specification names it (``ConnectorSpec.fields``)."""
    suggested: bool = False
    """True if ``suggest`` may propose rules with the key. Not for people: they work for several capabilities, so
    that a match by person says little about an issue."""

    @property
    def cel_name(self) -> str:
        """Name of the CEL variable: the last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def sample(self) -> str:
        """Value in the sample issue on which CEL expressions are tried; empty without an example."""
        first = self.example[0] if isinstance(self.example, list) else self.example
        return first if isinstance(first, str) else ""

    @property
    def cel_type(self) -> str:
        """Type of the CEL variable, in words."""
        if self.comparison == "custom":
            return "map of lists"
        if self.comparison == "time":
            return "timestamp"
        return "list of texts" if self.many else "text"

    @property
    def condition_description(self) -> str:
        """Description of the condition for the schema."""
        if self.comparison == "pattern":
            return f"{self.description} An RE2 pattern, found anywhere in it; `(?i)` ignores case."
        return self.description

    @property
    def attribute(self) -> str | None:
        """Attribute of ``Issue`` that people edit; None for derived values, locations and times."""
        name = self.path.removeprefix("issue.")
        is_direct = name != self.path and "." not in name
        return name if is_direct and not self.is_location and self.comparison != "time" else None


FIELDS: Final[tuple[RuleField, ...]] = (
    RuleField(
        "tracker",
        "issue.ref.tracker",
        "Name of the tracker in the settings.",
        example="main",
        selectivity=17,
        is_location=True,
    ),
    RuleField(
        "project",
        "issue.project",
        "Project key, or `owner/repo`.",
        example="DS",
        selectivity=16,
        is_location=True,
    ),
    RuleField(
        "repo",
        "repo",
        "Repository (a container that is a path).",
        example="acme/*",
        selectivity=15,
        is_location=True,
        in_cel=False,
    ),
    RuleField(
        "type", "issue.type", "Issue type.", example=["Experiment", "Task"], selectivity=14, suggested=True
    ),
    RuleField(
        "labels",
        "labels",
        "Labels, without those that increment-sync manages.",
        example={"any": ["features", "area/features-*"]},
        selectivity=2,
        many=True,
        suggested=True,
    ),
    RuleField(
        "components",
        "issue.components",
        "Components.",
        example="Scoring",
        selectivity=3,
        many=True,
        optional=True,
        suggested=True,
    ),
    RuleField(
        "milestone",
        "issue.milestone",
        "Milestone.",
        example="Q4",
        selectivity=4,
        optional=True,
        suggested=True,
    ),
    RuleField(
        "fix_version",
        "issue.fix_versions",
        "Fix versions.",
        example="1.10",
        selectivity=5,
        many=True,
        optional=True,
        suggested=True,
    ),
    RuleField(
        "sprint",
        "issue.sprint",
        "Name of the sprint: the active one, else the next, else the last.",
        example="Blue 12",
        selectivity=6,
        optional=True,
    ),
    RuleField(
        "parent",
        "ancestors",
        "Keys of all ancestors, parent first.",
        example="DS-140",
        selectivity=1,
        many=True,
        suggested=True,
    ),
    RuleField(
        "blocked_by",
        "blocked_by",
        "Keys of the open issues that block it, as far as they can be read.",
        example={"any": ["*"]},
        selectivity=18,
        many=True,
        optional=True,
    ),
    RuleField("status", "issue.status", "Name of the status.", example="In review", selectivity=13),
    RuleField(
        "author", "issue.author", "Login of the person who created the issue.", example="mona", selectivity=9
    ),
    RuleField(
        "reporter",
        "issue.reporter",
        "Login of the person who reported the issue; the author where nobody else can be named.",
        example="mona",
        selectivity=10,
    ),
    RuleField(
        "assignee", "issue.assignees", "Logins of the assignees.", example="mona", selectivity=8, many=True
    ),
    RuleField(
        "field",
        "issue.fields",
        'Custom fields by name; `fields["Team"]` in `cel` is a list, empty without a value.',
        example={"Model": ["churn*"]},
        selectivity=7,
        comparison="custom",
    ),
    RuleField(
        "created", "issue.created", "Time of creation.", example={"after": "2026-10-01"}, comparison="time"
    ),
    RuleField(
        "updated",
        "issue.updated",
        "Time of the last change by anybody but increment-sync.",
        example={"before": "2026-12-01"},
        comparison="time",
    ),
    RuleField(
        "title",
        "issue.title",
        "Title.",
        example="(?i)\\bchurn model\\b",
        selectivity=11,
        comparison="pattern",
    ),
    RuleField(
        "body",
        "issue.body",
        "Description text; `cel` reads its first 10,000 characters.",
        example="(?m)^Team: churn",
        selectivity=12,
        comparison="pattern",
    ),
    RuleField("key", "issue.ref.key", "Key: `DS-12` or `acme/churn#7`.", comparison="none"),
    RuleField(
        "category",
        "issue.category",
        "Status category: `todo`, `doing`, `done`, or empty if unknown.",
        example="todo",
        comparison="none",
    ),
)

CONDITION_FIELDS: Final[Mapping[str, RuleField]] = {
    each.key: each for each in FIELDS if each.comparison != "none"
}
"""By key of ``when``, in the order in which conditions are evaluated."""

CEL_FIELDS: Final[Mapping[str, RuleField]] = {each.cel_name: each for each in FIELDS if each.in_cel}
"""By CEL variable."""

EDITABLE_ATTRIBUTES: Final = tuple(each.attribute for each in FIELDS if each.attribute)
"""Attributes of ``Issue`` that rules compare directly and that people edit."""

PATTERN_KEYS: Final = tuple(each.key for each in FIELDS if each.comparison == "pattern")
"""Keys that are compared with an RE2 pattern."""

SUGGESTED_KEYS: Final = tuple(each.key for each in FIELDS if each.suggested)
"""Keys of the conditions by name that ``suggest`` may propose."""

LOCATION_KEYS: Final = frozenset(each.key for each in FIELDS if each.is_location)
"""Keys that are fixed by the source of an issue."""

SINGLE_VALUED_KEYS: Final = frozenset(
    each.key for each in FIELDS if each.comparison == "names" and not each.many
)
"""Keys compared by name that have at most one value per issue."""


def decidable_keys(spec: ConnectorSpec) -> frozenset[str]:
    """Return the keys that have the same value for all issues of a source of a tracker.

    These are its location, and the fields that its tracker does not have.
    """
    if spec.unusable:
        return LOCATION_KEYS
    return LOCATION_KEYS | {each.key for each in FIELDS if each.optional and each.key not in spec.fields}


def base_key(key: str) -> str:
    """``field.Team`` -> ``field``; any other key unchanged."""
    return key.partition(".")[0]
