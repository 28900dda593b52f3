"""Sentences about answers of trackers and proxies: what happened, what the tracker says, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from connectors.errors import ConnectorError, NotConfirmed, Rejected, Unavailable, Unreachable
from connectors.http.response_errors import printable_line
from connectors.http.retry import RequestKind
from tests.unit.test_guarded_adapter import BASE, SECRET, Client


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def failure(net: responses.RequestsMock, kind: RequestKind = "create", **answer: Any) -> ConnectorError:
    """Return the error of a write that is answered so."""
    net.post(f"{BASE}/comments", **answer)
    with pytest.raises(ConnectorError) as caught:
        Client().post(kind)
    return caught.value


WHERE = "github: POST /api/v3/comments: "


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, 'does not accept the credentials: "No way"; check that the token is right and has not expired'),
        (403, 'refused with HTTP 403: "No way"'),
        (404, "not found, or not visible to this account (HTTP 404)"),
        (410, 'not found, or not visible to this account (HTTP 410): "No way"'),
        (422, 'refused with HTTP 422: "No way"'),
        (501, 'answered HTTP 501: "No way"; try again later'),
    ],
)
def test_a_refusal_names_request_status_and_message(
    net: responses.RequestsMock, status: int, message: str
) -> None:
    error = failure(net, status=status, json={"message": "No way"})
    assert str(error).startswith(WHERE)
    assert str(error).endswith(message)
    assert error.answer == f'HTTP {status}: "No way"'


def test_a_proxy_that_wants_a_password_is_no_tracker(net: responses.RequestsMock) -> None:
    error = failure(net, status=407)
    assert isinstance(error, Unreachable)
    assert str(error) == (
        f"{WHERE}a proxy wants a user name and password (HTTP 407); write them into HTTPS_PROXY, "
        "http://USER:PASSWORD@HOST:PORT"
    )


@pytest.mark.parametrize(
    ("status", "headers", "message", "hint"),
    [
        (403, {"X-GitHub-SSO": "required; url=https://x"}, "No", "; the organization demands single sign-on"),
        (403, {"X-GitHub-SSO": "partial-results"}, "No", ""),
        (403, {}, "Your IP is not on the IP Allow List", "; ask an owner of the organization to add this"),
        (403, {"X-Accepted-GitHub-Permissions": "issues=write"}, "No", "; the token needs issues=write"),
        (422, {"X-Accepted-GitHub-Permissions": "issues=write"}, "No", ""),
    ],
)
def test_a_refusal_says_who_can_lift_it(
    net: responses.RequestsMock, status: int, headers: dict[str, str], message: str, hint: str
) -> None:
    text = str(failure(net, status=status, headers=headers, json={"message": message}))
    _, _, found = text.partition(f'"{message}"')
    assert found.startswith(hint) if hint else found == ""


@pytest.mark.parametrize(
    ("data", "quote"),
    [
        ({"message": "Sorry"}, ': "Sorry"'),
        ({"message": "Sorry", "errors": [{"code": "invalid", "field": "name"}]}, ': "Sorry; name invalid"'),
        ({"errors": [{"code": "custom", "field": "name", "message": "too long"}]}, ': "too long"'),
        ({"errors": [{"code": "invalid"}]}, ': "code: invalid"'),
        ({"errorMessages": ["One", "Two"], "errors": {"labels": "bad"}}, ': "One; Two; labels: bad"'),
        ({"message": "Same", "errors": ["Same"]}, ': "Same"'),
        ({"errors": [{"message": "alone"}, None, 7]}, ': "alone"'),
        ({"message": "a\n\tb\x07 c"}, ': "a b c"'),
        ({"message": f"the token {SECRET}"}, ': "the token ***"'),
        ({"message": ""}, ""),
        ({"other": "x"}, ""),
        (["message"], ""),
    ],
)
def test_messages_of_github_and_jira_are_quoted_once_and_without_secrets(
    net: responses.RequestsMock, data: Any, quote: str
) -> None:
    assert str(failure(net, status=422, json=data)) == f"{WHERE}refused with HTTP 422{quote}"


def test_a_quote_is_cut_at_200_characters() -> None:
    assert printable_line("x" * 200) == "x" * 200
    assert printable_line("x" * 201) == "x" * 199 + "…"


def test_a_redirect_without_address_is_told(net: responses.RequestsMock) -> None:
    net.get(f"{BASE}/issues", status=302)
    with pytest.raises(ConnectorError) as moved:
        Client().get()
    assert str(moved.value) == (
        "github: GET /api/v3/issues: was renamed or moved to an address that it does not name (HTTP 302)"
    )


@pytest.mark.parametrize(
    ("content_type", "what"),
    [
        ("text/HTML; charset=utf-8", "a web page (to log in, or a proxy's)"),
        ("application/json", "no JSON or a broken one (cut short, for example)"),
    ],
)
def test_an_answer_that_is_no_json_says_what_it_is(
    net: responses.RequestsMock, content_type: str, what: str
) -> None:
    error = failure(net, "idempotent", body="<html>", content_type=content_type)
    assert str(error) == (
        f"{WHERE}answered HTTP 200 with {what}; check url of this tracker in increment-sync.yaml and try again"
    )


def test_waits_name_what_is_waited_for(net: responses.RequestsMock) -> None:
    for answer in (
        {"body": "<html>"},
        {"status": 202, "json": {}},
        {"status": 503, "headers": {"Retry-After": "7"}},
        {"json": {"id": 1}},
    ):
        net.post(f"{BASE}/comments", **answer)
    client = Client()
    assert client.post("idempotent") == {"id": 1}
    assert [wait.reason for wait in client.waits] == [
        "a whole answer",
        "a documented answer",
        "an answer (HTTP 503)",
    ]
    assert client.slept == [1, 2, 7]


def test_a_rate_limit_is_named_after_its_tracker(net: responses.RequestsMock) -> None:
    error = failure(net, status=429, headers={"Retry-After": "1800"})
    assert str(error).startswith("github: the rate limit of github is used up until 2026-11-20 09:30 UTC")


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("create", 500, "answered HTTP 500; it may have taken effect all the same"),
        (
            "create",
            200,
            "the tracker documents 201; a proxy may have answered, and the request may have taken",
        ),
        ("idempotent", 202, "a proxy may have answered, so the next run checks what it wrote"),
        ("read", 202, "a proxy may have answered; check url of this tracker in increment-sync.yaml"),
    ],
)
def test_doubt_is_told_as_doubt(
    net: responses.RequestsMock, kind: RequestKind, status: int, text: str
) -> None:
    assert text in str(failure(net, kind, status=status, json={}))


def test_a_create_whose_answer_is_no_json_says_so(net: responses.RequestsMock) -> None:
    error = failure(net, status=201, body="<html>")
    assert str(error) == (f"{WHERE}answered HTTP 201 with something that is not JSON; check before repeating")


def test_a_refusal_of_a_new_token_is_repeated_and_proves_that_nothing_happened(
    net: responses.RequestsMock,
) -> None:
    net.post(f"{BASE}/comments", status=401, json={"message": "Bad credentials"})
    net.post(f"{BASE}/comments", status=403, json={"message": "no"})
    client = Client(is_premature=lambda response: response.status_code == 401)
    with pytest.raises(Rejected) as refused:
        client.post("idempotent")
    assert not refused.value.follows_ambiguous_write
    assert [wait.reason for wait in client.waits] == ["the new token to be known everywhere"]


def test_a_read_without_a_body_is_no_answer_and_a_write_needs_none(net: responses.RequestsMock) -> None:
    net.get(f"{BASE}/issues", body="  ")
    with pytest.raises(ConnectorError, match="no JSON"):
        Client().get()
    net.post(f"{BASE}/comments", body="")
    assert Client().post("idempotent") is None


def test_a_304_to_a_write_is_no_answer(net: responses.RequestsMock) -> None:
    assert isinstance(failure(net, "idempotent", status=304), NotConfirmed)


def test_a_server_that_fails_twice_is_not_asked_a_third_time(net: responses.RequestsMock) -> None:
    net.get(f"{BASE}/issues", status=500)
    client = Client()
    for requests in (4, 8, 8):
        with pytest.raises(Unavailable):
            client.get()
        assert len(net.calls) == requests


def test_an_answer_between_failures_closes_the_count(net: responses.RequestsMock) -> None:
    client = Client()
    for status in (500, 200, 500, 200):
        net.get(f"{BASE}/issues", status=status, json=[])
        if status == 200:
            assert client.get() == []
        else:
            with pytest.raises(Unavailable):
                client.get()
        net.reset()
