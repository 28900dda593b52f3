"""Warnings of ``mappings check`` that need stored issues. A missing store is never created."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mappings.checks.silence import CheckedProblems
from mappings.load_result import LoadResult
from mappings.model import Workspace
from sync.config.settings import Settings, store_url

if TYPE_CHECKING:
    from sync.store import Store


class SnapshotUnavailable(Exception):
    """There are no stored issues to check; the message completes "not checked: ..."."""


class UnreadableStore(SnapshotUnavailable):
    """The store exists and cannot be read."""


def require_local_store(settings: Settings, root: Path) -> None:
    """Raise SnapshotUnavailable when there is no SQLite store. Imports no database library."""
    url = store_url(settings, root)
    if not url.startswith("sqlite:///"):
        raise SnapshotUnavailable("the store is not a file, and `check` opens no connection")
    file = Path(url.removeprefix("sqlite:///").partition("?")[0])
    # An empty file would be filled with tables, and `check` writes nothing.
    if not file.is_file() or file.stat().st_size == 0:
        raise SnapshotUnavailable("there is no store yet; `run` or `preview` creates one")


def exported_warnings(
    file: Path, loaded: LoadResult, workspace: Workspace, now: Callable[[], datetime]
) -> CheckedProblems:
    """Return the warnings for an exported snapshot. Raises SnapshotUnavailable, StoreError, OSError."""
    from sync.store.snapshot_file import open_snapshot

    with open_snapshot(file, now) as store:
        return _warnings(store, loaded, workspace, now())


def stored_warnings(
    settings: Settings, root: Path, loaded: LoadResult, workspace: Workspace, now: Callable[[], datetime]
) -> CheckedProblems:
    """Return the warnings for the stored issues. Raises SnapshotUnavailable when there are none to read."""
    from sync.store import StoreError, open_store

    try:
        store = open_store(store_url(settings, root), now=now)
        try:
            return _warnings(store, loaded, workspace, now())
        finally:
            store.close()
    except StoreError as error:
        raise UnreadableStore(str(error)) from error


def _warnings(store: Store, loaded: LoadResult, workspace: Workspace, now: datetime) -> CheckedProblems:
    from mappings.checks.snapshot_warnings import snapshot_warnings
    from sync.pipeline.planner import matching_overrides
    from sync.pull.recorded import group_overrides

    try:
        known = list(store.known_issues())
        rows = store.overrides()
    except (LookupError, TypeError, ValueError) as error:
        # A file that opens as a database may still hold rows that this program did not write.
        raise UnreadableStore(f"they cannot be read ({type(error).__name__})") from error
    if not known:
        raise SnapshotUnavailable("the store holds none yet; `run` or `preview` reads them")
    overrides, _ = matching_overrides(group_overrides(rows), workspace)
    return snapshot_warnings(loaded, workspace, workspace.labels, known, overrides, now)
