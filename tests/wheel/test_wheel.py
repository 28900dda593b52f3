"""The program as its users get it: sdist and wheel, installed into empty environments outside of the checkout.

Slow (it builds and installs), and so run by ``make wheel`` and not by ``make test``.
"""

from __future__ import annotations

import json
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.distribution import ROOT, Program, installed, locked_versions, program, wheel_in

PACKAGES = ("connectors", "mappings", "sync")


@pytest.fixture(scope="module")
def whole(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment with everything that is locked."""
    folder = tmp_path_factory.mktemp("whole")
    commands = installed(folder, "--require-hashes", "-r", str(ROOT / "requirements" / "runtime.lock"))
    pip = [str(commands / "pip"), "install", "--quiet", "--no-deps", str(wheel_in(built))]
    subprocess.run(pip, check=True)
    return commands


@pytest.fixture(scope="module")
def bare(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment without extras, in the versions that are locked."""
    folder = tmp_path_factory.mktemp("bare")
    constraints = locked_versions("runtime.lock", folder / "versions.txt")
    return installed(folder / "env", "--constraint", str(constraints), str(wheel_in(built)))


@pytest.fixture(scope="module")
def demonstrated(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose store holds what the demo's runs read and wrote."""
    folder = tmp_path_factory.mktemp("demonstrated")
    shown = program(whole, folder)("demo", "--folder", "work", "--report", "demo.html")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "Traceback" not in shown.stderr
    return folder


@pytest.fixture
def use(whole: Path, tmp_path: Path) -> Program:
    return program(whole, tmp_path)


@pytest.fixture
def use_bare(bare: Path, tmp_path: Path) -> Program:
    return program(bare, tmp_path)


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(wheel_in(built)) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert packed == {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


def test_the_sdist_holds_what_a_build_needs_and_the_licence(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.split("/", 1)[-1] for name in sdist.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "sync/cli/main.py"} <= names


def test_a_new_workspace_is_made_checked_and_explained(use: Program, tmp_path: Path) -> None:
    made = use("init", "work", "--jira", "https://acme.example", "--github", "acme/churn")
    assert made.returncode == 0, made.stderr
    checked = use("-C", "work", "mappings", "check", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["problems"] == []
    assert use("mappings", "schema", "--out", "schemas").returncode == 0
    for schema in (ROOT / "schemas").glob("*.json"):
        if schema.name != "report.json":
            written = (tmp_path / "schemas" / schema.name).read_text(encoding="utf-8")
            assert written == schema.read_text(encoding="utf-8")


def test_the_demo_writes_a_report_and_so_does_its_workspace(
    use: Program, demonstrated: Path, tmp_path: Path
) -> None:
    assert "<svg" in (demonstrated / "demo.html").read_text(encoding="utf-8")
    reported = use("-C", str(demonstrated / "work"), "report", "--out", "again.html")
    assert reported.returncode == 0, reported.stderr
    assert "<svg" in (tmp_path / "again.html").read_text(encoding="utf-8")


def test_without_extras_the_core_works(use_bare: Program, demonstrated: Path) -> None:
    assert use_bare("init", "work", "--jira", "https://acme.example").returncode == 0
    checked = use_bare("-C", "work", "mappings", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    refused = use_bare("-C", "work", "run")
    assert "JIRA_EMAIL" in refused.stderr, refused.stderr
    assert "Traceback" not in refused.stderr
    stored = use_bare("-C", str(demonstrated / "work"), "status")
    assert stored.returncode == 0, stored.stderr
    assert "churn-model" in stored.stdout
    suggested = use_bare("-C", str(demonstrated / "work"), "mappings", "suggest")
    assert suggested.returncode == 0, suggested.stderr
    assert "churn-science: 13 issues assigned" in suggested.stdout


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("demo",), "sandbox"),
        (("sandbox",), "sandbox"),
        (("rehearse",), "sandbox"),
        (("forecast", "backtest", "."), "forecast"),
        (("forecast",), "forecast"),
        (("report",), "report"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_without_an_extra_a_command_names_it(
    use_bare: Program, demonstrated: Path, arguments: tuple[str, ...], extra: str
) -> None:
    refused = use_bare("-C", str(demonstrated / "work"), *arguments)
    assert refused.returncode == 1, refused.stdout
    assert f"pip install 'increment-sync[{extra}]'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_its_extra_postgresql_is_refused_by_name(use_bare: Program, tmp_path: Path) -> None:
    use_bare("init", "work", "--jira", "https://acme.example")
    settings = tmp_path / "work" / "increment-sync.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace("sqlite:///.increment-sync/state.db", "postgresql://localhost/none"), encoding="utf-8"
    )
    refused = use_bare("-C", "work", "status")
    assert refused.returncode == 1
    assert "pip install 'increment-sync[postgres]'" in refused.stderr
