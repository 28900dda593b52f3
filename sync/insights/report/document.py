"""The report as JSON, and the schema of that."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from sync.insights.report.model import ReportData


def render_json(data: ReportData) -> str:
    """A JSON text. Times are ISO 8601 in UTC. ``version`` changes when a field changes its meaning or goes away."""
    return TypeAdapter(ReportData).dump_json(data, indent=2).decode() + "\n"


def schema_text() -> str:
    """JSON Schema (draft 2020-12) of the same, as the text of ``schemas/report.json``."""
    body = TypeAdapter(ReportData).json_schema(mode="serialization")
    head = {"$schema": GenerateJsonSchema.schema_dialect, "title": "increment-sync report --format json"}
    return json.dumps({**head, **_clean_schema(body)}, indent=2, ensure_ascii=False) + "\n"


def _clean_schema(part: Any) -> Any:
    """Without titles that only repeat a name, and with descriptions as Markdown writes code."""
    if isinstance(part, list):
        return [_clean_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _clean_schema(value)
        for key, value in part.items()
        if key != "title" or not isinstance(value, str)
    }
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].replace("``", "`").split())
    return kept
