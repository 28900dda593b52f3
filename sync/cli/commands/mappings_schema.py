"""``mappings schema``: print or write the JSON Schema of every file of a workspace, or the reference of all keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from mappings.rules import cel_syntax as cel_text
from sync.cli.output import Output
from sync.cli.schemas import FILE_PATTERNS, KINDS, Kind, json_schema, schema_files, schema_text
from sync.runtime.invocation import Invocation


def print_schemas(
    invocation: Invocation, kind: Kind | None, out: Path | None, format_: Literal["json", "markdown"]
) -> int:
    """Print the schemas, or write one file per kind into the folder ``out``."""
    output = Output(invocation)
    if format_ == "markdown":
        output.line(schema_reference().rstrip("\n"))
    elif out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for path, text in schema_files(out, [kind] if kind else KINDS).items():
            path.write_text(text, encoding="utf-8")
            output.line(f"wrote {path}")
    elif kind is not None:
        output.line(schema_text(kind).rstrip("\n"))
    else:
        output.line(json.dumps({each: json_schema(each) for each in KINDS}, indent=2, ensure_ascii=False))
    return 0


_INTRO: Final = """\
# Reference of all keys

Made from the schemas in `schemas/` by `make reference`; a test keeps it equal to the code. An editor with a YAML
language server shows the same while one types, once the first line of a file names its schema:

```yaml
# yaml-language-server: $schema=../schemas/mapping.json
```

`increment-sync init` writes that line and the schemas; `increment-sync mappings schema --out schemas` writes the
schemas again after an upgrade. Texts need no quotes where YAML does not ask for them. Days are written as
2026-10-01, times as 2026-10-01T09:00:00Z, spans of time as 90s, 10m, 24h or 7d.
"""

_CEL_INTRO: Final = """\
## Expressions in `cel`

[CEL](https://cel.dev), the Common Expression Language, for what the other conditions cannot say:

```yaml
when:
  cel: 'labels.exists(l, l.startsWith("area/")) && size(assignees) == 0'
```

An expression is compiled when the mapping is loaded and has to give true or false. One that fails on an issue
(`labels[0]` on an issue without labels) does not match that issue, and the run warns once for each rule. It can
read nothing but the names below: no file, no network, no environment, not the time of day.
"""

_TYPE_NAMES: Final = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "keys",
}


def schema_reference() -> str:
    """Return the whole document."""
    known: dict[str, dict[str, Any]] = {}
    parts = [_INTRO]
    for kind in KINDS:
        parts += _file(kind, known)
    return "\n".join([*parts, *_cel_sections()])


def _file(kind: Kind, known: dict[str, dict[str, Any]]) -> Iterator[str]:
    schema = json_schema(kind)
    yield f"## `{FILE_PATTERNS[kind]}`\n\n{schema['description']}\n"
    yield _table(schema)
    for name in _in_order(schema, schema):
        part = schema["$defs"][name]
        if known.setdefault(name, part) is part:
            yield f"### {_title(name)}\n\n{part['description']}\n"
            yield _table(part)


def _in_order(part: Any, schema: dict[str, Any], found: list[str] | None = None) -> list[str]:
    """Return the names of the parts that a schema refers to, in reading order."""
    found = [] if found is None else found
    names = [name for name in _references(part) if name not in found]
    found += dict.fromkeys(names)
    for name in names:
        _in_order(schema["$defs"][name], schema, found)
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _references(each)
    elif isinstance(part, dict):
        for key, each in part.items():
            if key == "$ref":
                yield each.rpartition("/")[2]
            elif key not in ("$defs", "examples", "default"):
                yield from _references(each)


def _title(name: str) -> str:
    """``CaseIssue`` -> ``Case issue``; ``RuleEntry`` -> ``Invariant``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"(Entry|Settings)$", "", name))
    return words.capitalize()


def _table(part: dict[str, Any]) -> str:
    required = part.get("required", [])
    lines = ["| key | value | default | meaning | example |", "|---|---|---|---|---|"]
    for key, entry in part["properties"].items():
        default = _code(entry["default"]) if entry.get("default", "") != "" else ""
        default = "**required**" if key in required else default
        example = _code(entry["examples"][0]) if entry.get("examples") else ""
        cells = (f"`{key}`", _type_text(entry), default, entry.get("description", ""), example)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, ""])


def _code(value: Any) -> str:
    """Format a value as YAML in one line, as Markdown code."""
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, dict | list):
        return f"`{_yaml_flow(value)}`"
    return f"`{json.dumps(value)}`"


def _yaml_flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml_flow, value))}]"
    if isinstance(value, str):
        plain = re.fullmatch(r"[\w/.@-]+( [\w/.@-]+)*", value) and not re.fullmatch(r"[\d.]+", value)
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _type_text(entry: dict[str, Any]) -> str:
    """Describe the type of a key's value."""
    if "$ref" in entry:
        name = _title(entry["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower().replace(' ', '-')})"
    if options := entry.get("anyOf") or entry.get("oneOf"):
        return " or ".join(_type_text(each) for each in options if each.get("type") != "null")
    if "enum" in entry:
        return ", ".join(f"`{each}`" for each in entry["enum"])
    if "const" in entry:
        return f"`{entry['const']}`"
    kind = entry.get("type")
    if kind == "array":
        items = _type_text(entry["items"])
        return f"list of {items}s" if items in ("text", "day") else f"list of {items}"
    if kind == "object" and "additionalProperties" in entry:
        return f"map of names to {_type_text(entry['additionalProperties'])}"
    if isinstance(kind, list):
        return "text"
    if kind == "string":
        return (
            "time span" if "smhd" in entry["pattern"] else "day or time" if "T" in entry["pattern"] else "day"
        )
    return _TYPE_NAMES[str(kind)] + _range_text(entry)


def _range_text(entry: dict[str, Any]) -> str:
    low, high = entry.get("minimum"), entry.get("maximum")
    if high is not None:
        return f" from {low:g} to {high:g}"
    return f", {low:g} or more" if low is not None else ""


def _cel_sections() -> Iterator[str]:
    yield _CEL_INTRO
    yield "| name | what it is |\n|---|---|"
    yield "\n".join(f"| `{name}` | {meaning} |" for name, meaning in cel_text.VARIABLES.items()) + "\n"
    functions = ", ".join(f"`{each}`" for each in sorted(cel_text.FUNCTIONS))
    loops = ", ".join(f"`{each}`" for each in sorted(cel_text.COMPREHENSIONS))
    yield f"Functions: {functions}. `matches` takes an RE2 pattern that is written out.\n"
    yield (
        f"Limits, refused when the mapping is loaded: {cel_text.MAX_LENGTH} characters; one comprehension "
        f"({loops}); {cel_text.MAX_ENTRIES} entries of a list; {cel_text.MAX_PATTERNS} patterns; `+` at most "
        f"{cel_text.MAX_PLUSES} times and not together with a comprehension. Lists of an issue are cut after "
        f"{cel_text.MAX_ENTRIES} entries, texts other than the body after 500 characters.\n"
    )
