"""Connectors are found by entry points; one that cannot be used is named in one sentence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.registry import (
    ConnectorUnusable,
    UnknownKind,
    installed_kinds,
    installed_specs,
    spec_of,
    spec_or_stand_in,
)
from tests.support.installed_connectors import install, install_object
from tests.support.plain_connector import SPEC

Patch = pytest.MonkeyPatch


def test_the_own_connectors_are_found_by_kind() -> None:
    assert spec_of("jira-cloud") is spec_of("jira-dc")
    assert [spec.name for spec in installed_specs()] == ["github", "jira"]
    assert installed_kinds() == ("github", "jira-cloud", "jira-dc")


def test_a_kind_that_nobody_has_is_answered_with_the_kinds_that_there_are() -> None:
    for kind in ("gitlab", "jira-server", "jira", "github-", ""):
        with pytest.raises(UnknownKind, match="write one of: github, jira-cloud, jira-dc"):
            spec_of(kind)


def _raising(path: Path, what: str) -> str:
    (path / f"{_module(path)}.py").write_text(f"{what}\n")
    return f"{_module(path)}:SPEC"


def _module(path: Path) -> str:
    return f"plugin_of_{path.name}"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("raise RuntimeError('no\\nlicence')", "cannot be imported: RuntimeError: no licence;"),
        ("import a_library_that_is_missing", "cannot be imported: ModuleNotFoundError"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        ("1 +", "cannot be imported: SyntaxError"),
        ("OTHER = 1", "cannot be imported: AttributeError"),
        ("SPEC = 'a text'", "is no ConnectorSpec"),
        (
            "from connectors.spec import ConnectorSpec\nSPEC = ConnectorSpec(version=2, colour='red')",
            "TypeError",
        ),
        ("from connectors.jira.spec import SPEC", "is no ConnectorSpec of that name"),
    ],
)
def test_a_connector_that_cannot_be_used_is_named_in_one_sentence(
    what: str, said: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    install(monkeypatch, "bad", _raising(tmp_path, what))

    with pytest.raises(ConnectorUnusable) as raised:
        spec_of("bad")

    assert str(raised.value).startswith(f"the connector bad ({_module(tmp_path)}:SPEC) ")
    assert said in str(raised.value) and "\n" not in str(raised.value)
    assert [spec.name for spec in installed_specs()] == ["github", "jira"]


def test_a_connector_for_another_version_of_the_specification_is_refused(monkeypatch: Patch) -> None:
    install_object(monkeypatch, "plain", replace(SPEC, version=2))

    with pytest.raises(ConnectorUnusable, match="for version 2 of the specification, and this program has"):
        spec_of("plain")


def test_a_connector_without_containers_is_refused(monkeypatch: Patch) -> None:
    install_object(monkeypatch, "plain", replace(SPEC, source=replace(SPEC.source, options=())))

    with pytest.raises(ConnectorUnusable, match="names no container of issues"):
        spec_of("plain")


def test_two_connectors_of_one_name_are_both_named_and_neither_is_used(monkeypatch: Patch) -> None:
    install_object(monkeypatch, "github", replace(SPEC, name="github", kinds={"github": "Other"}))

    with pytest.raises(ConnectorUnusable, match="two connectors have the name github: ") as raised:
        spec_of("github")

    assert "uninstall one of them" in str(raised.value)
    assert spec_of("jira-dc").name == "jira"


def test_a_variant_is_found_by_the_longest_name(monkeypatch: Patch) -> None:
    variant = replace(
        SPEC, name="jira-like", kinds={"jira-like": "Like", "jira-like-cloud": "Like in a cloud"}
    )
    install_object(monkeypatch, "jira-like", variant)

    assert spec_of("jira-like-cloud").name == "jira-like"
    assert spec_of("jira-cloud").name == "jira"


@pytest.mark.parametrize("use", [spec_of, spec_or_stand_in])
def test_nothing_of_a_connector_is_imported_that_no_kind_names(
    use: Callable[[str], object], tmp_path: Path, monkeypatch: Patch
) -> None:
    install(monkeypatch, "bad", _raising(tmp_path, "raise RuntimeError"))
    monkeypatch.syspath_prepend(tmp_path)

    use("github")

    assert _module(tmp_path) not in sys.modules


def test_a_specification_imports_no_client() -> None:
    asks = (
        "import sys; from connectors.registry import installed_specs; installed_specs();"
        "print([name for name in ('jira', 'github', 'requests', 'urllib3') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
