"""Tokens of a GitHub App in their first seconds, when not every server of GitHub knows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.errors import AuthFailed, Gone
from connectors.github.auth import GithubApp
from connectors.model import FailedSource, FieldSelection, PulledSource
from tests.unit.test_github_defects import API, ISSUE, REF, REPO, GithubConnection, cursor, raw_comment
from tests.unit.test_github_payload import raw_issue

BAD_CREDENTIALS = {"message": "Bad credentials"}


@pytest.fixture(scope="module")
def app() -> GithubApp:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return GithubApp(app_id="7", private_key=pem, installation_id=70)


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for token, expires in (("first", "2026-11-20T10:00:00Z"), ("second", "2026-11-20T11:00:00Z")):
            mock.post(
                f"{API}/app/installations/70/access_tokens",
                status=201,
                json={"token": token, "expires_at": expires},
            )
        yield mock


@pytest.fixture
def connection(app: GithubApp) -> GithubConnection:
    return GithubConnection(token=None, app=app)


@pytest.mark.parametrize("status", [401, 404])
@pytest.mark.parametrize("refusals", [1, 2, 3])
def test_a_new_token_that_is_not_yet_known_is_tried_again_with_growing_waits(
    net: responses.RequestsMock, connection: GithubConnection, status: int, refusals: int
) -> None:
    for _ in range(refusals):
        net.get(f"{REPO}/issues", status=status, json=BAD_CREDENTIALS)
    net.get(f"{REPO}/issues", json=[raw_issue()])
    assert isinstance(connection.pull(cursor()), PulledSource)
    assert connection.slept == [1.0, 2.0, 4.0][:refusals]


def test_a_token_that_stays_refused_fails_with_its_own_error(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", status=401, json=BAD_CREDENTIALS)
    failure = connection.pull(cursor())
    assert isinstance(failure, FailedSource)
    assert failure.kind == "auth"
    assert len(connection.slept) == 3


def test_a_write_right_after_the_token_was_made_is_tried_again(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.post(f"{ISSUE}/comments", status=401, json=BAD_CREDENTIALS)
    net.post(f"{ISSUE}/comments", status=201, json=raw_comment())
    assert connection.writer.create_comment(REF, "status", {}).id == "9"
    assert connection.slept == [1.0]


def test_a_refusal_of_a_new_token_leaves_no_doubt_about_the_write(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.post(f"{ISSUE}/labels", status=401, json=BAD_CREDENTIALS)
    with pytest.raises(AuthFailed) as refused:
        connection.writer.change_labels(REF, ["capability:model"], [])
    assert not refused.value.follows_ambiguous_write


def test_a_token_made_anew_in_a_long_run_is_new_again(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", json=[raw_issue()])
    connection.pull(cursor())
    connection.time += timedelta(hours=1)
    net.replace(responses.GET, f"{REPO}/issues", status=401, json=BAD_CREDENTIALS)
    net.get(f"{REPO}/issues", json=[raw_issue()])
    assert isinstance(connection.pull(cursor()), PulledSource)
    sent = [call.request.headers["Authorization"] for call in net.calls if call.request.method == "GET"]
    assert sent == ["token first", "token second", "token second"]


def test_a_token_that_was_accepted_is_believed_about_missing_objects(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", json=[raw_issue()])
    net.get(ISSUE, status=404)
    connection.pull(cursor())
    with pytest.raises(Gone):
        connection.reader.read(REF.key, FieldSelection())
    assert connection.slept == []


@pytest.mark.parametrize("status", [401, 404])
def test_an_older_token_is_refused_at_once(
    net: responses.RequestsMock, connection: GithubConnection, status: int
) -> None:
    net.get(f"{REPO}/issues", json=[raw_issue()])
    connection.pull(cursor())
    connection.time += timedelta(minutes=1)
    net.replace(responses.GET, f"{REPO}/issues", status=status, json=BAD_CREDENTIALS)
    assert isinstance(connection.pull(cursor()), FailedSource)
    assert connection.slept == []


@pytest.mark.parametrize("status", [401, 404])
def test_a_personal_token_is_refused_at_once(net: responses.RequestsMock, status: int) -> None:
    connection = GithubConnection()
    net.get(f"{REPO}/issues", status=status, json=BAD_CREDENTIALS)
    assert isinstance(connection.pull(cursor()), FailedSource)
    assert (connection.slept, len(net.calls)) == ([], 1)


def test_a_refused_signature_of_the_app_is_final(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.replace(
        responses.POST,
        f"{API}/app/installations/70/access_tokens",
        status=401,
        json={"message": "no such app"},
    )
    assert isinstance(connection.pull(cursor()), FailedSource)
    assert connection.slept == []
