"""Suggested rules and capabilities as YAML to paste, proved by loading it with the loader of every command."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from connectors.model import Source
from mappings.load import load_workspace
from mappings.model import Anchor, Rule, TeamMapping
from sync.config.settings import Settings

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_WORDS_OF_YAML: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_FIRST, _LAST = "2000-01-01", "2000-01-02"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRule:
    """A rule that is not in any file yet. ``when`` as in ``Rule.when``."""

    id: str
    when: Mapping[str, Any]
    assign: str
    iteration: str | None = None
    experiment: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCapability:
    """A capability that has to be created in a plan before rules can name it."""

    id: str
    title: str
    team: str
    anchor: Anchor | None = None


def rule_yaml(rule: NewRule) -> str:
    """An item of ``rules:``, indented by two."""
    lines = [
        f"  - id: {yaml_scalar(rule.id)}",
        f"    when: {_when(rule.when)}",
        f"    assign: {yaml_scalar(rule.assign)}",
    ]
    if rule.iteration is not None:
        lines.append(f"    iteration: {yaml_scalar(rule.iteration)}")
    if rule.experiment:
        lines.append("    experiment: true")
    return "\n".join(lines) + "\n"


def capability_yaml(capability: NewCapability) -> str:
    """An item of a goal's ``capabilities:``, indented by six."""
    parts = {"id": capability.id, "title": capability.title, "team": capability.team}
    if capability.anchor is not None:
        parts["anchor"] = str(capability.anchor)
    first, *rest = (f"{key}: {yaml_scalar(value)}" for key, value in parts.items())
    return "".join(f"{line}\n" for line in (f"      - {first}", *(f"        {each}" for each in rest)))


def yaml_scalar(text: str) -> str:
    """A text as one YAML value that every reader takes as a text. It must be free of control characters."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS_OF_YAML:
        return text
    return json.dumps(text, ensure_ascii=False)


def _when(when: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_condition(key, value)}" for key, value in when.items()) + "}"


def _condition(key: str, value: Any) -> str:
    if key == "title":
        # Between single quotes a backslash is a backslash.
        return "'" + str(value).replace("'", "''") + "'"
    if set(value) == {"any"}:
        return _names(value["any"])
    return "{" + ", ".join(f"{part}: {_names(names)}" for part, names in value.items()) + "}"


def _names(names: Iterable[str]) -> str:
    return "[" + ", ".join(yaml_scalar(name) for name in names) + "]"


def load_suggested_rules(
    root: Path,
    settings: Settings,
    team: TeamMapping,
    rules: Sequence[NewRule],
    capabilities: Sequence[NewCapability] = (),
) -> tuple[Rule, ...]:
    """The rules as a run would read them from the YAML above, beside the plans of the workspace at ``root``.

    Raises MappingInvalid when they could not be used as they are.
    """
    with TemporaryDirectory(prefix="increment-sync-suggest-") as folder:
        trial = Path(folder)
        shutil.copytree(root / "plans", trial / "plans")
        if capabilities:
            plan = f"increment: suggested\nstart: {_FIRST}\nend: {_LAST}\ngoals:\n"
            plan += "  - id: suggested-goal\n    title: Suggested\n    capabilities:\n"
            text = plan + "".join(map(capability_yaml, capabilities))
            (trial / "plans" / "suggested.yaml").write_text(text, encoding="utf-8")
        text = f"team: {yaml_scalar(team.team)}\nsources:\n" + "".join(map(_source, team.sources))
        text += "rules:\n" + "".join(map(rule_yaml, rules))
        (trial / "mappings").mkdir()
        (trial / "mappings" / "suggested.yaml").write_text(text, encoding="utf-8")
        workspace = load_workspace(
            trial,
            trackers={name: tracker.kind for name, tracker in settings.trackers.items()},
            timezone=settings.timezone,
            labels=settings.label_scheme,
        )
    return workspace.teams[0].rules


def _source(source: Source) -> str:
    parts = {"project": source.project, "jql": source.jql, "repo": source.repo}
    given = ", ".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in parts.items() if value
    )
    with_prs = ", pull_requests: true" if source.pull_requests else ""
    return f"  - {yaml_scalar(source.tracker)}: {{{given}{with_prs}}}\n"
