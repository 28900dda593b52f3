"""The findings of ``mappings check`` that need the issues which were read last. A store is never made here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from mappings.findings import Found
from mappings.load import Reading
from mappings.model import Workspace
from sync.settings import Settings, store_url


class NoSnapshot(Exception):
    """There is nothing to look at; the message says why, in half a sentence."""


class UnreadableStore(NoSnapshot):
    """There is a store, and something is wrong with it."""


def may_have_snapshot(settings: Settings, root: Path) -> None:
    """Raises NoSnapshot where there is no store to ask. Loads no database library."""
    url = store_url(settings, root)
    if not url.startswith("sqlite:///"):
        raise NoSnapshot("the store is no file, and `check` opens no connection")
    file = Path(url.removeprefix("sqlite:///").partition("?")[0])
    # An empty file would be filled with tables, and `check` writes nothing.
    if not file.is_file() or file.stat().st_size == 0:
        raise NoSnapshot("there is no store yet; `run` or `preview` makes one")


def stored_findings(
    settings: Settings, root: Path, reading: Reading, workspace: Workspace, now: Callable[[], datetime]
) -> Found:
    """Raises NoSnapshot when the store cannot be read, or holds no issue."""
    from mappings.findings_snapshot import snapshot_findings
    from sync.memory import decisions_of
    from sync.store import StoreError, open_store
    from sync.think import overrides_for_matching, renamed_capabilities

    try:
        store = open_store(store_url(settings, root), now=now)
        try:
            known = list(store.known())
            rows = store.overrides()
        finally:
            store.close()
    except StoreError as error:
        raise UnreadableStore(str(error)) from error
    except (LookupError, TypeError, ValueError) as error:
        # A file that opens as a database may still hold rows that nobody wrote.
        raise UnreadableStore(f"the store holds what cannot be read ({type(error).__name__})") from error
    if not known:
        raise NoSnapshot("the store holds none yet; `run` or `preview` reads them")
    overrides, _ = overrides_for_matching(
        decisions_of(rows), settings.scheme, workspace, renamed_capabilities(workspace)
    )
    return snapshot_findings(reading, workspace, settings.scheme, known, overrides, now())
