"""Validate a YAML file with a pydantic model and locate each error by line and column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from mappings.problems import Origin, Problem, suggestion
from mappings.yaml.tree import KeyPath, Node, Positions, dotted, read_tree

Model = TypeVar("Model", bound=BaseModel)

_MAX_RETRIES = 8
"""Number of times that an invalid file is validated again without its invalid parts."""

_MAX_PROBLEMS = 500
"""Schema problems reported per file; a malicious file has tens of thousands."""

_SCALARS: Final = {"int": "a whole number", "float": "a number", "bool": "true or false", "date": "a date"}
"""Expected value by the first word of pydantic's error type."""

_NO_KEYS: Final = "should hold keys with values; write them below it, one `key: value` a line."
_SHAPES: Final = {
    "model_type": _NO_KEYS,
    "model_attributes_type": _NO_KEYS,
    "dict_type": _NO_KEYS,
    "list_type": "should be a list; write it as [one, two].",
    "string_type": "should be a single text, not a list or keys; write one value.",
    "too_short": "is an empty list; name at least one value or remove the key.",
}
"""Problem and remedy by pydantic's error type."""

_JSON_KEYS: Final = 'should hold keys with values; write them as JSON: {"key": "value"}.'
_JSON_SHAPES: Final = {
    "model_type": _JSON_KEYS,
    "model_attributes_type": _JSON_KEYS,
    "dict_type": _JSON_KEYS,
    "mapping_type": _JSON_KEYS,
    "list_type": 'should be a list; write it as JSON: ["one", "two"].',
    "tuple_type": 'should be a list; write it as JSON: ["one", "two"].',
}
"""The same for environment variables."""


@dataclass(frozen=True, kw_only=True, slots=True)
class YamlDocument(Generic[Model]):
    """One YAML file with its valid content and its problems."""

    path: Path
    problems: tuple[Problem, ...]
    positions: Positions
    """Positions of the values in ``partial_model``."""
    tree: Node | None = None
    """Content of the file; None if it is not YAML."""
    partial_model: Model | None = None
    """Model without the invalid parts. Only for finding more problems."""

    @property
    def file(self) -> str:
        """Name of the file in messages."""
        return self.positions.file

    @property
    def model(self) -> Model | None:
        return self.partial_model if not self.problems else None


def read_document(path: Path, file: str, model: type[Model]) -> YamlDocument[Model]:
    """Read one file and validate it. Never raises; ``file`` is its name in messages."""
    tree, problems = read_tree(path, file)
    valid, partial = tree, None
    if tree is not None:
        try:
            partial = model.model_validate(tree.to_plain())
        except ValidationError as error:
            problems += describe_errors(error, Positions(file=file, root=tree), model)
            valid, partial = _drop_invalid_parts(tree, file, model, error)
    positions = Positions(file=file, root=valid)
    return YamlDocument(
        path=path, problems=tuple(problems), positions=positions, tree=tree, partial_model=partial
    )


def _drop_invalid_parts(
    tree: Node, file: str, model: type[Model], error: ValidationError
) -> tuple[Node, Model | None]:
    """Return the tree without invalid parts, and the model of the rest."""
    for _ in range(_MAX_RETRIES):
        positions = Positions(file=file, root=tree)
        wrong = {positions.resolve(key_path(each["loc"])) for each in error.errors(include_url=False)}
        if () in wrong:
            return tree, None
        tree = _without(tree, wrong, ())
        try:
            return tree, model.model_validate(tree.to_plain(), context={"lenient": True})
        except ValidationError as next_error:
            error = next_error
    return tree, None


def _without(node: Node, wrong: Iterable[KeyPath], path: KeyPath) -> Node:
    kept: Any = node.value
    if isinstance(kept, dict | list):
        children = kept.items() if isinstance(kept, dict) else enumerate(kept)
        left = {
            key: _without(child, wrong, (*path, key)) for key, child in children if (*path, key) not in wrong
        }
        kept = left if isinstance(kept, dict) else list(left.values())
    return replace(node, value=kept)


def key_path(location: tuple[int | str, ...]) -> KeyPath:
    """Return the path in the file for the location of an error of pydantic."""
    return tuple(part for part in location if part != "[key]")


VariableOf = Callable[[KeyPath, str], str | None]
"""Key path and pydantic's error type -> the environment variable that the invalid value comes from."""


def describe_errors(
    error: ValidationError,
    positions: Positions,
    model: type[BaseModel],
    variable_of: VariableOf = lambda *_: None,
) -> list[Problem]:
    """Return a problem for each error of a model that was read from a YAML file.

    A value for which ``variable_of`` returns an environment variable has that origin, and is not repeated: it may be
    a secret.
    """
    problems = []
    found = error.errors(include_url=False, include_context=True)
    for each in found[:_MAX_PROBLEMS]:
        location = key_path(each["loc"])
        variable = variable_of(location, each["type"])
        path = location[:-1] if each["type"] == "missing" else location
        path = positions.resolve(path) if variable is None else path
        message = _message(each, location, path, model, hidden=variable is not None)
        origin = _origin_of_error(each["type"], path, positions)
        if variable is not None:
            origin, message = Origin.of_variable(variable), _without_value(message, each["input"])
        problems.append(Problem(origin=origin, path=dotted(path), message=message, check="shape"))
    if len(found) > _MAX_PROBLEMS:
        message = f"{len(found) - _MAX_PROBLEMS} more values are invalid; correct the others first."
        problems.append(Problem(origin=positions.start, path="", message=message, check="shape"))
    return problems


def _origin_of_error(kind: str, path: KeyPath, positions: Positions) -> Origin:
    on_key = kind in ("missing", "extra_forbidden")
    return positions.key_origin(path) if on_key else positions.value_origin(path)


def _without_value(message: str, value: object) -> str:
    """Return a validator's sentence without the value that it quotes."""
    if not isinstance(value, str) or not value:
        return message
    for quoted in (f", not {value!r}", repr(value), f'"{value}"'):
        message = message.replace(quoted, "" if quoted.startswith(",") else "the value")
    return (
        message if value not in message or len(value) < _MIN_SECRET else "the value is invalid; correct it."
    )


_MIN_SECRET = 4
"""Shorter values are part of ordinary words."""


def _message(
    error: Mapping[str, Any], location: KeyPath, path: KeyPath, model: type[BaseModel], *, hidden: bool
) -> str:
    """Return what is wrong and what to do; ``hidden`` leaves the value out."""
    kind, given = error["type"], error["input"]
    if kind == "missing":
        return f'the key "{location[-1]}" is missing; add it.'
    if kind == "extra_forbidden":
        known = error.get("ctx", {}).get("known") or _known_keys(model, location[:-1])
        return f'unknown key "{_shorten(location[-1])}"; {suggestion(str(location[-1]), known, kind="keys")}'
    name = _subject_of(path)
    if kind == "value_error":
        return f"{error['ctx']['error']}."
    if given is None:
        return f"{name} is empty; give it a value or remove the key."
    shown = "the value" if hidden else f'"{_shorten(given)}"'
    if kind == "literal_error":
        allowed = [part.strip(" '") for part in str(error["ctx"]["expected"]).replace(" or ", ",").split(",")]
        return f"{shown} is not known here; {suggestion(_shorten(given), allowed, kind='values')}"
    if (scalar := _SCALARS.get(kind.split("_")[0])) is not None:
        return f"{shown} should be {scalar}; write it as such."
    shapes = _SHAPES | _JSON_SHAPES if hidden else _SHAPES
    if kind in shapes:
        return f"{name} {shapes[kind]}"
    return f"{name} is invalid: {str(error['msg']).lower()}; correct it."


def _subject_of(path: KeyPath) -> str:
    if not path:
        return "the file"
    last = path[-1]
    return f"entry {last + 1} of this list" if isinstance(last, int) else f'"{last}"'


def _shorten(value: Any) -> str:
    return str(value)[:60]


@lru_cache(maxsize=16)
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _known_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the keys that are allowed at ``path``, from the JSON schema of the model."""
    schema = _schema(model)
    nodes = [schema]
    for part in path:
        nodes = [child for node in nodes for child in _steps(_variants(node, schema), part)] or nodes
    return sorted(
        {key for node in nodes for each in _variants(node, schema) for key in each.get("properties", {})}
    )


def _variants(node: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the alternatives of a schema node, with references resolved."""
    if "$ref" in node:
        target = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return _variants(target, schema)
    options = node.get("anyOf") or node.get("oneOf") or node.get("allOf")
    return [each for option in options for each in _variants(option, schema)] if options else [node]


def _steps(nodes: list[dict[str, Any]], part: str | int) -> list[dict[str, Any]]:
    found = []
    for node in nodes:
        if isinstance(part, int):
            step = node.get("items")
        else:
            step = node.get("properties", {}).get(part) or node.get("additionalProperties")
        if isinstance(step, dict):
            found.append(step)
    return found
