"""Reads the numbers that prove done work, from files of the workspace. What they say is not trusted: a file may be
missing, broken, huge, or a link that leads elsewhere, and then it proves nothing and the reason is told."""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mappings.load import is_inside
from mappings.model import Evidence, Workspace
from sync.model.rollup import EvidenceResult

MAX_BYTES: Final = 1_000_000


class _InvalidEvidence(Exception):
    """Why a file proves nothing; half a sentence that follows the file's name."""


def check_all_evidence(root: Path, workspace: Workspace) -> dict[str, EvidenceResult]:
    """Capability id -> how its evidence stands now. Capabilities that ask for none are left out."""
    return {
        capability.id: check_evidence(root, capability.evidence)
        for increment in workspace.increments
        for capability in increment.capabilities
        if capability.evidence is not None
    }


def check_evidence(root: Path, evidence: Evidence) -> EvidenceResult:
    """Whether the number reaches its bound, and why not. Raises nothing for what the file holds."""
    try:
        value = _read_metric(_load_document(root, evidence.file), evidence.metric)
    except _InvalidEvidence as reason:
        return EvidenceResult(reached=False, value=None, why=f"{evidence.file} {reason}")
    if evidence.at_least is not None and value < evidence.at_least:
        why = f"{evidence.metric} is {value:.6g}, at least {evidence.at_least:.6g} is needed"
        return EvidenceResult(reached=False, value=value, why=f"{why} ({evidence.file})")
    if evidence.at_most is not None and value > evidence.at_most:
        why = f"{evidence.metric} is {value:.6g}, at most {evidence.at_most:.6g} is allowed"
        return EvidenceResult(reached=False, value=value, why=f"{why} ({evidence.file})")
    return EvidenceResult(
        reached=True, value=value, why=f"{evidence.metric} is {value:.6g} ({evidence.file})"
    )


def _load_document(root: Path, file: str) -> Any:
    path = root / file
    if not is_inside(path, root):
        raise _InvalidEvidence("is a link that leads out of the workspace")
    try:
        # A pipe would be waited for, hence without blocking.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise _InvalidEvidence("is not there") from None
    except (OSError, ValueError) as error:
        raise _InvalidEvidence(
            f"cannot be read ({getattr(error, 'strerror', None) or 'no such path'})"
        ) from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _InvalidEvidence("is no file")
        with os.fdopen(handle, "rb", closefd=False) as opened:
            content = opened.read(MAX_BYTES + 1)
    finally:
        os.close(handle)
    if len(content) > MAX_BYTES:
        raise _InvalidEvidence(f"is larger than {MAX_BYTES // 1_000_000} MB")
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _InvalidEvidence("is not JSON") from None


def _read_metric(document: Any, metric: str) -> float:
    found = _resolve_path(document, metric)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _InvalidEvidence(f"has no number {metric!r}")
    try:
        value = float(found)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise _InvalidEvidence(f"has {metric!r} as {'NaN' if math.isnan(value) else 'infinity'}")
    return value


def _resolve_path(node: Any, path: str) -> Any:
    """What a dotted path leads to, or None. A name with dots in it goes before a way through objects."""
    if isinstance(node, Mapping):
        if path in node:
            return node[path]
        name, _, rest = path.partition(".")
        return _resolve_path(node[name], rest) if rest and name in node else None
    name, _, rest = path.partition(".")
    if not isinstance(node, list) or not (name.isascii() and name.isdigit() and len(name) < 7):
        return None
    item = node[int(name)] if int(name) < len(node) else None
    return _resolve_path(item, rest) if rest else item
