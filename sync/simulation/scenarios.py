"""Scenarios of simulations, and small random ones: teams, rules, a plan, and trackers with a few issues."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, Final

from sync.config.credentials import Credentials
from sync.config.secret_lookup import SecretLookup
from sync.config.workspace import LoadedWorkspace
from sync.runtime.bootstrap import load_configuration, load_credentials

DEFAULT_START: Final = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""Start of the clock in random scenarios."""
HOST: Final = "http://127.0.0.1"
ROBOT: Final = "robot"
PERSON: Final = "ada"
TOKENS: Final[Mapping[str, str]] = {
    "JIRA_EMAIL": "robot@acme.example",
    "JIRA_API_TOKEN": "jira-token",
    "JIRA_PAT": "jira-token",
    "GH_TOKEN": "github-token",
}
"""Credentials for the sandbox trackers only."""
VARIANTS: Final = 24
"""Number of different workspaces; their issues differ from seed to seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """Start of a simulation: a workspace, the content of its trackers, and a store."""

    name: str
    loaded_workspace: LoadedWorkspace
    seed: Mapping[str, Any]
    """Content of the sandbox trackers (``connectors/sandbox/core/seed.py``)."""
    credentials: Mapping[str, Credentials]
    """By tracker."""
    start: datetime
    """Start of the clock (aware, UTC)."""
    page_size: int | None = None
    """Rows of a page; small pages make a few issues take several requests."""
    store_image: bytes | None = None
    """SQLite image of the store at the start; None for a new store."""
    rule_labels: tuple[str, ...] = ("model", "features", "serving")
    """Labels that rules refer to; simulated users add and remove them."""


@lru_cache(maxsize=64)
def random_scenario_for(number: int, host: str = HOST, start: datetime = DEFAULT_START) -> Scenario:
    """Return the random scenario of a number. ``host``: base URL of the trackers. ``start``: its time (aware)."""
    random = Random(f"world {number}")
    variant = number % VARIANTS
    configured = _load_variant(variant, host, start)
    return Scenario(
        name=f"world {number}",
        loaded_workspace=configured,
        seed=_tracker_seeds(variant, random),
        credentials=load_credentials(configured.settings, SecretLookup(TOKENS)),
        start=start,
        page_size=random.choice((2, 3, None)),
    )


@lru_cache(maxsize=VARIANTS * 2)
def _load_variant(variant: int, host: str, start: datetime) -> LoadedWorkspace:
    """Load the workspace of a variant; cached, as reading YAML costs more than a run does."""
    with tempfile.TemporaryDirectory(prefix="increment-sync-simulation-") as folder:
        root = Path(folder)
        write_scenario_workspace(root, variant, host, start)
        return load_configuration(root)


def write_scenario_workspace(root: Path, variant: int, host: str, start: datetime) -> None:
    """Write the workspace files of a variant."""
    for name, text in _workspace_files(variant, host, start).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def jira_kind(variant: int) -> str:
    """Return the kind of Jira: Cloud for half of the variants, Data Center for the others."""
    return "jira-dc" if variant % 2 else "jira-cloud"


def _workspace_files(variant: int, host: str, start: datetime) -> dict[str, str]:
    two_teams, by_title = variant % 3 == 1, variant % 4 == 2
    outside, shared = variant % 4 == 3, variant % 3 == 2
    features = "acme/attic#1" if outside else "acme/churn#1"
    serving = (
        '      - {id: serving, title: Serving, team: platform, anchor: "github:acme/serve#1"}\n'
        if two_teams
        else ""
    )
    first, last = (start - timedelta(days=50)).date(), (start + timedelta(days=41)).date()
    texts = {
        "increment-sync.yaml": "instance: simulation\ntrackers:\n"
        f"  jira: {{kind: {jira_kind(variant)}, url: '{host}/jira', write_spacing: 0}}\n"
        f"  github: {{kind: github, url: '{host}/github/api/v3', write_spacing: 0}}\n"
        "push: {enabled: true}\n",
        "plans/now.yaml": f"increment: now\nstart: {first}\nend: {last}\ngoals:\n"
        "  - id: retention\n    title: Keep subscribers\n    commitment: committed\n    anchor: jira:DS-1\n"
        "    capabilities:\n"
        '      - {id: model, title: Churn model, team: science, anchor: "jira:DS-2"}\n'
        f'      - {{id: features, title: Churn features, team: science, anchor: "github:{features}"}}\n'
        + serving,
        "mappings/science.yaml": _science_mapping(by_title=by_title, shared=shared),
    }
    if two_teams:
        texts["mappings/platform.yaml"] = (
            "team: platform\nsources:\n  - github: {repo: acme/serve}\n"
            "rules:\n  - {id: serving, when: {labels: [serving]}, assign: serving}\n"
        )
    return texts


def _science_mapping(*, by_title: bool, shared: bool) -> str:
    model = '{title: "(?i)try"}' if by_title else "{labels: [model]}"
    jql = ", jql: 'labels is EMPTY or labels != attic'" if shared else ""
    return (
        f"team: science\nsources:\n  - jira: {{project: DS{jql}}}\n  - github: {{repo: acme/churn}}\n"
        "rules:\n  - {id: features, when: {labels: [features]}, assign: features}\n"
        f"  - {{id: model, when: {model}, assign: model}}\n"
    )


def _tracker_seeds(variant: int, random: Random) -> dict[str, Any]:
    site = {
        "kind": jira_kind(variant),
        "accounts": [
            {"id": ROBOT, "email": "robot@acme.example", "token": "jira-token"},
            {"id": PERSON, "email": "ada@acme.example"},
        ],
        "projects": {
            "DS": {
                "issues": [
                    {"key": "DS-1", "summary": "Keep subscribers", "type": "Epic", "created": "60d ago"},
                    {"key": "DS-2", "summary": "Churn model", "type": "Epic", "created": "60d ago"},
                    *(_jira_issue(n, random) for n in range(11, 11 + random.randint(1, 4))),
                ]
            }
        },
    }
    rights = {"permissions": {ROBOT: "write", PERSON: "write"}, "labels": ["features", "serving"]}
    server = {
        "kind": "github",
        "content_per_minute": 10_000,
        "content_per_hour": 10_000,
        "accounts": [{"login": ROBOT, "token": "github-token"}, {"login": PERSON}],
        "repos": {
            "acme/churn": {**rights, "issues": _github_issues(random, "features")},
            "acme/serve": {**rights, "issues": _github_issues(random, "serving")},
            "acme/attic": {**rights, "issues": [_anchor_issue()]},
        },
    }
    return {"trackers": {"jira": site, "github": server}}


def _jira_issue(number: int, random: Random) -> dict[str, Any]:
    status = random.choice(("To Do", "To Do", "In Progress", "Done"))
    issue: dict[str, Any] = {
        "key": f"DS-{number}",
        "summary": random.choice(("Try something", "Build it", "Ask | them @ada #1")),
        "labels": random.choice((["model"], ["model", "urgent"], ["features"], [])),
        "created": f"{random.randint(2, 40)}d ago",
        "status": status,
        "watchers": [PERSON],
    }
    if status == "Done":
        issue |= {"resolution": "Done", "resolved": "1d ago"}
    if random.random() < 0.3:
        issue["comments"] = [{"author": PERSON, "body": "What do you think?", "created": "1d ago"}]
    return issue


def _anchor_issue() -> dict[str, Any]:
    return {"number": 1, "title": "Stands for a capability", "created": "60d ago", "user": PERSON}


def _github_issues(random: Random, tag: str) -> list[dict[str, Any]]:
    return [
        _anchor_issue(),
        *(_github_issue(n, tag, random) for n in range(11, 11 + random.randint(1, 4))),
    ]


def _github_issue(number: int, tag: str, random: Random) -> dict[str, Any]:
    issue: dict[str, Any] = {
        "number": number,
        "title": random.choice(("Build something", "Try a churn model", "fix | `it` @ada")),
        "labels": random.choice(([tag], [tag, "urgent"], ["model"], [])),
        "created": f"{random.randint(2, 40)}d ago",
        "user": PERSON,
    }
    if random.random() < 0.3:
        issue |= {"state": "closed", "closed": "1d ago"}
        issue["state_reason"] = random.choice(("completed", "not_planned"))
    if random.random() < 0.3:
        issue["comments"] = [{"user": PERSON, "body": "Looks good", "created": "1d ago"}]
    return issue
