"""What the libraries' clients do by themselves, out of reach behind the guarded adapter."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from connectors.errors import BadPayload
from connectors.github.auth import GithubApp
from connectors.github.client import GuardedRequester
from connectors.github.connect import open_github
from connectors.http.guarded_adapter import GuardedAdapter
from connectors.http.rate_limiter import RateLimiter, WriteLimits
from connectors.http.retry import RetryPolicy
from connectors.jira.client import GuardedJira
from connectors.model import IssueRef
from connectors.testing import MemoryCache
from tests.support.leaks import everything_loud

API = "https://api.github.com"
SITE = "https://acme.atlassian.net"
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
REF = IssueRef(tracker="github", id="1296269", key="acme/churn#7")


class EchoNetwork(BaseAdapter):
    """Answers every request with its own URL."""

    def __init__(self, headers: Mapping[str, str] | None = None, seconds: float = 0.0) -> None:
        super().__init__()
        self.seen: list[requests.PreparedRequest] = []
        self._headers, self._seconds = headers or {}, seconds

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.seen.append(request)
        time.sleep(self._seconds)
        response = requests.Response()
        response.status_code = 200
        response.headers = CaseInsensitiveDict(self._headers)
        response.url, response.request = str(request.url), request
        response._content = json.dumps({"url": request.url}).encode()
        return response

    def close(self) -> None: ...


def adapter(base: str, network: BaseAdapter) -> GuardedAdapter:
    return GuardedAdapter(
        base,
        tracker="tracker",
        policy=RetryPolicy(random=lambda: 0.5),
        now=lambda: START,
        sleep=lambda _: None,
        on_wait=lambda _: None,
        adapter=network,
    )


def github(network: BaseAdapter) -> GuardedRequester:
    return GuardedRequester(adapter(API, network), None)


def jira(network: BaseAdapter) -> GuardedJira:
    return GuardedJira(adapter(SITE, network), cloud=True, basic_auth=("sync@acme.example", "secret"))


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_the_libraries_are_loaded_only_when_a_tracker_is_opened() -> None:
    modules = [f"connectors.{kind}.{name}" for kind in ("jira", "github") for name in ("connect", "spec")]
    program = f"import sys, {', '.join(modules)}; print({{'jira', 'github'}} & set(sys.modules))"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "set()"


@pytest.mark.parametrize("client", [github, jira])
def test_threads_get_the_answers_to_their_own_requests(
    client: Callable[[BaseAdapter], GuardedRequester | GuardedJira],
) -> None:
    """PyGithub hands one connection to several threads, which overwrite each other's request."""
    opened = client(EchoNetwork(seconds=0.001))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: opened.send("GET", f"/items/{n}", kind="read").data, range(80)))
    assert [answer["url"].rpartition("/")[2] for answer in answers] == [str(n) for n in range(80)]


@pytest.mark.parametrize(
    "read",
    [
        lambda network: github(network).repository("repos/acme/churn").description,
        lambda network: github(network).issue("repos/acme/churn/issues/7").title,
        lambda network: jira(network).myself(),
        lambda network: jira(network).enhanced_search_issues("project = DS"),
    ],
)
def test_requests_that_objects_send_by_themselves_are_refused(read: Callable[[BaseAdapter], object]) -> None:
    network = EchoNetwork()
    with pytest.raises(BadPayload, match="a request that nobody asked for"):
        read(network)
    assert network.seen == []


def test_one_call_sends_one_request() -> None:
    """What a method asks for after its first answer is not sent: the library reads an empty serverInfo four times."""
    network = EchoNetwork()
    client = jira(network)

    def read_twice() -> None:
        client.myself()
        client.fields()

    assert client.ask(read_twice).data == {"url": f"{SITE}/rest/api/2/myself"}
    assert len(network.seen) == 1


def test_uploads_and_streams_have_no_connection() -> None:
    network = EchoNetwork()
    with pytest.raises(NotImplementedError):
        github(network).requestMultipart("POST", "/upload", input={"a": "b"})
    with pytest.raises(NotImplementedError):
        github(network).getStream(f"{API}/file")
    assert network.seen == []


def test_pages_are_requested_by_the_very_url_that_github_names() -> None:
    """PyGithub drops empty parameters, sorts the others, and keeps only the path of the URL."""
    network = EchoNetwork()
    page = f"{API}/repositories/900/issues?since=2026&after=&per_page=100"
    assert github(network).get(page).data["url"] == page
    for other in ("https://evil.example/repositories/900", f"{API}:444/repositories/900"):
        with pytest.raises(BadPayload, match="not part of"):
            github(network).get(other)
        with pytest.raises(BadPayload, match="not part of"):
            github(network).requestJson("GET", other)
    assert len(network.seen) == 1


def test_headers_that_pygithub_cannot_read_do_no_harm() -> None:
    headers = {"X-RateLimit-Remaining": "many", "X-RateLimit-Limit": "1e999", "X-RateLimit-Reset": "inf"}
    assert github(EchoNetwork(headers)).get("user").data == {"url": f"{API}/user"}


def test_an_answer_that_breaks_an_object_is_judged_by_us(net: responses.RequestsMock) -> None:
    net.post(f"{API}/repos/acme/churn/issues/7/comments", status=201, json=["no", "comment"])
    client = GuardedRequester(adapter(API, requests.adapters.HTTPAdapter()), None)
    answer = client.ask(
        lambda: client.issue("repos/acme/churn/issues/7").create_comment("x"), kind="create", expects=201
    )
    assert answer.data == ["no", "comment"]


def test_the_encoding_of_an_answer_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a content type, PyGithub has the text guessed: a minute for an answer of 64 MB."""
    guess = property(lambda _: pytest.fail("guessed"))
    monkeypatch.setattr(requests.Response, "apparent_encoding", guess)
    assert github(EchoNetwork()).get("user").status == 200


# ---- an installation of an app


@pytest.fixture(scope="module")
def app() -> GithubApp:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return GithubApp(app_id="7", private_key=pem, installation_id=70)


class AppConnection:
    """Reader and writer of an app on a mocked GitHub that hands out ``ghs_1``, ``ghs_2``, ... for two minutes each."""

    def __init__(self, net: responses.RequestsMock, app: GithubApp) -> None:
        self.time, self.tokens = START, 0
        net.add_callback("POST", f"{API}/app/installations/70/access_tokens", self._hand_out)
        label = [{"name": "capability:x"}]
        net.post(f"{API}/repos/acme/churn/issues/7/labels", json=label)
        limits = WriteLimits(spacing=100)
        _, self.writer = open_github(
            tracker="github",
            cache=MemoryCache(),
            app=app,
            now=lambda: self.time,
            sleep=self._sleep,
            on_wait=lambda _: None,
            rate_limiter=RateLimiter(limits, tracker="github"),
        )

    def _hand_out(self, _: object) -> tuple[int, dict[str, str], str]:
        self.tokens += 1
        expires = self.time + timedelta(minutes=2)
        token = {"token": f"ghs_token_{self.tokens}", "expires_at": f"{expires:%Y-%m-%dT%H:%M:%SZ}"}
        return 201, {}, json.dumps(token)

    def _sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def test_a_token_that_expires_while_a_write_waits_is_renewed(
    net: responses.RequestsMock, app: GithubApp
) -> None:
    connection = AppConnection(net, app)
    for _ in range(2):
        connection.writer.change_labels(REF, ["capability:x"], [])
    sent = [call.request.headers["Authorization"] for call in net.calls]
    assert [each for each in sent if each.startswith("token")] == ["token ghs_token_1", "token ghs_token_2"]


def test_no_log_level_shows_the_token_or_signature_of_an_app(
    net: responses.RequestsMock, app: GithubApp
) -> None:
    with everything_loud() as log:
        AppConnection(net, app).writer.change_labels(REF, ["capability:x"], [])
        logging.getLogger("github.Requester").debug("the log is on")
    signature = net.calls[0].request.headers["Authorization"].removeprefix("Bearer ")
    assert "the log is on" in log.getvalue()
    assert signature not in log.getvalue()
    assert "ghs_token" not in log.getvalue()
