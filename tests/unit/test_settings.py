"""Settings in ``increment-sync.yaml``: meaning, defaults and messages about mistakes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mappings.problems import InvalidWorkspace, Problem
from sync.config.check_push import check_push_names
from sync.config.settings import Settings, find_workspace_root, load_settings, store_url
from sync.runtime.bootstrap import load_configuration
from tests.support.journey_world import MAPPING, PLAN

SMALL = "instance: acme\ntrackers:\n  github: {kind: github}\n"


def settings(root: Path, text: str) -> Settings:
    (root / "increment-sync.yaml").write_text(text, encoding="utf-8")
    return load_settings(root)


def problems(root: Path, text: str) -> list[Problem]:
    with pytest.raises(InvalidWorkspace) as raised:
        settings(root, text)
    return list(raised.value.problems)


# ---- what it means


def test_a_small_file_is_enough_and_writes_nothing_by_default(tmp_path: Path) -> None:
    small = settings(tmp_path, SMALL)
    assert small.push.enabled is False
    assert small.timezone == "UTC"
    assert small.census_every == small.unreadable_after == timedelta(hours=24)
    assert small.label_scheme.label("capability", "churn") == "capability:churn"


def test_durations_prefixes_and_limits_can_be_set(tmp_path: Path) -> None:
    more = (
        "census_every: 7d\noverlap: 90s\nlimits: {removals: 3, removal_share: 0.5}\n"
        "labels:\n  capability: {prefix: 'cap:', color: FF0000}\n"
    )
    found = settings(tmp_path, SMALL + more)
    assert (found.census_every, found.overlap) == (timedelta(days=7), timedelta(seconds=90))
    assert (found.limits.removals, found.limits.removal_share) == (3, 0.5)
    assert found.label_scheme.label("capability", "churn") == "cap:churn"
    assert found.label_scheme.color("cap:churn") == "ff0000"


def test_urls_lose_their_last_slash(tmp_path: Path) -> None:
    text = SMALL.replace("{kind: github}", "{kind: github, url: 'https://ghe.example/api/v3/'}")
    assert settings(tmp_path, text).trackers["github"].url == "https://ghe.example/api/v3"


def test_push_can_be_on_for_some_teams_only(tmp_path: Path) -> None:
    found = settings(tmp_path, SMALL + "push: {enabled: true, teams: [blue]}\n")
    assert found.may_push("blue")
    assert not found.may_push("red")


def test_a_relative_store_lies_in_the_workspace_wherever_the_program_is_called(tmp_path: Path) -> None:
    found = settings(tmp_path, SMALL)
    assert store_url(found, tmp_path) == f"sqlite:///{tmp_path}/.increment-sync/state.db"
    absolute = found.model_copy(update={"store": "sqlite:////var/lib/state.db"})
    assert store_url(absolute, tmp_path) == "sqlite:////var/lib/state.db"
    remote = found.model_copy(update={"store": "postgresql://db/acme"})
    assert store_url(remote, tmp_path) == "postgresql://db/acme"


def test_the_workspace_is_found_from_any_folder_below_it(tmp_path: Path) -> None:
    settings(tmp_path, SMALL)
    below = tmp_path / "plans" / "old"
    below.mkdir(parents=True)
    assert find_workspace_root(below) == tmp_path
    elsewhere = tmp_path.parent
    assert find_workspace_root(elsewhere) == elsewhere


# ---- mistakes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALL.replace("acme", "Acme DS"), "instance"),
        (SMALL.replace("github: {kind: github}", "github: {kind: gitlab}"), 'did you mean "github"?'),
        (SMALL.replace("{kind: github}", "{kind: github, url: ghe.example}"), "write a whole URL such as"),
        *(
            (SMALL.replace("{kind: github}", f'{{kind: github, url: "{url}"}}'), "write a whole URL such as")
            for url in (
                *("https://", "https:///api", "https://ghe .example", "https://ghe.example:99999"),
                *("https://ghe.example:x", "https://[::1", "https://ghe..example", "https://."),
                *("https://ghe\\u200b.example", "https://ghe.example?x=1", "https://ghe.example/#a"),
            )
        ),
        (
            SMALL.replace("{kind: github}", "{kind: github, url: 'http://ghe.example'}"),
            "use https://",
        ),
        (
            SMALL.replace("{kind: github}", "{kind: jira-cloud, gateway_url: 'http://h'}"),
            "use https://",
        ),
        (SMALL + "  GitHub: {kind: github}\n", "the trackers 'github' and 'GitHub' differ only in case"),
        ("instance: acme\n", '"trackers" is missing'),
        ("instance: acme\ntrackers: {}\n", "trackers"),
        (SMALL + "timezone: Berlin\n", "write one like Europe/Berlin"),
        (SMALL + "census_every: often\n", "write a duration as 90s, 10m, 24h or 7d"),
        (SMALL + "census_every: -1h\n", "write a duration"),
        (SMALL + "census_every: 99999999999d\n", "a year at most"),
        (SMALL + "overlap: 400d\n", "a year at most"),
        (SMALL + "store: state.db\n", "write it as sqlite:///path/to/state.db"),
        (SMALL + "store: mysql://user:pw@host/db\n", "postgresql://user@host/database"),
        (SMALL + "store: 'sqlite:///'\n", "name a file"),
        (SMALL + "limits: {removals: -1}\n", "limits.removals"),
        (SMALL + "limits: {removal_share: 2}\n", "limits.removal_share"),
        (SMALL + "labels: {capabilty: {prefix: x}}\n", "unknown family"),
        (SMALL + "labels: {capability: {prefix: 'Cap '}}\n", "is not a legal label"),
        (SMALL + "labels: {capability: {color: blue}}\n", "color"),
        (SMALL + "labels: {state: {prefix: 'capability:x'}}\n", "also starts"),
        (SMALL + "labels: {state: {prefix: 'capability:'}}\n", "choose another"),
        (SMALL + "push: {enable: true}\n", 'did you mean "enabled"?'),
        (SMALL + "push: maybe\n", "push"),
        (SMALL + "token: ghp_x\n", 'unknown key "token"'),
        (SMALL + "instance: twice\n", "instance"),
        ("", "increment-sync.yaml"),
        ("just text", "increment-sync.yaml"),
        ("\t- x", "increment-sync.yaml"),
    ],
)
def test_each_mistake_has_a_place_and_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    found = problems(tmp_path, text)
    assert said in "\n".join(map(str, found))
    for problem in found:
        assert problem.origin.file == "increment-sync.yaml"
        assert problem.origin.line >= 1
        assert problem.message


def test_all_mistakes_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    text = "instance: NO\ntimezone: Mars\ntrackers:\n  github: {kind: github, urll: x}\n"
    assert [problem.origin.line for problem in problems(tmp_path, text)] == [1, 2, 4]


def test_missing_file_is_reported_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(InvalidWorkspace, match="run `increment-sync init` to write one"):
        load_settings(tmp_path)


def test_a_secret_in_the_settings_is_refused_and_not_repeated(tmp_path: Path) -> None:
    text = SMALL.replace("{kind: github}", "{kind: github, token: ghp_oops}")
    message = "\n".join(map(str, problems(tmp_path, text)))
    assert "token" in message
    assert "ghp_oops" not in message


def test_the_password_of_a_store_is_not_repeated(tmp_path: Path) -> None:
    assert "pw-123" not in "\n".join(map(str, problems(tmp_path, SMALL + "store: mysql://u:pw-123@h/db\n")))


@pytest.mark.parametrize(
    "entry",
    [
        "url: 'https://bot:pw-123@h'",
        "url: 'bot:pw-123@h'",
        "gateway_url: 'http://bot:pw-123@h'",
        "url: 'http://pw-123@h'",
    ],
)
def test_a_password_in_the_url_of_a_tracker_is_refused_and_not_repeated(tmp_path: Path, entry: str) -> None:
    text = SMALL.replace("{kind: github}", f"{{kind: jira-cloud, {entry}}}")
    message = "\n".join(map(str, problems(tmp_path, text)))
    assert "write the URL without user and password" in message
    assert "pw-123" not in message


def test_push_for_a_team_without_mapping_is_a_mistake(tmp_path: Path) -> None:
    for folder, text in (("plans", PLAN), ("mappings", MAPPING)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.yaml").write_text(text, encoding="utf-8")
    text = SMALL + "  jira: {kind: jira-cloud, url: 'https://acme.example'}\n"
    settings(tmp_path, text + "push: {enabled: true, teams: [science, sciense]}\n")
    with pytest.raises(
        InvalidWorkspace, match="no mapping file is for team 'sciense'; the teams are science"
    ):
        load_configuration(tmp_path)
    found = settings(tmp_path, text + "push: {enabled: true, teams: [science]}\n")
    assert check_push_names(found, load_configuration(tmp_path).workspace) == []


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("pushgateway: 'http://bot:pw-123@h'", "write the URL without user and password"),
        ("pushgateway: 'pushgateway:9091'", "write a whole URL such as http://pushgateway.example:9091"),
        ("interval: 15", "write a duration as 90s, 10m, 24h or 7d"),
    ],
)
def test_metrics_destinations_are_checked(tmp_path: Path, entry: str, sentence: str) -> None:
    message = "\n".join(map(str, problems(tmp_path, f"{SMALL}metrics: {{{entry}}}\n")))
    assert sentence in message
    assert "pw-123" not in message


# ---- keys that only one connector has


def test_a_key_of_another_connector_is_unknown_and_a_wrong_one_is_compared_with_its_own(
    tmp_path: Path,
) -> None:
    of_other = SMALL.replace("{kind: github}", "{kind: github, cloud_id: c-1}")
    typed_wrong = SMALL.replace("{kind: github}", "{kind: jira-cloud, cloud_idd: c-1}")

    (other,), (typo,) = problems(tmp_path, of_other), problems(tmp_path, typed_wrong)

    assert 'unknown key "cloud_id"; known keys' in other.message
    assert (typo.origin.line, typo.origin.column) == (3, 30)
    assert 'did you mean "cloud_id"?' in typo.message


def test_a_tracker_has_the_keys_of_its_connector_with_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "increment-sync.yaml").write_text(
        SMALL.replace("{kind: github}", "{kind: jira-dc, cloud_id: c-1}")
    )

    tracker = load_settings(tmp_path).trackers["github"]

    assert tracker.options == {"cloud_id": "c-1", "gateway_url": "https://api.atlassian.com"}


def test_a_variable_sets_a_key_of_the_connector(tmp_path: Path) -> None:
    (tmp_path / "increment-sync.yaml").write_text(SMALL.replace("{kind: github}", "{kind: jira-dc}"))

    settings = load_settings(tmp_path, {"INCREMENT_SYNC_SET_TRACKERS__GITHUB__CLOUD_ID": "c-2"})

    assert settings.trackers["github"].options["cloud_id"] == "c-2"
