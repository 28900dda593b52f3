"""Reads of whole repositories in parallel, each with a result of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from connectors.errors import (
    BadPayload,
    ConnectorError,
    Gone,
    MalformedIssue,
    Rejected,
    SourceMissing,
    StopTracker,
)
from connectors.github.auth import IssuesDisabled
from connectors.github.dependencies import BlockerNames
from connectors.github.paged_scan import absolute_url, next_cursor, scan_issues
from connectors.github.payload import parse_issue, require, require_object, split_key, web_url_of
from connectors.github.repository_events import fetch_repository_history
from connectors.http.parallel import thread_pool
from connectors.http.response_errors import ReadRedirected
from connectors.model import (
    Census,
    Cursor,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    Issue,
    PulledSource,
    Source,
    SourceCursor,
    SourceHistory,
    UnreadableIssue,
    census_from_pull,
)
from connectors.ports import Cache
from connectors.scalars import text_or_empty

if TYPE_CHECKING:
    from connectors.github.client import GuardedRequester

_MAX_WORKERS: Final = 4
"""Repositories read at the same time; GitHub asks clients to stay far below 100 concurrent requests."""


class GithubSources:
    """Pull, census and histories of repositories: the part of ``IssueReader`` that reads whole sources."""

    def __init__(self, *, client: GuardedRequester, cache: Cache, page_size: int, overlap: timedelta) -> None:
        """``page_size``: rows per page. ``overlap``: maximum delay until a change appears in GitHub's lists."""
        self.tracker = client.tracker
        self._client = client
        self._cache = cache
        self._page_size = page_size
        self._overlap = overlap
        self._stopped: StopTracker | None = None
        """Error that ended the work on this tracker; later sources fail with it without a request."""
        self._public: dict[str, bool] = {}
        """By repository in lower case, as read by this object."""

    def is_public(self, container: str) -> bool:
        """Return True if everybody can read the repository; ``internal`` repositories of an enterprise are private."""
        if container.lower() not in self._public:
            self._fetch_repository(container)
        return self._public[container.lower()]

    def pull(
        self, sources: Sequence[SourceCursor], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        # The cache is used in the caller's thread only: it may belong to a database connection.
        cached = [self._cache.get(self._cache_key(source.container)) for source, _ in sources]
        blockers = [self._blocker_names(source, selection) for source, _ in sources]
        self._stopped = None
        with thread_pool(_MAX_WORKERS, self.tracker) as pool:
            futures = [
                pool.submit(self._pull_one, source, cursor, selection, facts, names)
                for (source, cursor), facts, names in zip(sources, cached, blockers, strict=True)
            ]
            for (source, _), facts, names, future in zip(sources, cached, blockers, futures, strict=True):
                result, new_facts = future.result()
                if names and names.changed:
                    self._cache.put(self._blockers_key(source), names.memory, days=365)
                if new_facts and new_facts != facts:
                    self._cache.put(self._cache_key(source.container), new_facts)
                yield result

    def census(self, sources: Sequence[Source], selection: FieldSelection) -> Iterator[Census | FailedSource]:
        """Pull everything: REST has no cheaper list than the issues themselves."""
        yield from map(census_from_pull, self.pull([(source, None) for source in sources], selection))

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        self._stopped = None
        with thread_pool(_MAX_WORKERS, self.tracker) as pool:
            yield from pool.map(lambda request: self._fetch_history(request, selection), requests)

    def _fetch_history(
        self, request: HistoryRequest, selection: FieldSelection
    ) -> SourceHistory | FailedSource:
        try:
            if self._stopped:
                raise self._stopped
            return fetch_repository_history(self._client, request, selection, overlap=self._overlap)
        except Gone as error:
            # Its issues were read a moment ago.
            reason = (
                f"{error}, although the issues of {request.source.container} can be read; the times of their changes "
                "stay unknown until the administrator of the server or proxy allows this list"
            )
            return FailedSource(request.source, reason, "missing")
        except ConnectorError as error:
            return self._failure(request.source, error)

    def _cache_key(self, repo: str) -> str:
        return f"github:{self.tracker}:{self._client.base_url}:repo:{repo.lower()}"

    def _blocker_names(self, source: Source, selection: FieldSelection) -> BlockerNames | None:
        if not selection.dependencies:
            return None
        return BlockerNames(self._client, self._cache.get(self._blockers_key(source)))

    def _blockers_key(self, source: Source) -> str:
        return f"{self._cache_key(source.container)}:blockers"

    def _pull_one(
        self,
        source: Source,
        cursor: Cursor | None,
        selection: FieldSelection,
        facts: Mapping[str, Any] | None,
        blockers: BlockerNames | None,
    ) -> tuple[PulledSource | FailedSource, Mapping[str, Any] | None]:
        """Return the result of a source, and facts about its repository for the cache. Raises nothing."""
        try:
            if self._stopped:
                raise self._stopped
            if split_key(f"{source.container}#1") is None:
                raise SourceMissing(
                    f"{source.tracker}: '{source.container}' is no repository; write owner/name"
                )
            if facts is None and cursor is None:
                facts = self._fetch_repository(source.container)
            return self._scan(source, cursor, selection, blockers), facts
        except ConnectorError as error:
            return self._failure(source, error, facts), None

    def _failure(
        self, source: Source, error: ConnectorError, facts: Mapping[str, Any] | None = None
    ) -> FailedSource:
        """Return the failure of a source. Notes an error that ends the work on this tracker."""
        if isinstance(error, ReadRedirected):
            error = error_for_renamed(self._client, source.container, error, facts)
        if isinstance(error, StopTracker):
            self._stopped = error
        return failed_source(source, error)

    def _fetch_repository(self, repo: str) -> Mapping[str, Any]:
        response = self._client.get(f"repos/{repo}")
        fields = require_object(response.data, "a repository")
        self._public[repo.lower()] = fields.get("private") is not True
        return {"id": require(fields, "id", "a repository")}

    def _scan(
        self,
        source: Source,
        cursor: Cursor | None,
        selection: FieldSelection,
        blockers: BlockerNames | None,
    ) -> PulledSource:
        repo = source.container
        scan = scan_issues(self._client, repo, cursor, page_size=self._page_size)
        if scan.unchanged and cursor is not None:
            return PulledSource(source=source, issues=(), cursor=cursor, full=False, unchanged=True)
        web_url = web_url_of(self._client.base_url)
        issues: list[Issue] = []
        unreadable: list[UnreadableIssue] = []
        for raw in scan.rows.values():
            if isinstance(raw, Mapping) and raw.get("pull_request") and not source.has("pull_requests"):
                continue
            try:
                issue = parse_issue(
                    raw, tracker=source.tracker, container=repo, web_url=web_url, selection=selection
                )
                issues.append(blockers.name(issue, raw) if blockers else issue)
            except MalformedIssue as error:
                unreadable.append(UnreadableIssue.from_error(error))
        return PulledSource(
            source=source,
            issues=tuple(issues),
            unreadable=tuple(unreadable),
            cursor=next_cursor(cursor, scan, page_size=self._page_size, overlap=self._overlap),
            full=cursor is None,
        )


def error_for_renamed(
    client: GuardedRequester, repo: str, redirect: ReadRedirected, facts: Mapping[str, Any] | None = None
) -> SourceMissing:
    """Return the error for a redirected repository, with its new name if that can be read."""
    location = redirect.location.split("?")[0].removesuffix("/issues")
    path = f"repositories/{facts['id']}" if facts else location
    target = ""
    with suppress(ConnectorError):  # the rename is certain, the new name is optional
        response = client.get(absolute_url(client, path))
        new_name = text_or_empty(require_object(response.data, "a repository").get("full_name"))
        target = f" to {new_name}" if new_name else ""
    return SourceMissing(
        f"{client.tracker}: {repo} was renamed or moved{target}; write the new name in the mapping"
    )


def failed_source(source: Source, error: ConnectorError) -> FailedSource:
    """Return the failure of a source for an error."""
    match error:
        case IssuesDisabled():
            reason = (
                f"{source.tracker}: the issues of {source.container} are disabled; enable them in its settings, or "
                "remove it from the mapping"
            )
            return FailedSource(source, reason, "missing")
        case Gone():
            reason = (
                f"{source.tracker}: {source.container} does not exist, has no issues or is not visible with this "
                "token; check its name in the mapping, and that the token may read its issues"
            )
            return FailedSource(source, reason, "missing")
        case Rejected():
            return FailedSource(source, str(error), "forbidden")
        case BadPayload():
            return FailedSource(source, f"{error} ({source.name})", "payload")
        case _:
            return FailedSource.from_error(source, error)
