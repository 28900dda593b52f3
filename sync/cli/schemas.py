"""JSON Schema of every file of a workspace, generated from the pydantic models that read the files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from connectors.registry import installed_kinds, installed_specs
from connectors.spec import Option
from mappings.rules.fields import CONDITION_FIELDS, RuleField
from mappings.schema.cases import CaseFile
from mappings.schema.mapping import DefaultsFile, MappingFile
from mappings.schema.plan import PlanFile
from sync.config.settings import Settings

Kind = Literal["settings", "plan", "mapping", "tests", "defaults"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

SCHEMA_FOLDER: Final = "schemas"
"""Folder for schemas, in a workspace and in the repository."""

MODELS: Final[dict[Kind, type[BaseModel]]] = {
    "settings": Settings,
    "plan": PlanFile,
    "mapping": MappingFile,
    "tests": CaseFile,
    "defaults": DefaultsFile,
}
FILE_PATTERNS: Final[dict[Kind, str]] = {
    "settings": "increment-sync.yaml",
    "plan": "plans/<increment>.yaml",
    "mapping": "mappings/<team>.yaml",
    "tests": "mappings/tests/<any name>.yaml",
    "defaults": "defaults.yaml",
}
_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


class _Generator(GenerateJsonSchema):
    """Schema generator that allows numbers where a text is expected: ``fix_version: 1.10`` is read as a text."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        made = super().str_schema(schema)
        if made.get("type") == "string":
            made["type"] = ["string", "number"]
        return made

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        # Nested keys have defaults of their own, and None only means that the key may be missing.
        return _without(made, "default") if isinstance(made.get("default"), dict | list | None) else made

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the library's signature
        return False


def _without(schema: JsonSchemaValue, key: str) -> JsonSchemaValue:
    return {name: value for name, value in schema.items() if name != key}


def format_duration(span: timedelta) -> str:
    """Format a duration as in the settings: ``24h``, ``10m``."""
    seconds = int(span.total_seconds())
    unit = next(unit for unit, size in _SECONDS.items() if seconds % size == 0)
    hours = unit == "d" and seconds <= 2 * _SECONDS["d"]
    return f"{seconds // _SECONDS['h']}h" if hours else f"{seconds // _SECONDS[unit]}{unit}"


def json_schema(kind: Kind) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one kind of file."""
    body = MODELS[kind].model_json_schema(schema_generator=_Generator)
    if kind == "mapping":
        body["$defs"]["SourceEntry"] |= {"properties": _source_options(), "additionalProperties": False}
        body["properties"]["sources"]["examples"] = [_source_examples()]
    if kind == "settings":
        tracker = body["$defs"]["TrackerSettings"]["properties"]
        tracker["kind"] |= {"type": "string", "enum": list(installed_kinds())}
        body["properties"]["trackers"]["examples"] = [
            {spec.name: {"kind": next(iter(spec.kinds))} for spec in installed_specs()}
        ]
        tracker |= {each.name: option_schema(each) for spec in installed_specs() for each in spec.settings}
    _name_owners_of_optional_fields(body)
    head = {"$schema": _Generator.schema_dialect, "title": f"increment-sync: {FILE_PATTERNS[kind]}"}
    return {**head, **_readable(body)}


def _name_owners_of_optional_fields(body: dict[str, Any]) -> None:
    """Add the connectors that have an optional field of issues to its description."""
    for name in ("When", "CaseIssue"):
        properties = body.get("$defs", {}).get(name, {}).get("properties", {})
        for key in properties.keys() & CONDITION_FIELDS.keys():
            properties[key]["description"] += owners_of_field(CONDITION_FIELDS[key])


def owners_of_field(field: RuleField) -> str:
    """Return the words behind the description of an optional field: which connectors have it."""
    titles = [spec.title for spec in installed_specs() if field.key in spec.fields]
    return f" Only on {' and '.join(titles)}." if field.optional and titles else ""


def _source_options() -> dict[str, Any]:
    """Return the schemas of the options of ``sources`` that the installed connectors have, by name."""
    options = (option for spec in installed_specs() for option in spec.source.options)
    return {option.name: option_schema(option) for option in options}


def _source_examples() -> list[dict[str, Any]]:
    """Return one source of each installed connector."""
    containers = ((spec.name, spec.source.container) for spec in installed_specs())
    return [{name: {option.name: option.example}} for name, option in containers]


def option_schema(option: Option) -> dict[str, Any]:
    """Return the JSON Schema of an option of a connector."""
    types = {"type": "boolean", "default": False}
    if option.type == "text":
        types = {"type": ["string", "number"], "minLength": 1, "maxLength": 500}
    example = {} if option.example is None else {"examples": [option.example]}
    default = {} if option.default is None else {"default": option.default}
    return {**types, "description": option.description, **example, **default}


def _readable(part: Any) -> Any:
    """Remove the names of classes, and write code in descriptions as in Markdown."""
    if isinstance(part, list):
        return [_readable(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: value if key in ("examples", "default") else _readable(value)
        for key, value in part.items()
        if not (key == "title" and isinstance(value, str))
    }
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].replace("``", "`").split())
    return kept


def schema_text(kind: Kind) -> str:
    """Return the schema as the text of a file."""
    return json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"


def schema_files(folder: Path, kinds: Iterable[Kind] = KINDS) -> dict[Path, str]:
    """Path -> text of the schema files in a folder."""
    return {folder / f"{kind}.json": schema_text(kind) for kind in kinds}


def editor_header(kind: Kind, *, depth: int) -> str:
    """Return the comment by which editors find the schema of a file, ``depth`` folders below the workspace."""
    return f"# yaml-language-server: $schema={'../' * depth or './'}{SCHEMA_FOLDER}/{kind}.json\n"
