"""Boundary around the clients of a connector: whatever they raise, only that tracker fails.

A connector may raise ConnectorErrors. Any other exception of it becomes one that names the connector, so that the other
trackers go on. After a write its outcome is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, cast

from connectors.check_result import CheckResult
from connectors.errors import AuthFailed, ConnectorError, OutcomeUnknown, Unavailable, describe_foreign
from connectors.model import FailedSource, Source
from connectors.ports import IssueReader, IssueWriter
from connectors.spec import ConnectorSpec, OpenArguments

Passing = tuple[type[Exception], ...]
"""Exceptions of the program itself, which reach it through a connector: of the cache, or of the ledger of writes."""

_BY_SOURCE: Final = frozenset({"pull", "census", "histories"})
"""Methods of a reader that yield one result per source."""


def open_guarded(
    spec: ConnectorSpec, arguments: OpenArguments, passing: Passing = ()
) -> tuple[IssueReader, IssueWriter]:
    """Open the clients of a tracker. If that fails, the clients fail with the reason. Raises AuthFailed."""
    name = f"the connector {spec.name}"
    try:
        reader, writer = spec.open(arguments)
    except AuthFailed:
        raise
    except passing:
        raise
    except Exception as error:
        reader = writer = _Closed(arguments.tracker, _described(error, Unavailable, arguments.tracker, name))
    guarded = _GuardedReader(reader, arguments.tracker, name, passing)
    return cast("IssueReader", guarded), cast(
        "IssueWriter", _Guarded(writer, arguments.tracker, name, passing, OutcomeUnknown)
    )


def _described(error: Exception, kind: type[ConnectorError], tracker: str, connector: str) -> ConnectorError:
    """Return the error itself if a connector may raise it, else one that names the connector."""
    if isinstance(error, ConnectorError):
        return error
    return kind(
        f"{tracker}: {connector} failed with {describe_foreign(error)}; report it to those who made it"
    )


class _Closed:
    """Clients that could not be opened."""

    def __init__(self, tracker: str, error: ConnectorError) -> None:
        self.tracker, self._error = tracker, error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(*_: object, **__: object) -> Any:
            raise self._error

        return fail


class _Guarded:
    """Client whose methods raise ConnectorErrors only."""

    def __init__(
        self,
        client: Any,
        tracker: str,
        connector: str,
        passing: Passing,
        kind: type[ConnectorError] = Unavailable,
    ) -> None:
        self.tracker = tracker
        self._client, self._connector, self._passing, self._kind = client, connector, passing, kind

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            try:
                return getattr(self._client, name)(*arguments, **options)
            except ConnectorError:
                raise
            except self._passing:
                raise
            except Exception as error:
                raise self._describe(error) from error

        return call

    def _describe(self, error: Exception) -> ConnectorError:
        return _described(error, self._kind, self.tracker, self._connector)


class _GuardedReader(_Guarded):
    """Reader of which every source has one result, and whose diagnosis is never cut off."""

    def __getattr__(self, name: str) -> Any:
        if name not in _BY_SOURCE:
            return super().__getattr__(name)

        def read(requests: Sequence[Any], *arguments: Any) -> Iterator[Any]:
            return self._by_source(name, [_source_of(each) for each in requests], requests, *arguments)

        return read

    def _by_source(self, name: str, sources: Sequence[Source], *arguments: Any) -> Iterator[Any]:
        left = dict.fromkeys(sources)
        reason: ConnectorError = Unavailable(f"{self.tracker}: {self._connector} gave no result")
        try:
            for result in getattr(self._client, name)(*arguments):
                left.pop(result.source, None)
                yield result
        except self._passing:
            raise
        except Exception as error:
            reason = self._describe(error)
        yield from (FailedSource.from_error(source, reason) for source in left)

    def diagnose(self, *arguments: Any) -> Iterator[CheckResult]:
        """Yield the results of the reader, and its failure as one more."""
        try:
            results: Iterable[CheckResult] = self._client.diagnose(*arguments)
            yield from results
        except self._passing:
            raise
        except Exception as error:
            yield CheckResult("problem", "tracker", self.tracker, str(self._describe(error)))


def _source_of(request: Any) -> Source:
    """Return the source of a cursor, a request for a history, or itself."""
    found = request[0] if isinstance(request, tuple) else getattr(request, "source", request)
    return cast("Source", found)
