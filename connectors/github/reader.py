"""Reads issues, comments and label history over GitHub's REST API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from connectors.errors import AuthFailed, Gone, Rejected, SkipIssue
from connectors.github.auth import Credentials
from connectors.github.diagnostics import GithubInspection
from connectors.github.paged_scan import absolute, pages
from connectors.github.payload import (
    account_id,
    as_mapping,
    as_rows,
    clean,
    comment_from,
    issue_from,
    label_events_from,
    label_stories_from,
    need,
    split_key,
    web_url,
)
from connectors.github.sources import GithubSources
from connectors.github.writer import comment_path, issue_path
from connectors.http.client import Reply, Transport
from connectors.http.response_errors import Moved
from connectors.model import (
    Account,
    Census,
    Comment,
    Cursor,
    Failed,
    Finding,
    History,
    HistoryAsked,
    Issue,
    IssueRef,
    LabelEvent,
    LabelStory,
    Pulled,
    Source,
    Wanted,
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
        credentials: Credentials,
        cache: Cache,
        page: int,
        overlap: timedelta,
    ) -> None:
        """``page``: rows to ask for at a time. ``overlap``: how late GitHub's lists may show a change."""
        self.tracker = tracker
        self._transport = transport
        self._credentials = credentials
        self._cache = cache
        self._sources = GithubSources(transport=transport, cache=cache, page=page, overlap=overlap)

    def whoami(self) -> Account:
        key = f"github:{self.tracker}:{self._transport.base_url}:account:{self._credentials.fingerprint}"
        known = self._cache.get(key)
        if known is None:
            account, _ = self._ask_who()
            known = {"id": account.id, "name": account.name}
            self._cache.put(key, known)
        return Account(id=known["id"], name=known["name"])

    def edits_are_mailed(self, container: str) -> bool:
        """Never: GitHub mails about new comments only."""
        del container
        return False

    def is_public(self, container: str) -> bool:
        return self._sources.is_public(container)

    def inspect(self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
        inspection = GithubInspection(
            transport=self._transport, credentials=self._credentials, ask_who=self._ask_who
        )
        return inspection.findings(sources, labels)

    def _ask_who(self) -> tuple[Account, Reply]:
        path = "app" if self._credentials.app else "user"
        try:
            reply = self._transport.send(
                "GET", path, kind="read", headers=self._credentials.identity_headers()
            )
        except (Rejected, Gone) as error:
            raise AuthFailed(
                f"{error}; the token does not say whose it is: use a personal access token of a user, "
                "or the GITHUB_APP_* settings"
            ) from None
        fields = as_mapping(reply.data, "an account")
        if self._credentials.app:
            name = f"{clean(need(fields, 'slug', 'the app'))}[bot]"
            return Account(id=name, name=name), reply
        need(fields, "id", "the user")
        return Account(id=account_id(fields), name=clean(need(fields, "login", "the user"))), reply

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], wanted: Wanted
    ) -> Iterator[Pulled | Failed]:
        return self._sources.pull(sources, wanted)

    def census(self, sources: Sequence[Source], wanted: Wanted) -> Iterator[Census | Failed]:
        # REST has no cheaper list than the issues themselves, so they are handed on.
        for answer in self.pull([(source, None) for source in sources], wanted):
            if isinstance(answer, Failed):
                yield answer
            else:
                ids = frozenset(issue.ref.id for issue in answer.issues)
                yield Census(source=answer.source, ids=ids, pulled=answer)

    def read(self, key: str, wanted: Wanted) -> Issue:
        parts = split_key(key)
        if parts is None:
            raise Gone(f"{self.tracker}: '{key}' is no issue of GitHub; write owner/repo#number")
        path = f"repos/{parts[0]}/issues/{parts[1]}"
        for _ in range(3):  # a renamed repository may have handed the issue on, too
            try:
                reply = self._transport.send("GET", path, kind="read")
            except Moved as moved:
                path = absolute(self._transport, moved.location)
                continue
            return issue_from(
                reply.data,
                tracker=self.tracker,
                container=parts[0],
                web=web_url(self._transport.base_url),
                wanted=wanted,
            )
        raise Gone(f"{self.tracker}: {key} is redirected in a circle")

    def comments(self, ref: IssueRef) -> list[Comment]:
        rows = self._followed(ref, lambda path: self._listed(f"{path}/comments", "comments"))
        comments = {comment.id: comment for comment in map(comment_from, rows)}
        return sorted(comments.values(), key=lambda comment: (comment.created, int(comment.id)))

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        def one(path: str) -> Comment:
            reply = self._transport.send("GET", comment_path(path, comment_id), kind="read")
            return comment_from(reply.data)

        return self._followed(ref, one)

    def label_events(self, ref: IssueRef) -> dict[str, LabelEvent]:
        return self._followed(ref, lambda path: label_events_from(self._listed(f"{path}/events", "events")))

    def label_stories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelStory]]:
        found: dict[IssueRef, Mapping[str, LabelStory]] = {}
        for ref in refs:
            with suppress(SkipIssue):
                found[ref] = self._followed(
                    ref, lambda path: label_stories_from(self._listed(f"{path}/events", "events"))
                )
        return found

    def histories(self, asked: Sequence[HistoryAsked], wanted: Wanted) -> Iterator[History | Failed]:
        return self._sources.histories(asked, wanted)

    def _listed(self, path: str, what: str) -> list[Any]:
        params = {"per_page": 100}
        return [row for reply in pages(self._transport, path, params) for row in as_rows(reply.data, what)]

    def _followed(self, ref: IssueRef, ask: Callable[[str], T]) -> T:
        """Ask below an issue's path; once more at its new place when it was moved."""
        try:
            return ask(issue_path(ref.key))
        except Moved:
            return ask(issue_path(self.read(ref.key, Wanted()).ref.key))
