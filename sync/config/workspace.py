"""A workspace as its files define it, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mappings.model import Workspace
from sync.config.settings import Settings
from sync.model.broken_file import BrokenFile
from sync.model.rollup import EvidenceResult

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedWorkspace:
    """A workspace as its files say, checked."""

    root: Path
    settings: Settings
    workspace: Workspace
    evidence: Mapping[str, EvidenceResult] = field(default_factory=dict)
    """Capability id -> how the evidence stood when the files were read."""
    mapping_files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Mapping file -> its team, and what the file says."""
    broken_files: tuple[BrokenFile, ...] = ()
    """Mapping files with errors, in whose place something else holds."""
