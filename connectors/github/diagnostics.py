"""What ``doctor`` asks GitHub: who we are, what each repository is, and what we may do there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.diagnostics import clock_results, unreachable_result
from connectors.errors import AuthFailed, ConnectorError, SkipIssue
from connectors.github.auth import GithubCredentials
from connectors.github.paged_scan import list_pages
from connectors.github.payload import parse_label_names, require_list, require_object
from connectors.github.sources import error_for_renamed, failed_source
from connectors.http.client import ApiResponse, Transport
from connectors.http.response_errors import ReadRedirected
from connectors.model import Account, CheckResult, Source

_MAX_LABELS_SHOWN: Final = 6
"""Labels that are named in a sentence."""

_DANGEROUS_SCOPES: Final = (
    *("admin:", "delete_repo", "workflow", "write:packages", "delete:packages", "site_admin", "write:org"),
    *("manage_billing:", "codespace", "user", "gist"),
)
_NEEDED_GRANTS: Final = frozenset({"issues", "pull_requests", "metadata"})


@dataclass(frozen=True, kw_only=True, slots=True)
class GithubDiagnostics:
    """One look at a server. ``ask_who`` asks it who we are, past every cache."""

    transport: Transport
    credentials: GithubCredentials
    fetch_account: Callable[[], tuple[Account, ApiResponse]]

    def run(self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]) -> Iterator[CheckResult]:
        """See ``ports.IssueReader.inspect``. Requests: 1 or 2, and 1 or 2 for each repository."""
        tracker = self.transport.tracker
        try:
            account, reply = self.fetch_account()
            granted = self._fetch_grants()
        except ConnectorError as error:
            yield unreachable_result(tracker, error)
            return
        text = f"{self.transport.base_url} knows us as {account.name}"
        yield CheckResult(level="ok", check="account", subject=tracker, text=text)
        yield from clock_results(tracker, reply.headers, self.transport.now())
        yield from _excess_rights(tracker, reply.headers.get("X-OAuth-Scopes"), granted)
        for source in sources:
            yield from self._check_repository(source, labels.get(source.repo or "", ()), granted)

    def _fetch_grants(self) -> Mapping[str, Any] | None:
        """What an app's installation may do, ``{"issues": "write"}``; None for a token."""
        if self.credentials.grant_path is None:
            return None
        headers = self.credentials.identity_headers()
        try:
            reply = self.transport.send("GET", self.credentials.grant_path, kind="read", headers=headers)
        except SkipIssue as error:
            raise AuthFailed(f"{error}; check GITHUB_APP_ID and GITHUB_APP_INSTALLATION_ID") from None
        told = require_object(reply.data, "an installation").get("permissions")
        return told if isinstance(told, Mapping) else {}

    def _check_repository(
        self, source: Source, labels: Sequence[str], granted: Mapping[str, Any] | None
    ) -> Iterator[CheckResult]:
        repo = source.repo or ""
        try:
            reply = self.transport.send("GET", f"repos/{repo}", kind="read")
            facts = require_object(reply.data, "a repository")
            missing = self._missing_labels(repo, labels)
        except ReadRedirected as moved:
            yield _problem("source", source, str(error_for_renamed(self.transport, repo, moved)))
            return
        except ConnectorError as error:
            yield _problem("source", source, failed_source(source, error).reason)
            return
        yield from _check_state(source, facts)
        may_create = True
        for finding, creates in _check_rights(source, facts, granted, reply.headers):
            may_create = may_create and creates
            yield finding
        if labels:
            yield _check_labels(source, labels, missing, may_create=may_create)

    def _missing_labels(self, repo: str, labels: Sequence[str]) -> list[str]:
        """Those labels that the repository does not have yet. GitHub compares them without case."""
        if not labels:
            return []
        there: set[str] = set()
        for reply in list_pages(self.transport, f"repos/{repo}/labels", {"per_page": 100}):
            rows = require_list(reply.data, "a list of labels")
            there |= {name.casefold() for name in parse_label_names(rows, f"the labels of {repo}")}
        return [label for label in labels if label.casefold() not in there]


def _excess_rights(
    tracker: str, scopes: str | None, granted: Mapping[str, Any] | None
) -> Iterator[CheckResult]:
    """What a classic token or an app could be made to do if it was stolen, beyond our work. What a fine-grained token
    may do, GitHub does not tell."""
    held = {scope.strip() for scope in (scopes or "").split(",")}
    excess = sorted(scope for scope in held if scope.startswith(_DANGEROUS_SCOPES))
    if excess:
        text = (
            f"the token may do more than is needed ({', '.join(excess)}); use a fine-grained token with Issues: write, "
            "or one with the scope repo alone"
        )
        yield CheckResult(level="warning", check="rights", subject=tracker, text=text)
    broad = sorted(
        f"{name}: {level}"
        for name, level in (granted or {}).items()
        if name not in _NEEDED_GRANTS and level in ("write", "admin")
    )
    if broad:
        text = f"the app was granted more than is needed ({', '.join(broad)}); issues: write suffices"
        yield CheckResult(level="warning", check="rights", subject=tracker, text=text)


def _check_state(source: Source, facts: Mapping[str, Any]) -> Iterator[CheckResult]:
    """Whether the repository has issues that can be read and written."""
    if facts.get("has_issues") is False:
        text = "its issues are switched off; switch them on in its settings, or take it out of the mapping"
        yield _problem("source", source, text)
    elif facts.get("archived") is True:
        text = "is archived, so that nothing can be written; unarchive it, or take it out of the mapping"
        yield _problem("rights", source, text)
    else:
        yield CheckResult(level="ok", check="source", subject=source.name, text="is there, and has issues")


def _check_rights(
    source: Source, facts: Mapping[str, Any], granted: Mapping[str, Any] | None, headers: Mapping[str, str]
) -> Iterator[tuple[CheckResult, bool]]:
    """What we may write, and whether that includes making labels."""
    if granted is not None:
        yield _check_app_rights(source, granted)
        return
    role = facts.get("permissions")
    if not isinstance(role, Mapping):
        text = "GitHub does not tell what the account may do here; the first write will show it"
        yield CheckResult(level="warning", check="rights", subject=source.name, text=text), True
        return
    scopes = headers.get("X-OAuth-Scopes")
    if scopes is not None and not _is_scope_sufficient(scopes, private=facts.get("private") is True):
        text = f"the token's scopes ({scopes.strip() or 'none'}) do not allow writing; make one with the scope repo"
        yield _problem("rights", source, text), False
    elif role.get("push"):
        # A fine-grained token may be narrower than its owner, and GitHub shows that only at a write.
        caution = "" if scopes is not None else "; a fine-grained token needs Issues: write besides"
        text = f"the account may label, comment and make labels{caution}"
        yield CheckResult(level="ok", check="rights", subject=source.name, text=text), True
    elif role.get("triage"):
        text = "the account may label and comment, but not make labels (role triage)"
        yield CheckResult(level="ok", check="rights", subject=source.name, text=text), False
    else:
        text = "the account may only read; give it the role triage (labels that exist) or write (all labels)"
        yield _problem("rights", source, text), False


def _check_app_rights(source: Source, granted: Mapping[str, Any]) -> tuple[CheckResult, bool]:
    if granted.get("issues") == "write":
        text = "the app may label, comment and make labels (issues: write)"
        return CheckResult(level="ok", check="rights", subject=source.name, text=text), True
    text = (
        f"the app was granted issues: {granted.get('issues', 'nothing')}; ask for read and write, and have "
        "the owner of the installation accept it"
    )
    return _problem("rights", source, text), False


def _is_scope_sufficient(scopes: str, *, private: bool) -> bool:
    """For a classic token, whose scopes GitHub lists in a header."""
    held = {scope.strip() for scope in scopes.split(",")}
    return "repo" in held or ("public_repo" in held and not private)


def _check_labels(
    source: Source, labels: Sequence[str], missing: list[str], *, may_create: bool
) -> CheckResult:
    shown = ", ".join(missing[:_MAX_LABELS_SHOWN]) + (", ..." if len(missing) > _MAX_LABELS_SHOWN else "")
    if not missing:
        text = f"all {len(labels)} labels exist"
        return CheckResult(level="ok", check="labels", subject=source.name, text=text)
    if may_create:
        text = (
            f"{len(missing)} of {len(labels)} labels do not exist yet and are made before first use: {shown}"
        )
        return CheckResult(level="ok", check="labels", subject=source.name, text=text)
    text = (
        f"{len(missing)} of {len(labels)} labels are not there and the account may not make them: {shown}; "
    )
    return _problem("rights", source, text + "make them by hand, or give the account the role write")


def _problem(check: str, source: Source, text: str) -> CheckResult:
    return CheckResult(level="problem", check=check, subject=source.name, text=text)
