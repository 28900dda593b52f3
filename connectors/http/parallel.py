"""Threads that wait for trackers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _ContextPool(ThreadPoolExecutor):
    """Threads with the context variables of their submitter, by which log lines name what they are about."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        return super().submit(copy_context().run, partial(fn, *args, **kwargs))


@contextmanager
def thread_pool(workers: int, name: str = "") -> Iterator[ThreadPoolExecutor]:
    """Open a pool of threads, and wait for them at the end.

    After an interruption nobody waits: a thread may be in a request or a pause of a minute.
    """
    pool = _ContextPool(max_workers=workers, thread_name_prefix=name)
    waits = True
    try:
        yield pool
    except (KeyboardInterrupt, GeneratorExit):
        waits = False
        raise
    finally:
        pool.shutdown(wait=waits, cancel_futures=not waits)
