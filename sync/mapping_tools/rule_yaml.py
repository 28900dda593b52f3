"""Suggested rules and capabilities as YAML to paste, checked with the loader that all commands use."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from connectors.model import Source
from connectors.spec import ConnectorSpec
from mappings.model import Anchor, Rule, TeamMapping
from mappings.problems import InvalidWorkspace
from sync.config.settings import Settings
from sync.config.workspace import read_with_settings

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_YAML_KEYWORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_FIRST, _LAST = "2000-01-01", "2000-01-02"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRule:
    """Rule that is in no file yet. ``when`` as in ``Rule.when``."""

    id: str
    when: Mapping[str, Any]
    assign: str
    iteration: str | None = None
    experiment: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NewCapability:
    """Capability that has to be created in a plan before rules can name it."""

    id: str
    title: str
    team: str
    anchor: Anchor | None = None


def rule_yaml(rule: NewRule) -> str:
    """Return an item of ``rules:``, indented by two spaces."""
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
    """Return an item of a goal's ``capabilities:``, indented by six spaces."""
    parts = {"id": capability.id, "title": capability.title, "team": capability.team}
    if capability.anchor is not None:
        parts["anchor"] = str(capability.anchor)
    first, *rest = (f"{key}: {yaml_scalar(value)}" for key, value in parts.items())
    return "".join(f"{line}\n" for line in (f"      - {first}", *(f"        {each}" for each in rest)))


def slug(text: str, max_length: int = 40) -> str:
    """``Churn model: v2!`` -> ``churn-model-v2``; may be empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:max_length].strip("-")


def unused_name(name: str, used: Collection[str]) -> str:
    """Return the name, with the first number that makes it new if it is used."""
    if name not in used:
        return name
    return next(
        numbered for number in range(2, len(used) + 3) if (numbered := f"{name}-{number}") not in used
    )


def yaml_scalar(text: str) -> str:
    """Quote a text so that every YAML reader takes it as text. It must not contain control characters."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _YAML_KEYWORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def _when(when: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_condition(key, value)}" for key, value in when.items()) + "}"


def _condition(key: str, value: Any) -> str:
    if key == "title":
        # In single quotes YAML reads a backslash literally.
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
    capabilities: Sequence[NewCapability],
) -> tuple[Rule, ...]:
    """Load rules from their YAML as a run does, with the plans of the workspace at ``root``.

    Raises InvalidWorkspace when they cannot be used.
    """
    with TemporaryDirectory(prefix="increment-sync-suggest-") as folder:
        copy = Path(folder)
        shutil.copytree(root / "plans", copy / "plans")
        if capabilities:
            plan = f"increment: suggested\nstart: {_FIRST}\nend: {_LAST}\ngoals:\n"
            plan += "  - id: suggested-goal\n    title: Suggested\n    capabilities:\n"
            text = plan + "".join(map(capability_yaml, capabilities))
            (copy / "plans" / "suggested.yaml").write_text(text, encoding="utf-8")
        text = f"team: {yaml_scalar(team.team)}\nsources:\n" + "".join(
            _source(each, settings.spec(each.tracker)) for each in team.sources
        )
        text += "rules:\n" + "".join(map(rule_yaml, rules))
        (copy / "mappings").mkdir()
        (copy / "mappings" / "suggested.yaml").write_text(text, encoding="utf-8")
        loaded = read_with_settings(copy, settings)
        workspace = loaded.workspace
    if workspace is None:
        raise InvalidWorkspace(loaded.problems)
    return workspace.teams[0].rules


def _source(source: Source, spec: ConnectorSpec) -> str:
    names = spec.source.options
    parts = {names[0].name if names else "container": source.container, **dict(source.options)}
    given = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in parts.items())
    return f"  - {yaml_scalar(source.tracker)}: {{{given}}}\n"
