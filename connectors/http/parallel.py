"""Threads that wait for trackers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def thread_pool(workers: int, name: str = "") -> Iterator[ThreadPoolExecutor]:
    """Open a pool of threads, and wait for them at the end.

    After an interruption nobody waits: a thread may be in a request or a pause of a minute.
    """
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=name)
    waits = True
    try:
        yield pool
    except (KeyboardInterrupt, GeneratorExit):
        waits = False
        raise
    finally:
        pool.shutdown(wait=waits, cancel_futures=not waits)
