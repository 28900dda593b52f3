"""Reading whole repositories side by side, each Pulled or Failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

from connectors.errors import (
    AuthFailed,
    BadPayload,
    ConnectorError,
    Gone,
    RateLimitExceeded,
    Rejected,
    SourceMissing,
    StopTracker,
)
from connectors.github.paged_scan import absolute_url, next_cursor, scan_issues
from connectors.github.payload import clean_text, parse_issue, require, require_object, split_key, web_url_of
from connectors.github.repository_events import fetch_repository_history
from connectors.http.client import Transport
from connectors.http.response_errors import ReadRedirected
from connectors.model import (
    Cursor,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    PulledSource,
    Source,
    SourceHistory,
)
from connectors.ports import Cache

_MAX_WORKERS: Final = 4
"""Repositories that are read at a time; GitHub asks clients to stay far below 100."""


class GithubSources:
    """Pulls repositories of one server."""

    def __init__(self, *, transport: Transport, cache: Cache, page_size: int, overlap: timedelta) -> None:
        self._transport = transport
        self._cache = cache
        self._page_size = page_size
        self._overlap = overlap
        self._stopped: StopTracker | None = None
        self._public: dict[str, bool] = {}
        """By repository in lower case, as far as it was looked at since this object was made."""

    def is_public(self, repo: str) -> bool:
        """Whether anybody can read the repository. ``internal`` ones of an enterprise are private."""
        if repo.lower() not in self._public:
            self._fetch_repository(repo)
        return self._public[repo.lower()]

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        # The cache is only touched from the caller's thread: it may belong to a database connection.
        known = [self._cache.get(self._cache_key(source.repo or "")) for source, _ in sources]
        self._stopped = None
        with ThreadPoolExecutor(max_workers=_MAX_WORKERS, thread_name_prefix=self._transport.tracker) as pool:
            jobs = [
                pool.submit(self._pull_one, source, cursor, selection, facts)
                for (source, cursor), facts in zip(sources, known, strict=True)
            ]
            for (source, _), facts, job in zip(sources, known, jobs, strict=True):
                answer, learned = job.result()
                if learned and learned != facts:
                    self._cache.put(self._cache_key(source.repo or ""), learned)
                yield answer

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        """The events of repositories side by side."""
        self._stopped = None
        with ThreadPoolExecutor(max_workers=_MAX_WORKERS, thread_name_prefix=self._transport.tracker) as pool:
            yield from pool.map(lambda each: self._fetch_history(each, selection), requests)

    def _fetch_history(self, asked: HistoryRequest, wanted: FieldSelection) -> SourceHistory | FailedSource:
        try:
            if self._stopped:
                raise self._stopped
            return fetch_repository_history(self._transport, asked, wanted, overlap=self._overlap)
        except ReadRedirected as moved:
            return failed_source(
                asked.source, error_for_renamed(self._transport, asked.source.repo or "", moved)
            )
        except ConnectorError as error:
            if isinstance(error, StopTracker):
                self._stopped = error
            return failed_source(asked.source, error)

    def _cache_key(self, repo: str) -> str:
        return f"github:{self._transport.tracker}:{self._transport.base_url}:repo:{repo.lower()}"

    def _pull_one(
        self, source: Source, cursor: Cursor | None, wanted: FieldSelection, facts: Mapping[str, Any] | None
    ) -> tuple[PulledSource | FailedSource, Mapping[str, Any] | None]:
        """A source's answer, and what was learned about its repository. Raises nothing."""
        try:
            if self._stopped:
                raise self._stopped
            if split_key(f"{source.repo}#1") is None:
                raise SourceMissing(f"{source.tracker}: '{source.repo}' is no repository; write owner/name")
            if facts is None and cursor is None:
                facts = self._fetch_repository(source.repo or "")
            return self._scan(source, cursor, wanted), facts
        except ReadRedirected as moved:
            return failed_source(
                source, error_for_renamed(self._transport, source.repo or "", moved, facts)
            ), None
        except ConnectorError as error:
            if isinstance(error, StopTracker):
                self._stopped = error
            return failed_source(source, error), None

    def _fetch_repository(self, repo: str) -> Mapping[str, Any]:
        reply = self._transport.send("GET", f"repos/{repo}", kind="read")
        fields = require_object(reply.data, "a repository")
        self._public[repo.lower()] = fields.get("private") is not True
        return {"id": require(fields, "id", "a repository"), "archived": fields.get("archived") is True}

    def _scan(self, source: Source, cursor: Cursor | None, wanted: FieldSelection) -> PulledSource:
        found = scan_issues(self._transport, source.repo or "", cursor, page_size=self._page_size)
        if found.unchanged and cursor is not None:
            return PulledSource(source=source, issues=(), cursor=cursor, full=False, unchanged=True)
        issues = [
            parse_issue(
                raw,
                tracker=source.tracker,
                container=source.repo or "",
                web_url=web_url_of(self._transport.base_url),
                selection=wanted,
            )
            for raw in found.rows.values()
        ]
        return PulledSource(
            source=source,
            issues=tuple(issue for issue in issues if source.pull_requests or not issue.is_pull_request),
            cursor=next_cursor(cursor, found, page_size=self._page_size, overlap=self._overlap),
            full=cursor is None,
        )


def error_for_renamed(
    transport: Transport, repo: str, moved: ReadRedirected, facts: Mapping[str, Any] | None = None
) -> SourceMissing:
    """What to say of a repository that answers with a redirect, with its new name where it can be had."""
    path = f"repositories/{facts['id']}" if facts else moved.location.split("?")[0].removesuffix("/issues")
    new_name = ""
    try:
        reply = transport.send("GET", absolute_url(transport, path), kind="read")
        new_name = clean_text(require_object(reply.data, "a repository").get("full_name"))
    except ConnectorError:
        pass  # The rename is certain; its target is a courtesy.
    target = f" to {new_name}" if new_name else ""
    who = f"{transport.tracker}: {repo}"
    return SourceMissing(f"{who} was renamed or moved{target}; write the new name in the mapping")


def failed_source(source: Source, error: ConnectorError) -> FailedSource:
    """What an error means for a source, in the words of its mapping."""
    if isinstance(error, Gone):
        return FailedSource(
            source=source,
            kind="missing",
            reason=f"{source.tracker}: {source.repo} is not there, has no issues or cannot be seen with this "
            "token; check its name in the mapping, and that the token may read its issues",
        )
    if isinstance(error, AuthFailed):
        return FailedSource(source=source, kind="auth", reason=str(error))
    if isinstance(error, RateLimitExceeded):
        return FailedSource(source=source, kind="quota", reason=str(error))
    if isinstance(error, Rejected):
        return FailedSource(source=source, kind="forbidden", reason=str(error))
    if isinstance(error, SourceMissing):
        return FailedSource(source=source, kind="missing", reason=str(error))
    if isinstance(error, BadPayload):
        return FailedSource(source=source, kind="payload", reason=f"{error} ({source.name})")
    return FailedSource(source=source, kind="unavailable", reason=str(error))
