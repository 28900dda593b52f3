"""Checks of ``doctor`` on GitHub: account, clock, repositories, permissions and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from connectors.check_result import CheckLevel, CheckResult
from connectors.diagnostics import clock_results, unreachable_result
from connectors.errors import AuthFailed, ConnectorError, SkipIssue
from connectors.github.paged_scan import list_pages
from connectors.github.payload import parse_label_names, require_list, require_object
from connectors.github.sources import error_for_renamed, failed_source
from connectors.http.response import ApiResponse
from connectors.http.response_errors import ReadRedirected
from connectors.model import Account, Source
from connectors.wording import pluralize

if TYPE_CHECKING:
    from connectors.github.client import GuardedRequester
    from connectors.github.credentials import GithubCredentials

_MAX_LABELS_SHOWN: Final = 6

_DANGEROUS_SCOPES: Final = (
    *("admin:", "delete_repo", "workflow", "write:packages", "delete:packages", "site_admin", "write:org"),
    *("manage_billing:", "codespace", "user", "gist"),
)
_NEEDED_GRANTS: Final = frozenset({"issues", "pull_requests", "metadata"})


@dataclass(frozen=True, kw_only=True, slots=True)
class GithubDiagnostics:
    """``fetch_account`` requests our account without a cache."""

    client: GuardedRequester
    credentials: GithubCredentials
    fetch_account: Callable[[], tuple[Account, ApiResponse]]

    def run(self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]) -> Iterator[CheckResult]:
        """Implement ``IssueReader.diagnose``. Sends 1 or 2 requests, and 1 or 2 for each repository."""
        tracker = self.client.tracker
        try:
            account, response = self.fetch_account()
            granted = self._fetch_grants()
        except ConnectorError as error:
            yield unreachable_result(tracker, error)
            return
        yield CheckResult("ok", "account", tracker, f"{self.client.base_url} knows us as {account.name}")
        yield from clock_results(tracker, response.headers, self.client.now())
        yield from _excess_rights(tracker, response.headers.get("X-OAuth-Scopes"), granted)
        for source in sources:
            yield from self._check_repository(source, labels.get(source.container, ()), granted)

    def _fetch_grants(self) -> Mapping[str, Any] | None:
        """Return the permissions of an app's installation, ``{"issues": "write"}``; None for a token."""
        if self.credentials.grant_path is None:
            return None
        headers = self.credentials.identity_headers()
        try:
            response = self.client.get(self.credentials.grant_path, headers=headers)
        except SkipIssue as error:
            raise AuthFailed(f"{error}; check GITHUB_APP_ID and GITHUB_APP_INSTALLATION_ID") from None
        permissions = require_object(response.data, "an installation").get("permissions")
        return permissions if isinstance(permissions, Mapping) else {}

    def _check_repository(
        self, source: Source, labels: Sequence[str], granted: Mapping[str, Any] | None
    ) -> Iterator[CheckResult]:
        repo = source.container
        try:
            response = self.client.get(f"repos/{repo}")
            facts = require_object(response.data, "a repository")
        except ReadRedirected as redirect:
            text = str(error_for_renamed(self.client, repo, redirect))
            yield CheckResult("problem", "source", source.name, text)
            return
        except ConnectorError as error:
            yield CheckResult("problem", "source", source.name, failed_source(source, error).reason)
            return
        yield _check_state(source, facts)
        level, text, may_create_labels = _check_rights(facts, granted, response.headers)
        yield CheckResult(level, "rights", source.name, text)
        if labels:
            yield self._check_labels(source, labels, may_create=may_create_labels)

    def _check_labels(self, source: Source, labels: Sequence[str], *, may_create: bool) -> CheckResult:
        try:
            missing = self._missing_labels(source.container, labels)
        except ConnectorError as error:
            return CheckResult("problem", "labels", source.name, f"its labels cannot be listed: {error}")
        return _compare_labels(source, labels, missing, may_create=may_create)

    def _missing_labels(self, repo: str, labels: Sequence[str]) -> list[str]:
        """Return the labels that the repository lacks. GitHub compares them without case."""
        if not labels:
            return []
        existing: set[str] = set()
        for page in list_pages(self.client, f"repos/{repo}/labels", {"per_page": 100}):
            rows = require_list(page.data, "a list of labels")
            existing |= {name.casefold() for name in parse_label_names(rows, f"the labels of {repo}")}
        return [label for label in labels if label.casefold() not in existing]


def _excess_rights(
    tracker: str, scopes: str | None, granted: Mapping[str, Any] | None
) -> Iterator[CheckResult]:
    """Warn about permissions of a classic token or an app beyond our needs, which matter if it is stolen.

    GitHub does not report the permissions of a fine-grained token.
    """
    excess = sorted(scope for scope in _split_scopes(scopes or "") if scope.startswith(_DANGEROUS_SCOPES))
    if excess:
        text = (
            f"the token may do more than is needed ({', '.join(excess)}); use a fine-grained token with Issues: write, "
            "or one with the scope repo alone"
        )
        yield CheckResult("warning", "rights", tracker, text)
    broad = sorted(
        f"{name}: {level}"
        for name, level in (granted or {}).items()
        if name not in _NEEDED_GRANTS and level in ("write", "admin")
    )
    if broad:
        text = f"the app was granted more than is needed ({', '.join(broad)}); issues: write suffices"
        yield CheckResult("warning", "rights", tracker, text)


def _check_state(source: Source, facts: Mapping[str, Any]) -> CheckResult:
    """Check that the repository has issues that can be read and written."""
    if facts.get("has_issues") is False:
        text = "its issues are disabled; enable them in its settings, or remove it from the mapping"
        return CheckResult("problem", "source", source.name, text)
    if facts.get("archived") is True:
        text = "is archived, so that nothing can be written; unarchive it, or remove it from the mapping"
        return CheckResult("problem", "rights", source.name, text)
    return CheckResult("ok", "source", source.name, "exists, and has issues")


def _check_rights(
    facts: Mapping[str, Any], granted: Mapping[str, Any] | None, headers: Mapping[str, str]
) -> tuple[CheckLevel, str, bool]:
    """Return level and text of the check of what our account may write, and True if it may create labels."""
    if granted is not None:
        return _check_app_rights(granted)
    role = facts.get("permissions")
    if not isinstance(role, Mapping):
        text = "GitHub does not report what the account may do here; the first write will show it"
        return "warning", text, True
    scopes = headers.get("X-OAuth-Scopes")
    if scopes is not None and not _is_scope_sufficient(scopes, private=facts.get("private") is True):
        names = scopes.strip() or "none"
        text = f"the token's scopes ({names}) do not allow writing; create one with the scope repo"
        return "problem", text, False
    if role.get("push"):
        # A fine-grained token may be narrower than its owner's role, which GitHub shows only at a write.
        caution = "" if scopes is not None else "; a fine-grained token also needs Issues: write"
        return "ok", f"the account may label, comment and create labels{caution}", True
    if role.get("triage"):
        return "ok", "the account may label and comment, but not create labels (role triage)", False
    text = "the account may only read; give it the role triage (existing labels) or write (all labels)"
    return "problem", text, False


def _check_app_rights(granted: Mapping[str, Any]) -> tuple[CheckLevel, str, bool]:
    if granted.get("issues") == "write":
        return "ok", "the app may label, comment and create labels (issues: write)", True
    text = (
        f"the app was granted issues: {granted.get('issues', 'nothing')}; request read and write, and ask "
        "the owner of the installation to accept it"
    )
    return "problem", text, False


def _is_scope_sufficient(scopes: str, *, private: bool) -> bool:
    """Check the scopes of a classic token, which GitHub lists in a header."""
    scope_names = _split_scopes(scopes)
    return "repo" in scope_names or ("public_repo" in scope_names and not private)


def _split_scopes(scopes: str) -> set[str]:
    return {scope.strip() for scope in scopes.split(",")}


def _compare_labels(
    source: Source, labels: Sequence[str], missing: list[str], *, may_create: bool
) -> CheckResult:
    if not missing:
        text = "the only label exists" if len(labels) == 1 else f"all {len(labels)} labels exist"
        return CheckResult("ok", "labels", source.name, text)
    shown = ", ".join(missing[:_MAX_LABELS_SHOWN]) + (", ..." if len(missing) > _MAX_LABELS_SHOWN else "")
    does = "does" if len(missing) == 1 else "do"
    count = f"{len(missing)} of {pluralize(len(labels), 'label')} {does} not exist"
    if may_create:
        text = f"{count} yet and are created before first use: {shown}"
        return CheckResult("ok", "labels", source.name, text)
    text = (
        f"{count} and the account may not create them: {shown}; create them yourself, or give the account "
        "the role write"
    )
    return CheckResult("problem", "rights", source.name, text)
