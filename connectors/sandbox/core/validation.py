"""Validation errors of pydantic as one sentence with the place and what to do."""

from __future__ import annotations

from pydantic import ValidationError


def describe_error(error: ValidationError, *, place: str = "", root: str) -> str:
    """Return a sentence about the first problem. ``place``: path that keys are below; ``root``: name without a path."""
    problem = error.errors()[0]
    unknown_key = problem["type"] in ("extra_forbidden", "unexpected_keyword_argument")
    keys = problem["loc"][:-1] if unknown_key else problem["loc"]
    path = place + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    path = path.removeprefix(".") or root
    if unknown_key:
        return f"{path} has the unknown key '{problem['loc'][-1]}'; remove it or correct its spelling."
    value, context = problem["input"], problem.get("ctx", {})
    match problem["type"]:
        case "missing":
            return f"{path} is missing; add it."
        case "value_error":
            return f"{path} {context['error']}"
        case "literal_error":
            choices = str(context["expected"]).replace("'", "")
            return f"{path} is {value!r}; write {'one of ' * (',' in choices)}{choices}."
        case "model_type" | "dict_type" | "dataclass_type":
            return f"{path} is {value!r}; it has to be a mapping."
    return f"{path} is {value!r}; {problem['msg'].replace('Input', 'it', 1)}."
