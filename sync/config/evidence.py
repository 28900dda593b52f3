"""Evidence: numbers in JSON files of the workspace that prove that work reached its goal.

The files are not trusted. A missing, broken or huge file, or a link out of the workspace, proves nothing, and the
reason is reported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from connectors.regular_file import FileTooLarge, NotRegularFile, read_regular_file
from connectors.text import normalize_text
from mappings.load import is_inside
from mappings.model import Evidence, Workspace
from sync.model.rollup import EvidenceResult

MAX_BYTES: Final = 1_000_000


class _InvalidEvidence(Exception):
    """Reason why a file proves nothing; continues a sentence that begins with the file's name."""


def check_all_evidence(root: Path, workspace: Workspace) -> dict[str, EvidenceResult]:
    """Return capability id -> result, for all capabilities that require evidence."""
    return {
        capability.id: check_evidence(root, capability.evidence)
        for increment in workspace.increments
        for capability in increment.capabilities
        if capability.evidence is not None
    }


def check_evidence(root: Path, evidence: Evidence) -> EvidenceResult:
    """Compare the number with its bounds. Never raises because of the content of the file."""
    try:
        value = _read_metric(_load_document(root, evidence.file), evidence.metric)
    except _InvalidEvidence as reason:
        return EvidenceResult(reached=False, value=None, why=f"{evidence.file} {reason}")
    missed = ""
    if evidence.at_least is not None and value < evidence.at_least:
        missed = f", at least {evidence.at_least:.6g} is needed"
    elif evidence.at_most is not None and value > evidence.at_most:
        missed = f", at most {evidence.at_most:.6g} is allowed"
    why = f"{evidence.metric} is {value:.6g}{missed} ({evidence.file})"
    return EvidenceResult(reached=not missed, value=value, why=why)


def _load_document(root: Path, file: str) -> Any:
    path = root / file
    if not is_inside(path, root):
        raise _InvalidEvidence("is a link that leads out of the workspace")
    try:
        content = read_regular_file(path, MAX_BYTES)
    except NotRegularFile:
        raise _InvalidEvidence("is not a file") from None
    except FileTooLarge:
        raise _InvalidEvidence(f"is larger than {MAX_BYTES // 1_000_000} MB") from None
    except FileNotFoundError:
        raise _InvalidEvidence("does not exist") from None
    except (OSError, ValueError) as error:
        raise _InvalidEvidence(
            f"cannot be read ({getattr(error, 'strerror', None) or 'no such path'})"
        ) from None
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_with_normal_keys)
    except (ValueError, RecursionError):
        raise _InvalidEvidence("is not JSON") from None


def _with_normal_keys(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {normalize_text(key): value for key, value in pairs}


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
    """Return the value at a dotted path; None without one. A key that contains dots is preferred to nested objects."""
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
