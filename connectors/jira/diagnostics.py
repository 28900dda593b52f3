"""What ``doctor`` asks a Jira site: its kind, who we are, what each project is, and what we may do there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from connectors.diagnostics import clock, unreachable
from connectors.errors import AuthFailed, ConnectorError, Gone, Rejected
from connectors.http.page_size import Portions
from connectors.jira.activity import UNKNOWN_ZONE, account_from
from connectors.jira.jql import BadJql, search_condition
from connectors.jira.scalars import clean, need
from connectors.jira.search import pages
from connectors.jira.site import JiraSite
from connectors.model import Account, Finding, Source

_NEEDED: Final[Mapping[str, tuple[str, str]]] = {
    "BROWSE_PROJECTS": ("BROWSE", "Browse Projects"),
    "EDIT_ISSUES": ("EDIT_ISSUE", "Edit Issues"),
    "ADD_COMMENTS": ("COMMENT_ISSUE", "Add Comments"),
    "EDIT_OWN_COMMENTS": ("COMMENT_EDIT_OWN", "Edit Own Comments"),
}
"""Permission -> its name on old Data Centers, and as administrators read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JiraInspection:
    """One look at a site."""

    site: JiraSite

    def findings(self, sources: Sequence[Source]) -> Iterator[Finding]:
        """See ``ports.IssueReader.inspect``. Requests: 2, and 2 or 3 for each source."""
        site = self.site
        try:
            site.confirm_kind()
        except AuthFailed as error:
            yield Finding(level="problem", check="settings", subject=site.tracker, text=str(error))
            return
        except ConnectorError as error:
            yield unreachable(site.tracker, error)
            return
        try:
            reply = site.send("GET", "/myself", kind="read")
            account = account_from(reply.data)
        except ConnectorError as error:
            yield unreachable(site.tracker, error)
            return
        kind = "Cloud" if site.cloud else "Data Center"
        text = f"{site.url} is Jira {kind} as the settings say, and knows us as {account.name}"
        yield Finding(level="ok", check="account", subject=site.tracker, text=text)
        if account.timezone == UNKNOWN_ZONE:
            text = "Jira does not tell the account's time zone, so each run reads about a day again"
            yield Finding(level="warning", check="account", subject=site.tracker, text=text)
        yield from clock(site.tracker, reply.headers, site.now())
        for source in sources:
            try:
                yield from self._source(source, account)
            except ConnectorError as error:
                yield _problem("source", source, str(error))

    def _source(self, source: Source, account: Account) -> Iterator[Finding]:
        if source.project:
            wrong = list(self._project(source, source.project, account))
            yield from wrong
            if any(finding.check == "source" for finding in wrong):
                return
        if source.jql and (refused := self._refused(source)):
            yield _problem("source", source, refused)
            return
        text = "is there, and its jql is understood" if source.jql else "is there"
        yield Finding(level="ok", check="source", subject=source.name, text=text)
        yield from self._rights(source, account)

    def _project(self, source: Source, key: str, account: Account) -> Iterator[Finding]:
        """What is wrong with a project."""
        try:
            raw = self.site.send("GET", f"/project/{quote(key, safe='')}", kind="read").data
        except Gone:
            text = (
                f"there is no project {key} on {self.site.url} that {account.name} can see; correct the "
                "mapping, or give that account the Browse Projects permission"
            )
            yield _problem("source", source, text)
            return
        now_called = clean(need(raw, "key", "a project"))
        if now_called != key:
            yield _problem("source", source, f"is called {now_called} on Jira; write that key in the mapping")
        if raw.get("archived") is True:
            text = "is archived, so that nothing can be written; restore it, or take it out of the mapping"
            yield _problem("rights", source, text)

    def _refused(self, source: Source) -> str | None:
        """Why the source cannot be searched, or None. Reads one issue at most."""
        zone = ZoneInfo("UTC")  # no time stands in the question
        try:
            condition = search_condition([(source, None)], zone)
            next(pages(self.site, condition, ["created"], zone=zone, portions=Portions(1)), None)
        except BadJql as why:
            return f"its jql cannot be used: {why}; correct it in the mapping"
        except Rejected as error:
            return f"Jira refuses its jql; correct it in the mapping ({error})"
        return None

    def _rights(self, source: Source, account: Account) -> Iterator[Finding]:
        asked = {"permissions": ",".join((*_NEEDED, "ADMINISTER"))}
        if source.project:
            asked["projectKey"] = source.project
        told = self.site.send("GET", "/mypermissions", kind="read", params=asked).data
        held = need(told, "permissions", "our permissions")
        if _holds(held, "ADMINISTER", "ADMINISTER"):
            text = (
                f"{account.name} may administer all of Jira, more than is needed; use an account that may not"
            )
            yield Finding(level="warning", check="rights", subject=source.name, text=text)
        states = {name: _holds(held, name, old) for name, (old, _) in _NEEDED.items()}
        words = {name: word for name, (_, word) in _NEEDED.items()}
        if lacking := [words[name] for name, has in states.items() if has is False]:
            text = f"{account.name} lacks {', '.join(lacking)}; have the project's administrator grant it"
            yield _problem("rights", source, text)
        elif unknown := [words[name] for name, has in states.items() if has is None]:
            text = f"Jira does not tell whether {account.name} has {', '.join(unknown)}"
            yield Finding(level="warning", check="rights", subject=source.name, text=text)
        else:
            text = f"{account.name} may edit issues, comment and edit the comments"
            yield Finding(level="ok", check="rights", subject=source.name, text=text)


def _holds(permissions: Any, name: str, old_name: str) -> bool | None:
    """Whether we have a permission; None when the answer does not hold it."""
    for key in (name, old_name):
        entry = permissions.get(key) if isinstance(permissions, dict) else None
        if isinstance(entry, dict) and isinstance(entry.get("havePermission"), bool):
            return bool(entry["havePermission"])
    return None


def _problem(check: str, source: Source, text: str) -> Finding:
    return Finding(level="problem", check=check, subject=source.name, text=text)
