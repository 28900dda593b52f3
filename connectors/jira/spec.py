"""Specification of Jira Cloud and Jira Data Center. Imports no client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, cast

from connectors.http.rate_limiter import WriteLimits
from connectors.http.url_policy import describe_bad_url
from connectors.jira import markup
from connectors.jql_syntax import BadJql, doubtful_characters, without_order
from connectors.ports import IssueReader, IssueWriter
from connectors.spec import (
    SPEC_VERSION,
    ConnectorSpec,
    CredentialPart,
    CredentialSpec,
    Finding,
    KeySpec,
    Markup,
    OpenArguments,
    Option,
    SourceSpec,
    Traits,
)

_PROJECT: Final = re.compile(r"[A-Z][A-Z0-9_]+")
_PAGE: Final = re.compile(r"(?:/browse/|[?&]selectedIssue=)([A-Za-z][A-Za-z0-9_]+-[1-9][0-9]*)")


def _open(arguments: OpenArguments) -> tuple[IssueReader, IssueWriter]:
    from connectors.jira.connect import open_jira
    from connectors.jira.site import JiraKind

    given = arguments.credentials
    return open_jira(
        tracker=arguments.tracker,
        kind=cast("JiraKind", arguments.kind),
        url=arguments.url or "",
        cloud_id=arguments.options.get("cloud_id") or given.get("cloud_id"),
        gateway_url=arguments.options["gateway_url"],
        email=given.get("email"),
        api_token=given.get("token"),
        pat=given.get("pat"),
        cache=arguments.cache,
        policy=arguments.policy,
        overlap=arguments.overlap,
        page_size=arguments.page_size or 1000,
        rate_limiter=arguments.rate_limiter,
        on_smaller_page=arguments.on_smaller_page,
        now=arguments.now,
        sleep=arguments.sleep,
        on_wait=arguments.on_wait,
        adapter=arguments.adapter,
        request_stats=arguments.request_stats,
    )


def _check_project(text: str) -> Iterator[Finding]:
    if not _PROJECT.fullmatch(text):
        yield Finding(
            f'"{text}" is not a project key; write the upper-case part of the issue keys, such as DS.'
        )


def _check_jql(jql: str) -> Iterator[Finding]:
    try:
        condition = without_order(jql)
    except BadJql as error:
        yield Finding(f"Jira cannot read this `jql`: {error}; correct it.")
        return
    if condition != jql.strip():
        yield Finding("`jql` only narrows the project; remove ORDER BY.")
    elif not condition:
        yield Finding("`jql` is blank; give it a value or remove the key.")
    if doubtful := " ".join(doubtful_characters(condition)):
        sentence = f'Jira may refuse {doubtful} outside "quotation marks"; put the value into them.'
        yield Finding(sentence, is_warning=True)


def _check_gateway(url: str) -> Iterator[Finding]:
    if problem := describe_bad_url(url, GATEWAY):
        yield Finding(problem)


def _find_in_url(url: str) -> str | None:
    found = _PAGE.search(url)
    return found[1].upper() if found else None


GATEWAY: Final = "https://api.atlassian.com"

SPEC: Final = ConnectorSpec(
    version=SPEC_VERSION,
    name="jira",
    title="Jira",
    kinds={"jira-cloud": "Jira Cloud", "jira-dc": "Jira Data Center"},
    open=_open,
    settings=(
        Option(
            "cloud_id",
            "Jira Cloud: id of the site. Required for scoped tokens, which use the gateway.",
            example="11111111-2222-3333-4444-555555555555",
        ),
        Option(
            "gateway_url",
            "Jira Cloud: URL of the gateway for scoped tokens.",
            default=GATEWAY,
            normalize=lambda url: url.rstrip("/"),
            check=_check_gateway,
        ),
    ),
    credentials=CredentialSpec(
        parts=(
            CredentialPart(name="url", customary=("JIRA_URL", "JIRA_BASE_URL"), is_secret=False),
            CredentialPart(name="email", customary=("JIRA_EMAIL", "JIRA_USERNAME"), is_secret=False),
            CredentialPart(name="token", customary=("JIRA_API_TOKEN",)),
            CredentialPart(name="pat", customary=("JIRA_PAT",)),
            CredentialPart(name="cloud_id", customary=("JIRA_CLOUD_ID",), is_secret=False),
        ),
        sufficient={"jira-cloud": (("email", "token"),), "jira-dc": (("pat",), ("email", "token"))},
    ),
    keys=KeySpec(
        pattern=re.compile(r"[A-Z][A-Z0-9_]+-[1-9][0-9]*"),
        example="DS-100",
        normalize=lambda key: key.strip().upper(),
        container=lambda key: key.rpartition("-")[0],
        find_in_url=_find_in_url,
    ),
    source=SourceSpec(
        noun="project",
        shape="{project: KEY}",
        options=(
            Option("project", "Jira project key.", example="DS", check=_check_project),
            Option(
                "jql",
                "JQL that narrows the Jira project; without ORDER BY.",
                example="component = Churn",
                check=_check_jql,
            ),
        ),
    ),
    fields=frozenset({"blocked_by", "components", "fix_version", "sprint"}),
    markup=Markup(
        escape=markup.escape_wiki,
        bold="*",
        bullet="*",
        code=("{{", "}}"),
        table_header=markup.table_header,
        max_length=30_000,  # of 32,767 characters
        marks_in_text=False,
    ),
    traits=Traits(
        labels_in_one_write=True,
        whole_containers_share_requests=True,
        statuses={"todo": "To Do", "doing": "In Progress", "done": "Done"},
    ),
    write_limits=WriteLimits(spacing=0.2),
)
