"""Workspaces and trackers of random worlds: one team, two capabilities, one goal."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from connectors.sandbox.core.tracker import TrackerKind
from sync.config.secret_lookup import SecretLookup
from sync.runtime.bootstrap import load_configuration, load_credentials
from sync.simulation.invariants import IssueKey
from sync.simulation.scenarios import DEFAULT_START, HOST, PERSON, ROBOT, TOKENS, Scenario

_TRACKERS: Final[tuple[tuple[TrackerKind, ...], ...]] = (
    ("github",),
    ("jira-cloud",),
    ("github",),
    ("jira-dc",),
    ("github", "jira-cloud"),
    ("github", "jira-dc"),
)
_STRICT_LIMITS: Final = "limits: {overrides: 2}\n"
"""For half of the worlds: a few issues reach the limit on new overrides."""
VARIANTS: Final = 2 * len(_TRACKERS)
INCREMENT: Final = "now"
CAPABILITIES: Final = ("features", "model")
"""In the order of the rules. The rule of each is a label of the same name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorldPlan:
    """A random world before its first event."""

    scenario: Scenario
    anchors: dict[str, IssueKey]
    """Anchor of the goal and of each capability, by ``goal`` or the id."""


@lru_cache(maxsize=VARIANTS)
def world_plan(variant: int) -> WorldPlan:
    """Return the workspace and trackers of a variant, below ``VARIANTS``."""
    kinds = _TRACKERS[variant % len(_TRACKERS)]
    anchors = _anchors(kinds)
    with tempfile.TemporaryDirectory(prefix="increment-sync-world-") as folder:
        for name, text in _files(kinds, anchors, strict=variant >= len(_TRACKERS)).items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        loaded = load_configuration(Path(folder))
    scenario = Scenario(
        name=f"random world {variant}",
        loaded_workspace=loaded,
        seed={"trackers": {_name(kind): _seed(kind) for kind in kinds}},
        credentials=load_credentials(loaded.settings, SecretLookup(TOKENS)),
        start=DEFAULT_START,
    )
    return WorldPlan(scenario=scenario, anchors=anchors)


def _name(kind: TrackerKind) -> str:
    return kind.partition("-")[0]


def _anchors(kinds: tuple[TrackerKind, ...]) -> dict[str, IssueKey]:
    places = {"github": ("github", "acme/churn#"), "jira": ("jira", "DS-")}
    names = [_name(kind) for kind in kinds]
    chosen = {"goal": names[-1], "features": names[0], "model": names[-1]}
    return {
        subject: (places[name][0], f"{places[name][1]}{number}")
        for number, (subject, name) in enumerate(chosen.items(), start=1)
    }


def _files(kinds: tuple[TrackerKind, ...], anchors: dict[str, IssueKey], *, strict: bool) -> dict[str, str]:
    urls = {"github": f"{HOST}/github/api/v3", "jira": f"{HOST}/jira"}
    trackers = "".join(
        f"  {_name(kind)}: {{kind: {kind}, url: '{urls[_name(kind)]}', write_spacing: 0}}\n" for kind in kinds
    )
    sources = {"github": "  - github: {repo: acme/churn}\n", "jira": "  - jira: {project: DS}\n"}
    anchor = {subject: ":".join(key) for subject, key in anchors.items()}
    return {
        "increment-sync.yaml": f"instance: world\ntrackers:\n{trackers}push: {{enabled: true}}\n"
        + (_STRICT_LIMITS if strict else ""),
        "plans/now.yaml": f"increment: {INCREMENT}\nstart: 2026-10-01\nend: 2026-12-31\ngoals:\n"
        f"  - id: retention\n    title: Keep subscribers\n    anchor: {anchor['goal']!r}\n    capabilities:\n"
        + "".join(
            f"      - {{id: {each}, title: Churn {each}, team: science, anchor: {anchor[each]!r}}}\n"
            for each in CAPABILITIES
        ),
        "mappings/science.yaml": "team: science\nsources:\n"
        + "".join(sources[_name(kind)] for kind in kinds)
        + "rules:\n"
        + "".join(
            f"  - {{id: by-{each}, when: {{labels: [{each}]}}, assign: {each}}}\n" for each in CAPABILITIES
        ),
    }


def _seed(kind: TrackerKind) -> dict[str, Any]:
    start = {"created": "20d ago"}
    labels = (["features"], ["features"], ["features"], ["model"], ["features", "urgent"])
    if kind == "github":
        anchors = [{"number": number, "title": f"Anchor {number}", **start} for number in (1, 2, 3)]
        issues = [
            {"number": number, "title": f"Build {number}", "labels": each, "user": PERSON, **start}
            for number, each in enumerate(labels, start=11)
        ]
        rights = {"permissions": {ROBOT: "write", PERSON: "write"}, "labels": [*CAPABILITIES]}
        return {
            "kind": kind,
            "content_per_minute": 10_000,
            "content_per_hour": 10_000,
            "accounts": [{"login": ROBOT, "token": "github-token"}, {"login": PERSON}],
            "repos": {"acme/churn": {**rights, "issues": [*anchors, *issues]}},
        }
    epics = [{"key": f"DS-{number}", "summary": "Anchor", "type": "Epic", **start} for number in (1, 2, 3)]
    tasks = [
        {"key": f"DS-{number}", "summary": f"Build {number}", "labels": each, "status": "To Do", **start}
        for number, each in enumerate(labels, start=11)
    ]
    return {
        "kind": kind,
        "accounts": [
            {"id": ROBOT, "email": "robot@acme.example", "token": "jira-token"},
            {"id": PERSON, "email": "ada@acme.example"},
        ],
        "projects": {"DS": {"issues": [*epics, *tasks]}},
    }
