"""Specification whose functions never raise: where one fails, the program goes on with the careful answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import wraps
from typing import Any, Final

from connectors.errors import describe_foreign
from connectors.escape import MAX_LENGTH, escape_terminal
from connectors.spec import ConnectorSpec, CredentialPart, Finding, Option

_MARKUP: Final = re.compile(r"[^\w ,;%-]|_")


def guard_spec(spec: ConnectorSpec) -> ConnectorSpec:
    """Return the specification with guarded functions. ``open`` has a guard of its own (``guard.py``)."""
    keys, markup, credentials = spec.keys, spec.markup, spec.credentials
    return replace(
        spec,
        keys=replace(
            keys,
            normalize=_or(keys.normalize, str.strip),
            container=_or(keys.container, container_of_any_key),
            find_in_url=_or(keys.find_in_url, lambda _: None),
            web_host=_or(keys.web_host, str),
        ),
        source=replace(spec.source, options=tuple(_guard_option(spec, each) for each in spec.source.options)),
        settings=tuple(_guard_option(spec, each) for each in spec.settings),
        credentials=replace(credentials, parts=tuple(_guard_part(spec, each) for each in credentials.parts)),
        markup=replace(
            markup,
            escape=_or(markup.escape, _without_markup),
            table_header=_or(markup.table_header, lambda cells: [" ".join(cells)]),
        ),
    )


def container_of_any_key(key: str) -> str:
    """Return what stands before the number of a key: ``DS`` of ``DS-12``, ``acme/churn`` of ``acme/churn#7``."""
    return key.rpartition("#" if "#" in key else "-")[0]


def _or(function: Callable[..., Any], fallback: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with an answer for calls that it fails."""

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except Exception:  # of somebody else's code
            return fallback(*arguments, **options)

    return call


def _without_markup(text: str, limit: int = MAX_LENGTH) -> str:
    """Return the text without any sign that a markup may know."""
    return _MARKUP.sub("", escape_terminal(text, limit))


def _sentence(spec: ConnectorSpec, error: Exception) -> str:
    return f"the connector {spec.name} failed to check it with {describe_foreign(error)}; report that to its makers."


def _guard_option(spec: ConnectorSpec, option: Option) -> Option:
    def check(text: str) -> Iterator[Finding]:
        try:
            findings: Iterable[Finding] = option.check(text)
            yield from findings
        except Exception as error:
            yield Finding(_sentence(spec, error))

    return replace(option, check=check, normalize=_or(option.normalize, str.strip))


def _guard_part(spec: ConnectorSpec, part: CredentialPart) -> CredentialPart:
    def check(text: str) -> str | None:
        try:
            return part.check(text)
        except Exception as error:  # its text may hold the secret
            return f"the connector {spec.name} failed to check it with {type(error).__name__}"

    return replace(part, check=check)
