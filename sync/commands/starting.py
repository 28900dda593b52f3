"""``init``: writes a workspace to start from. Never writes over a file."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from sync.commands.ways import complain, say
from sync.settings import FILE_NAME

_SETTINGS = """\
# What increment-sync works with. No secrets here: tokens come from the environment, see README.md.
instance: {instance}            # marks our comments; keep it as it is once anything was written
timezone: {timezone}
store: sqlite:///.increment-sync/state.db
trackers:
{trackers}
push: {{enabled: false}}        # until this is true, `run` does everything but write
"""

_TRACKERS = {
    "jira-cloud": "  jira: {{kind: jira-cloud, url: {jira_url}}}",
    "jira-dc": "  jira: {{kind: jira-dc, url: {jira_url}}}",
    "github": "  github: {{kind: github{github_url}}}",
}

_PLAN = """\
# One increment: its goals, and the capabilities that together form each goal.
increment: {increment}
start: {start}
end: {end}
goals:
  - id: first-goal
    title: What is better for users at the end of this increment
    commitment: committed              # or stretch
    # anchor: {anchor}            # the issue that carries the goal's status comment
    capabilities:
      - id: first-capability
        title: A part of it that can be released when it is done
        team: {team}
        # iterations: [v1, v2]
"""

_MAPPING = """\
# What the issues of one team count towards. The first rule that matches wins, in this order.
team: {team}
flow: kanban                         # or scrum
sources:
{sources}
states:                              # exceptions only; by default the tracker's own category decides
  blocked: {{labels: [blocked]}}
rules:
  - id: by-label
    when: {{labels: first-capability}}
    assign: first-capability
tests:
  - issue: {{key: {key}, labels: [first-capability], title: An example}}
    assign: first-capability
"""

_IGNORE = ".increment-sync/\n"


def init(
    folder: Path,
    *,
    jira: str | None,
    jira_kind: str,
    project: str,
    github: str | None,
    github_url: str | None,
    team: str,
    timezone: str,
    today: date,
) -> int:
    """Write settings, a plan for the running quarter and a mapping for one team."""
    files = _files(folder, jira, jira_kind, project, github, github_url, team, timezone, today)
    existing = [path for path in files if path.exists()]
    if existing:
        for path in existing:
            complain(f"{path} is already there; nothing was written")
        return 1
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        say(f"wrote {path.relative_to(folder)}")
    say()
    say("Next: edit the plan and the mapping, set the tokens in the environment, then")
    say("  increment-sync mappings check")
    say("  increment-sync doctor")
    say("  increment-sync preview")
    return 0


def _files(
    folder: Path,
    jira: str | None,
    jira_kind: str,
    project: str,
    github: str | None,
    github_url: str | None,
    team: str,
    timezone: str,
    today: date,
) -> dict[Path, str]:
    if jira is None and github is None:
        jira, github = "https://acme.atlassian.net", "acme/churn"
    trackers, sources = [], []
    if jira:
        trackers.append(_TRACKERS[jira_kind].format(jira_url=jira))
        sources.append(f"  - jira: {{project: {project}}}            # optional jql: narrows it")
    if github:
        url = f", url: {github_url}" if github_url else ""
        trackers.append(_TRACKERS["github"].format(github_url=url))
        sources.append(f"  - github: {{repo: {github}}}")
    increment, start, end = quarter(today)
    anchor = f"jira:{project}-100" if jira else f"github:{github}#12"
    return {
        folder / FILE_NAME: _SETTINGS.format(
            instance=_instance(folder), timezone=timezone, trackers="\n".join(trackers)
        ),
        folder / "plans" / f"{increment}.yaml": _PLAN.format(
            increment=increment, start=start, end=end, team=team, anchor=anchor
        ),
        folder / "mappings" / f"{team}.yaml": _MAPPING.format(
            team=team, sources="\n".join(sources), key=f"{project}-7" if jira else f"{github}#7"
        ),
        folder / ".gitignore": _IGNORE,
    }


def quarter(today: date) -> tuple[str, date, date]:
    """Id, first and last day of the calendar quarter that holds a day: ``2026-q4``."""
    number = (today.month - 1) // 3 + 1
    start = date(today.year, 3 * number - 2, 1)
    following = date(today.year + number // 4, 3 * number % 12 + 1, 1)
    return f"{today.year}-q{number}", start, following - timedelta(days=1)


def _instance(folder: Path) -> str:
    """A legal id from the folder's name."""
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.resolve().name.lower()).strip("-._")
    return name[:40] or "increment-sync"
