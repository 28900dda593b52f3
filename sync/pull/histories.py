"""Ask the trackers what happened to the issues that changed, and keep it for the flow figures.

What an issue is now never depends on this: a history that cannot be read leaves the source read, its issues are
marked as known only in part, and it is asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from connectors.model import Failed, History, HistoryAsked, Source, Wanted
from sync.runtime.context import Job

_PAUSE: Final = timedelta(hours=6)
"""After a refusal nothing is asked for so long; what merely was unreachable is asked for in the next run."""


def read_histories(job: Job, sources: Collection[Source], wanted: Wanted) -> tuple[Failed, ...]:
    """Read what is new in the histories of these sources' issues. Out: the sources whose history was not read."""
    asked: dict[str, list[HistoryAsked]] = {}
    for each in job.store.unread_histories(sources, wanted):
        if not _pausing(job, each.source):
            asked.setdefault(each.source.tracker, []).append(each)
    if not asked:
        return ()
    job.progress.step("read what happened to the issues that changed")
    with ThreadPoolExecutor(max_workers=len(asked)) as pool:
        answers = list(pool.map(lambda tracker: _ask(job, tracker, asked[tracker], wanted), asked))
    failed = []
    for each, answer in (pair for group in answers for pair in group):
        if isinstance(answer, Failed):
            failed.append(answer)
            _note_failure(job, answer)
        else:
            job.store.save_history(each, answer, wanted)
            if answer.statuses:
                job.store.learn_statuses(each.source.tracker, answer.statuses)
            job.log.info("history.read", source=each.source.name, issues=len(each.issues))
    return tuple(failed)


def _ask(
    job: Job, tracker: str, asked: Sequence[HistoryAsked], wanted: Wanted
) -> list[tuple[HistoryAsked, History | Failed]]:
    return list(zip(asked, job.readers[tracker].histories(asked, wanted), strict=True))


def _note_failure(job: Job, failure: Failed) -> None:
    job.log.warning("history.failed", source=failure.source.name, reason=failure.reason)
    if failure.kind in ("forbidden", "missing", "payload"):
        until = (job.now() + _PAUSE).isoformat()
        job.store.cache.put(_key(failure.source), until, days=1)


def _pausing(job: Job, source: Source) -> bool:
    until = job.store.cache.get(_key(source))
    return until is not None and job.now().isoformat() < until


def _key(source: Source) -> str:
    return f"history-refused:{source.name}"
