"""Sources of settings: variables ``INCREMENT_SYNC_SET_...``, then the YAML file, with the origin of each value.

The name of a variable is the path of its key in upper case, with two underscores between the parts:
``INCREMENT_SYNC_SET_TRACKERS__OLD_SITE__URL`` is ``trackers.old-site.url``. Lists and objects are JSON; an object
is merged with that of the file. A variable without a value counts as none.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from mappings.problems import Origin, Problem, closest_name
from mappings.yaml.document import key_path
from mappings.yaml.tree import KeyPath, Node, Positions

PREFIX: Final = "INCREMENT_SYNC_SET_"
DELIMITER: Final = "__"
_EXAMPLE: Final = "INCREMENT_SYNC_SET_PUSH__ENABLED"
_NAME_PATTERN: Final = re.compile(r"[^\W_]+(?:_[^\W_]+)*")
"""A name of a map's entry that a variable can hold: no two underscores in a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsOrigins:
    """Where each setting comes from."""

    positions: Positions
    """Of the settings file."""
    variables: Mapping[KeyPath, str] = field(default_factory=dict)
    """Key path -> variable that overrides it."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values of all variables, nested as in the file."""

    def variable_of(self, path: KeyPath) -> str | None:
        """Return the variable from which the value at a key path comes; None for the file and for defaults."""
        if not _holds(self.values, path):
            return None
        return next((name for key, name in self.variables.items() if path[: len(key)] == key), None)

    def variable_below(self, path: KeyPath) -> str | None:
        """Return a variable that sets a part of the value at a key path."""
        return next((name for key, name in self.variables.items() if key[: len(path)] == path), None)

    def origin_of(self, path: KeyPath) -> Origin | None:
        """Return the variable or position of a value; None if it is a default."""
        if name := self.variable_of(path):
            return Origin.of_variable(name)
        return self.positions.key_origin(path) if self.positions.resolve(path) == path else None

    def nearest_origin(self, path: KeyPath) -> Origin:
        """Return the origin of a value; that of the nearest key around it, or of its section, if it is a default."""
        if (origin := self.origin_of(path)) or self.positions.resolve(path):
            return origin or self.positions.key_origin(path)
        name = self.variable_below(path[:1])
        return Origin.of_variable(name) if name else self.positions.start


def _holds(values: Any, path: KeyPath) -> bool:
    for part in path:
        if isinstance(values, str):
            return True  # a text that should have been JSON is to blame for whatever is missing in it
        if isinstance(values, Mapping):
            is_inside = part in values
        else:
            is_inside = isinstance(values, list) and isinstance(part, int) and part < len(values)
        if not is_inside:
            return False
        values = values[part]
    return True


class FileSource(PydanticBaseSettingsSource):
    """Values of the YAML file."""

    def __init__(self, model: type[BaseSettings], tree: Node) -> None:
        super().__init__(model)
        self._values: dict[str, Any] = tree.to_plain()

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return the value of one key, as the base class asks."""
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return all values, also of unknown keys, which the model rejects."""
        return self._values


class EnvironmentSource(EnvSettingsSource):
    """Values of variables, by key path. Text that is no JSON where it should be reaches the model, which rejects it."""

    def __init__(self, model: type[BaseSettings], values: Mapping[KeyPath, str]) -> None:
        super().__init__(
            model, case_sensitive=True, env_prefix="", env_nested_delimiter=DELIMITER, env_parse_none_str=None
        )
        # Outer keys first, so that an inner one is added to the object of the outer one.
        self.env_vars = {DELIMITER.join(map(str, path)): values[path] for path in sorted(values)}

    def next_field(
        self, field: FieldInfo | Any | None, key: str, case_sensitive: bool | None = None
    ) -> FieldInfo | None:
        """Return the field of a key, for maps the type of their entries (the library knows only ``dict``)."""
        entry = _entry_type(field.annotation if isinstance(field, FieldInfo) else field)
        return entry or super().next_field(field, key, case_sensitive)

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return the JSON value of a text; the text itself if it is none."""
        with suppress(ValueError, RecursionError):
            return super().decode_complex_value(field_name, field, value)
        return value


def _entry_type(annotation: Any) -> Any | None:
    """Return the type of a map's values; None if it is no map."""
    if get_origin(annotation) is Annotated:
        return _entry_type(get_args(annotation)[0])
    origin = get_origin(annotation)
    return get_args(annotation)[1] if isinstance(origin, type) and issubclass(origin, Mapping) else None


def _fields_of(annotation: Any) -> Mapping[str, FieldInfo]:
    """Return the fields of a model, also of an optional one; empty for anything else."""
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        return next(filter(None, map(_fields_of, get_args(annotation))), {})
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation.model_fields if is_model else {}


def variable_name(path: KeyPath) -> str:
    """``("trackers", "old-site", "url")`` -> ``INCREMENT_SYNC_SET_TRACKERS__OLD_SITE__URL``."""
    return PREFIX + DELIMITER.join(name_in_variable(str(part)) for part in path)


def name_in_variable(name: str) -> str:
    """Return a name as it stands in variables: in upper case, with ``_`` for everything that is no letter or digit."""
    return "".join(char if char.isalnum() else "_" for char in name).upper()


def read_variables(
    model: type[BaseModel], tree: Node, environment: Mapping[str, str]
) -> tuple[dict[KeyPath, str], list[Problem]]:
    """Return key path -> value of all variables with the prefix, and a problem for each that is no setting."""
    known = {variable_name(path): path for path in _key_paths(model, tree)}
    found: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    for name, value in sorted(environment.items()):
        if not name.startswith(PREFIX) or not value.strip():
            continue
        path = known.get(name) or _path_of_new_entry(model, name)
        if path is None:
            problems.append(_unknown_variable(name, known))
        else:
            found[path] = value.strip()
    return found, problems


def _key_paths(annotation: Any, node: Node | None, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the paths of all keys that the model knows, with those entries of maps that are in the file."""
    fields = _fields_of(_model_for(annotation, node))
    names: Mapping[str, Any] = {key: each.annotation for key, each in fields.items()}
    if (entry := _entry_type(annotation)) is not None:
        keys = node.value if node is not None and isinstance(node.value, dict) else {}
        names = {key: entry for key in keys if DELIMITER not in name_in_variable(key)}
    for name, inner in names.items():
        here = (*path, name)
        yield here
        yield from _key_paths(inner, node.child(name) if node else None, here)


def _model_for(annotation: Any, node: Node | None) -> Any:
    """Return the model of an entry of the file, if its keys depend on its content (``TrackerSettings.model_for``)."""
    if get_origin(annotation) is Annotated:
        return _model_for(get_args(annotation)[0], node)
    choose = getattr(annotation, "model_for", None)
    return choose(node.to_plain()) if choose and node is not None else annotation


def _path_of_new_entry(model: type[BaseModel], name: str) -> KeyPath | None:
    """Return the key path of a variable that adds an entry to a map: a tracker, a label family."""
    annotation: Any = model
    path: KeyPath = ()
    for part in name.removeprefix(PREFIX).split(DELIMITER):
        key = part.lower()
        entry, fields = _entry_type(annotation), _fields_of(annotation)
        if entry is not None and _NAME_PATTERN.fullmatch(key):
            annotation = entry
        elif key in fields:
            annotation = fields[key].annotation
        else:
            return None
        path = (*path, key)
    return path if variable_name(path) == name else None


def _unknown_variable(name: str, known: Mapping[str, KeyPath]) -> Problem:
    meant = closest_name(name.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in known])
    remedy = f"did you mean {PREFIX}{meant}?" if meant else f"name a key, as in {_EXAMPLE}."
    message = f"this variable is no setting; {remedy}"
    return Problem(origin=Origin.of_variable(name), path="", message=message, check="variable")


def blame(origins: SettingsOrigins, of_file: ValidationError | None, path: KeyPath, kind: str) -> str | None:
    """Return the variable that is to blame for an error of the merged settings; None if it is the file.

    ``of_file`` is the error of the file without variables.
    """
    if kind != "missing" and (name := origins.variable_of(path)):
        return name
    around = path[:-1] if kind == "missing" else path
    known = of_file.errors(include_url=False, include_input=False) if of_file else []
    if any(each["type"] == kind and key_path(each["loc"]) == path for each in known):
        return None
    return origins.variable_below(around) or origins.variable_of(around)
