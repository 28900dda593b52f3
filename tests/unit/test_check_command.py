"""``mappings check`` reports everything at once, in the requested format, and checks an existing store."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.findings_world import HEAD, MAPPING, PLAN, call, store, write
from tests.support.match_world import known

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "workspace"
PLAIN = "  - {id: plain, when: {title: churn}, assign: model}\n"


def check(root: Path, *options: str) -> tuple[int, str]:
    code, out, _ = call(root, "mappings", "check", *options)
    return code, out


def as_json(root: Path, *options: str) -> Any:
    return json.loads(check(root, "--json", *options)[1])


def test_the_shipped_example_passes_even_strictly() -> None:
    code, out = check(EXAMPLE, "--strict")

    assert code == 0, out
    assert "0 errors, 0 warnings" in out


def test_what_init_writes_passes_even_strictly(tmp_path: Path) -> None:
    call(tmp_path, "init", str(tmp_path), "--team", "blue")

    assert check(tmp_path, "--strict")[0] == 0


def test_warnings_alone_fail_only_when_strict(tmp_path: Path) -> None:
    root = write(tmp_path, science=MAPPING + PLAIN)

    assert [check(root)[0], check(root, "--strict")[0]] == [0, 3]
    _, out = check(root)
    assert "mappings/science.yaml:8:31: warning: rules[2].when.title: the pattern" in out
    assert "[plain-pattern]\n    intended? write silence: [plain-pattern] on the rule\n" in out
    assert "0 errors, 1 warning" in out


def test_what_was_silenced_is_counted(tmp_path: Path) -> None:
    root = write(tmp_path, science=MAPPING + PLAIN + "silence: [plain-pattern]\n")

    code, out = check(root, "--strict")
    assert (code, "0 errors, 0 warnings, 1 silenced" in out) == (0, True)
    assert as_json(root)["silenced"] == 1


def test_json_is_also_called_by_its_format(tmp_path: Path) -> None:
    root = write(tmp_path, science=MAPPING + PLAIN)

    assert check(root, "--json") == check(root, "--format", "json")
    report = as_json(root)
    assert (report["version"], report["ok"]) == (1, True)
    assert report["problems"] == [
        {
            "file": "mappings/science.yaml",
            "line": 8,
            "column": 31,
            "path": "rules[2].when.title",
            "severity": "warning",
            "check": "plain-pattern",
            "message": report["problems"][0]["message"],
            "silence": "silence: [plain-pattern] on the rule",
        }
    ]


EVERYTHING = """\
team: science
flow: kanbn
sources:
  - jira: {project: DS}
  - github: {repo: acme/churn}
rules:
  - {id: wide, when: {labels: [Features]}, assign: features}
  - {id: narrow, when: {labels: [features], type: Bug}, assign: model}
  - {id: typo, when: {lables: [x]}, assign: modle}
  - {id: plain, when: {title: churn}, assign: model, iteration: v9}
  - {id: word, when: {body: churn}, assign: model, silence: [shadow]}
  - {id: broken, when: {title: "(a"}, assign: features}
  - {id: ours, when: {labels: "capability:x"}, assign: features}
  - {id: never, when: {project: OPS}, assign: features}
tests:
  - issue: {key: DS-1, lables: [features]}
    assign: features
"""


def test_every_kind_of_mistake_at_once_is_reported_in_one_go_and_in_order(tmp_path: Path) -> None:
    root = write(tmp_path, science=EVERYTHING, blue="team: blue\nsources:\n  - jira: {project: DS}\n")
    (root / "mappings" / "tests").mkdir()
    (root / "mappings" / "tests" / "more.yaml").write_text("team: sience\ntests: []\n")

    report = as_json(root)

    found = [(p["file"].rpartition("/")[2], p["line"], p["severity"], p["check"]) for p in report["problems"]]
    assert found == [
        ("blue.yaml", 2, "warning", "unmapped-source"),
        ("science.yaml", 2, "error", "shape"),
        ("science.yaml", 4, "warning", "shared-source"),
        ("science.yaml", 8, "warning", "shadowed-rule"),
        ("science.yaml", 8, "warning", "label-case"),
        ("science.yaml", 9, "error", "shape"),
        ("science.yaml", 9, "error", "unknown-capability"),
        ("science.yaml", 10, "error", "unknown-iteration"),
        ("science.yaml", 11, "error", "unknown-silence"),
        ("science.yaml", 12, "error", "pattern-invalid"),
        ("science.yaml", 13, "error", "own-label"),
        ("science.yaml", 14, "warning", "impossible-rule"),
        ("science.yaml", 16, "error", "shape"),
        ("more.yaml", 1, "error", "unknown-team"),
    ]
    places = [(p["file"], p["line"], p["column"]) for p in report["problems"]]
    assert places == sorted(places)
    assert check(root)[0] == 3


def test_settings_with_errors_are_reported_in_the_format_that_is_requested(tmp_path: Path) -> None:
    root = write(tmp_path)
    (root / "increment-sync.yaml").write_text("instance: X\ntrackers: {}\nstorre: x\n")

    report = as_json(root)

    assert check(root, "--json")[0] == 3
    assert {problem["file"] for problem in report["problems"]} == {"increment-sync.yaml"}
    assert len(report["problems"]) == 3
    assert "plans and mappings were not checked" in report["notes"][0]


# Annotations on a pull request


def test_annotations_name_the_place_from_the_top_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    root = write(tmp_path / "sync", science=MAPPING.replace("assign: model", "assign: modle") + PLAIN)

    code, out = check(root, "--format", "github")

    assert code == 3
    annotations = [line for line in out.splitlines() if line.startswith("::")]
    assert annotations[0].startswith(
        "::error file=sync/mappings/science.yaml,line=7,col=50,title=increment-sync%3A unknown-capability::"
        "rules[1].assign: "
    )
    assert annotations[1].startswith("::warning file=sync/mappings/science.yaml,line=8,col=31,title=")
    assert annotations[1].endswith("%0AIntended? Write silence: [plain-pattern] on the rule")


def test_an_annotation_cannot_be_broken_out_of(tmp_path: Path) -> None:
    hostile = '"100%\\n::error file=x::pwned\\r, a: b"'
    root = write(tmp_path, science=MAPPING + f"  - {{id: x, when: {{labels: [a]}}, assign: {hostile}}}\n")

    _, out = check(root, "--format", "github")

    assert not any(line.startswith("::error file=x") for line in out.splitlines())
    assert r"100%25\u000a::error file=x::pwned\u000d, a: b" in out


def test_text_cannot_write_over_the_terminal(tmp_path: Path) -> None:
    hostile = '"\\e[2J\\n::error::pwned"'
    root = write(tmp_path, science=MAPPING + f"  - {{id: x, when: {{labels: [a]}}, assign: {hostile}}}\n")

    _, out = check(root)

    assert "\x1b" not in out
    assert not any(line.startswith("::") for line in out.splitlines())


# The stored issues


def test_without_a_store_that_is_reported_and_none_is_made(tmp_path: Path) -> None:
    code, out = check(write(tmp_path))

    assert (code, "the stored issues were not checked: there is no store yet" in out) == (0, True)
    assert not (tmp_path / ".increment-sync").exists()


def test_an_empty_file_stays_empty(tmp_path: Path) -> None:
    root = write(tmp_path)
    path = root / ".increment-sync" / "state.db"
    path.parent.mkdir()
    path.touch()

    assert "there is no store yet" in check(root)[1]
    assert path.stat().st_size == 0


def test_a_store_without_issues_is_no_reason_to_warn(tmp_path: Path) -> None:
    root = write(tmp_path)
    store(root)

    assert "the store holds none yet" in check(root, "--strict")[1]
    assert check(root, "--strict")[0] == 0


def test_stored_issues_are_checked_without_a_token(tmp_path: Path) -> None:
    root = write(tmp_path)
    store(root, known("DS-1", labels={"features"}), known("DS-2", status="Limbo", category=None))

    report = as_json(root)

    assert [(p["check"], p["line"]) for p in report["problems"]] == [
        ("status-without-state", 1),
        ("unmatched-rule", 7),
        ("capability-without-issues", 9),
    ]
    assert report["notes"] == []
    assert check(root, "--strict")[0] == 3


@pytest.mark.parametrize("damage", ["text", "cut", "row", "folder"])
def test_a_damaged_store_is_a_warning_and_no_failure(tmp_path: Path, damage: str) -> None:
    root = write(tmp_path)
    path = store(root, known("DS-1", labels={"features"}))
    if damage == "text":
        path.write_text("this is no database, but it is long enough to be taken for one " * 20)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    elif damage == "row":
        import sqlite3

        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE issues SET payload = '{\"ref\": 1'")
        connection.close()
    else:
        path.unlink()
        path.mkdir()

    code, out = check(root, "--strict")

    assert code == 0, out
    assert "the stored issues were not checked" in out
    assert ("warning: " in out) == (damage != "folder")


def test_an_exported_snapshot_serves_as_well_as_the_store(tmp_path: Path) -> None:
    root, file = write(tmp_path / "w"), tmp_path / "snapshot.jsonl"
    path = store(root, known("DS-1", labels={"features"}))
    assert call(root, "snapshot", "export", str(file))[0] == 0
    from_store = as_json(root)
    path.unlink()

    assert as_json(root, "--snapshot", str(file)) == from_store
    assert "unmatched-rule" in {problem["check"] for problem in from_store["problems"]}
    assert not path.exists()


def test_a_snapshot_that_was_requested_and_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    root, file = write(tmp_path / "w"), tmp_path / "snapshot.jsonl"
    file.write_text("{}")

    code, _, err = call(root, "mappings", "check", "--snapshot", str(file))

    assert (code, "is not a snapshot" in err) == (1, True)


def test_errors_come_before_the_stored_issues(tmp_path: Path) -> None:
    root = write(tmp_path, science=MAPPING.replace("assign: model", "assign: modle"))
    store(root, known("DS-1"))

    report = as_json(root)

    assert [p["check"] for p in report["problems"]] == ["unknown-capability"]
    assert report["notes"] == ["the stored issues were not checked: correct the errors first"]


def test_a_database_server_is_not_queried(tmp_path: Path) -> None:
    root = write(tmp_path)
    settings = root / "increment-sync.yaml"
    settings.write_text(settings.read_text() + "store: postgresql://nobody@db.invalid/sync\n")

    assert "`check` opens no connection" in check(root)[1]


LIGHT = """
import sys
from sync.cli.main import app, invoke
code = invoke(lambda: app(sys.argv[1:], standalone_mode=False))
heavy = {"jira", "github", "sqlalchemy", "alembic", "celpy", "requests", "sklearn"}
print("imported", code, *sorted({name.split(".")[0] for name in sys.modules} & heavy))
"""


@pytest.mark.parametrize("command", ["check", "test"])
@pytest.mark.parametrize("with_store", [False, True])
def test_only_what_is_needed_is_loaded(tmp_path: Path, command: str, with_store: bool) -> None:
    root = write(tmp_path)
    if with_store:
        store(root, known("DS-1", labels={"features"}), known("DS-2", labels={"model"}))
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, "-C", str(root), "mappings", command],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    needed = " sqlalchemy" if with_store and command == "check" else ""
    assert done.stdout.splitlines()[-1] == f"imported 0{needed}", done.stderr


def test_a_team_without_rules_leaves_its_capabilities_without_any(tmp_path: Path) -> None:
    root = write(tmp_path, plan=PLAN, science=HEAD)

    checks = [problem["check"] for problem in as_json(root)["problems"]]

    assert checks == ["unmapped-source", "capability-without-rule", "capability-without-rule"]
