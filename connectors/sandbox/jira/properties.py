"""Properties of issues and comments in the Jira sandbox: JSON values by key, invisible to users."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from connectors.sandbox.jira.call import JiraApiError, parse_array

_MAX_LENGTH: Final = 32_768


def parse_properties(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``properties: [{key, value}]`` of a body. JiraApiError 400 beyond Jira's limits."""
    found: dict[str, Any] = {}
    for entry in parse_array(body.get("properties"), "properties"):
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str) or entry.get("value") is None:
            raise JiraApiError(400, "A property needs a key and a JSON value.")
        if len(entry["key"]) > 255:
            raise JiraApiError(400, "The property key cannot be longer than 255 characters.")
        if len(json.dumps(entry["value"])) > _MAX_LENGTH:
            raise JiraApiError(400, f"The property value cannot be longer than {_MAX_LENGTH} characters.")
        found[entry["key"]] = entry["value"]
    return found


def require_property(properties: Mapping[str, Any], name: str) -> Any:
    """Return the value of a property. JiraApiError 404."""
    if name not in properties:
        raise JiraApiError(404, f"The property with key '{name}' does not exist.")
    return properties[name]


def serialize_property(properties: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a property with its key. JiraApiError 404."""
    return {"key": name, "value": require_property(properties, name)}
