"""``mappings impact``: what the working tree's plans and mappings would change, before they are merged."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from connectors.model import IssueRef, KnownIssue
from sync.cli.commands.mappings_impact_output import Compared, impact_json, impact_markdown, impact_text
from sync.mapping_tools.impact import Impact, impact_of
from sync.mapping_tools.impact_notes import notes_on
from sync.model.planning import Earlier, Thought
from sync.pipeline.affected import Basis, to_look_at_again
from sync.pipeline.offline import known_after_writes, read_last, think_offline
from sync.pull.current_sources import held_today
from sync.pull.recorded import remember
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, say, say_json
from sync.runtime.revisions import version_at
from sync.runtime.session import with_snapshot
from sync.store.snapshot_file import read_head

PENDING = 2


def impact(
    ways: Ways,
    against: str,
    snapshot: Path | None,
    format_: Literal["text", "markdown", "json"],
    *,
    detailed: bool,
) -> int:
    """0; with ``detailed`` 2 when anything differs. Needs no token and sends no request."""
    with _nothing_collected():
        found, compared = _compared(ways, against, snapshot)
        if format_ == "json":
            say_json(impact_json(found, compared))
        else:
            say(impact_text(found, compared) if format_ == "text" else impact_markdown(found, compared))
    return PENDING if detailed and not found.is_empty else 0


def _compared(ways: Ways, against: str, snapshot: Path | None) -> tuple[Impact, Compared]:
    head = read_head(snapshot) if snapshot else None
    with version_at(ways.root, against) as version, with_snapshot(ways, snapshot) as job:
        configured = version.configured
        old = replace(job, settings=configured.settings, workspace=configured.workspace)
        known = known_after_writes(job.store)
        before, after = _both(old, job, known)
        return impact_of(before, after, known), Compared(
            against=version.name,
            as_of=read_last(job),
            notes=tuple(notes_on(old, job, after, known, head)),
        )


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Nearly all that is made here lives until the comparison is made: looking for rubbish among it only takes time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _both(old: Job, new: Job, known: Mapping[IssueRef, KnownIssue]) -> tuple[Thought, Thought]:
    """What runs of both would think, without thinking twice what cannot differ."""
    pushed = old.store.pushed_label_names()
    was = _basis(old, known, pushed)
    before = think_offline(old, was.known, was.remembered)
    if old.settings == new.settings and old.workspace == new.workspace:
        return before, before
    will_be = _basis(new, known, pushed)
    again = to_look_at_again(was, before, will_be) if _only_files_differ(old, new) else None
    earlier = Earlier(thought=before, again=again) if again is not None else None
    return before, think_offline(new, will_be.known, will_be.remembered, earlier)


def _basis(
    job: Job, known: Mapping[IssueRef, KnownIssue], pushed: Mapping[IssueRef, frozenset[str]]
) -> Basis:
    held = held_today(known, job.store, job.workspace)
    return Basis(workspace=job.workspace, known=held, remembered=remember(job, pushed))


def _only_files_differ(old: Job, new: Job) -> bool:
    """The same settings, and every source could be read: then each issue is judged by the teams that read it."""
    return old.settings == new.settings and not any(state.failing_since for state in old.store.sources())
