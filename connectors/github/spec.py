"""Specification of GitHub.com and GitHub Enterprise Server. Imports no client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from connectors.github.credential_names import CREDENTIALS, DEFAULT_URL
from connectors.http.rate_limiter import WriteLimits
from connectors.markdown import MARKDOWN
from connectors.ports import IssueReader, IssueWriter
from connectors.spec import (
    SPEC_VERSION,
    ConnectorSpec,
    Finding,
    KeySpec,
    OpenArguments,
    Option,
    SourceSpec,
    Traits,
)

# Not ``.`` or ``..``, which would change the path of a request.
_NAME: Final = r"(?!\.{1,2}(?![A-Za-z0-9._-]))[A-Za-z0-9._-]+"
_REPOSITORY: Final = re.compile(f"{_NAME}/{_NAME}")
_PAGE: Final = re.compile(r"([A-Za-z0-9._-]+/[A-Za-z0-9._-]+)/(?:issues|pull)/([1-9][0-9]*)")


def _open(arguments: OpenArguments) -> tuple[IssueReader, IssueWriter]:
    from connectors.github.auth import GithubApp
    from connectors.github.connect import open_github

    given, app = arguments.credentials, None
    if given.keys() >= {"app_id", "app_private_key", "app_installation_id"}:
        app = GithubApp(
            app_id=given["app_id"],
            private_key=given["app_private_key"],
            installation_id=int(given["app_installation_id"]),
        )
    return open_github(
        tracker=arguments.tracker,
        url=arguments.url or DEFAULT_URL,
        token=given.get("token"),
        app=app,
        cache=arguments.cache,
        policy=arguments.policy,
        rate_limiter=arguments.rate_limiter,
        page_size=arguments.page_size or 100,
        overlap=arguments.overlap,
        now=arguments.now,
        sleep=arguments.sleep,
        on_wait=arguments.on_wait,
        adapter=arguments.adapter,
        request_stats=arguments.request_stats,
    )


def _check_repository(text: str) -> Iterator[Finding]:
    if not _REPOSITORY.fullmatch(text):
        yield Finding(f'"{text}" is not a repository; write it as owner/name.')


def _find_in_url(url: str) -> str | None:
    found = _PAGE.search(url)
    return f"{found[1]}#{found[2]}" if found else None


SPEC: Final = ConnectorSpec(
    version=SPEC_VERSION,
    name="github",
    title="GitHub",
    kinds={"github": "GitHub"},
    default_url=DEFAULT_URL,
    open=_open,
    credentials=CREDENTIALS,
    keys=KeySpec(
        pattern=re.compile(f"{_NAME}/{_NAME}#[1-9][0-9]*"),
        example="owner/repo#12",
        container=lambda key: key.partition("#")[0],
        find_in_url=_find_in_url,
        web_host=lambda host: host.removeprefix("api."),
    ),
    source=SourceSpec(
        noun="repository",
        shape="{repo: owner/name}",
        options=(
            Option(
                "repo",
                "GitHub repository.",
                example="acme/churn",
                normalize=str.lower,  # GitHub ignores case, so that each repository has one spelling
                check=_check_repository,
            ),
            Option("pull_requests", "Include pull requests of the repository.", type="boolean"),
        ),
    ),
    fields=frozenset({"blocked_by", "milestone"}),
    markup=replace(MARKDOWN, max_length=60_000, footer=("<sub>", "</sub>")),  # of 65,536 characters
    traits=Traits(
        labels_case_exact=False,
        label_objects=True,
        edits_may_send_mail=False,
        statuses={"todo": "open", "doing": "open", "done": "closed"},
        fixed_statuses=frozenset({"open", "closed"}),
    ),
    write_limits=WriteLimits(spacing=1.0, per_minute=80, per_hour=500),
)
