"""Credentials against a plain model of the rule, over random environments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.config.credentials import CredentialError, read_credentials
from sync.config.secret_lookup import SecretLookup

TRACKERS: Final[tuple[tuple[str, str], ...]] = (
    ("jira", "jira-cloud"),
    ("jira", "jira-dc"),
    ("legacy-jira", "jira-dc"),
    ("github", "github"),
    ("ghe", "github"),
    ("jira", "github"),
)
PARTS: Final = {
    "jira": {
        "url": ["JIRA_URL", "JIRA_BASE_URL"],
        "email": ["JIRA_EMAIL", "JIRA_USERNAME"],
        "token": ["JIRA_API_TOKEN"],
        "pat": ["JIRA_PAT"],
        "cloud_id": ["JIRA_CLOUD_ID"],
    },
    "github": {
        "url": ["GITHUB_API_URL"],
        "host": ["GH_HOST"],
        "token": ["GH_TOKEN", "GITHUB_TOKEN"],
        "app_id": ["GITHUB_APP_ID"],
        "app_private_key": ["GITHUB_APP_PRIVATE_KEY"],
        "app_installation_id": ["GITHUB_APP_INSTALLATION_ID"],
    },
}
SERVER_TOKENS: Final = ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"]
NAMES: Final = sorted(
    {name for parts in PARTS.values() for names in parts.values() for name in names}
    | {
        f"INCREMENT_SYNC_{name}_{part.upper()}"
        for name in ("JIRA", "LEGACY_JIRA", "GITHUB", "GHE")
        for part in {*PARTS["jira"], *PARTS["github"]}
    }
    | {*SERVER_TOKENS}
)
CONTENTS: Final = {"one": "one\n", "two": "\ufefftwo", "empty": " \n", "binary": "\x00"}
PLACES: Final = [
    "variable",
    "blank",
    *(f"file:{each}" for each in (*CONTENTS, "missing")),
    "folder",
    "FOLDER",
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("files")
    for name, text in CONTENTS.items():
        (made / name).write_text(text, encoding="utf-8")
    return made


def value_of(name: str) -> str:
    if name.endswith("_HOST"):
        return "ghe.example" if len(name) % 2 else "acme.ghe.com"
    if name.endswith("_INSTALLATION_ID"):
        return "17"
    return "https://ghe.example/api/v3" if name.endswith("_URL") else f"value of {name}"


class Unusable(Exception):
    """A file that has to be read cannot be used."""


class Model:
    """The rule in a few lines: the first name with a value; NAME, then NAME_FILE, then the folder."""

    def __init__(self, places: Mapping[str, frozenset[str]]) -> None:
        self.places = places

    def first(self, names: list[str]) -> str | None:
        for name in names:
            places = self.places.get(name, frozenset())
            files = sorted(each for each in places if each.startswith("file:"))
            if "variable" in places:
                return value_of(name)
            if files:
                content = {"file:one": "one", "file:two": "two"}.get(files[0])
                if content is None or name.endswith("_INSTALLATION_ID"):  # which has to be a number
                    raise Unusable
                return content
            if "FOLDER" in places:
                return value_of(name)
            if "folder" in places:
                return value_of(name).lower()
        return None

    def credentials(self, tracker: str, kind: str, url: str | None) -> dict[str, str]:
        vendor = kind.split("-")[0]
        own = f"INCREMENT_SYNC_{tracker.upper().replace('-', '_')}_"
        names = {
            part: [own + part.upper(), *(customary if tracker == vendor else [])]
            for part, customary in PARTS[vendor].items()
        }
        by_url, by_host = self.first(names["url"]), self.first(names.get("host", []))
        server = url or by_url or by_host or "github.com"
        if tracker == vendor == "github" and not server.endswith((".ghe.com", "github.com")):
            customary = names["token"][1:] if url or by_url else []
            names["token"] = [names["token"][0], *SERVER_TOKENS, *customary]
        found = {part: self.first(each) for part, each in names.items()}
        return {part: value for part, value in found.items() if value is not None}


def build_environment(places: Mapping[str, frozenset[str]], files: Path, secrets: Path) -> Mapping[str, str]:
    """Put values where ``places`` says: name -> places that hold a value for it."""
    environment = {"INCREMENT_SYNC_SECRETS_DIR": str(secrets)}
    for name, where in places.items():
        named = sorted(each for each in where if each.startswith("file:"))
        if where & {"variable", "blank"}:
            environment[name] = f" {value_of(name)} " if "variable" in where else "  "
        if named:
            environment[f"{name}_FILE"] = str(files / named[0].removeprefix("file:"))
        if "FOLDER" in where:
            (secrets / name).write_text(value_of(name), encoding="utf-8")
        if "folder" in where:
            (secrets / name.lower()).write_text(value_of(name).lower(), encoding="utf-8")
    return environment


@settings(max_examples=150, deadline=None)
@given(
    places=st.dictionaries(
        st.sampled_from(NAMES), st.frozensets(st.sampled_from(PLACES), min_size=1, max_size=3), max_size=12
    ),
    tracker=st.sampled_from(TRACKERS),
    url=st.sampled_from([None, None, "https://ghe.example/api/v3", "https://api.github.com"]),
)
def test_credentials_are_those_of_the_rule(
    files: Path, places: Mapping[str, frozenset[str]], tracker: tuple[str, str], url: str | None
) -> None:
    with TemporaryDirectory() as secrets:
        lookup = SecretLookup(build_environment(places, files, Path(secrets)))
        try:
            expected = Model(places).credentials(*tracker, url)
        except Unusable:
            with pytest.raises(CredentialError):
                read_credentials(*tracker, lookup, url)
            return
        found = read_credentials(*tracker, lookup, url)
    assert {part: found.reveal(part) for part in found.found_in} == expected
    assert {part for part in type(found).model_fields if found.reveal(part)} == expected.keys()
