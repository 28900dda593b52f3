"""Large realistic workspace for ``tests/bench/mappings.py``: teams, rules, issues, and a store with them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.model import Overrides
from mappings.rules.matcher import Matcher
from sync.config.settings import store_url
from sync.config.workspace import LoadedWorkspace
from sync.pipeline.offline import plan_from_store
from sync.pull.rollup_snapshot import rollup_snapshot
from sync.runtime.bootstrap import load_configuration
from sync.runtime.context import RunContext
from sync.store import PushedCommentRecord, SnapshotRow, Store, open_store
from sync.store.codec import encode_issue_payload

TODAY = datetime(2026, 11, 15, 12, tzinfo=UTC)
TEAMS, RULES_PER_TEAM, CAPABILITIES_PER_TEAM = 20, 10, 2

_AREAS = (
    "ingest",
    "features",
    "training",
    "serving",
    "quality",
    "privacy",
    "billing",
    "search",
    "docs",
    "infra",
)
_WORDS = """
sessionise events backfill table model drift alert dashboard export latency schema churn recall offline
evaluation pipeline cache retry consent report notebook feature store embedding cohort ranking
""".split()  # noqa: SIM905 - shorter than a list
_TYPES = ("Task", "Story", "Bug", "Experiment")
_OPEN = (("To Do", "todo"), ("In Progress", "doing"), ("Peer review", "doing"))


def write_workspace(root: Path, *, shared: bool = False) -> LoadedWorkspace:
    """Write and load a workspace of 20 teams with 10 rules each. ``shared``: every team maps every source."""
    _write(
        root / "increment-sync.yaml",
        "instance: bench\nstore: sqlite:///state.db\npush: {enabled: true}\n"
        "trackers:\n  jira: {kind: jira-cloud, url: https://bench.invalid}\n",
    )
    goals = [
        f"  - id: goal-{team}\n    title: Goal {team}\n    anchor: jira:T{team}-1\n    capabilities:\n"
        + "".join(
            f"      - {{id: cap-{team}-{number}, title: Capability {number}, team: team-{team}, "
            f'anchor: "jira:T{team}-{number + 2}"}}\n'
            for number in range(CAPABILITIES_PER_TEAM)
        )
        for team in range(TEAMS)
    ]
    start, end = (TODAY - timedelta(days=45)).date(), (TODAY + timedelta(days=45)).date()
    _write(
        root / "plans" / "bench.yaml",
        f"increment: bench\nstart: {start}\nend: {end}\ngoals:\n{''.join(goals)}",
    )
    for team in range(TEAMS):
        _write(root / "mappings" / f"team-{team:02}.yaml", mapping_text(team, shared=shared))
    return load_configuration(root)


def mapping_text(team: int, *, shared: bool = False) -> str:
    """Return the mapping of one team, with typical rules."""
    capabilities = [f"cap-{team}-{number}" for number in range(CAPABILITIES_PER_TEAM)]
    projects = range(TEAMS) if shared else [team]
    sources = "".join(f"  - jira: {{project: T{each}}}\n" for each in projects)
    conditions = [
        f"{{parent: [T{team}-10, T{team}-11]}}",
        f"{{labels: {{any: [{_AREAS[team % 10]}-{team}, area/{_AREAS[team % 10]}-{team}]}}}}",
        f'{{labels: {{any: ["squad-{team}/*"], none: [wontfix]}}}}',
        f"{{components: [component-{team}], type: [Task, Story]}}",
        f"{{labels: {{all: [priority-{team}, reviewed]}}}}",
        f'{{title: "(?i)\\\\b{_WORDS[team % len(_WORDS)]} {_WORDS[(team + 3) % len(_WORDS)]}\\\\b"}}',
        f'{{title: "^\\\\[team-{team}\\\\]", type: [Bug]}}',
        f"{{fix_version: [release-{team}], status: [In Progress, Peer review]}}",
        f"{{assignee: [member-{team}-1, member-{team}-2], type: Experiment}}",
        f"{{project: T{team}, labels: {{any: [planned, committed]}}}}",
    ]
    rules = "".join(
        f"  - id: rule-{number}\n    when: {when}\n    assign: {capabilities[number % len(capabilities)]}\n"
        for number, when in enumerate(conditions)
    )
    return f"team: team-{team}\nsources:\n{sources}rules:\n{rules}"


def issues(count: int, *, years: float = 4) -> Iterator[KnownIssue]:
    """Yield N issues of the teams' projects, spread over some years; always the same ones.

    Most are done, but most of less than a year are open.
    """
    random_ = random.Random(20261115)
    for index in range(count):
        team, number = index % TEAMS, index // TEAMS + 1
        issue = _issue(random_, team, number, days=int(years * 365))
        yield KnownIssue(
            issue=issue, sources=frozenset({f"jira:T{team}"}), first_seen=TODAY - timedelta(days=30)
        )


def fill_store(configured: LoadedWorkspace, count: int) -> Store:
    """Return the store of a workspace with N issues, as after a run that wrote all labels and comments."""
    store = open_store(store_url(configured.settings, configured.root), now=lambda: TODAY)
    everything = list(issues(count))
    labels = _labels_for(configured, everything)
    store.load_snapshot(_rows(everything, labels))
    job = RunContext(
        root=configured.root,
        run_id="run-1",
        settings=configured.settings,
        workspace=configured.workspace,
        store=store,
        readers={},
        now=lambda: TODAY,
        log=None,
    )
    thought, _ = plan_from_store(job)
    store.save_rollup("run-1", TODAY, rollup_snapshot(thought.rollup))
    store.save_assignments("run-1", TODAY, thought.matched.assignments)
    for change in thought.changes.comments:
        store.record_pushed_comment(
            PushedCommentRecord(
                subject=change.subject,
                ref=change.ref,
                comment_id="1",
                body=change.body,
                full_hash=change.full_hash,
                urgent_hash=change.urgent_hash,
                edited_at=TODAY,
                run_id="run-1",
            )
        )
    return store


def _labels_for(configured: LoadedWorkspace, everything: list[KnownIssue]) -> dict[IssueRef, list[str]]:
    """Return the labels that a first run adds, by issue."""
    matcher = Matcher(configured.workspace, configured.workspace.labels, TODAY)
    matched = matcher.match(everything, Overrides())
    return {each.ref: [f"capability:{each.capability}", "increment:bench"] for each in matched.assignments}


def _rows(everything: list[KnownIssue], labels: dict[IssueRef, list[str]]) -> Iterator[SnapshotRow]:
    now = TODAY.isoformat()
    yield "store_facts", {"name": "born", "at": (TODAY - timedelta(days=400)).isoformat()}
    for team in range(TEAMS):
        source = {"name": f"jira:T{team}", "tracker": "jira", "definition_hash": "", "held": 0}
        yield "sources", source | {"last_whole": now, "last_census": now}
    for each in everything:
        issue, own_labels = each.issue, labels.get(each.issue.ref, [])
        ids = {"tracker": issue.ref.tracker, "issue_id": issue.ref.id}
        for name in each.sources:
            yield "memberships", ids | {"source": name}
        labelled = replace(issue, labels=issue.labels | frozenset(own_labels))
        yield (
            "issues",
            {
                "tracker": issue.ref.tracker,
                "id": issue.ref.id,
                "key": issue.ref.key,
                "container": issue.container,
                "status": issue.status,
                "category": issue.category,
                "updated": issue.updated.isoformat(),
                "payload": encode_issue_payload(labelled),
                "first_seen": each.first_seen.isoformat(),
                "first_labels": sorted(issue.labels),
                "reopened": 0,
            },
        )
        for label in own_labels:
            row = {"key": issue.ref.key, "label": label, "run_id": "run-1", "at": issue.updated.isoformat()}
            yield "pushed_labels", ids | row


def _issue(random_: random.Random, team: int, number: int, days: int) -> Issue:
    age = random_.randrange(1, days)
    created = TODAY - timedelta(days=age, seconds=random_.randrange(86_400))
    status, category = ("Done", "done") if random_.random() < min(0.95, age / 365) else random_.choice(_OPEN)
    closed = created + timedelta(days=random_.randrange(min(age, 40))) if category == "done" else None
    areas = _AREAS[team % 10], _AREAS[(team + 1) % 10]
    own_labels = [f"priority-{team}", f"squad-{team}/core", *(f"{area}-{team}" for area in areas)]
    labels = random_.sample(
        ["wontfix", "reviewed", "planned", "customer", "flaky", *own_labels],
        k=random_.choice((0, 1, 1, 2, 3)),
    )
    key = f"T{team}-{number}"
    return Issue(
        ref=IssueRef(tracker="jira", id=str(team * 1_000_000 + number), key=key),
        url=f"https://bench.invalid/browse/{key}",
        title=" ".join(random_.choices(_WORDS, k=6)) + f" {number}",
        container=f"T{team}",
        status=status,
        category=category,  # type: ignore[arg-type]
        created=created,
        updated=closed or created + timedelta(hours=5),
        closed=closed,
        type=random_.choice(_TYPES),
        labels=frozenset(labels),
        components=(f"component-{team}",) if random_.random() < 0.2 else (f"other-{random_.randrange(9)}",),
        fix_versions=(f"release-{team}",) if random_.random() < 0.1 else (),
        parent=f"T{team}-{random_.randrange(8, 40)}" if number > 40 and random_.random() < 0.6 else None,
        assignees=(f"member-{team}-{random_.randrange(8)}",),
        author=f"member-{team}-{random_.randrange(8)}",
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
