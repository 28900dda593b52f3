"""Sources of credentials, messages about missing ones, and their secrecy."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from sync.config.credentials import (
    Credentials,
    collect_file_secrets,
    collect_secrets,
    describe_missing_credentials,
    own_variable,
    without_credentials,
)
from sync.config.credentials import (
    read_credentials as read_from,
)
from sync.config.secret_lookup import CredentialError, SecretLookup
from sync.config.settings import Settings
from sync.runtime.bootstrap import ClientOptions, load_credentials, open_trackers
from sync.runtime.invocation import utc_now

BOTH = {
    "instance": "here",
    "trackers": {
        "jira": {"kind": "jira-cloud", "url": "https://acme.example"},
        "github": {"kind": "github"},
    },
}


def read_credentials(
    tracker: str, kind: str, environment: Mapping[str, str], url: str | None = None
) -> Credentials:
    return read_from(tracker, kind, SecretLookup(environment), url)


def token(credentials: Credentials) -> str | None:
    return credentials.reveal("token")


# ---- where they are looked for


def test_gh_token_wins_over_github_token_as_everywhere() -> None:
    found = read_credentials("github", "github", {"GITHUB_TOKEN": "second", "GH_TOKEN": "first"})
    assert token(found) == "first"
    assert found.found_in == {"token": "GH_TOKEN"}


def test_an_empty_variable_counts_as_none() -> None:
    assert token(read_credentials("github", "github", {"GH_TOKEN": "  ", "GITHUB_TOKEN": "real"})) == "real"


def test_a_file_is_read_and_its_last_line_break_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-file\n", encoding="utf-8")
    found = read_credentials("github", "github", {"GH_TOKEN_FILE": str(tmp_path / "secret")})
    assert token(found) == "from-file"
    assert found.found_in == {"token": "GH_TOKEN_FILE"}


def test_a_variable_wins_over_a_file_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-file", encoding="utf-8")
    environment = {"GH_TOKEN": "direct", "GH_TOKEN_FILE": str(tmp_path / "secret")}
    assert token(read_credentials("github", "github", environment)) == "direct"


@pytest.mark.parametrize("name", ["JIRA_API_TOKEN", "jira_api_token"])
def test_a_secrets_folder_holds_a_file_for_each_variable(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mounted", encoding="utf-8")
    found = read_credentials("jira", "jira-cloud", {"INCREMENT_SYNC_SECRETS_DIR": str(tmp_path)})
    assert token(found) == "mounted"
    assert name in found.found_in["token"]


@pytest.mark.parametrize(("name", "kind"), [("JIRA_URL", "jira-cloud"), ("GITHUB_API_URL", "github")])
def test_a_password_in_a_url_is_refused_and_not_repeated(name: str, kind: str) -> None:
    tracker = kind.partition("-")[0]
    with pytest.raises(CredentialError, match=f"{name} holds a user or password") as raised:
        read_credentials(tracker, kind, {name: "https://bot:pw-123@acme.example"})
    assert "pw-123" not in str(raised.value)


@pytest.mark.parametrize(("name", "kind"), [("JIRA_URL", "jira-cloud"), ("GITHUB_API_URL", "github")])
def test_unencrypted_url_is_refused(name: str, kind: str) -> None:
    with pytest.raises(CredentialError, match=f"{name} begins with http://.*use https://"):
        read_credentials(kind.partition("-")[0], kind, {name: "http://acme.example"})
    read_credentials(kind.partition("-")[0], kind, {name: "http://127.0.0.1:8099"})


def test_other_tracker_names_have_their_own_variables() -> None:
    assert own_variable("legacy-jira", "pat") == "INCREMENT_SYNC_LEGACY_JIRA_PAT"
    found = read_credentials("legacy-jira", "jira-dc", {"JIRA_PAT": "not ours", "JIRA_URL": "not ours"})
    assert found.pat is None
    assert found.url is None
    found = read_credentials("legacy-jira", "jira-dc", {"INCREMENT_SYNC_LEGACY_JIRA_PAT": "ours"})
    assert found.pat is not None


def test_a_private_key_keeps_its_line_breaks() -> None:
    key = "-----BEGIN KEY-----\nabc\n-----END KEY-----"
    found = read_credentials("github", "github", {"GITHUB_APP_PRIVATE_KEY": key})
    assert found.app_private_key is not None
    assert found.app_private_key.get_secret_value() == key


# ---- GitHub on other servers

SERVER, TENANT = "https://ghe.example/api/v3", "https://api.acme.ghe.com"
TOKENS = {"GH_TOKEN": "cloud", "GH_ENTERPRISE_TOKEN": "server"}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("github.com", "https://api.github.com"),
        ("GitHub.com", "https://api.github.com"),
        ("acme.ghe.com", TENANT),
        ("api.acme.ghe.com", TENANT),
        ("ghe.example", SERVER),
        ("GHE.example.", SERVER),
        ("ghe.example:8443", "https://ghe.example:8443/api/v3"),
    ],
)
def test_gh_host_names_the_server(host: str, url: str) -> None:
    assert read_credentials("github", "github", {"GH_HOST": host}).address.url == url


@pytest.mark.parametrize(
    "host", ["https://ghe.example", "ghe.example/api", "u:pw-123@ghe.example", "a b", "h?x"]
)
def test_a_host_that_is_none_is_refused_and_not_repeated(host: str) -> None:
    with pytest.raises(CredentialError) as raised:
        read_credentials("github", "github", {"GH_HOST": host})
    assert str(raised.value) == "GH_HOST holds no name of a host; write the host alone, as ghe.example"


def test_settings_and_api_url_win_over_gh_host(tmp_path: Path) -> None:
    environment = {"GH_HOST": "other.example", "GITHUB_API_URL": "https://ghe.example/api/v3"}
    assert read_credentials("github", "github", environment).address.url == SERVER
    assert read_credentials("github", "github", environment, TENANT).address.url == TENANT
    assert read_credentials("ghe", "github", {"GH_HOST": "other.example"}).address.url == ""
    own = {"INCREMENT_SYNC_GHE_HOST": "ghe.example"}
    assert read_credentials("ghe", "github", own).address.url == SERVER


@pytest.mark.parametrize(
    ("url", "environment", "found"),
    [
        (None, TOKENS, "GH_TOKEN"),
        ("https://api.github.com", TOKENS, "GH_TOKEN"),
        (TENANT, TOKENS, "GH_TOKEN"),
        (SERVER, TOKENS, "GH_ENTERPRISE_TOKEN"),
        (SERVER, {"GITHUB_ENTERPRISE_TOKEN": "b", **TOKENS}, "GH_ENTERPRISE_TOKEN"),
        (SERVER, {"GITHUB_ENTERPRISE_TOKEN": "b", "GH_TOKEN": "a"}, "GITHUB_ENTERPRISE_TOKEN"),
        (SERVER, {"GITHUB_TOKEN": "a"}, "GITHUB_TOKEN"),
        (SERVER, {**TOKENS, "INCREMENT_SYNC_GITHUB_TOKEN": "own"}, "INCREMENT_SYNC_GITHUB_TOKEN"),
        (None, {"GITHUB_API_URL": SERVER, "GITHUB_TOKEN": "a"}, "GITHUB_TOKEN"),
        (None, {"GH_HOST": "ghe.example", **TOKENS}, "GH_ENTERPRISE_TOKEN"),
        (None, {"GH_HOST": "acme.ghe.com", **TOKENS}, "GH_TOKEN"),
        (None, {"GH_HOST": "ghe.example", "GH_TOKEN": "a", "GITHUB_TOKEN": "b"}, None),
        (None, {"GH_ENTERPRISE_TOKEN": "server"}, None),
        (TENANT, {"GH_ENTERPRISE_TOKEN": "server"}, None),
        ("https://github.com.evil.example", {"GH_ENTERPRISE_TOKEN": "server"}, "GH_ENTERPRISE_TOKEN"),
    ],
)
def test_each_github_server_gets_the_token_that_gh_would_send(
    url: str | None, environment: dict[str, str], found: str | None
) -> None:
    credentials = read_credentials("github", "github", environment, url)
    assert credentials.found_in.get("token") == found


def test_a_missing_token_of_a_server_is_asked_for_by_its_name() -> None:
    found = read_credentials("github", "github", {"GH_HOST": "ghe.example", "GH_TOKEN": "cloud"})
    sentence = str(describe_missing_credentials("github", "github", found))
    assert sentence.startswith(
        "no credentials for github: set GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN ("
    )


# ---- what is wrong with them


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"\xff\xfe\x00", "not a text file"), (b"  \n", "is empty")],
)
def test_a_file_that_cannot_be_used_names_the_variable_and_the_reason(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CredentialError, match=r"GH_TOKEN_FILE names .*secret") as raised:
        read_credentials("github", "github", {"GH_TOKEN_FILE": str(path)})
    assert reason in str(raised.value)


def _make(path: Path, what: str) -> None:
    if what == "a folder":
        path.mkdir()
    elif what == "a pipe":
        os.mkfifo(path)
    elif what == "a device":
        path.symlink_to("/dev/zero")
    elif what == "a socket":
        with socket.socket(socket.AF_UNIX) as each:
            each.bind(str(path))
    elif what == "2 MB":
        path.write_bytes(b"x" * 2_000_000)
    elif what == "a link to nothing":
        path.symlink_to(path.with_name("nothing"))
    else:
        path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("a folder", "not a regular file"),
        ("a pipe", "not a regular file"),
        ("a device", "not a regular file"),
        ("a socket", ""),
        ("2 MB", "larger than 64 kB"),
        ("a link to nothing", "No such file"),
        ("a link to itself", "symbolic links"),
    ],
)
@pytest.mark.parametrize("in_folder", [True, False])
def test_what_is_no_small_file_is_named_and_keeps_nobody_waiting(
    tmp_path: Path, what: str, reason: str, in_folder: bool
) -> None:
    path = tmp_path / "GH_TOKEN"
    _make(path, what)
    variable = "INCREMENT_SYNC_SECRETS_DIR" if in_folder else "GH_TOKEN_FILE"
    lookup = SecretLookup({variable: str(tmp_path if in_folder else path)})
    with pytest.raises(CredentialError) as raised:
        read_from("github", "github", lookup)
    assert str(raised.value).startswith(f"{variable} names {path}, which cannot be read: ")
    assert reason in str(raised.value)
    assert collect_file_secrets(lookup) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "GH_TOKEN").write_text("x", encoding="utf-8")
    (tmp_path / "GH_TOKEN").chmod(0)
    with pytest.raises(CredentialError, match="Permission denied"):
        read_credentials("github", "github", {"INCREMENT_SYNC_SECRETS_DIR": str(tmp_path)})


def test_a_secrets_folder_that_is_not_there_is_as_good_as_empty(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path / ("x" * 300)):
        environment = {"INCREMENT_SYNC_SECRETS_DIR": str(folder), "GITHUB_TOKEN": "x"}
        assert token(read_credentials("github", "github", environment)) == "x"
        assert collect_file_secrets(SecretLookup(environment)) == []


def test_each_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "GH_TOKEN").write_text("first", encoding="utf-8")
    lookup = SecretLookup({"INCREMENT_SYNC_SECRETS_DIR": str(tmp_path)})
    assert collect_file_secrets(lookup) == ["first"]
    (tmp_path / "GH_TOKEN").write_text("second", encoding="utf-8")
    assert token(read_from("github", "github", lookup)) == "first"


@pytest.mark.parametrize(
    ("kind", "environment", "said"),
    [
        ("github", {}, "no credentials for github: set GH_TOKEN or GITHUB_TOKEN"),
        ("github", {"GITHUB_APP_ID": "7"}, None),
        (
            "github",
            {"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": "pem"},
            "the credentials for github are incomplete: set GITHUB_APP_INSTALLATION_ID",
        ),
        ("github", {"GITHUB_TOKEN": "x"}, ""),
        (
            "github",
            {"GITHUB_APP_ID": "7", "GITHUB_APP_PRIVATE_KEY": "pem", "GITHUB_APP_INSTALLATION_ID": "8"},
            "",
        ),
    ],
)
def test_github_needs(kind: str, environment: dict[str, str], said: str | None) -> None:
    missing = describe_missing_credentials(
        "github", "github", read_credentials("github", "github", environment)
    )
    if said is None:
        assert missing is not None
        assert "GITHUB_APP_PRIVATE_KEY" in missing
        assert "files of these names in the folder INCREMENT_SYNC_SECRETS_DIR" in missing
    else:
        assert (missing or "").startswith(said)
        assert bool(missing) == bool(said)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "set JIRA_EMAIL or JIRA_USERNAME and JIRA_API_TOKEN"),
        ({"JIRA_API_TOKEN": "x"}, "incomplete: set JIRA_EMAIL or JIRA_USERNAME (or"),
        ({"JIRA_EMAIL": "a@example.com"}, "incomplete: set JIRA_API_TOKEN (or"),
        ({"JIRA_PAT": "x"}, "set JIRA_EMAIL or JIRA_USERNAME and JIRA_API_TOKEN"),
    ],
)
def test_jira_cloud_needs(environment: dict[str, str], said: str) -> None:
    found = read_credentials("jira", "jira-cloud", environment)
    assert said in str(describe_missing_credentials("jira", "jira-cloud", found))


@pytest.mark.parametrize(
    "environment", [{"JIRA_PAT": "x"}, {"JIRA_USERNAME": "robot", "JIRA_API_TOKEN": "password"}]
)
def test_a_data_center_takes_a_pat_or_a_password(environment: dict[str, str]) -> None:
    found = read_credentials("jira", "jira-dc", environment)
    assert describe_missing_credentials("jira", "jira-dc", found) is None


def test_all_missing_credentials_are_reported_at_once() -> None:
    with pytest.raises(CredentialError) as raised:
        load_credentials(Settings.model_validate(BOTH), SecretLookup({}))
    assert "for jira" in str(raised.value)
    assert "for github" in str(raised.value)


def test_an_installation_id_has_to_be_a_number() -> None:
    settings = Settings.model_validate({"instance": "here", "trackers": {"github": {"kind": "github"}}})
    environment = {
        "GITHUB_APP_ID": "7",
        "GITHUB_APP_PRIVATE_KEY": "pem",
        "GITHUB_APP_INSTALLATION_ID": "seventy",
    }
    with pytest.raises(CredentialError, match="must be a number, not 'seventy'"):
        open_trackers(
            settings,
            load_credentials(settings, SecretLookup(environment)),
            lambda _: _NoCache(),
            ClientOptions(now=utc_now, sleep=time.sleep),
        )


class _NoCache:
    def get(self, key: str) -> None:
        return None

    def put(self, key: str, value: object, *, days: float = 30) -> None:
        return None


# ---- secrecy


def test_secrets_do_not_show_when_credentials_are_printed() -> None:
    environment = {"GH_TOKEN": "ghp_secret", "GITHUB_APP_PRIVATE_KEY": "pem-secret", "JIRA_PAT": "pat-secret"}
    github = read_credentials("github", "github", environment)
    jira = read_credentials("jira", "jira-dc", environment)
    read = [github.token, github.app_private_key, jira.pat]
    assert [each.get_secret_value() for each in read] == ["ghp_secret", "pem-secret", "pat-secret"]
    for shown in (repr(github), str(github), repr(jira), f"{jira}", *map(str, read), *map(repr, read)):
        assert "**********" in shown
        assert "secret" not in shown.replace("SecretStr", "")


def test_all_secrets_are_collected(tmp_path: Path) -> None:
    (tmp_path / "gh_token").write_text("mounted\n", encoding="utf-8")
    (tmp_path / "unrelated").write_text("weather", encoding="utf-8")
    environment = {
        "GITHUB_TOKEN": "direct",
        "JIRA_PAT_FILE": str(tmp_path / "gh_token"),
        "JIRA_API_TOKEN_FILE": str(tmp_path / "missing"),
        "INCREMENT_SYNC_SECRETS_DIR": str(tmp_path),
        "JIRA_EMAIL": "robot@example.com",
        "INCREMENT_SYNC_OTHER_TOKEN": "",
    }
    assert collect_secrets(environment) == ["direct"]
    assert set(collect_file_secrets(SecretLookup(environment))) == {"mounted"}


def test_the_password_of_a_store_in_a_variable_is_a_secret() -> None:
    name = "INCREMENT_SYNC_SET_STORE"
    assert collect_secrets({name: "postgresql://bot:pw-123@h/db"}) == ["pw-123"]
    assert collect_secrets({name: "postgresql://increment_sync@h/db"}) == []


def test_work_on_mock_servers_takes_no_credentials_along() -> None:
    ours = {"INCREMENT_SYNC_SET_PUSH__ENABLED": "x", "INCREMENT_SYNC_GITHUB_TOKEN": "x", "GH_TOKEN_FILE": "x"}
    ours |= {"GH_HOST": "x", "GITHUB_ENTERPRISE_TOKEN": "x", "JIRA_URL": "x", "INCREMENT_SYNC_WORKSPACE": "x"}
    assert without_credentials({**ours, "PATH": "/bin", "HTTPS_PROXY": "p"}) == {
        "PATH": "/bin",
        "HTTPS_PROXY": "p",
    }


def test_proxy_password_and_ping_path_are_secrets() -> None:
    proxies = {
        "HTTPS_PROXY": "http://robot:pass%2Fword@proxy:3128",
        "http_proxy": "only-a-token@proxy:3128",
        "ALL_PROXY": "socks5://u:p@[broken",
        "NO_PROXY": "localhost,.example.com",
    }
    assert set(collect_secrets(proxies)) == {"pass%2Fword", "pass/word", "only-a-token", "p"}
    ping = "https://hc.example/ping/0b1c2d3e-aaaa?create=1"
    assert set(collect_secrets({"INCREMENT_SYNC_PING_URL": ping})) == {
        ping,
        "ping/0b1c2d3e-aaaa?create=1",
        "0b1c2d3e-aaaa",
    }
    assert collect_secrets({"INCREMENT_SYNC_PING_URL": "https://hc.example/ping"}) == [
        "https://hc.example/ping"
    ]
