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
    QuotaExhausted,
    Rejected,
    SourceMissing,
    StopTracker,
)
from connectors.github.paged_scan import absolute, next_cursor, sweep
from connectors.github.payload import as_mapping, clean, issue_from, need, split_key, web_url
from connectors.github.repository_events import repository_history
from connectors.http.client import Transport
from connectors.http.response_errors import Moved
from connectors.model import Cursor, Failed, History, HistoryAsked, Pulled, Source, Wanted
from connectors.ports import Cache

_SIDE_BY_SIDE: Final = 4
"""Repositories that are read at a time; GitHub asks clients to stay far below 100."""


class GithubSources:
    """Pulls repositories of one server."""

    def __init__(self, *, transport: Transport, cache: Cache, page: int, overlap: timedelta) -> None:
        self._transport = transport
        self._cache = cache
        self._page = page
        self._overlap = overlap
        self._stopped: StopTracker | None = None
        self._public: dict[str, bool] = {}
        """By repository in lower case, as far as it was looked at since this object was made."""

    def is_public(self, repo: str) -> bool:
        """Whether anybody can read the repository. ``internal`` ones of an enterprise are private."""
        if repo.lower() not in self._public:
            self._repository(repo)
        return self._public[repo.lower()]

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], wanted: Wanted
    ) -> Iterator[Pulled | Failed]:
        # The cache is only touched from the caller's thread: it may belong to a database connection.
        known = [self._cache.get(self._repo_key(source.repo or "")) for source, _ in sources]
        self._stopped = None
        with ThreadPoolExecutor(
            max_workers=_SIDE_BY_SIDE, thread_name_prefix=self._transport.tracker
        ) as pool:
            jobs = [
                pool.submit(self._pull_one, source, cursor, wanted, facts)
                for (source, cursor), facts in zip(sources, known, strict=True)
            ]
            for (source, _), facts, job in zip(sources, known, jobs, strict=True):
                answer, learned = job.result()
                if learned and learned != facts:
                    self._cache.put(self._repo_key(source.repo or ""), learned)
                yield answer

    def histories(self, asked: Sequence[HistoryAsked], wanted: Wanted) -> Iterator[History | Failed]:
        """The events of repositories side by side."""
        self._stopped = None
        with ThreadPoolExecutor(
            max_workers=_SIDE_BY_SIDE, thread_name_prefix=self._transport.tracker
        ) as pool:
            yield from pool.map(lambda each: self._history_of(each, wanted), asked)

    def _history_of(self, asked: HistoryAsked, wanted: Wanted) -> History | Failed:
        try:
            if self._stopped:
                raise self._stopped
            return repository_history(self._transport, asked, wanted, overlap=self._overlap)
        except Moved as moved:
            return failed(asked.source, renamed(self._transport, asked.source.repo or "", moved))
        except ConnectorError as error:
            if isinstance(error, StopTracker):
                self._stopped = error
            return failed(asked.source, error)

    def _repo_key(self, repo: str) -> str:
        return f"github:{self._transport.tracker}:{self._transport.base_url}:repo:{repo.lower()}"

    def _pull_one(
        self, source: Source, cursor: Cursor | None, wanted: Wanted, facts: Mapping[str, Any] | None
    ) -> tuple[Pulled | Failed, Mapping[str, Any] | None]:
        """A source's answer, and what was learned about its repository. Raises nothing."""
        try:
            if self._stopped:
                raise self._stopped
            if split_key(f"{source.repo}#1") is None:
                raise SourceMissing(f"{source.tracker}: '{source.repo}' is no repository; write owner/name")
            if facts is None and cursor is None:
                facts = self._repository(source.repo or "")
            return self._read_whole(source, cursor, wanted), facts
        except Moved as moved:
            return failed(source, renamed(self._transport, source.repo or "", moved, facts)), None
        except ConnectorError as error:
            if isinstance(error, StopTracker):
                self._stopped = error
            return failed(source, error), None

    def _repository(self, repo: str) -> Mapping[str, Any]:
        reply = self._transport.send("GET", f"repos/{repo}", kind="read")
        fields = as_mapping(reply.data, "a repository")
        self._public[repo.lower()] = fields.get("private") is not True
        return {"id": need(fields, "id", "a repository"), "archived": fields.get("archived") is True}

    def _read_whole(self, source: Source, cursor: Cursor | None, wanted: Wanted) -> Pulled:
        found = sweep(self._transport, source.repo or "", cursor, page=self._page)
        if found.unchanged and cursor is not None:
            return Pulled(source=source, issues=(), cursor=cursor, full=False, unchanged=True)
        issues = [
            issue_from(
                raw,
                tracker=source.tracker,
                container=source.repo or "",
                web=web_url(self._transport.base_url),
                wanted=wanted,
            )
            for raw in found.rows.values()
        ]
        return Pulled(
            source=source,
            issues=tuple(issue for issue in issues if source.pull_requests or not issue.is_pull_request),
            cursor=next_cursor(cursor, found, page=self._page, overlap=self._overlap),
            full=cursor is None,
        )


def renamed(
    transport: Transport, repo: str, moved: Moved, facts: Mapping[str, Any] | None = None
) -> SourceMissing:
    """What to say of a repository that answers with a redirect, with its new name where it can be had."""
    path = f"repositories/{facts['id']}" if facts else moved.location.split("?")[0].removesuffix("/issues")
    new_name = ""
    try:
        reply = transport.send("GET", absolute(transport, path), kind="read")
        new_name = clean(as_mapping(reply.data, "a repository").get("full_name"))
    except ConnectorError:
        pass  # The rename is certain; its target is a courtesy.
    target = f" to {new_name}" if new_name else ""
    who = f"{transport.tracker}: {repo}"
    return SourceMissing(f"{who} was renamed or moved{target}; write the new name in the mapping")


def failed(source: Source, error: ConnectorError) -> Failed:
    """What an error means for a source, in the words of its mapping."""
    if isinstance(error, Gone):
        return Failed(
            source=source,
            kind="missing",
            reason=f"{source.tracker}: {source.repo} is not there, has no issues or cannot be seen with this "
            "token; check its name in the mapping, and that the token may read its issues",
        )
    if isinstance(error, AuthFailed):
        return Failed(source=source, kind="auth", reason=str(error))
    if isinstance(error, QuotaExhausted):
        return Failed(source=source, kind="quota", reason=str(error))
    if isinstance(error, Rejected):
        return Failed(source=source, kind="forbidden", reason=str(error))
    if isinstance(error, SourceMissing):
        return Failed(source=source, kind="missing", reason=str(error))
    if isinstance(error, BadPayload):
        return Failed(source=source, kind="payload", reason=f"{error} ({source.name})")
    return Failed(source=source, kind="unavailable", reason=str(error))
