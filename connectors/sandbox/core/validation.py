"""Models of data that people write, and their validation errors as one sentence with the place and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError, model_validator


class InputModel(BaseModel):
    """A mapping that people write; it has no other keys than the fields of the model."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _reject_unknown_keys(cls, data: Any) -> Any:
        keys = cls._keys()
        unknown = [key for key in data if key not in keys] if isinstance(data, Mapping) else []
        if unknown:
            close = get_close_matches(str(unknown[0]), keys, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"it may have {', '.join(sorted(keys))}."
            raise ValueError(f"has the unknown key '{unknown[0]}'; {hint}")
        return data

    @classmethod
    def _keys(cls) -> list[str]:
        keys: list[str] = []
        for name, field in cls.model_fields.items():
            alias = field.validation_alias or name
            keys += map(str, alias.choices if isinstance(alias, AliasChoices) else [alias])
        return keys


def describe_error(error: ValidationError, *, place: str = "", root: str) -> str:
    """Return a sentence about the first problem. ``place``: path that keys are below; ``root``: name without a path."""
    problem = error.errors()[0]
    path = place + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in problem["loc"])
    path = path.removeprefix(".") or root
    value, context = problem["input"], problem.get("ctx", {})
    match problem["type"]:
        case "missing":
            return f"{path} is missing; add it."
        case "value_error":
            return f"{path} {context['error']}"
        case "literal_error":
            choices = str(context["expected"]).replace("'", "")
            return f"{path} is {value!r}; write {'one of ' * (',' in choices)}{choices}."
        case "model_type" | "dict_type":
            return f"{path} is {value!r}; it has to be a mapping."
    return f"{path} is {value!r}; {problem['msg'].replace('Input', 'it', 1)}."
