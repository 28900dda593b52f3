"""Absurd, missing, null and wrongly typed values in every payload and header: a value or a sentence, never a bug."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from connectors.diagnostics import clock_results
from connectors.errors import BadPayload, ConnectorError, MalformedIssue
from connectors.github import auth as github_auth
from connectors.github import payload as github
from connectors.github.dependencies import BlockerNames
from connectors.http.response import ResponseParser
from connectors.http.retry import RequestKind, RetryableFailure, server_wait_seconds
from connectors.http.usage import RequestStats
from connectors.jira import changelog, payload, site
from connectors.model import FieldSelection, Issue, IssueRef
from sync.store.codec import decode_issue, dump_json, encode_issue_payload, load_json
from tests.support import official_payloads as official
from tests.support.absurd_values import Change, absurd_changes, absurd_header, assert_well_formed, garbled

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
IDS = payload.FieldIds(
    sprint="customfield_1",
    epic_link="customfield_2",
    parent_link="customfield_5",
    flagged="customfield_3",
    custom={"Team": ("customfield_4",)},
)
SELECTION = FieldSelection(body=True, state_labels=frozenset({"blocked"}), dependencies=True)
REF = IssueRef(tracker="jira", id="10012", key="DS-12")


def jira_issue(raw: Any) -> Issue:
    return payload.parse_issue(
        raw, tracker="jira", site_url=official.SITE, field_ids=IDS, link_types=("waits for",)
    )


def github_issue(raw: Any) -> Issue:
    return github.parse_issue(
        raw, tracker="github", container="acme/churn", web_url="https://github.com", selection=SELECTION
    )


def github_blockers(raw: Any) -> Any:
    """Return an issue whose blockers are described by ``raw``."""
    transport: Any = SimpleNamespace(get=lambda path, params: SimpleNamespace(data=raw))
    return BlockerNames(transport).name(github_issue(official.github_issue()), official.github_issue())


def github_events(raw: Any) -> Any:
    rows = github.require_list(raw, "events")
    return [github.parse_label_histories(rows), github.parse_label_origins(rows)]


def expanded_changelog(raw: Any) -> Any:
    return changelog.parse_changes(changelog.expanded_entries(raw, REF), REF, SELECTION, IDS.flagged)


PARSERS: Mapping[str, tuple[Any, Callable[[Any], Any]]] = {
    "issue of Jira": (official.jira_issue(), jira_issue),
    "issue of GitHub": (official.github_issue(), github_issue),
    "changelog of Jira": (official.jira_issue(), expanded_changelog),
    "label origins of Jira": (official.jira_issue(), changelog.parse_label_origins),
    "label histories of Jira": (
        official.jira_histories(),
        lambda raw: changelog.parse_label_histories(raw if isinstance(raw, list) else [raw], "a changelog"),
    ),
    "comment of Jira": (official.jira_comment(), payload.parse_comment),
    "fields of Jira": (official.jira_fields(), lambda raw: payload.parse_field_ids(raw, ["Team"])),
    "statuses of Jira": (official.jira_statuses(), changelog.parse_statuses),
    "account of Jira": (official.jira_person(), payload.parse_account),
    "blockers of GitHub": ([official.github_issue()], github_blockers),
    "events of GitHub": (official.github_events(), github_events),
    "comment of GitHub": (official.github_comment(), github.parse_comment),
    "labels of GitHub": ([official.github_label()], lambda raw: github.parse_label_names(raw, "an issue")),
}
"""Name -> payload, and the parser that it is made for."""


@pytest.mark.parametrize("name", PARSERS)
def test_official_payloads_are_read(name: str) -> None:
    raw, parse = PARSERS[name]
    assert_well_formed(parse(raw))


@settings(max_examples=700)
@given(name=st.sampled_from(sorted(PARSERS)), changes=absurd_changes)
def test_a_garbled_payload_is_a_value_or_a_sentence(name: str, changes: list[Change]) -> None:
    raw, parse = PARSERS[name]
    try:
        found = parse(garbled(raw, changes))
    except BadPayload as error:
        assert len(str(error)) < 300
        assert str(error).isprintable()
        assert isinstance(error, MalformedIssue) == name.startswith("issue of")
    else:
        assert_well_formed(found)
        if isinstance(found, Issue):
            assert stored_and_loaded(found) == found


def stored_and_loaded(issue: Issue) -> Issue:
    encoded = load_json(dump_json(encode_issue_payload(issue)))
    ref, fixed = issue.ref, (issue.container, issue.status, issue.category, issue.updated)
    return decode_issue(ref.tracker, ref.id, ref.key, *fixed, encoded)


HEADER_NAMES = (
    *("Retry-After", "Date", "X-RateLimit-Reset", "X-RateLimit-Remaining", "X-RateLimit-Limit", "Location"),
    *("X-RateLimit-Resource", "RateLimit-Reason", "X-Seraph-LoginReason", "X-AUSERNAME", "Content-Type"),
    *("X-Accepted-GitHub-Permissions", "ETag", "Link"),
)
BODIES = (
    b"",
    b" ",
    b"{}",
    b"[]",
    b"null",
    b"7",
    b"[" * 3000,
    b"\xff\xfe",
    b'{"errors": 7, "message": {}}',
    b"1" * 6000,
)


@settings(max_examples=300)
@given(
    status=st.sampled_from((200, 201, 204, 301, 304, 400, 401, 403, 404, 422, 429, 500, 503, 199, 999)),
    headers=st.dictionaries(st.sampled_from(HEADER_NAMES), absurd_header, max_size=4),
    body=st.sampled_from(BODIES),
    kind=st.sampled_from(("read", "idempotent", "create")),
    vendor=st.sampled_from(("github", "jira")),
)
def test_garbled_headers_and_bodies_are_a_value_or_a_sentence(
    status: int, headers: dict[str, str], body: bytes, kind: RequestKind, vendor: str
) -> None:
    response = requests.Response()
    response.status_code, response._content = status, body
    response.headers = CaseInsensitiveDict(headers)
    response.request = requests.Request("GET", f"{official.API}/x").prepare()
    response.url = str(response.request.url)
    if vendor == "github":
        parser = ResponseParser("t", lambda: NOW, github_auth.detect_rate_limit, github_auth.classify_error)
    else:
        classify = site.error_classifier("t", hint_at_scoped_tokens=True)
        parser = ResponseParser("t", lambda: NOW, site.detect_rate_limit, classify)
    try:
        parser.parse(response, "t: GET /x", kind)
    except RetryableFailure as failure:
        assert str(failure.error)
        NOW + timedelta(seconds=failure.seconds or 0)
    except ConnectorError as error:
        assert len(str(error)) < 700
    seconds = server_wait_seconds(response.headers, NOW)
    assert seconds is None or 0 <= seconds <= 366 * 86_400
    list(clock_results("t", response.headers, NOW))
    site.is_anonymous(response.headers)
    stats = RequestStats()
    stats.record_response("t", response.headers)
    assert_well_formed(stats.rate_limits())
