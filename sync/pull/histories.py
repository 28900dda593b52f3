"""Read the histories of changed issues, on which flow metrics and forecasts rest.

The current state of issues never depends on them. If a history cannot be read, its source still counts as read, its
issues are marked as incompletely known, and the next runs ask again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final

from connectors.http.parallel import thread_pool
from connectors.model import (
    FailedSource,
    FieldSelection,
    HistoryRequest,
    IssueRef,
    LabelHistory,
    Source,
    SourceHistory,
)
from sync.runtime.context import RunContext
from sync.runtime.log_fields import logs_sources, source_fields

_REFUSAL_PAUSE: Final = timedelta(hours=6)
"""Pause after a refusal. After a mere outage the next run asks again."""


def read_histories(
    context: RunContext,
    sources: Collection[Source],
    selection: FieldSelection,
    label_histories: dict[IssueRef, Mapping[str, LabelHistory]],
) -> tuple[FailedSource, ...]:
    """Read new history entries of the issues of these sources, and return the sources for which that failed.

    What they say about labels is added to ``label_histories``.
    """
    requests: defaultdict[str, list[HistoryRequest]] = defaultdict(list)
    for each in context.store.histories_to_read(sources, selection):
        if not _is_paused(context, each.source):
            requests[each.source.tracker].append(each)
    if not requests:
        return ()
    context.progress.step("read the histories of changed issues")
    with thread_pool(len(requests)) as pool:
        answers = pool.map(lambda group: _read_tracker(context, group, selection), requests.values())
    failed = []
    for each, answer in chain.from_iterable(answers):
        if isinstance(answer, FailedSource):
            failed.append(answer)
            _record_failure(context, answer)
        else:
            context.store.save_history(each, answer, selection)
            label_histories.update(answer.label_histories)
            if answer.statuses:
                context.store.save_statuses(each.source.tracker, answer.statuses)
            context.log.info(
                "history.read", **source_fields(context.workspace, each.source), issues=len(each.issues)
            )
    return tuple(failed)


def _read_tracker(
    context: RunContext, requests: Sequence[HistoryRequest], selection: FieldSelection
) -> list[tuple[HistoryRequest, SourceHistory | FailedSource]]:
    reader = context.readers[requests[0].source.tracker]
    with logs_sources(context.workspace, [each.source for each in requests]):
        return list(zip(requests, reader.histories(requests, selection), strict=True))


def _record_failure(context: RunContext, failure: FailedSource) -> None:
    fields = source_fields(context.workspace, failure.source)
    context.log.warning("history.failed", **fields, reason=failure.reason)
    if failure.kind in ("forbidden", "missing", "payload"):
        until = (context.now() + _REFUSAL_PAUSE).isoformat()
        context.store.cache.put(_cache_key(failure.source), until, days=1)


def _is_paused(context: RunContext, source: Source) -> bool:
    until = context.store.cache.get(_cache_key(source))
    return until is not None and context.now().isoformat() < until


def _cache_key(source: Source) -> str:
    return f"history-refused:{source.name}"
