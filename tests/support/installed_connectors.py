"""Connectors of somebody else, found by the registry for one test."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from connectors import registry


def install(patch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Let the registry find an entry point beside the installed ones; ``value`` is ``module:attribute``."""
    found = (*registry._installed(), EntryPoint(name=name, value=value, group=registry.GROUP))
    patch.setattr(registry, "_installed", lambda: found)


def install_object(patch: pytest.MonkeyPatch, name: str, spec: object) -> None:
    """Let the registry find an object under an entry point of this name."""
    module = ModuleType(f"plugin_{name.replace('-', '_')}_{id(spec)}")
    vars(module)["SPEC"] = spec
    patch.setitem(sys.modules, module.__name__, module)
    install(patch, name, f"{module.__name__}:SPEC")
