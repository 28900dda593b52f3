"""Access to one Jira site: requests, and facts about site and account that are read once and cached."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import requests

from connectors.errors import AuthFailed, ConnectorError, Gone, Rejected, Unavailable
from connectors.http.response import ApiResponse, ErrorClassifier
from connectors.http.response_errors import quote_server_message
from connectors.http.retry import RateLimitRefusal, RequestKind
from connectors.jira.changelog import parse_statuses
from connectors.jira.payload import FieldIds, has_permission, parse_account, parse_field_ids
from connectors.model import Account, Category, Issue, IssueChange
from connectors.ports import Cache

if TYPE_CHECKING:
    from connectors.jira.client import GuardedJira

JiraKind = Literal["jira-cloud", "jira-dc"]
API = "/rest/api/2"
"""Version 2 reads and writes wiki markup on Cloud and Data Center; version 3 (Cloud only) uses ADF documents."""
API_3 = "/rest/api/3"
"""For endpoints that only version 3 has."""

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Forbidden(Rejected):
    """HTTP 403: refused for lack of a permission."""

    failure_kind = "forbidden"


class JiraSite:
    """Requests that reader and writer share. Raises the errors of ``GuardedAdapter.ask``. Thread-safe."""

    def __init__(self, client: GuardedJira, *, kind: JiraKind, url: str, identity: str, cache: Cache) -> None:
        """``url``: address that people browse, without a slash at the end.

        ``identity``: cache key, different for each address and credential.
        """
        self.tracker = client.tracker
        self.cloud = kind == "jira-cloud"
        self.url = url
        self.now = client.now
        self.client = client
        self._cache = cache
        self._prefix = f"jira:{identity}:"
        self._account_checked_at: datetime | None = None
        # Sources are read in parallel; common facts are requested once.
        self._lock = threading.RLock()

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: RequestKind,
        expects: int = 200,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        api: str = API,
        fallback_bodies: Sequence[Any] = (),
    ) -> ApiResponse:
        """Send a request below the REST API. AuthFailed also if Jira treated us as an anonymous visitor."""
        response = self.client.send(
            method,
            api + path,
            kind=kind,
            expects=expects,
            params=params,
            json=json,
            fallback_bodies=fallback_bodies,
        )
        return self._confirm_known(response)

    def ask(self, read: Callable[[], object]) -> ApiResponse:
        """Call a method of ``client`` that reads by one request, and return the answer. AuthFailed as in ``send``."""
        return self._confirm_known(self.client.ask(read))

    def _confirm_known(self, response: ApiResponse) -> ApiResponse:
        if is_locked_out(response.headers):
            raise AuthFailed(_locked_out_message(self.tracker))
        if is_anonymous(response.headers):
            raise AuthFailed(_anonymous_message(self.tracker))
        return response

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of a GET below the REST API."""
        return self.send("GET", path, kind="read", params=params).data

    def project(self, key: str) -> Any:
        """Return the JSON of a project. Gone if it does not exist or is not visible."""
        return self.ask(lambda: self.client.project(quote(key, safe=""))).data

    def account(self, max_age: timedelta = DAY) -> Account:
        """Return our account, from the cache if it was requested at most ``max_age`` ago."""
        with self._lock:
            cached = self._cache.get(self._prefix + "myself")
            if cached is not None and self.now() - datetime.fromisoformat(cached["at"]) < max_age:
                return Account(id=cached["id"], name=cached["name"], timezone=cached["timezone"])
            account = parse_account(self.ask(self.client.myself).data)
            at = self._account_checked_at = self.now()
            facts = asdict(account) | {"at": at.astimezone(UTC).isoformat()}
            self._cache.put(self._prefix + "myself", facts, days=1)
            return account

    def confirm_login(self) -> None:
        """Raise AuthFailed if Jira no longer accepts our credentials. Call it before believing a 404.

        With an expired token Jira answers as to an anonymous visitor, who sees fewer projects, or none. Sends a
        request at most every ten minutes.
        """
        checked_at = self._account_checked_at
        if checked_at is None or self.now() - checked_at > timedelta(minutes=10):
            self.account(max_age=timedelta(0))

    def confirm_kind(self) -> None:
        """Raise AuthFailed if the settings say Cloud and the site is a Data Center, or the other way round."""
        with self._lock:
            if self._cache.get(self._prefix + "kind") is not None:
                return
            try:
                # serverInfo is public, and wrong credentials are often those of the other kind: so the check for
                # anonymous responses in self.ask is left out.
                info = self.client.ask(self.client.server_info).data
            except Gone:
                raise Unavailable(
                    f"{self.tracker}: there is no Jira at {self.client.server_url}; check url of this "
                    "tracker in increment-sync.yaml, and JIRA_CLOUD_ID if it is set"
                ) from None
            deployment = info.get("deploymentType") if isinstance(info, dict) else None
            if (deployment == "Cloud") != self.cloud:
                found, kind = ("Cloud", "jira-cloud") if deployment == "Cloud" else ("Data Center", "jira-dc")
                raise AuthFailed(
                    f"{self.tracker}: {self.url} is Jira {found}; write kind: {kind} in increment-sync.yaml "
                    "and give the credentials that it needs"
                )
            self._cache.put(self._prefix + "kind", deployment or "Server", days=30)

    def field_ids(self, names: Sequence[str]) -> FieldIds:
        """Return the ids of the needed fields. Custom field ``names`` that the site does not know are left out."""
        with self._lock:
            rows = self._cache.get(self._prefix + "fields")
            if rows is None:
                raw = self.ask(self.client.fields).data
                parse_field_ids(raw, names)  # raises before an invalid response is cached
                rows = [
                    {key: row[key] for key in ("id", "name", "untranslatedName", "schema") if key in row}
                    for row in raw
                ]
                self._cache.put(self._prefix + "fields", rows, days=7)
            return parse_field_ids(rows, names)

    def list_unseen_statuses(
        self, issues: Iterable[Issue], changes: Iterable[IssueChange]
    ) -> dict[str, tuple[str, Category | None]]:
        """Return all statuses of the site by id if a change leads to one that no issue had in any pull; else nothing.

        Such a status decides when issues of the past were closed. Each unseen id is asked for once; if that fails, the
        next change to it asks again.
        """
        with self._lock:
            known = set(self._cache.get(self._prefix + "statuses") or ())
            seen = known | {issue.status_id for issue in issues}
            entered = {change.after_id for change in changes if change.after_id}
            statuses: dict[str, tuple[str, Category | None]] = {}
            if not seen.issuperset(entered):
                with suppress(ConnectorError):
                    statuses = parse_statuses(self.ask(self.client.statuses).data)
                    seen |= {*entered, *statuses}
            if seen != known:
                self._cache.put(self._prefix + "statuses", sorted(seen), days=365)
            return statuses

    def can_suppress_mail(self, project: str) -> bool:
        """Return True if we may edit without mail to watchers (``notifyUsers=false``): administrators only."""
        if (cached := self._cache.get(self._mail_suppression_key(project))) is not None:
            return bool(cached)
        names = ("ADMINISTER", "ADMINISTER_PROJECTS")
        read = partial(self.client.my_permissions, projectKey=project, permissions=",".join(names))
        try:
            data = self.ask(read).data
        except (Rejected, Gone):
            data = {}
        permissions = data.get("permissions") if isinstance(data, dict) else None
        allowed = any(has_permission(permissions, name) for name in names)
        self._cache.put(self._mail_suppression_key(project), allowed, days=7)
        return allowed

    def mark_mail_suppression_refused(self, project: str) -> None:
        """Note that Jira refused an edit without mail although its permissions allow it."""
        self._cache.put(self._mail_suppression_key(project), False, days=7)

    def _mail_suppression_key(self, project: str) -> str:
        return f"{self._prefix}silence:{project}"


def is_anonymous(headers: Mapping[str, str]) -> bool:
    """Return True if the headers say that the request was served as anonymous, in spite of its credentials."""
    reason = headers.get("X-Seraph-LoginReason") or ""
    denied = "AUTHENTICATED_FAILED" in reason or "AUTHENTICATION_DENIED" in reason
    return denied or (headers.get("X-AUSERNAME") or "").strip().casefold() == "anonymous"


def is_locked_out(headers: Mapping[str, str]) -> bool:
    """Return True if a Data Center demands a CAPTCHA, which only a browser can answer, after failed logins."""
    return "CAPTCHA" in (headers.get("X-Authentication-Denied-Reason") or "").upper()


def detect_rate_limit(response: requests.Response) -> RateLimitRefusal | None:
    """Recognize Jira's rate limit refusals. Jira's gateway may omit Retry-After, so the first wait is 2 s."""
    if response.status_code != 429:
        return None
    limit = response.headers.get("RateLimit-Reason")
    reason = f"Jira rate limit ({limit})" if limit else "Jira rate limit"
    return RateLimitRefusal(reason=reason, min_seconds=2.0)


def error_classifier(tracker: str, *, hint_at_scoped_tokens: bool) -> ErrorClassifier:
    """Return the ``classify_error`` of ``GuardedAdapter``, for refusals whose texts by Jira do not help people.

    ``hint_at_scoped_tokens``: a refused credential may be a scoped token, which works only at the gateway.
    """

    def classify_error(
        where: str, status: int, headers: Mapping[str, str], data: Any
    ) -> ConnectorError | None:
        del where
        if is_locked_out(headers):
            return AuthFailed(_locked_out_message(tracker))
        if status == 401 and hint_at_scoped_tokens:
            return AuthFailed(
                f"{tracker}: Jira does not accept the credentials; check JIRA_EMAIL and JIRA_API_TOKEN, "
                "that the token has not expired, and set JIRA_CLOUD_ID if it is a token with scopes"
            )
        if status < 500 and is_anonymous(headers):
            return AuthFailed(_anonymous_message(tracker))
        if status == 403:
            return Forbidden(
                f"{tracker}: Jira refuses (HTTP 403){quote_server_message(data)}; check the permissions of the "
                "account, and that the project is not archived"
            )
        errors = data.get("errors") if isinstance(data, dict) else None
        if status == 400 and isinstance(errors, dict) and "labels" in errors:
            return Rejected(
                f"{tracker}: Jira refuses the labels{quote_server_message(data)}; put the Labels field on the "
                "project's edit screen and give the account the Edit Issues permission"
            )
        return None

    return classify_error


def _locked_out_message(tracker: str) -> str:
    return (
        f"{tracker}: Jira demands a CAPTCHA after failed logins; log in once as our account in a browser, "
        "then check JIRA_EMAIL and the password or token"
    )


def _anonymous_message(tracker: str) -> str:
    return (
        f"{tracker}: Jira does not know our account and answers as to an anonymous visitor; "
        "check that the token is right and has not expired"
    )
