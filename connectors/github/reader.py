"""``IssueReader`` of GitHub."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from connectors.check_result import CheckResult
from connectors.errors import AuthFailed, BadPayload, Gone, Rejected, SkipIssue, Unavailable
from connectors.github.dependencies import BlockerNames
from connectors.github.diagnostics import GithubDiagnostics
from connectors.github.paged_scan import absolute_url, list_pages
from connectors.github.payload import (
    parse_account_id,
    parse_comment,
    parse_issue,
    parse_label_histories,
    parse_label_origins,
    require_id,
    require_list,
    require_object,
    require_text,
    split_key,
    web_url_of,
)
from connectors.github.sources import GithubSources
from connectors.github.writer import comment_path, issue_path
from connectors.http.response import ApiResponse
from connectors.http.response_errors import ReadRedirected
from connectors.model import (
    Account,
    Comment,
    FieldSelection,
    Issue,
    IssueRef,
    LabelEvent,
    LabelHistory,
    Source,
)
from connectors.ports import Cache

if TYPE_CHECKING:
    from connectors.github.client import GuardedRequester
    from connectors.github.credentials import GithubCredentials

T = TypeVar("T")


class GithubReader(GithubSources):
    """``IssueReader`` of GitHub: ``GithubSources`` plus reads of single issues and comments.

    Methods without docstring do exactly what the port says.
    """

    def __init__(
        self,
        *,
        client: GuardedRequester,
        credentials: GithubCredentials,
        cache: Cache,
        page_size: int,
        overlap: timedelta,
    ) -> None:
        super().__init__(client=client, cache=cache, page_size=page_size, overlap=overlap)
        self._credentials = credentials

    def whoami(self) -> Account:
        key = f"github:{self.tracker}:{self._client.base_url}:account:{self._credentials.fingerprint}"
        known = self._cache.get(key)
        if known is None:
            account, _ = self._fetch_account()
            known = {"id": account.id, "name": account.name}
            self._cache.put(key, known)
        return Account(id=known["id"], name=known["name"])

    def edits_send_mail(self, container: str) -> bool:
        """Return False: GitHub sends mail about new comments only."""
        del container
        return False

    def diagnose(
        self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]
    ) -> Iterator[CheckResult]:
        diagnostics = GithubDiagnostics(
            client=self._client, credentials=self._credentials, fetch_account=self._fetch_account
        )
        return diagnostics.run(sources, labels)

    def _fetch_account(self) -> tuple[Account, ApiResponse]:
        is_app = self._credentials.is_app
        headers = self._credentials.identity_headers()
        try:
            response = self._client.get("app" if is_app else "user", headers=headers)
        except (Rejected, Gone) as error:
            if isinstance(error, Gone) and not is_app:
                raise Unavailable(
                    f"{error}; there is no API of GitHub at {self._client.base_url}: check url of this tracker in "
                    "increment-sync.yaml (https://HOST/api/v3 for an Enterprise Server)"
                ) from None
            raise AuthFailed(
                f"{error}; the token does not say whose it is: use a personal access token of a user, "
                "or the GITHUB_APP_* settings"
            ) from None
        fields = require_object(response.data, "an account")
        if is_app:
            name = f"{require_text(fields, 'slug', 'the app')}[bot]"
            return Account(id=name, name=name), response
        require_id(fields, "id", "the user")
        name = require_text(fields, "login", "the user")
        return Account(id=parse_account_id(fields), name=name), response

    def read(self, key: str, selection: FieldSelection) -> Issue:
        parts = split_key(key)
        if parts is None:
            raise Gone(f"{self.tracker}: '{key}' is no issue of GitHub; write owner/repo#number")
        path = f"repos/{parts[0]}/issues/{parts[1]}"
        for _ in range(3):  # the repository may be renamed and the issue transferred
            try:
                response = self._client.get(path)
            except ReadRedirected as redirect:
                path = absolute_url(self._client, redirect.location)
                continue
            issue = parse_issue(
                response.data,
                tracker=self.tracker,
                container=parts[0],
                web_url=web_url_of(self._client.base_url),
                selection=selection,
            )
            return BlockerNames(self._client).name(issue, response.data)
        raise Gone(f"{self.tracker}: {key} is redirected in a circle")

    def comments(self, ref: IssueRef) -> list[Comment]:
        rows = self._follow_move(ref, lambda path: self._fetch_list(f"{path}/comments", "comments"))
        comments = {comment.id: comment for comment in map(parse_comment, rows)}
        return sorted(comments.values(), key=lambda comment: (comment.created, int(comment.id)))

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        response = self._follow_move(ref, lambda path: self._client.get(comment_path(path, comment_id)))
        return parse_comment(response.data)

    def label_origins(self, ref: IssueRef) -> dict[str, LabelEvent]:
        return parse_label_origins(self._fetch_events(ref))

    def label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        found: dict[IssueRef, Mapping[str, LabelHistory]] = {}
        for ref in refs:
            with suppress(SkipIssue, BadPayload):
                found[ref] = parse_label_histories(self._fetch_events(ref))
        return found

    def _fetch_events(self, ref: IssueRef) -> list[Any]:
        return self._follow_move(ref, lambda path: self._fetch_list(f"{path}/events", "events"))

    def _fetch_list(self, path: str, subject: str) -> list[Any]:
        pages = list_pages(self._client, path, {"per_page": 100})
        return [row for page in pages for row in require_list(page.data, subject)]

    def _follow_move(self, ref: IssueRef, fetch: Callable[[str], T]) -> T:
        """Call ``fetch`` with the issue's path; if it was moved, once more with its new path."""
        try:
            return fetch(issue_path(ref.key))
        except ReadRedirected:
            return fetch(issue_path(self.read(ref.key, FieldSelection()).ref.key))
