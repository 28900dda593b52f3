"""Jira Cloud and Data Center as ``IssueReader`` and ``IssueWriter``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Unpack
from urllib.parse import quote

import requests

from connectors.errors import AuthFailed, Gone
from connectors.http.client import Surroundings, Transport
from connectors.http.page_size import Portions
from connectors.http.rate_limiter import Pace
from connectors.http.retry import RetryPolicy
from connectors.jira.activity import label_events_from
from connectors.jira.comments import all_comments, one_comment
from connectors.jira.diagnostics import JiraInspection
from connectors.jira.histories import histories, label_stories
from connectors.jira.payload import fields_to_ask, issue_from
from connectors.jira.pull import JiraPuller
from connectors.jira.site import JiraKind, JiraSite, classifier, limits
from connectors.jira.writer import JiraWriter
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

GATEWAY = "https://api.atlassian.com"
TIMEOUT = (5.0, 30.0)
OnLighter = Callable[[str, str], None]


class JiraReader:
    """The ``IssueReader`` of Jira. Errors are those of the port."""

    def __init__(
        self, site: JiraSite, *, overlap: timedelta, page_size: int, on_lighter: OnLighter | None = None
    ) -> None:
        def tell(text: str) -> None:
            if on_lighter:
                on_lighter(site.tracker, text)

        self.tracker = site.tracker
        self._site = site
        self._puller = JiraPuller(
            site=site,
            overlap=overlap,
            portions=Portions(page_size, tell=tell),
            census_portions=Portions(page_size, tell=tell),
        )

    def whoami(self) -> Account:
        return self._site.account()

    def pull(
        self, sources: Sequence[tuple[Source, Cursor | None]], wanted: Wanted
    ) -> Iterator[Pulled | Failed]:
        return self._puller.pull(sources, wanted)

    def census(self, sources: Sequence[Source], wanted: Wanted) -> Iterator[Census | Failed]:  # noqa: ARG002
        return self._puller.census(sources)

    def read(self, key: str, wanted: Wanted) -> Issue:
        ids = self._site.field_ids(wanted.fields)
        fields = ",".join(fields_to_ask(ids, wanted, cloud=self._site.cloud))
        try:
            reply = self._site.send(
                "GET", f"/issue/{quote(key, safe='')}", kind="read", params={"fields": fields}
            )
        except Gone:
            self._site.make_sure_we_are_known()
            raise
        return issue_from(reply.data, tracker=self.tracker, site=self._site.url, ids=ids)

    def comments(self, ref: IssueRef) -> list[Comment]:
        return all_comments(self._site, ref)

    def comment(self, ref: IssueRef, comment_id: str) -> Comment:
        try:
            return one_comment(self._site, ref, comment_id)
        except Gone:
            self._site.make_sure_we_are_known()
            raise

    def label_events(self, ref: IssueRef) -> dict[str, LabelEvent]:
        asked = {"expand": "changelog", "fields": "labels"}
        reply = self._site.send("GET", f"/issue/{quote(ref.id)}", kind="read", params=asked)
        return label_events_from(reply.data)

    def label_stories(self, refs: Sequence[IssueRef]) -> Mapping[IssueRef, Mapping[str, LabelStory]]:
        return label_stories(self._puller, refs)

    def histories(self, asked: Sequence[HistoryAsked], wanted: Wanted) -> Iterator[History | Failed]:
        return histories(self._puller, asked, wanted)

    def edits_are_mailed(self, container: str) -> bool:
        return not self._site.may_silence(container)

    def is_public(self, container: str) -> bool:
        """Never: what a site shows to strangers depends on schemes that an ordinary account cannot read."""
        del container
        return False

    def inspect(self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
        del labels  # free strings on Jira: they need not exist
        return JiraInspection(site=self._site).findings(sources)


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
    pace: Pace | None = None,
    gateway_url: str = GATEWAY,
    on_lighter: OnLighter | None = None,
    **surroundings: Unpack[Surroundings],
) -> tuple[JiraReader, JiraWriter]:
    """Reader and writer of one site; they share what is cached. No request is made yet.

    ``url`` is the site as people browse it. With ``cloud_id`` (a scoped API token) requests go to the gateway
    instead. Cloud wants ``email`` and ``api_token``; Data Center ``pat``, or user name and password as
    ``email`` and ``api_token``. AuthFailed when they are missing. ``overlap``: how far the search index may
    lag. ``pace`` says when a write may leave. ``surroundings``: see ``Transport``.
    ``on_lighter`` hears, with the tracker's name, when less is asked for at once because more was too much.
    """
    site_url = url.rstrip("/")
    base = f"{gateway_url.rstrip('/')}/ex/jira/{cloud_id}" if cloud_id else site_url
    session = _session(tracker, kind, base, email=email, api_token=api_token, pat=pat)
    transport = Transport(
        session,
        base,
        tracker=tracker,
        policy=policy,
        limits=limits,
        classify=classifier(tracker, scoped_hint=kind == "jira-cloud" and not cloud_id),
        pace=pace,
        timeout=TIMEOUT,
        **surroundings,
    )
    # Four digits tell a changed credential apart and are too few to guess it from.
    credential = hashlib.sha256(f"{email}\n{api_token}\n{pat}".encode()).hexdigest()[:4]
    identity = f"{tracker}:{base}:{credential}"
    site = JiraSite(
        transport, kind=kind, url=site_url, identity=identity, cache=cache, now=surroundings["now"]
    )
    reader = JiraReader(site, overlap=overlap, page_size=page_size, on_lighter=on_lighter)
    return reader, JiraWriter(site)


def _session(
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
