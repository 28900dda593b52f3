"""Checks of ``doctor`` on a Jira site: kind, account, clock, projects and permissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from connectors.check_result import CheckLevel, CheckResult
from connectors.diagnostics import clock_results, unreachable_result
from connectors.errors import AuthFailed, ConnectorError, Gone, Rejected
from connectors.http.page_size import PageSizeBackoff
from connectors.jira.jql import search_condition
from connectors.jira.payload import UNKNOWN_ZONE, has_permission, parse_account
from connectors.jira.scalars import require
from connectors.jira.search import search_pages
from connectors.jira.site import JiraSite
from connectors.jql_syntax import BadJql
from connectors.model import Account, Source
from connectors.scalars import clean_text

_NEEDED_PERMISSIONS: Final[Mapping[str, tuple[str, str]]] = {
    "BROWSE_PROJECTS": ("BROWSE", "Browse Projects"),
    "EDIT_ISSUES": ("EDIT_ISSUE", "Edit Issues"),
    "ADD_COMMENTS": ("COMMENT_ISSUE", "Add Comments"),
    "EDIT_OWN_COMMENTS": ("COMMENT_EDIT_OWN", "Edit Own Comments"),
}
"""Permission -> its key on old Data Centers, and its name in Jira's administration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JiraDiagnostics:
    site: JiraSite

    def run(self, sources: Sequence[Source]) -> Iterator[CheckResult]:
        """Implement ``IssueReader.diagnose``. Sends 2 requests, and 2 or 3 for each source."""
        site = self.site
        try:
            site.confirm_kind()
        except AuthFailed as error:
            yield CheckResult("problem", "settings", site.tracker, str(error))
            return
        except ConnectorError as error:
            yield unreachable_result(site.tracker, error)
            return
        try:
            response = site.ask(site.client.myself)
            account = parse_account(response.data)
        except ConnectorError as error:
            yield unreachable_result(site.tracker, error)
            return
        kind = "Cloud" if site.cloud else "Data Center"
        text = f"{site.url} is Jira {kind} as the settings say, and knows us as {account.name}"
        yield CheckResult("ok", "account", site.tracker, text)
        if account.timezone == UNKNOWN_ZONE:
            text = "Jira does not report the account's time zone, so each run reads about a day again"
            yield CheckResult("warning", "account", site.tracker, text)
        yield from clock_results(site.tracker, response.headers, site.now())
        for source in sources:
            try:
                yield from self._check_source(source, account)
            except ConnectorError as error:
                yield CheckResult("problem", "source", source.name, str(error))

    def _check_source(self, source: Source, account: Account) -> Iterator[CheckResult]:
        if source.container:
            problems = list(self._check_project(source, source.container, account))
            yield from problems
            if any(problem.check == "source" for problem in problems):
                return
        if source.text("jql") and (rejection := self._rejection_of(source)):
            yield CheckResult("problem", "source", source.name, rejection)
            return
        text = "exists, and its jql is valid" if source.text("jql") else "exists"
        yield CheckResult("ok", "source", source.name, text)
        yield from self._check_permissions(source, account)

    def _check_project(self, source: Source, key: str, account: Account) -> Iterator[CheckResult]:
        """Yield the problems of a project."""
        try:
            raw = self.site.project(key)
        except Gone:
            text = (
                f"there is no project {key} on {self.site.url} that {account.name} can see; correct the "
                "mapping, or give that account the Browse Projects permission"
            )
            yield CheckResult("problem", "source", source.name, text)
            return
        current_key = clean_text(require(raw, "key", "a project"))
        if current_key != key:
            text = f"is called {current_key} on Jira; write that key in the mapping"
            yield CheckResult("problem", "source", source.name, text)
        if raw.get("archived") is True:
            text = "is archived, so that nothing can be written; restore it, or remove it from the mapping"
            yield CheckResult("problem", "rights", source.name, text)

    def _rejection_of(self, source: Source) -> str | None:
        """Return why the source cannot be searched, or None. Reads one issue at most."""
        zone = ZoneInfo("UTC")  # the condition contains no time
        try:
            condition = search_condition([(source, None)], zone)
            pages = search_pages(self.site, condition, ["created"], zone=zone, page_sizes=PageSizeBackoff(1))
            next(pages, None)
        except BadJql as error:
            return f"its jql cannot be used: {error}; correct it in the mapping"
        except Rejected as error:
            return f"Jira refuses its jql; correct it in the mapping ({error})"
        return None

    def _check_permissions(self, source: Source, account: Account) -> Iterator[CheckResult]:
        names = ",".join((*_NEEDED_PERMISSIONS, "ADMINISTER"))
        data = self.site.ask(
            lambda: self.site.client.my_permissions(projectKey=source.container, permissions=names)
        ).data
        permissions = require(data, "permissions", "our permissions")
        if has_permission(permissions, "ADMINISTER"):
            text = (
                f"{account.name} may administer all of Jira, more than is needed; use an account that may not"
            )
            yield CheckResult("warning", "rights", source.name, text)
        granted = {
            name: has_permission(permissions, key, old_key)
            for key, (old_key, name) in _NEEDED_PERMISSIONS.items()
        }
        level: CheckLevel = "ok"
        text = f"{account.name} may edit issues, comment and edit the comments"
        if missing := [name for name, has in granted.items() if has is False]:
            level = "problem"
            text = f"{account.name} lacks {', '.join(missing)}; ask the project's administrator to grant it"
        elif unknown := [name for name, has in granted.items() if has is None]:
            level, text = "warning", f"Jira does not report if {account.name} has {', '.join(unknown)}"
        yield CheckResult(level, "rights", source.name, text)
