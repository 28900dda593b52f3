"""``snapshot export`` and ``import``: carry what is stored to where a mapping is tried out, a CI job for one."""

from __future__ import annotations

from pathlib import Path

from sync.runtime.bootstrap import load_configuration
from sync.runtime.invocation import Invocation, print_json, print_line
from sync.runtime.session import open_workspace_store, pulled_context, start_logging
from sync.store import StoreError
from sync.store.snapshot_file import SnapshotHeader, read_header, read_rows, write_snapshot


def export_snapshot(invocation: Invocation, file: Path, *, bodies: bool) -> int:
    """Write the stored snapshot into a file."""
    with pulled_context(invocation) as job:
        head = SnapshotHeader(instance=job.settings.instance, exported_at=invocation.now(), has_bodies=bodies)
        rows = write_snapshot(file, head, job.store.snapshot_rows(bodies=bodies))
        issues = job.store.count_contents().get("issues", 0)
    if invocation.as_json:
        print_json({"version": 1, "file": str(file), "rows": rows, "issues": issues, "bodies": bodies})
    else:
        print_line(f"{issues} issues, {'with' if bodies else 'without'} their texts, are in {file}")
    return 0


def import_snapshot(invocation: Invocation, file: Path, *, replace: bool) -> int:
    """Put a snapshot into the workspace's store. Raises StoreError when that would hide other data."""
    start_logging(invocation)
    configured = load_configuration(invocation.root, settings=invocation.settings)
    head = read_header(file)
    if head.instance != configured.settings.instance:
        raise StoreError(
            f"{file} was exported from the instance {head.instance}, and this workspace is "
            f"{configured.settings.instance}: what one has written is nothing to the other."
        )
    with open_workspace_store(configured, invocation.now) as store:
        holds = store.count_contents()
        if holds and not replace:
            counts = ", ".join(f"{count} {name}" for name, count in holds.items())
            raise StoreError(
                f"The store holds data already ({counts}). Name an empty one in `store:` of the settings, "
                "or give --replace to drop all that, the journal that `undo` needs included."
            )
        rows = store.load_snapshot(read_rows(file))
        issues = store.count_contents().get("issues", 0)
    if invocation.as_json:
        print_json(
            {"version": 1, "file": str(file), "rows": rows, "issues": issues, "taken": head.exported_at}
        )
    else:
        print_line(f"{issues} issues, exported at {head.exported_at:%Y-%m-%d %H:%M} UTC, are in the store")
    return 0
