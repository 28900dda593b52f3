"""What ``doctor`` asks GitHub: who we are, what each repository is, and what we may do there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.diagnostics import clock, unreachable
from connectors.errors import AuthFailed, ConnectorError, SkipIssue
from connectors.github.auth import Credentials
from connectors.github.paged_scan import pages
from connectors.github.payload import as_mapping, as_rows, label_names
from connectors.github.sources import failed, renamed
from connectors.http.client import Reply, Transport
from connectors.http.response_errors import Moved
from connectors.model import Account, Finding, Source

_SHOWN: Final = 6
"""Labels that are named in a sentence."""

_DANGEROUS_SCOPES: Final = (
    *("admin:", "delete_repo", "workflow", "write:packages", "delete:packages", "site_admin", "write:org"),
    *("manage_billing:", "codespace", "user", "gist"),
)
_NEEDED_GRANTS: Final = frozenset({"issues", "pull_requests", "metadata"})


@dataclass(frozen=True, kw_only=True, slots=True)
class GithubInspection:
    """One look at a server. ``ask_who`` asks it who we are, past every cache."""

    transport: Transport
    credentials: Credentials
    ask_who: Callable[[], tuple[Account, Reply]]

    def findings(self, sources: Sequence[Source], labels: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
        """See ``ports.IssueReader.inspect``. Requests: 1 or 2, and 1 or 2 for each repository."""
        tracker = self.transport.tracker
        try:
            account, reply = self.ask_who()
            granted = self._granted()
        except ConnectorError as error:
            yield unreachable(tracker, error)
            return
        text = f"{self.transport.base_url} knows us as {account.name}"
        yield Finding(level="ok", check="account", subject=tracker, text=text)
        yield from clock(tracker, reply.headers, self.transport.now())
        yield from _more_than_needed(tracker, reply.headers.get("X-OAuth-Scopes"), granted)
        for source in sources:
            yield from self._repository(source, labels.get(source.repo or "", ()), granted)

    def _granted(self) -> Mapping[str, Any] | None:
        """What an app's installation may do, ``{"issues": "write"}``; None for a token."""
        if self.credentials.grant_path is None:
            return None
        headers = self.credentials.identity_headers()
        try:
            reply = self.transport.send("GET", self.credentials.grant_path, kind="read", headers=headers)
        except SkipIssue as error:
            raise AuthFailed(f"{error}; check GITHUB_APP_ID and GITHUB_APP_INSTALLATION_ID") from None
        told = as_mapping(reply.data, "an installation").get("permissions")
        return told if isinstance(told, Mapping) else {}

    def _repository(
        self, source: Source, labels: Sequence[str], granted: Mapping[str, Any] | None
    ) -> Iterator[Finding]:
        repo = source.repo or ""
        try:
            reply = self.transport.send("GET", f"repos/{repo}", kind="read")
            facts = as_mapping(reply.data, "a repository")
            missing = self._missing(repo, labels)
        except Moved as moved:
            yield _problem("source", source, str(renamed(self.transport, repo, moved)))
            return
        except ConnectorError as error:
            yield _problem("source", source, failed(source, error).reason)
            return
        yield from _state(source, facts)
        may_create = True
        for finding, creates in _rights(source, facts, granted, reply.headers):
            may_create = may_create and creates
            yield finding
        if labels:
            yield _labels(source, labels, missing, may_create=may_create)

    def _missing(self, repo: str, labels: Sequence[str]) -> list[str]:
        """Those labels that the repository does not have yet. GitHub compares them without case."""
        if not labels:
            return []
        there: set[str] = set()
        for reply in pages(self.transport, f"repos/{repo}/labels", {"per_page": 100}):
            rows = as_rows(reply.data, "a list of labels")
            there |= {name.casefold() for name in label_names(rows, f"the labels of {repo}")}
        return [label for label in labels if label.casefold() not in there]


def _more_than_needed(
    tracker: str, scopes: str | None, granted: Mapping[str, Any] | None
) -> Iterator[Finding]:
    """What a classic token or an app could be made to do if it was stolen, beyond our work. What a fine-grained token
    may do, GitHub does not tell."""
    held = {scope.strip() for scope in (scopes or "").split(",")}
    excess = sorted(scope for scope in held if scope.startswith(_DANGEROUS_SCOPES))
    if excess:
        text = (
            f"the token may do more than is needed ({', '.join(excess)}); use a fine-grained token with Issues: write, "
            "or one with the scope repo alone"
        )
        yield Finding(level="warning", check="rights", subject=tracker, text=text)
    broad = sorted(
        f"{name}: {level}"
        for name, level in (granted or {}).items()
        if name not in _NEEDED_GRANTS and level in ("write", "admin")
    )
    if broad:
        text = f"the app was granted more than is needed ({', '.join(broad)}); issues: write suffices"
        yield Finding(level="warning", check="rights", subject=tracker, text=text)


def _state(source: Source, facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the repository has issues that can be read and written."""
    if facts.get("has_issues") is False:
        text = "its issues are switched off; switch them on in its settings, or take it out of the mapping"
        yield _problem("source", source, text)
    elif facts.get("archived") is True:
        text = "is archived, so that nothing can be written; unarchive it, or take it out of the mapping"
        yield _problem("rights", source, text)
    else:
        yield Finding(level="ok", check="source", subject=source.name, text="is there, and has issues")


def _rights(
    source: Source, facts: Mapping[str, Any], granted: Mapping[str, Any] | None, headers: Mapping[str, str]
) -> Iterator[tuple[Finding, bool]]:
    """What we may write, and whether that includes making labels."""
    if granted is not None:
        yield _rights_of_app(source, granted)
        return
    role = facts.get("permissions")
    if not isinstance(role, Mapping):
        text = "GitHub does not tell what the account may do here; the first write will show it"
        yield Finding(level="warning", check="rights", subject=source.name, text=text), True
        return
    scopes = headers.get("X-OAuth-Scopes")
    if scopes is not None and not _scope_suffices(scopes, private=facts.get("private") is True):
        text = f"the token's scopes ({scopes.strip() or 'none'}) do not allow writing; make one with the scope repo"
        yield _problem("rights", source, text), False
    elif role.get("push"):
        # A fine-grained token may be narrower than its owner, and GitHub shows that only at a write.
        caution = "" if scopes is not None else "; a fine-grained token needs Issues: write besides"
        text = f"the account may label, comment and make labels{caution}"
        yield Finding(level="ok", check="rights", subject=source.name, text=text), True
    elif role.get("triage"):
        text = "the account may label and comment, but not make labels (role triage)"
        yield Finding(level="ok", check="rights", subject=source.name, text=text), False
    else:
        text = "the account may only read; give it the role triage (labels that exist) or write (all labels)"
        yield _problem("rights", source, text), False


def _rights_of_app(source: Source, granted: Mapping[str, Any]) -> tuple[Finding, bool]:
    if granted.get("issues") == "write":
        text = "the app may label, comment and make labels (issues: write)"
        return Finding(level="ok", check="rights", subject=source.name, text=text), True
    text = (
        f"the app was granted issues: {granted.get('issues', 'nothing')}; ask for read and write, and have "
        "the owner of the installation accept it"
    )
    return _problem("rights", source, text), False


def _scope_suffices(scopes: str, *, private: bool) -> bool:
    """For a classic token, whose scopes GitHub lists in a header."""
    held = {scope.strip() for scope in scopes.split(",")}
    return "repo" in held or ("public_repo" in held and not private)


def _labels(source: Source, labels: Sequence[str], missing: list[str], *, may_create: bool) -> Finding:
    shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
    if not missing:
        text = f"all {len(labels)} labels exist"
        return Finding(level="ok", check="labels", subject=source.name, text=text)
    if may_create:
        text = (
            f"{len(missing)} of {len(labels)} labels do not exist yet and are made before first use: {shown}"
        )
        return Finding(level="ok", check="labels", subject=source.name, text=text)
    text = (
        f"{len(missing)} of {len(labels)} labels are not there and the account may not make them: {shown}; "
    )
    return _problem("rights", source, text + "make them by hand, or give the account the role write")


def _problem(check: str, source: Source, text: str) -> Finding:
    return Finding(level="problem", check=check, subject=source.name, text=text)
