"""``init``: write a workspace to start from. Existing files are never overwritten."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files as package_files
from pathlib import Path

from connectors.registry import spec_of
from connectors.regular_file import MEGABYTE, read_regular_file
from connectors.spec import ConnectorSpec
from mappings.problems import InvalidWorkspace
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output
from sync.cli.schemas import SCHEMA_FOLDER, editor_header, schema_files
from sync.config.settings import FILE_NAME
from sync.runtime.bootstrap import load_configuration
from sync.runtime.invocation import Invocation

_GITIGNORE = ".gitignore"
_IGNORED = ".increment-sync/\n"


class InvalidInitOption(ValueError):
    """An option of ``init`` would make a workspace that cannot be read; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InitialTracker:
    """A tracker of the new workspace, and the container that the team reads there."""

    kind: str
    container: str
    url: str | None = None
    """None: the default of the connector."""

    @property
    def spec(self) -> ConnectorSpec:
        return spec_of(self.kind)

    def setting(self) -> str:
        """Return the tracker's line in the settings."""
        url = f", url: {self.url}" if self.url else ""
        return f"  {self.spec.name}: {{kind: {self.kind}{url}}}"

    def source(self) -> str:
        """Return its line in the mapping."""
        container, *others = self.spec.source.options
        narrowing = next((each.name for each in others if each.type == "text"), None)
        hint = f"            # optional {narrowing}: narrows it" if narrowing else ""
        return f"  - {self.spec.name}: {{{container.name}: {self.container}}}{hint}"

    def key(self, number: int | None = None) -> str:
        """Return a key of the container, with the number of the example or this one."""
        example = self.spec.keys.example
        named = self.spec.keys.container(example)
        key = example.replace(named, self.container, 1) if named else example
        return key if number is None else re.sub(r"\d+$", str(number), key)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkspaceOptions:
    """Options of ``init``."""

    trackers: tuple[InitialTracker, ...]
    """At least one. The goal's anchor is an issue of the first one."""
    team: str
    timezone: str
    today: date


def init(invocation: Invocation, folder: Path, options: WorkspaceOptions) -> int:
    """Write settings, a plan for the current quarter, a mapping for one team, and schemas for editors.

    Return 1, and write nothing, when one of the files exists. Raises InvalidInitOption, and writes nothing, when the
    result could not be read back.
    """
    output = Output(invocation)
    if "/" in options.team or options.team.startswith("."):
        raise InvalidInitOption(
            f"{options.team!r} cannot be the name of a team, because its file is named after it"
        )
    files = _workspace_files(folder.resolve().name, options)
    _check_readable(files)
    existing = [name for name in files if (folder / name).exists() and name != _GITIGNORE]
    if existing:
        output.notes(f"{folder / name} is already there; nothing was written" for name in existing)
        return ExitCode.FAILED
    _write(folder, {name: text for name, text in files.items() if not (folder / name).exists()})
    for name, text in files.items():
        present = read_regular_file(folder / name, MEGABYTE).decode(errors="replace")
        if name.startswith(SCHEMA_FOLDER):
            continue
        if present == text:
            output.line(f"wrote {name}")
        elif _IGNORED not in present:
            output.line(f"left {name} as it is; add this line to it: {_IGNORED.strip()}")
    output.line(f"wrote {SCHEMA_FOLDER}/: with these, an editor checks and completes the files")
    output.line()
    output.line("Next: edit the plan and the mapping, set the tokens in the environment, then")
    output.lines(f"  increment-sync {command}" for command in ("mappings check", "doctor", "preview"))
    return ExitCode.DONE


def template(name: str) -> str:
    """Return the text of a YAML file of ``sync/cli/templates``."""
    return package_files("sync.cli").joinpath(f"templates/{name}.yaml").read_text(encoding="utf-8")


def _check_readable(files: Mapping[str, str]) -> None:
    """Write the files to a temporary folder and read them as every command does."""
    with tempfile.TemporaryDirectory(prefix="increment-sync-init-") as temporary:
        root = Path(temporary)
        _write(root, files)
        try:
            load_configuration(root)
        except InvalidWorkspace as invalid:
            raise InvalidInitOption(" ".join(problem.message for problem in invalid.problems)) from None


def _write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _workspace_files(folder_name: str, options: WorkspaceOptions) -> dict[str, str]:
    """Path below the workspace -> text."""
    team, first = options.team, options.trackers[0]
    trackers = "\n".join(each.setting() for each in options.trackers)
    sources = "\n".join(each.source() for each in options.trackers)
    increment, start, end = calendar_quarter(options.today)
    settings = template("init/settings").format(
        instance=_instance_id(folder_name), timezone=options.timezone, trackers=trackers
    )
    anchor = f"{first.spec.name}:{first.key()}"
    plan = template("init/plan").format(increment=increment, start=start, end=end, team=team, anchor=anchor)
    mapping = template("init/mapping").format(team=team, sources=sources, key=first.key(7))
    return {
        FILE_NAME: editor_header("settings", depth=0) + settings,
        f"plans/{increment}.yaml": editor_header("plan", depth=1) + plan,
        f"mappings/{team}.yaml": editor_header("mapping", depth=1) + mapping,
        _GITIGNORE: _IGNORED,
        **{str(path): text for path, text in schema_files(Path(SCHEMA_FOLDER)).items()},
    }


def calendar_quarter(today: date) -> tuple[str, date, date]:
    """Return the id (``2026-q4``), first and last day of the calendar quarter that contains a day."""
    number = (today.month - 1) // 3 + 1
    start = date(today.year, 3 * number - 2, 1)
    following = date(today.year + number // 4, 3 * number % 12 + 1, 1)
    return f"{today.year}-q{number}", start, following - timedelta(days=1)


def _instance_id(folder_name: str) -> str:
    """Make a valid instance id from the name of the folder."""
    name = re.sub(r"[^a-z0-9._-]+", "-", folder_name.lower()).strip("-._")
    return name[:40] or "increment-sync"
