"""Reads issues, comments and label history over GitHub's REST API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from connectors.errors import AuthFailed, Gone, Rejected, SkipIssue
from connectors.github.auth import GithubCredentials
from connectors.github.diagnostics import GithubDiagnostics
from connectors.github.paged_scan import absolute_url, list_pages
from connectors.github.payload import (
    clean_text,
    parse_account_id,
    parse_comment,
    parse_issue,
    parse_label_histories,
    parse_label_origins,
    require,
    require_list,
    require_object,
    split_key,
    web_url_of,
)
from connectors.github.sources import GithubSources
from connectors.github.writer import comment_path, issue_path
from connectors.http.client import ApiResponse, Transport
from connectors.http.response_errors import ReadRedirected
from connectors.model import (
    Account,
    Census,
    CheckResult,
    Comment,
    Cursor,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueRef,
    LabelEvent,
    LabelHistory,
    PulledSource,
    Source,
    SourceHistory,
)
from connectors.ports import Cache

T = TypeVar("T")


class GithubReader:
    """Reads issues over GitHub's REST API. See ``ports.IssueReader`` for the contract."""

    def __init__(
        self,
        *,
        tracker: str,
        transport: Transport,
        credentials: GithubCredentials,
        cache: Cache,
        page_size: int,
        overlap: timedelta,
    ) -> None:
        """``page_size``: rows to ask for at a time. ``overlap``: how late GitHub's lists may show a change."""
        self.tracker = tracker
        self._transport = transport
        self._credentials = credentials
        self._cache = cache
        self._sources = GithubSources(transport=transport, cache=cache, page_size=page_size, overlap=overlap)

    def whoami(self) -> Account:
        key = f"github:{self.tracker}:{self._transport.base_url}:account:{self._credentials.fingerprint}"
        known = self._cache.get(key)
        if known is None:
            account, _ = self._fetch_account()
            known = {"id": account.id, "name": account.name}
            self._cache.put(key, known)
        return Account(id=known["id"], name=known["name"])

    def edits_send_mail(self, container: str) -> bool:
        """Never: GitHub mails about new comments only."""
        del container
        return False

    def is_public(self, container: str) -> bool:
        return self._sources.is_public(container)

    def diagnose(
        self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]
    ) -> Iterator[CheckResult]:
        inspection = GithubDiagnostics(
            transport=self._transport, credentials=self._credentials, fetch_account=self._fetch_account
        )
        return inspection.run(sources, labels)

    def _fetch_account(self) -> tuple[Account, ApiResponse]:
        path = "app" if self._credentials.is_app else "user"
        try:
            reply = self._transport.send(
                "GET", path, kind="read", headers=self._credentials.identity_headers()
            )
        except (Rejected, Gone) as error:
            raise AuthFailed(
                f"{error}; the token does not say whose it is: use a personal access token of a user, "
                "or the GITHUB_APP_* settings"
            ) from None
        fields = require_object(reply.data, "an account")
        if self._credentials.is_app:
            name = f"{clean_text(require(fields, 'slug', 'the app'))}[bot]"
            return Account(id=name, name=name), reply
        require(fields, "id", "the user")
        return Account(
            id=parse_account_id(fields), name=clean_text(require(fields, "login", "the user"))
        ), reply

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        return self._sources.pull(sources, selection)

    def census(self, sources: Sequence[Source], selection: FieldSelection) -> Iterator[Census | FailedSource]:
        # REST has no cheaper list than the issues themselves, so they are handed on.
        for answer in self.pull([(source, None) for source in sources], selection):
            if isinstance(answer, FailedSource):
                yield answer
            else:
                ids = frozenset(issue.ref.id for issue in answer.issues)
                yield Census(source=answer.source, ids=ids, pulled=answer)

    def read(self, key: str, selection: FieldSelection) -> Issue:
        parts = split_key(key)
        if parts is None:
            raise Gone(f"{self.tracker}: '{key}' is no issue of GitHub; write owner/repo#number")
        path = f"repos/{parts[0]}/issues/{parts[1]}"
        for _ in range(3):  # a renamed repository may have handed the issue on, too
            try:
                reply = self._transport.send("GET", path, kind="read")
            except ReadRedirected as moved:
                path = absolute_url(self._transport, moved.location)
                continue
            return parse_issue(
                reply.data,
                tracker=self.tracker,
                container=parts[0],
                web_url=web_url_of(self._transport.base_url),
                selection=selection,
            )
        raise Gone(f"{self.tracker}: {key} is redirected in a circle")

    def comments(self, ref: IssueRef) -> list[Comment]:
        rows = self._follow_move(ref, lambda path: self._fetch_list(f"{path}/comments", "comments"))
        comments = {comment.id: comment for comment in map(parse_comment, rows)}
        return sorted(comments.values(), key=lambda comment: (comment.created, int(comment.id)))

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        def one(path: str) -> Comment:
            reply = self._transport.send("GET", comment_path(path, comment_id), kind="read")
            return parse_comment(reply.data)

        return self._follow_move(ref, one)

    def label_origins(self, ref: IssueRef) -> dict[str, LabelEvent]:
        return self._follow_move(
            ref, lambda path: parse_label_origins(self._fetch_list(f"{path}/events", "events"))
        )

    def label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        found: dict[IssueRef, Mapping[str, LabelHistory]] = {}
        for ref in refs:
            with suppress(SkipIssue):
                found[ref] = self._follow_move(
                    ref, lambda path: parse_label_histories(self._fetch_list(f"{path}/events", "events"))
                )
        return found

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        return self._sources.histories(requests, selection)

    def _fetch_list(self, path: str, what: str) -> list[Any]:
        params = {"per_page": 100}
        return [
            row
            for reply in list_pages(self._transport, path, params)
            for row in require_list(reply.data, what)
        ]

    def _follow_move(self, ref: IssueRef, fetch: Callable[[str], T]) -> T:
        """Ask below an issue's path; once more at its new place when it was moved."""
        try:
            return fetch(issue_path(ref.key))
        except ReadRedirected:
            return fetch(issue_path(self.read(ref.key, FieldSelection()).ref.key))
