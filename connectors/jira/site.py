"""What is true of one Jira site and our account on it, asked once and kept in the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import requests

from connectors.errors import AuthFailed, ConnectorError, Gone, Rejected, Unavailable
from connectors.http.client import ApiResponse, Transport
from connectors.http.response_errors import quote_server_message
from connectors.http.retry import RateLimitRefusal, RequestKind
from connectors.jira.activity import parse_account
from connectors.jira.payload import FieldIds, parse_field_ids
from connectors.model import Account
from connectors.ports import Cache

JiraKind = Literal["jira-cloud", "jira-dc"]
API = "/rest/api/2"
"""On both kinds: version 2 takes and gives wiki markup, version 3 (Cloud only) ADF documents."""
API_3 = "/rest/api/3"
"""For what only version 3 has."""

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Forbidden(Rejected):
    """HTTP 403: understood and refused for lack of a right."""


class JiraSite:
    """The requests that reader and writer share. Raises the errors of ``Transport.send``."""

    def __init__(
        self,
        transport: Transport,
        *,
        kind: JiraKind,
        url: str,
        identity: str,
        cache: Cache,
        now: Callable[[], datetime],
    ) -> None:
        """``url``: the site as people browse it. ``identity``: changes when address or credentials do."""
        self.tracker = transport.tracker
        self.cloud = kind == "jira-cloud"
        self.url = url.rstrip("/")
        self._transport = transport
        self._cache = cache
        self._prefix = f"jira:{identity}:"
        self._now = now
        self._account_checked_at: datetime | None = None
        # Sources are read side by side, and what all of them need is asked once.
        self._lock = threading.RLock()

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: RequestKind,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        api: str = API,
        fallback_bodies: Sequence[Any] = (),
    ) -> ApiResponse:
        """A request below the REST API. AuthFailed also when Jira served it as to nobody."""
        reply = self._transport.send(
            method, api + path, kind=kind, params=params, json=json, fallback_bodies=fallback_bodies
        )
        if is_anonymous(reply.headers):
            raise AuthFailed(_anonymous_message(self.tracker))
        return reply

    def account(self, max_age: timedelta = DAY) -> Account:
        """Who we are, from the cache when that was asked at most ``max_age`` ago."""
        with self._lock:
            kept = self._cache.get(self._prefix + "myself")
            if kept is not None and self._now() - datetime.fromisoformat(kept["at"]) < max_age:
                return Account(id=kept["id"], name=kept["name"], timezone=kept["timezone"])
            account = parse_account(self.send("GET", "/myself", kind="read").data)
            at = self._account_checked_at = self._now()
            told = {"id": account.id, "name": account.name, "timezone": account.timezone}
            self._cache.put(self._prefix + "myself", {**told, "at": at.astimezone(UTC).isoformat()}, days=1)
            return account

    def now(self) -> datetime:
        """This machine's time (aware)."""
        return self._now()

    def confirm_login(self) -> None:
        """Before "not there" is believed: AuthFailed when Jira does not know us any more.

        To an expired token Jira shows what it shows to nobody: fewer projects, or none. Asked at most every
        ten minutes of a run.
        """
        if self._account_checked_at is None or self._now() - self._account_checked_at > timedelta(minutes=10):
            self.account(max_age=timedelta(0))

    def confirm_kind(self) -> None:
        """AuthFailed when the settings say Cloud and the site is a Data Center, or the other way round."""
        with self._lock:
            if self._cache.get(self._prefix + "kind") is not None:
                return
            try:
                # Answered to nobody as well, and wrong credentials are often those of the other kind.
                info = self._transport.send("GET", API + "/serverInfo", kind="read").data
            except Gone:
                raise Unavailable(
                    f"{self.tracker}: there is no Jira at {self._transport.base_url}; check url of this "
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

    def field_ids(self, wanted: Sequence[str]) -> FieldIds:
        """Ids of the fields that we need; wanted names that the site does not know are left out."""
        with self._lock:
            listed = self._cache.get(self._prefix + "fields")
            if listed is None:
                told = self.send("GET", "/field", kind="read").data
                parse_field_ids(told, wanted)  # raises when it is no list of fields, before it is kept
                listed = [
                    {key: row[key] for key in ("id", "name", "untranslatedName", "schema") if key in row}
                    for row in told
                ]
                self._cache.put(self._prefix + "fields", listed, days=7)
            return parse_field_ids(listed, wanted)

    def can_suppress_mail(self, project: str) -> bool:
        """True when we may edit without mail to watchers (``notifyUsers=false``): administrators only."""
        kept = self._cache.get(self._mail_suppression_key(project))
        if kept is not None:
            return bool(kept)
        asked = {"permissions": "ADMINISTER,ADMINISTER_PROJECTS", "projectKey": project}
        try:
            told = self.send("GET", "/mypermissions", kind="read", params=asked).data
        except (Rejected, Gone):
            told = {}
        rights = told.get("permissions") if isinstance(told, dict) else None
        allowed = any(
            isinstance(right, dict) and right.get("havePermission") is True
            for name in ("ADMINISTER", "ADMINISTER_PROJECTS")
            if (right := (rights or {}).get(name))
        )
        self._cache.put(self._mail_suppression_key(project), allowed, days=7)
        return allowed

    def mark_mail_suppression_refused(self, project: str) -> None:
        """Jira refused an edit without mail in spite of what it says about our rights."""
        self._cache.put(self._mail_suppression_key(project), False, days=7)

    def _mail_suppression_key(self, project: str) -> str:
        return f"{self._prefix}silence:{project}"


def is_anonymous(headers: Mapping[str, str]) -> bool:
    """True when the answer says that it was given to nobody in particular, whatever we sent along."""
    reason = headers.get("X-Seraph-LoginReason") or ""
    denied = "AUTHENTICATED_FAILED" in reason or "AUTHENTICATION_DENIED" in reason
    return denied or (headers.get("X-AUSERNAME") or "").strip().casefold() == "anonymous"


def detect_rate_limit(response: requests.Response) -> RateLimitRefusal | None:
    """Jira's refusals because of a limit. Its gateway may leave out Retry-After, so that we start slowly."""
    if response.status_code != 429:
        return None
    kind = response.headers.get("RateLimit-Reason")
    return RateLimitRefusal(reason=f"Jira limit ({kind})" if kind else "Jira limit", min_seconds=2.0)


def error_classifier(
    tracker: str, *, scoped_hint: bool
) -> Callable[[int, Mapping[str, str], Any], ConnectorError | None]:
    """Tells refusals that Jira words badly; for ``Transport(classify=...)``.

    ``scoped_hint``: credentials that are refused may be a scoped token, which works only at the gateway.
    """

    def classify(status: int, headers: Mapping[str, str], data: Any) -> ConnectorError | None:
        if status == 401 and scoped_hint:
            return AuthFailed(
                f"{tracker}: Jira does not accept the credentials; check JIRA_EMAIL and JIRA_API_TOKEN, "
                "that the token has not expired, and set JIRA_CLOUD_ID if it is a token with scopes"
            )
        if status < 500 and is_anonymous(headers):
            return AuthFailed(_anonymous_message(tracker))
        if status == 403:
            return Forbidden(
                f"{tracker}: Jira refuses (HTTP 403){quote_server_message(data)}; check the rights of the account, "
                "and that the project is not archived"
            )
        errors = data.get("errors") if isinstance(data, dict) else None
        if status == 400 and isinstance(errors, dict) and "labels" in errors:
            return Rejected(
                f"{tracker}: Jira refuses the labels{quote_server_message(data)}; put the Labels field on the project's "
                "edit screen and give the account the Edit Issues permission"
            )
        return None

    return classify


def _anonymous_message(tracker: str) -> str:
    return (
        f"{tracker}: Jira does not know our account and answers as to an anonymous visitor; "
        "check that the token is right and has not expired"
    )
