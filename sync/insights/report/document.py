"""The report as JSON, and its schema."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from sync.insights.report.model import ReportData


def render_json(data: ReportData) -> str:
    """Return the report as a JSON text. Times are ISO 8601 in UTC."""
    return TypeAdapter(ReportData).dump_json(data, indent=2).decode() + "\n"


def schema_text() -> str:
    """Return the JSON Schema (draft 2020-12) of the report, the text of ``schemas/report.json``."""
    body = TypeAdapter(ReportData).json_schema(mode="serialization")
    head = {"$schema": GenerateJsonSchema.schema_dialect, "title": "increment-sync report --format json"}
    return json.dumps({**head, **_clean_schema(body)}, indent=2, ensure_ascii=False) + "\n"


def _clean_schema(part: Any) -> Any:
    """Remove titles that repeat a name, and write code in descriptions as Markdown."""
    if isinstance(part, list):
        return [_clean_schema(each) for each in part]
    if not isinstance(part, dict):
        return part
    cleaned = {
        key: _clean_schema(value)
        for key, value in part.items()
        if key != "title" or not isinstance(value, str)
    }
    if isinstance(cleaned.get("description"), str):
        cleaned["description"] = " ".join(cleaned["description"].replace("``", "`").split())
    return cleaned
