"""Sandbox over HTTP: mounts, faults, log, clock, shutdown."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from connectors.sandbox.core.faults import Fault
from connectors.sandbox.core.seed import SeedError, parse_time, read_seed
from connectors.sandbox.core.tracker import Clock
from connectors.sandbox.server import Sandbox, SandboxError

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SEED = {
    "now": "2026-11-20T09:00:00Z",
    "trackers": {
        "github": {
            "kind": "github",
            "accounts": [{"login": "bot", "token": "t"}],
            "repos": {
                "acme/churn": {
                    "permissions": {"bot": "write"},
                    "issues": [{"title": f"issue {n}", "created": f"{n}d ago"} for n in range(1, 6)],
                }
            },
        },
        "ghes": {"kind": "github", "server": "enterprise", "repos": {"acme/churn": {"issues": []}}},
    },
}
HEADERS = {"Authorization": "Bearer t"}


@pytest.fixture
def box():
    with Sandbox.from_seed(SEED) as sandbox:
        yield sandbox


def get(box, path, **params):
    return requests.get(box.url("github") + path, params=params, headers=HEADERS, timeout=5)


def comment(box, timeout=5):
    url = box.url("github") + "/repos/acme/churn/issues/1/comments"
    return requests.post(url, json={"body": "hello"}, headers=HEADERS, timeout=timeout)


def comments_of(box):
    return box.trackers["github"].state.issue("acme/churn", 1).comments


def test_each_tracker_is_mounted_under_its_name(box):
    assert box.url("ghes") == f"{box.base_url}/ghes/api/v3"
    assert len(get(box, "/repos/acme/churn/issues").json()) == 5
    assert requests.get(box.url("ghes") + "/repos/acme/churn/issues", timeout=5).json() == []
    assert requests.get(box.base_url + "/gitlab", timeout=5).status_code == 404


def test_every_response_has_the_date_of_the_sandbox_clock_once(box):
    box.clock.advance(timedelta(hours=1))
    dates = get(box, "/repos/acme/churn").raw.headers.getlist("Date")
    assert [parsedate_to_datetime(date) for date in dates] == [NOW + timedelta(hours=1)]


def test_the_log_has_caller_request_and_status(box):
    get(box, "/repos/acme/churn/issues", state="all")
    get(box, "/repos/acme/nothing")
    first, second = box.log.entries
    assert (first.method, first.path) == ("GET", "/api/v3/repos/acme/churn/issues")
    assert (first.query, first.status, first.authenticated_as) == ({"state": "all"}, 200, "bot")
    assert second.status == 404
    assert box.log.count("GET", "*/issues") == 1
    assert box.log.count(tracker="ghes") == 0


def test_a_status_fault_hits_the_given_requests(box):
    box.faults.add(Fault(kind="status", method="GET", path="*/issues", nth=2, times=2, status=503))
    assert [get(box, "/repos/acme/churn/issues").status_code for _ in range(4)] == [200, 503, 503, 200]
    assert [entry.fault for entry in box.log.entries] == [None, "status", "status", None]


@pytest.mark.parametrize(
    ("form", "expected"),
    [("seconds", "90"), ("decimal", "90.0"), ("date", "Fri, 20 Nov 2026 09:01:30 GMT")],
)
def test_retry_after_comes_in_every_form(box, form, expected):
    box.faults.add(Fault(kind="status", status=429, retry_after=90, retry_after_form=form))
    answer = get(box, "/repos/acme/churn")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, expected)
    box.faults.add(Fault(kind="status", status=429, body={"message": "slow down"}))
    assert "Retry-After" not in (bare := get(box, "/repos/acme/churn")).headers
    assert bare.json() == {"message": "slow down"}


def test_a_reset_before_loses_the_write_and_a_reset_after_keeps_it(box):
    box.faults.add(Fault(kind="reset_before", method="POST"))
    with pytest.raises(requests.ConnectionError):
        comment(box)
    assert comments_of(box) == []
    box.faults.clear()
    box.faults.add(Fault(kind="reset_after", method="POST"))
    with pytest.raises(requests.ConnectionError):
        comment(box)
    assert [one.body for one in comments_of(box)] == ["hello"]
    assert [entry.status for entry in box.log.entries] == [0, 0]


def test_a_reset_is_sent_as_rst(box):
    box.faults.add(Fault(kind="reset_before"))
    with socket.create_connection(("127.0.0.1", box.port), timeout=5) as client:
        client.sendall(b"GET /github/api/v3/meta HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(100)


@pytest.mark.parametrize(("carried_out", "bodies"), [(False, []), (True, ["hello"])])
def test_a_timeout_may_or_may_not_have_taken_effect(box, carried_out, bodies):
    box.faults.add(Fault(kind="timeout", method="POST", seconds=30, carried_out=carried_out))
    with pytest.raises(requests.ReadTimeout):
        comment(box, timeout=0.2)
    assert [one.body for one in comments_of(box)] == bodies


def test_a_server_error_can_hide_a_write_that_took_effect(box):
    box.faults.add(Fault(kind="status", method="POST", status=502, carried_out=True))
    assert comment(box).status_code == 502
    assert len(comments_of(box)) == 1


def test_a_truncated_response_is_valid_http_and_invalid_json(box):
    box.faults.add(Fault(kind="truncated"))
    answer = get(box, "/repos/acme/churn/issues")
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_a_page_can_come_back_empty_or_be_the_previous_one_again(box):
    first = get(box, "/repos/acme/churn/issues", per_page=2)
    box.faults.add(Fault(kind="repeat_page"))
    again = requests.get(first.links["next"]["url"], headers=HEADERS, timeout=5)
    assert again.json() == first.json()
    assert again.links["next"] == first.links["next"]
    box.faults.add(Fault(kind="empty_page"))
    assert get(box, "/repos/acme/churn/issues").json() == []


def test_a_redirect_goes_below_the_mount_or_to_another_host(box):
    box.faults.add(Fault(kind="redirect", location="/api/v3/repos/acme/other"))
    box.faults.add(Fault(kind="redirect", status=307, location="http://127.0.0.2:1/x", nth=2))
    url = box.url("github")
    first = requests.get(url + "/repos/acme/churn", headers=HEADERS, timeout=5, allow_redirects=False)
    assert (first.status_code, first.headers["Location"]) == (301, url + "/repos/acme/other")
    second = requests.get(url + "/repos/acme/churn", headers=HEADERS, timeout=5, allow_redirects=False)
    assert (second.status_code, second.headers["Location"]) == (307, "http://127.0.0.2:1/x")


def test_latency_slows_every_request_and_goes_with_other_faults(box):
    box.faults.add(Fault(kind="latency", seconds=0.05))
    box.faults.add(Fault(kind="status", status=500))
    begun = time.monotonic()
    assert [get(box, "/repos/acme/churn").status_code for _ in range(3)] == [500, 200, 200]
    assert time.monotonic() - begun >= 0.15


def test_admin_paths_control_the_sandbox(box):
    admin = box.base_url + "/_sandbox"
    comment(box)
    assert [entry["method"] for entry in requests.get(admin + "/log", timeout=5).json()] == ["POST"]
    added = requests.post(admin + "/faults", data='{"kind": "status", "status": 410}', timeout=5)
    assert added.status_code == 201
    assert get(box, "/repos/acme/churn").status_code == 410
    assert requests.delete(admin + "/faults", timeout=5).status_code == 204
    assert box.faults.active == ()
    moved = requests.post(admin + "/clock", json={"advance_seconds": 60}, timeout=5)
    assert moved.json() == {"now": "2026-11-20T09:01:00+00:00"}
    dump = requests.get(admin + "/dump/github", timeout=5).json()
    assert len(dump["repos"]["acme/churn"]["issues"]) == 5
    assert requests.post(admin + "/reset", timeout=5).status_code == 204
    assert (comments_of(box), box.clock.now(), box.log.entries) == ([], NOW, ())
    page = requests.get(box.base_url, timeout=5)
    assert box.url("github") in page.text
    assert page.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ('{"kind": "meteor"}', "kind is 'meteor'; write one of status, reset_before"),
        ('{"kind": "status", "stauts": 1}', "The fault has the unknown key 'stauts'; did you mean 'status'?"),
        (
            '{"kind": "status", "zz": 1}',
            "The fault has the unknown key 'zz'; it may have body, carried_out, ",
        ),
        ('{"kind": "status", "nth": "2"}', "nth is '2'; it should be a valid integer"),
        ('{"kind": "status", "path": 2}', "path is 2; it should be a valid string"),
        (
            '{"kind": "status", "headers": {"Retry-After": 2}}',
            "headers.Retry-After is 2; it should be a valid string",
        ),
        ("nonsense", "The fault is None; it has to be a mapping"),
    ],
)
def test_an_invalid_fault_is_rejected_with_a_sentence(box, sent, sentence):
    answer = requests.post(box.base_url + "/_sandbox/faults", data=sent, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(sentence)


def test_the_wsgi_app_works_without_sockets():
    from werkzeug.test import Client

    sandbox = Sandbox.from_seed(SEED)
    client = Client(sandbox.wsgi)
    assert client.get("/github/api/v3/repos/acme/churn").json["full_name"] == "acme/churn"
    sandbox.faults.add(Fault(kind="reset_before"))
    with pytest.raises(ConnectionResetError):
        client.get("/github/api/v3/repos/acme/churn")
    with pytest.raises(SandboxError, match="start it first"):
        sandbox.url("github")


def test_a_taken_port_is_reported_with_a_sentence(box):
    with pytest.raises(SandboxError, match=f"cannot listen on port {box.port}"):
        Sandbox.from_seed(SEED, port=box.port).start()


def test_closing_does_not_wait_for_delayed_responses():
    box = Sandbox.from_seed(SEED).start()
    box.faults.add(Fault(kind="timeout", seconds=30))
    with pytest.raises(requests.ReadTimeout):
        requests.get(box.url("github") + "/meta", timeout=0.1)
    begun = time.monotonic()
    box.close()
    assert time.monotonic() - begun < 2


def test_requests_are_printed_only_when_verbose(capfd):
    for verbose in (False, True):
        with Sandbox.from_seed(SEED, verbose=verbose) as box:
            get(box, "/repos/acme/churn")
            box.faults.add(Fault(kind="reset_before"))
            with pytest.raises(requests.ConnectionError):
                get(box, "/repos/acme/churn")
        expected = "GET /github/api/v3/repos/acme/churn -> 200\n" if verbose else ""
        assert capfd.readouterr().err == expected


def test_the_clock_follows_real_time_by_default():
    clock = Clock.real()
    clock.advance(timedelta(days=1))
    assert abs(clock.now() - datetime.now(UTC) - timedelta(days=1)) < timedelta(seconds=5)
    with pytest.raises(SeedError, match="now is 'tomorrow'"):
        Sandbox.from_seed({"now": "tomorrow", "trackers": {}})


@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-08:00",
        "999999999d ago",
        "in 99999999999999d",
        date.min,
        7,
    ],
)
def test_an_impossible_time_of_a_seed_is_named(time):
    with pytest.raises(SeedError, match="which is not a time; write ISO 8601"):
        Sandbox.from_seed({"now": time, "trackers": {}})
    issue = {"summary": "One", "created": time}
    jira = {"kind": "jira-cloud", "projects": {"DS": {"issues": [issue]}}}
    with pytest.raises(SeedError, match=r"created is .*, which is not a time"):
        Sandbox.from_seed({"trackers": {"jira": jira}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3d ago", NOW - timedelta(days=3)),
        ("in 90m", NOW + timedelta(minutes=90)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T10:00:00+01:00", datetime(2026, 11, 1, 9, tzinfo=UTC)),
    ],
)
def test_seed_times_have_several_formats(text, expected):
    assert parse_time(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("trackers: [", "is not valid YAML"),
        ("- a list", "has to be a mapping"),
        ("trackers: {x: {kind: gitlab}}", "trackers.x.kind is 'gitlab'; write one of github"),
        ("tracker: {}\ntrackers: {}", "unknown key 'tracker'; did you mean 'trackers'"),
        ("trackers: {'a b': {kind: github}}", "becomes part of a URL"),
    ],
)
def test_an_invalid_seed_file_gives_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "seed.yaml"
    path.write_text(text)
    with pytest.raises(SeedError, match=sentence) as caught:
        read_seed(path)
    assert "\n" not in str(caught.value)


def test_a_seed_file_is_served(tmp_path):
    path = tmp_path / "seed.yaml"
    path.write_text(
        "now: 2026-11-20T09:00:00Z\n"
        "trackers: {gh: {kind: github, repos: {a/b: {issues: [{title: x, created: 2026-11-01}]}}}}\n"
    )
    with Sandbox.from_seed(path) as box:
        issue = requests.get(box.url("gh") + "/repos/a/b/issues/1", timeout=5).json()
    assert (issue["title"], issue["created_at"]) == ("x", "2026-11-01T00:00:00Z")
