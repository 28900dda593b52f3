"""What ``doctor`` asks a Jira site: its kind, who we are, what each project is, and what we may do there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from connectors.diagnostics import clock_results, unreachable_result
from connectors.errors import AuthFailed, ConnectorError, Gone, Rejected
from connectors.http.page_size import PageSizeBackoff
from connectors.jira.activity import UNKNOWN_ZONE, parse_account
from connectors.jira.jql import BadJql, search_condition
from connectors.jira.scalars import clean_text, require
from connectors.jira.search import search_pages
from connectors.jira.site import JiraSite
from connectors.model import Account, CheckResult, Source

_NEEDED_PERMISSIONS: Final[Mapping[str, tuple[str, str]]] = {
    "BROWSE_PROJECTS": ("BROWSE", "Browse Projects"),
    "EDIT_ISSUES": ("EDIT_ISSUE", "Edit Issues"),
    "ADD_COMMENTS": ("COMMENT_ISSUE", "Add Comments"),
    "EDIT_OWN_COMMENTS": ("COMMENT_EDIT_OWN", "Edit Own Comments"),
}
"""Permission -> its name on old Data Centers, and as administrators read it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JiraDiagnostics:
    """One look at a site."""

    site: JiraSite

    def run(self, sources: Sequence[Source]) -> Iterator[CheckResult]:
        """See ``ports.IssueReader.inspect``. Requests: 2, and 2 or 3 for each source."""
        site = self.site
        try:
            site.confirm_kind()
        except AuthFailed as error:
            yield CheckResult(level="problem", check="settings", subject=site.tracker, text=str(error))
            return
        except ConnectorError as error:
            yield unreachable_result(site.tracker, error)
            return
        try:
            reply = site.send("GET", "/myself", kind="read")
            account = parse_account(reply.data)
        except ConnectorError as error:
            yield unreachable_result(site.tracker, error)
            return
        kind = "Cloud" if site.cloud else "Data Center"
        text = f"{site.url} is Jira {kind} as the settings say, and knows us as {account.name}"
        yield CheckResult(level="ok", check="account", subject=site.tracker, text=text)
        if account.timezone == UNKNOWN_ZONE:
            text = "Jira does not tell the account's time zone, so each run reads about a day again"
            yield CheckResult(level="warning", check="account", subject=site.tracker, text=text)
        yield from clock_results(site.tracker, reply.headers, site.now())
        for source in sources:
            try:
                yield from self._check_source(source, account)
            except ConnectorError as error:
                yield _problem("source", source, str(error))

    def _check_source(self, source: Source, account: Account) -> Iterator[CheckResult]:
        if source.project:
            wrong = list(self._check_project(source, source.project, account))
            yield from wrong
            if any(finding.check == "source" for finding in wrong):
                return
        if source.jql and (refused := self._rejection_of(source)):
            yield _problem("source", source, refused)
            return
        text = "is there, and its jql is understood" if source.jql else "is there"
        yield CheckResult(level="ok", check="source", subject=source.name, text=text)
        yield from self._check_permissions(source, account)

    def _check_project(self, source: Source, key: str, account: Account) -> Iterator[CheckResult]:
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
        now_called = clean_text(require(raw, "key", "a project"))
        if now_called != key:
            yield _problem("source", source, f"is called {now_called} on Jira; write that key in the mapping")
        if raw.get("archived") is True:
            text = "is archived, so that nothing can be written; restore it, or take it out of the mapping"
            yield _problem("rights", source, text)

    def _rejection_of(self, source: Source) -> str | None:
        """Why the source cannot be searched, or None. Reads one issue at most."""
        zone = ZoneInfo("UTC")  # no time stands in the question
        try:
            condition = search_condition([(source, None)], zone)
            next(
                search_pages(self.site, condition, ["created"], zone=zone, page_sizes=PageSizeBackoff(1)),
                None,
            )
        except BadJql as why:
            return f"its jql cannot be used: {why}; correct it in the mapping"
        except Rejected as error:
            return f"Jira refuses its jql; correct it in the mapping ({error})"
        return None

    def _check_permissions(self, source: Source, account: Account) -> Iterator[CheckResult]:
        asked = {"permissions": ",".join((*_NEEDED_PERMISSIONS, "ADMINISTER"))}
        if source.project:
            asked["projectKey"] = source.project
        told = self.site.send("GET", "/mypermissions", kind="read", params=asked).data
        held = require(told, "permissions", "our permissions")
        if _has_permission(held, "ADMINISTER", "ADMINISTER"):
            text = (
                f"{account.name} may administer all of Jira, more than is needed; use an account that may not"
            )
            yield CheckResult(level="warning", check="rights", subject=source.name, text=text)
        states = {name: _has_permission(held, name, old) for name, (old, _) in _NEEDED_PERMISSIONS.items()}
        words = {name: word for name, (_, word) in _NEEDED_PERMISSIONS.items()}
        if lacking := [words[name] for name, has in states.items() if has is False]:
            text = f"{account.name} lacks {', '.join(lacking)}; have the project's administrator grant it"
            yield _problem("rights", source, text)
        elif unknown := [words[name] for name, has in states.items() if has is None]:
            text = f"Jira does not tell whether {account.name} has {', '.join(unknown)}"
            yield CheckResult(level="warning", check="rights", subject=source.name, text=text)
        else:
            text = f"{account.name} may edit issues, comment and edit the comments"
            yield CheckResult(level="ok", check="rights", subject=source.name, text=text)


def _has_permission(permissions: Any, name: str, old_name: str) -> bool | None:
    """Whether we have a permission; None when the answer does not hold it."""
    for key in (name, old_name):
        entry = permissions.get(key) if isinstance(permissions, dict) else None
        if isinstance(entry, dict) and isinstance(entry.get("havePermission"), bool):
            return bool(entry["havePermission"])
    return None


def _problem(check: str, source: Source, text: str) -> CheckResult:
    return CheckResult(level="problem", check=check, subject=source.name, text=text)
