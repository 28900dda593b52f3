"""Jira Cloud and Data Center as ``IssueReader`` and ``IssueWriter``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Unpack
from urllib.parse import quote

import requests

from connectors.errors import AuthFailed, Gone
from connectors.http.client import Transport, TransportOptions
from connectors.http.page_size import PageSizeBackoff
from connectors.http.rate_limiter import RateLimiter
from connectors.http.retry import RetryPolicy
from connectors.jira.activity import parse_label_origins
from connectors.jira.comments import fetch_comment, fetch_comments
from connectors.jira.diagnostics import JiraDiagnostics
from connectors.jira.histories import fetch_histories, fetch_label_histories
from connectors.jira.payload import fields_to_request, parse_issue
from connectors.jira.pull import JiraPuller
from connectors.jira.site import JiraKind, JiraSite, detect_rate_limit, error_classifier
from connectors.jira.writer import JiraWriter
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

GATEWAY = "https://api.atlassian.com"
TIMEOUT = (5.0, 30.0)
OnSmallerPage = Callable[[str, str], None]


class JiraReader:
    """The ``IssueReader`` of Jira. Errors are those of the port."""

    def __init__(
        self,
        site: JiraSite,
        *,
        overlap: timedelta,
        page_size: int,
        on_smaller_page: OnSmallerPage | None = None,
    ) -> None:
        def tell(text: str) -> None:
            if on_smaller_page:
                on_smaller_page(site.tracker, text)

        self.tracker = site.tracker
        self._site = site
        self._puller = JiraPuller(
            site=site,
            overlap=overlap,
            page_sizes=PageSizeBackoff(page_size, on_shrink=tell),
            census_page_sizes=PageSizeBackoff(page_size, on_shrink=tell),
        )

    def whoami(self) -> Account:
        return self._site.account()

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        return self._puller.pull(sources, selection)

    def census(self, sources: Sequence[Source], selection: FieldSelection) -> Iterator[Census | FailedSource]:  # noqa: ARG002
        return self._puller.census(sources)

    def read(self, key: str, selection: FieldSelection) -> Issue:
        ids = self._site.field_ids(selection.fields)
        fields = ",".join(fields_to_request(ids, selection, cloud=self._site.cloud))
        try:
            reply = self._site.send(
                "GET", f"/issue/{quote(key, safe='')}", kind="read", params={"fields": fields}
            )
        except Gone:
            self._site.confirm_login()
            raise
        return parse_issue(reply.data, tracker=self.tracker, site_url=self._site.url, field_ids=ids)

    def comments(self, ref: IssueRef) -> list[Comment]:
        return fetch_comments(self._site, ref)

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        try:
            return fetch_comment(self._site, ref, comment_id)
        except Gone:
            self._site.confirm_login()
            raise

    def label_origins(self, ref: IssueRef) -> dict[str, LabelEvent]:
        asked = {"expand": "changelog", "fields": "labels"}
        reply = self._site.send("GET", f"/issue/{quote(ref.id)}", kind="read", params=asked)
        return parse_label_origins(reply.data)

    def label_histories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelHistory]]:
        return fetch_label_histories(self._puller, refs)

    def histories(
        self, requests: Sequence[HistoryRequest], selection: FieldSelection
    ) -> Iterator[SourceHistory | FailedSource]:
        return fetch_histories(self._puller, requests, selection)

    def edits_send_mail(self, container: str) -> bool:
        return not self._site.can_suppress_mail(container)

    def is_public(self, container: str) -> bool:
        """Never: what a site shows to strangers depends on schemes that an ordinary account cannot read."""
        del container
        return False

    def diagnose(
        self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]
    ) -> Iterator[CheckResult]:
        del labels  # free strings on Jira: they need not exist
        return JiraDiagnostics(site=self._site).run(sources)


def open_jira(
    *,
    tracker: str,
    kind: JiraKind,
    url: str,
    cloud_id: str | None = None,
    email: str | None = None,
    api_token: str | None = None,
    pat: str | None = None,
    cache: Cache,
    policy: RetryPolicy,
    overlap: timedelta = timedelta(minutes=10),
    page_size: int = 1000,
    rate_limiter: RateLimiter | None = None,
    gateway_url: str = GATEWAY,
    on_smaller_page: OnSmallerPage | None = None,
    **surroundings: Unpack[TransportOptions],
) -> tuple[JiraReader, JiraWriter]:
    """Reader and writer of one site; they share what is cached. No request is made yet.

    ``url`` is the site as people browse it. With ``cloud_id`` (a scoped API token) requests go to the gateway
    instead. Cloud wants ``email`` and ``api_token``; Data Center ``pat``, or user name and password as
    ``email`` and ``api_token``. AuthFailed when they are missing. ``overlap``: how far the search index may
    lag. ``rate_limiter`` says when a write may leave. ``surroundings``: see ``Transport``.
    ``on_smaller_page`` hears, with the tracker's name, when less is asked for at once because more was too much.
    """
    site_url = url.rstrip("/")
    base = f"{gateway_url.rstrip('/')}/ex/jira/{cloud_id}" if cloud_id else site_url
    session = _authenticated_session(tracker, kind, base, email=email, api_token=api_token, pat=pat)
    transport = Transport(
        session,
        base,
        tracker=tracker,
        policy=policy,
        detect_rate_limit=detect_rate_limit,
        classify_error=error_classifier(tracker, scoped_hint=kind == "jira-cloud" and not cloud_id),
        rate_limiter=rate_limiter,
        timeout=TIMEOUT,
        **surroundings,
    )
    # Four digits tell a changed credential apart and are too few to guess it from.
    credential = hashlib.sha256(f"{email}\n{api_token}\n{pat}".encode()).hexdigest()[:4]
    identity = f"{tracker}:{base}:{credential}"
    site = JiraSite(
        transport, kind=kind, url=site_url, identity=identity, cache=cache, now=surroundings["now"]
    )
    reader = JiraReader(site, overlap=overlap, page_size=page_size, on_smaller_page=on_smaller_page)
    return reader, JiraWriter(site)


def _authenticated_session(
    tracker: str, kind: JiraKind, base: str, *, email: str | None, api_token: str | None, pat: str | None
) -> requests.Session:
    """The client library's authentication on a plain session.

    Requests do not go through the library: without asking serverInfo first its Cloud calls return None or use
    the removed search, its retry reads Retry-After by int() and repeats a POST whose answer was lost, and its
    edits go to ``self`` links, which are wrong behind the gateway.
    """
    from jira import JIRA

    if kind == "jira-dc" and pat:
        client = JIRA(
            base, token_auth=pat, get_server_info=False, timeout=TIMEOUT, max_retries=0, logging=False
        )
    elif email and api_token:
        client = JIRA(
            base,
            basic_auth=(email, api_token),
            get_server_info=False,
            timeout=TIMEOUT,
            max_retries=0,
            logging=False,
        )
    else:
        needed = "JIRA_EMAIL and JIRA_API_TOKEN" if kind == "jira-cloud" else "JIRA_PAT"
        raise AuthFailed(f"{tracker}: no credentials for {base}; set {needed}, or the same with _FILE")
    borrowed = client._session
    session = requests.Session()
    session.auth, session.verify, session.cert = borrowed.auth, borrowed.verify, borrowed.cert
    session.headers.update(borrowed.headers)
    client.close()  # type: ignore[no-untyped-call]
    return session
