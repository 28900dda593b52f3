"""``snapshot export`` and ``import``: carry what is stored to where a mapping is tried out, a CI job for one."""

from __future__ import annotations

from pathlib import Path

from sync.runtime.bootstrap import configure
from sync.runtime.invocation import Ways, say, say_json
from sync.runtime.session import logs, opened_store, with_snapshot
from sync.store import StoreError
from sync.store.snapshot_file import SnapshotHead, read_head, read_rows, write_snapshot


def export(ways: Ways, file: Path, *, bodies: bool) -> int:
    """Write the stored snapshot into a file."""
    with with_snapshot(ways) as job:
        head = SnapshotHead(instance=job.settings.instance, taken=ways.now(), bodies=bodies)
        rows = write_snapshot(file, head, job.store.snapshot_rows(bodies=bodies))
        issues = job.store.holds().get("issues", 0)
    if ways.as_json:
        say_json({"version": 1, "file": str(file), "rows": rows, "issues": issues, "bodies": bodies})
    else:
        say(f"{issues} issues, {'with' if bodies else 'without'} their texts, are in {file}")
    return 0


def load(ways: Ways, file: Path, *, replace: bool) -> int:
    """Put a snapshot into the workspace's store. Raises StoreError when that would hide other data."""
    logs(ways)
    configured = configure(ways.root)
    head = read_head(file)
    if head.instance != configured.settings.instance:
        raise StoreError(
            f"{file} was exported from the instance {head.instance}, and this workspace is "
            f"{configured.settings.instance}: what one has written is nothing to the other."
        )
    with opened_store(configured, ways.now) as store:
        holds = store.holds()
        if holds and not replace:
            counts = ", ".join(f"{count} {name}" for name, count in holds.items())
            raise StoreError(
                f"The store holds data already ({counts}). Name an empty one in `store:` of the settings, "
                "or give --replace to drop all that, the journal that `undo` needs included."
            )
        rows = store.load_snapshot(read_rows(file))
        issues = store.holds().get("issues", 0)
    if ways.as_json:
        say_json({"version": 1, "file": str(file), "rows": rows, "issues": issues, "taken": head.taken})
    else:
        say(f"{issues} issues, exported at {head.taken:%Y-%m-%d %H:%M} UTC, are in the store")
    return 0
