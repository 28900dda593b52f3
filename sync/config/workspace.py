"""The loaded workspace: settings, plans and mappings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mappings.load import read_workspace
from mappings.load_result import LoadResult
from mappings.model import Workspace
from sync.config.settings import Settings
from sync.model.broken_file import BrokenFile
from sync.model.rollup import EvidenceResult


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedWorkspace:
    """A workspace as its files define it, checked."""

    root: Path
    settings: Settings
    workspace: Workspace
    evidence: Mapping[str, EvidenceResult] = field(default_factory=dict)
    """Capability id -> result of the evidence that its plan requires."""
    mapping_files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Mapping file -> (team, text of the file)."""
    broken_files: tuple[BrokenFile, ...] = ()
    """Mapping files with errors, which were replaced by their last known good version or left out."""


def read_with_settings(root: Path, settings: Settings) -> LoadResult:
    """Read and check the plans and mappings below ``root``. Never raises because of their content."""
    return read_workspace(
        root,
        trackers=settings.specs,
        timezone=settings.timezone,
        labels=settings.label_scheme,
    )
