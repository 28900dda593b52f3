"""``snapshot export`` and ``snapshot import``: copy the content of the store, for example to a CI job."""

from __future__ import annotations

from pathlib import Path

from sync.cli.output import Output, pluralize, utc
from sync.runtime.bootstrap import load_configuration
from sync.runtime.invocation import Invocation
from sync.runtime.session import open_workspace_store, pulled_context, start_logging
from sync.store import StoreError
from sync.store.snapshot_file import SnapshotHeader, read_header, read_rows, write_snapshot


def export_snapshot(invocation: Invocation, file: Path, *, bodies: bool) -> int:
    """Write the content of the store into a file, with the texts of issues if ``bodies``."""
    with pulled_context(invocation) as context:
        header = SnapshotHeader(
            instance=context.settings.instance, exported_at=invocation.now(), has_bodies=bodies
        )
        rows = write_snapshot(file, header, context.store.snapshot_rows(bodies=bodies))
        issues = context.store.count_contents().get("issues", 0)
    Output(invocation).show(
        lambda: {"file": file, "rows": rows, "issues": issues, "bodies": bodies},
        lambda: [
            f"{pluralize(issues, 'issue')}, {'with' if bodies else 'without'} their texts, are in {file}"
        ],
    )
    return 0


def import_snapshot(invocation: Invocation, file: Path, *, replace: bool) -> int:
    """Load a file into the workspace's store.

    Raises StoreError for a file of another instance, and for a store that holds data unless ``replace``.
    """
    start_logging(invocation)
    loaded = load_configuration(invocation.root, settings=invocation.settings)
    header = read_header(file)
    if header.instance != loaded.settings.instance:
        raise StoreError(
            f"{file} was exported from the instance {header.instance}, and this workspace is "
            f"{loaded.settings.instance}: what one instance wrote is foreign to the other."
        )
    with open_workspace_store(loaded, invocation.now) as store:
        contents = store.count_contents()
        if contents and not replace:
            counts = ", ".join(f"{count} {name}" for name, count in contents.items())
            raise StoreError(
                f"The store holds data already ({counts}). Name an empty one in `store:` of the settings, "
                "or give --replace to drop all that, including the journal that `undo` needs."
            )
        rows = store.load_snapshot(read_rows(file))
        issues = store.count_contents().get("issues", 0)
    Output(invocation).show(
        lambda: {"file": file, "rows": rows, "issues": issues, "taken": header.exported_at},
        lambda: [f"{pluralize(issues, 'issue')}, exported at {utc(header.exported_at)}, are in the store"],
    )
    return 0
