"""``mappings schema``: print or write the JSON Schema of every file of a workspace, or the reference of all keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from sync.cli.output import Output
from sync.cli.schema_reference import schema_reference
from sync.cli.schemas import KINDS, Kind, json_schema, schema_files, schema_text
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
