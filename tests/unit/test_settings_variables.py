"""Settings from the environment: which key a variable overrides, and what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from mappings.problems import InvalidWorkspace
from sync.config.check_push import check_push_names
from sync.config.settings import Settings, load_settings

FILE = """\
instance: acme
timezone: UTC
trackers:
  github: {kind: github}
  legacy-jira: {kind: jira-dc, url: 'https://jira.example'}
push:
  teams: [science]
"""


def load(tmp_path: Path, text: str = FILE, /, **variables: str) -> Settings:
    (tmp_path / "increment-sync.yaml").write_text(text, encoding="utf-8")
    return load_settings(tmp_path, {f"INCREMENT_SYNC_SET_{name}": value for name, value in variables.items()})


def problems(tmp_path: Path, text: str = FILE, /, **variables: str) -> list[str]:
    with pytest.raises(InvalidWorkspace) as raised:
        load(tmp_path, text, **variables)
    return [str(each) for each in raised.value.problems]


# ---- what they override


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"INSTANCE": "other"}, {"instance": "other"}),
        ({"INSTANCE": "  other "}, {"instance": "other"}),
        ({"INSTANCE": "  "}, {"instance": "acme"}),
        ({"CENSUS_EVERY": "2h"}, {"census_every": timedelta(hours=2)}),
        ({"PUSH__ENABLED": "true"}, {"push": {"enabled": True, "teams": ("science",)}}),
        ({"PUSH__TEAMS": '["growth"]'}, {"push": {"teams": ("growth",)}}),
        ({"PUSH__TEAMS": "null"}, {"push": {"teams": None}}),
        ({"PUSH": '{"enabled": true}'}, {"push": {"enabled": True, "teams": ("science",)}}),
        ({"PUSH": '{"enabled": true}', "PUSH__ENABLED": "false"}, {"push": {"enabled": False}}),
        ({"LIMITS__REMOVAL_SHARE": "0.5"}, {"limits": {"removal_share": 0.5}}),
        (
            {"TRACKERS__LEGACY_JIRA__URL": "https://new.example/"},
            {"trackers": {"legacy-jira": {"kind": "jira-dc", "url": "https://new.example"}}},
        ),
        (
            {"TRACKERS__LEGACY_JIRA__FORMER_ACCOUNTS": '["1", "2"]'},
            {"trackers": {"legacy-jira": {"former_accounts": ("1", "2")}}},
        ),
        (
            {"TRACKERS__LEGACY_JIRA": '{"url": "https://new.example"}'},
            {"trackers": {"legacy-jira": {"kind": "jira-dc", "url": "https://new.example"}}},
        ),
        (
            {"TRACKERS__JIRA__KIND": "jira-cloud", "TRACKERS__JIRA__URL": "https://acme.example"},
            {"trackers": {"jira": {"kind": "jira-cloud"}, "github": {"kind": "github"}}},
        ),
        ({"LABELS__STATE__PREFIX": "status:"}, {"labels": {"state": {"prefix": "status:"}}}),
        ({"LABELS__STATE__PREVIOUSLY": '["old:"]'}, {"labels": {"state": {"previously": ["old:"]}}}),
        ({"METRICS__TEXTFILE": "/m/a.prom"}, {"metrics": {"textfile": Path("/m/a.prom")}}),
    ],
)
def test_a_variable_overrides_its_key_only(
    tmp_path: Path, variables: Mapping[str, str], expected: Mapping[str, object]
) -> None:
    found = load(tmp_path, **variables).model_dump()
    assert _part(found, expected) == expected


def _part(found: object, like: object) -> object:
    """Return those keys of ``found`` that ``like`` has."""
    if isinstance(like, dict) and isinstance(found, dict):
        return {key: _part(found[key], value) for key, value in like.items()}
    return found


def test_without_variables_the_file_alone_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTANCE", "not-ours")
    monkeypatch.setenv("INCREMENT_SYNC_SET_INSTANCE", "of-the-process")
    assert load(tmp_path).instance == "acme"
    assert Settings.model_validate({"instance": "a", "trackers": {"x": {"kind": "github"}}}).instance == "a"


def test_a_variable_may_give_what_the_file_lacks(tmp_path: Path) -> None:
    assert load(tmp_path, "trackers: {github: {kind: github}}\n", INSTANCE="acme").instance == "acme"


def test_each_value_knows_its_origin(tmp_path: Path) -> None:
    (tmp_path / "defaults.yaml").write_text("labels:\n  state: {prefix: 'status:'}\n", encoding="utf-8")
    found = load(tmp_path, PUSH__ENABLED="true", TRACKERS__GITHUB='{"url": "https://ghe.example/api/v3"}')
    for path, origin in {
        ("instance",): "increment-sync.yaml:1:1",
        ("push", "enabled"): "INCREMENT_SYNC_SET_PUSH__ENABLED",
        ("push", "teams"): "increment-sync.yaml:7:3",
        ("trackers", "github", "kind"): "increment-sync.yaml:4:12",
        ("trackers", "github", "url"): "INCREMENT_SYNC_SET_TRACKERS__GITHUB",
        ("labels", "state", "prefix"): "defaults.yaml:2:11",
        ("store",): "None",
    }.items():
        assert str(found.origin_of(path)) == origin


# ---- what is wrong with them


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PUSH__ENABLE", "did you mean INCREMENT_SYNC_SET_PUSH__ENABLED?"),
        ("PUSH_ENABLED", "did you mean INCREMENT_SYNC_SET_PUSH__ENABLED?"),
        ("push__enabled", "did you mean INCREMENT_SYNC_SET_PUSH__ENABLED?"),
        ("TRACKERS__LEGACY_JIRA__URLS", "did you mean INCREMENT_SYNC_SET_TRACKERS__LEGACY_JIRA__URL?"),
        ("TRACKERS__NEW__URLS", "did you mean"),
        ("TRACKERS__A__B__URL", "is no setting"),
        ("TRACKERS____URL", "is no setting"),
        ("STORE__X", "did you mean INCREMENT_SYNC_SET_STORE?"),
        ("", "is no setting; name a key, as in INCREMENT_SYNC_SET_PUSH__ENABLED"),
        ("_", "is no setting"),
        ("__INSTANCE", "did you mean INCREMENT_SYNC_SET_INSTANCE?"),
        ("X" * 5000, "is no setting"),
        ("MODEL_CONFIG", "is no setting"),
    ],
)
def test_a_variable_that_is_no_setting_is_named_with_the_nearest_one(
    tmp_path: Path, name: str, meant: str
) -> None:
    (found,) = problems(tmp_path, **{name: "hunter2-secret"})
    assert found.startswith(f"INCREMENT_SYNC_SET_{name}: error: this variable is no setting; ")
    assert meant in found
    assert "hunter2" not in found


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PUSH__ENABLED", "hunter2", "push.enabled: the value should be true or false"),
        ("PUSH__TEAMS", "hunter2", 'push.teams: "teams" should be a list; write it as JSON: ["one", "two"].'),
        ("PUSH", "hunter2", 'push: "push" should hold keys with values; write them as JSON'),
        ("PUSH", '{"enable": true}', 'push.enable: unknown key "enable"; did you mean "enabled"?'),
        ("PUSH", '{"enabled": "hunter2"}', "push.enabled: the value should be true or false"),
        ("TRACKERS", "[" * 50_000, 'trackers: "trackers" should hold keys with values'),
        ("TRACKERS", '{"jira": "hunter2"}', 'trackers.jira: "jira" should hold keys with values'),
        ("TRACKERS__JIRA__URL", "https://jira.example", 'trackers.jira: the key "kind" is missing; add it.'),
        ("TRACKERS__GITHUB__KIND", "gitlab-hunter2", "trackers.github.kind: the value is not known here"),
        ("TRACKERS__GITHUB__URL", "hunter2", "write a whole URL such as https://acme.example."),
        ("TRACKERS__GITHUB__URL", "https://hunter2@h", "write the URL without user and password"),
        ("TRACKERS__GITHUB__FORMER_ACCOUNTS", "hunter2", '"former_accounts" should be a list'),
        ("TRACKERS__GITHUB__WRITE_SPACING", "hunter2", "the value should be a number"),
        ("TRACKERS__GITHUB_2__KIND", "hunter2", "the value is not known here"),
        ("TRACKERS__GitHub__KIND", "github", "this variable is no setting"),
        ("TIMEZONE", "hunter2", "the value is not an IANA time zone; write one like Europe/Berlin."),
        ("CENSUS_EVERY", "hunter2", "write a duration as 90s, 10m, 24h or 7d, a year at most."),
        ("STORE", "mysql://u:hunter2@h", "write it as sqlite:///path/to/state.db"),
        ("INSTANCE", "Hunter2!", '"instance" is invalid'),
        ("INSTANCE", "\udcff", '"instance" is invalid'),
        ("LABELS__CAPABILTY__PREFIX", "x", "labels: unknown family 'capabilty'"),
        ("LABELS__STATE__PREFIX", "Hunter2 x", "the value is not a legal label"),
        ("LABELS__STATE__PREFIX", "capability:x", "also starts"),
        ("LIMITS__REMOVAL_SHARE", "2", "limits.removal_share"),
    ],
)
def test_a_wrong_value_names_the_variable_and_stays_secret(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    found = problems(tmp_path, **{name: value})
    assert said in found[0]
    assert found[0].startswith(f"INCREMENT_SYNC_SET_{name}: error: ")
    assert "hunter2" not in "\n".join(found).lower()
    assert len(found) == 1


def test_problems_of_the_file_keep_their_positions(tmp_path: Path) -> None:
    text = FILE.replace("UTC", "Mars").replace("{kind: github}", "{kind: github, urll: x}")
    found = problems(tmp_path, text, TRACKERS__GITHUB__WRITE_SPACING="fast", TRACKERS__NEW__KIND="github")
    assert [each.split(": ")[0] for each in found] == [
        "INCREMENT_SYNC_SET_TRACKERS__GITHUB__WRITE_SPACING",
        "increment-sync.yaml:2:11",
        "increment-sync.yaml:4:26",
    ]
    missing = problems(tmp_path, "instance: acme\n", PUSH__ENABLED="true")
    assert missing == problems(tmp_path, "instance: acme\n")
    families = "labels: {capabilty: {prefix: 'x:'}}\n"
    assert problems(tmp_path, FILE + families, LABELS__STATE__PREFIX="y:") == problems(
        tmp_path, FILE + families
    )


def test_an_unknown_team_names_the_variable(tmp_path: Path) -> None:
    workspace = SimpleNamespace(teams=[])
    assert str(check_push_names(load(tmp_path), workspace)[0].origin) == "increment-sync.yaml:7:3"
    found = load(tmp_path, PUSH='{"teams": ["x"]}')
    assert str(check_push_names(found, workspace)[0].origin) == "INCREMENT_SYNC_SET_PUSH"


@pytest.mark.parametrize("name", ["set", "Set-2"])
def test_a_tracker_cannot_share_its_variables_with_settings(tmp_path: Path, name: str) -> None:
    (found,) = problems(tmp_path, FILE.replace("legacy-jira", name))
    assert "would share its variables with settings; rename it" in found


def test_a_variable_can_be_too_long_for_a_message(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, PUSH__TEAMS=json.dumps({"a" * 50_000: 1}))
    assert len(found) < 400
