"""``init``: writes a workspace to start from. Never writes over a file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from mappings.problems import InvalidWorkspace
from sync.cli.commands.mappings_schema import SCHEMA_FOLDER, editor_header, schema_files
from sync.config.settings import FILE_NAME
from sync.runtime.bootstrap import load_configuration
from sync.runtime.invocation import print_error, print_line

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

_IGNORING = ".gitignore"
_IGNORE = ".increment-sync/\n"


class InvalidInitOption(ValueError):
    """An option of ``init`` that would make a workspace which cannot be read; the sentence says why."""


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
    """Write settings, a plan for the running quarter and a mapping for one team.

    BadAnswer, and nothing is written, when what comes out could not be read back.
    """
    if "/" in team or team.startswith("."):
        raise InvalidInitOption(f"{team!r} cannot be the name of a team, because its file is named after it")

    def made(root: Path) -> dict[Path, str]:
        return _files(root, folder, jira, jira_kind, project, github, github_url, team, timezone, today)

    _make_sure_it_reads(made)
    files = made(folder)
    existing = [path for path in files if path.exists() and path.name != _IGNORING]
    if existing:
        for path in existing:
            print_error(f"{path} is already there; nothing was written")
        return 1
    _write({path: text for path, text in files.items() if not path.exists()})
    for path, text in files.items():
        if path.parent.name == SCHEMA_FOLDER:
            continue
        if path.read_text(encoding="utf-8") == text:
            print_line(f"wrote {path.relative_to(folder)}")
        elif _IGNORE not in path.read_text(encoding="utf-8"):
            print_line(f"left {path.relative_to(folder)} as it is; add this line to it: {_IGNORE.strip()}")
    print_line(f"wrote {SCHEMA_FOLDER}/: with these, an editor checks and completes the files")
    print_line()
    print_line("Next: edit the plan and the mapping, set the tokens in the environment, then")
    print_line("  increment-sync mappings check")
    print_line("  increment-sync doctor")
    print_line("  increment-sync preview")
    return 0


def _make_sure_it_reads(made: Callable[[Path], dict[Path, str]]) -> None:
    """Write it elsewhere first and read it as every command will."""
    with tempfile.TemporaryDirectory(prefix="increment-sync-init-") as temporary:
        root = Path(temporary)
        _write(made(root))
        try:
            load_configuration(root)
        except InvalidWorkspace as invalid:
            raise InvalidInitOption(" ".join(problem.message for problem in invalid.problems)) from None


def _write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _files(
    root: Path,
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
    increment, start, end = calendar_quarter(today)
    anchor = f"jira:{project}-100" if jira else f"github:{github}#12"
    return {
        root / FILE_NAME: editor_header("settings", depth=0)
        + _SETTINGS.format(instance=_instance(folder), timezone=timezone, trackers="\n".join(trackers)),
        root / "plans" / f"{increment}.yaml": editor_header("plan", depth=1)
        + _PLAN.format(increment=increment, start=start, end=end, team=team, anchor=anchor),
        root / "mappings" / f"{team}.yaml": editor_header("mapping", depth=1)
        + _MAPPING.format(
            team=team, sources="\n".join(sources), key=f"{project}-7" if jira else f"{github}#7"
        ),
        root / _IGNORING: _IGNORE,
        **schema_files(root / SCHEMA_FOLDER),
    }


def calendar_quarter(today: date) -> tuple[str, date, date]:
    """Id, first and last day of the calendar quarter that holds a day: ``2026-q4``."""
    number = (today.month - 1) // 3 + 1
    start = date(today.year, 3 * number - 2, 1)
    following = date(today.year + number // 4, 3 * number % 12 + 1, 1)
    return f"{today.year}-q{number}", start, following - timedelta(days=1)


def _instance(folder: Path) -> str:
    """A legal id from the folder's name."""
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.resolve().name.lower()).strip("-._")
    return name[:40] or "increment-sync"
