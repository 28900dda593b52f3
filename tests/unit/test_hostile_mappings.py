"""Malicious mapping files are rejected or bounded, and the files of other teams are still checked and tested."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mappings.problems import closest_name
from tests.support.findings_world import HEAD, MAPPING, call, read, write

SECONDS = 30
"""Generous, because the machine may be busy; what is tested here took minutes, or for ever, without bounds."""
GOOD = MAPPING + "tests:\n  - {issue: {key: DS-1, labels: [model]}, assign: model}\n"


def hostile(text: str) -> str:
    return text.replace("team: science", "team: hostile").replace("{project: DS}", "{project: EVIL}")


def problem_texts(root: Path, text: str) -> tuple[str, ...]:
    """Every problem of a hostile file beside a good one; in time, and nothing about the good one."""
    write(root, science=GOOD, hostile=text)
    begun = time.monotonic()
    code, out, _ = call(root, "mappings", "test")
    problems = read(root).problems
    assert time.monotonic() - begun < SECONDS
    assert "ok      science/DS-1: A case" in out
    assert code == (3 if problems else 0)
    assert {problem.origin.file for problem in problems} <= {"mappings/hostile.yaml"}
    return tuple(str(problem) for problem in problems)


HEADER = hostile(HEAD).replace("  - github: {repo: acme/churn}\n", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nteam: hostile\n", "alias `*a` is not supported"),
        ("a: &a [x]\nb: [" + "*a, " * 100_000 + "]\n", "alias `*a` is not supported"),
        ("[" * 100_000, "nested deeper than 20 levels"),
        (HEADER + "rules: " + "{a: " * 5_000, "nested deeper than 20 levels"),
        (HEADER + "rules: [" + "x, " * 300_000 + "]\n", "more than 20000 values"),
        ("x" * 10_000_000, "larger than 1 MB"),
        ("!!python/object/apply:os.system ['true']\n", "tag"),
        (HEADER + "silence: !!python/name:os.system x\n", "is not supported; remove it"),
        (HEADER + f"flow: {'x' * 900_000}\n", "is not known here"),
        (HEADER + f"{'k' * 900}: 1\n", "unknown key"),
        (HEADER + "".join(f"key{n}: 1\n" for n in range(9_000)), "8500 more values are invalid"),
        (HEADER + "unplanned_label: " + "9" * 100_000 + "\n", "should be true or false"),
        (
            HEADER + "rules:\n  - {id: a, when: {title: '((a{100}){100}){100}'}, assign: model}\n",
            "not an RE2 pattern",
        ),
        (HEADER + r"rules: [{id: a, when: {title: '(\pL{500}){2}x{900}'}, assign: model}]", "too large"),
        (HEADER + f"rules: [{{id: a, when: {{title: '{'a' * 501}'}}, assign: model}}]\n", "500"),
        (HEADER + "rules: [{id: a, when: {title: '(a+)\\1'}, assign: model}]\n", "not an RE2 pattern"),
        (HEADER + 'team: "\\0"\n', ""),
        ("\x00\x01", "control character"),
        ("\ufeff" + HEADER[:-1] + "\n---\na: 1\n", "more than one document"),
    ],
    ids=lambda value: None if len(value) > 40 else value or "empty",
)
def test_a_hostile_file_is_refused_with_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    problems = problem_texts(tmp_path, text)

    assert any(message in problem for problem in problems), problems[:3]
    assert max(len(problem) for problem in problems) < 1_500


def test_a_pattern_that_explodes_elsewhere_is_quick_here(tmp_path: Path) -> None:
    text = HEADER + "rules: [{id: a, when: {title: '^(a+)+$'}, assign: model}]\n"
    text += f"tests: [{{issue: {{key: EVIL-1, title: '{'a' * 490}!'}}, unplanned: true}}]\n"

    assert problem_texts(tmp_path, text) == ()
    assert call(tmp_path, "mappings", "test")[0] == 0


@pytest.mark.parametrize(
    "rule",
    [
        "{{id: r{n}, when: {{labels: [x{n}]}}, assign: model}}",
        "{{id: r{n}, when: {{title: 'ab.*{n}(c|d)+'}}, assign: model}}",
        "{{id: r{n}, when: {{labels: ['*a*b*c*{n}']}}, assign: modle}}",
        "{{id: r{n}, when: {{lables: [x]}}, assign: modle}}",
    ],
)
def test_as_many_rules_as_a_file_may_hold_are_checked_in_time(tmp_path: Path, rule: str) -> None:
    rules = "".join(f"  - {rule.format(n=n)}\n" for n in range(1_000))
    write(tmp_path, science=GOOD, hostile=HEADER + "rules:\n" + rules)
    begun = time.monotonic()

    code, out, _ = call(tmp_path, "mappings", "check")

    assert time.monotonic() - begun < SECONDS
    assert (code, "mappings/science.yaml" in out) == (3 if "modle" in rule or "lables" in rule else 0, False)


def test_names_that_nobody_mistyped_are_not_compared() -> None:
    begun = time.monotonic()

    assert closest_name("x" * 1_000_000, ["x" * 999_999]) is None
    assert time.monotonic() - begun < SECONDS


# Out of the workspace


def secret(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "secret.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("password: hunter2\n")
    return path


@pytest.mark.parametrize(
    "link", ["mappings/hostile.yaml", "plans/hostile.yaml", "mappings/tests/hostile.yaml", "mappings/tests"]
)
def test_a_link_out_of_the_workspace_is_not_followed(tmp_path: Path, link: str) -> None:
    target, root = secret(tmp_path), write(tmp_path / "workspace", science=GOOD)
    path = root / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target if link.endswith(".yaml") else target.parent)

    code, out, err = call(root, "mappings", "check")
    tested = call(root, "mappings", "test")

    assert (code, tested[0]) == (3, 3)
    assert "a link that leads out of the workspace" in out
    assert "hunter2" not in out + err + "".join(map(str, tested))
    assert "password" not in out + err + "".join(map(str, tested))


def test_a_folder_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    target, root = secret(tmp_path), tmp_path / "workspace"
    write(root)
    (root / "mappings" / "science.yaml").unlink()
    (root / "mappings").rmdir()
    (root / "mappings").symlink_to(target.parent)

    code, out, _ = call(root, "mappings", "check")

    assert (code, "password" in out, "leads out of the workspace" in out) == (3, False, True)


def test_links_inside_the_workspace_are_as_good_as_files(tmp_path: Path) -> None:
    """Kubernetes mounts files as links into a folder beside them."""
    root = write(tmp_path, science=GOOD)
    data = root / "mappings" / "..data"
    data.mkdir()
    (root / "mappings" / "science.yaml").rename(data / "science.yaml")
    (root / "mappings" / "science.yaml").symlink_to("..data/science.yaml")

    assert call(root, "mappings", "check", "--strict")[0] == 0


@pytest.mark.parametrize("kind", ["loop", "nowhere", "pipe", "device"])
def test_what_is_no_file_is_a_problem_and_nothing_waits_for_it(tmp_path: Path, kind: str) -> None:
    root = write(tmp_path, science=GOOD)
    path = root / "mappings" / "hostile.yaml"
    if kind == "loop":
        path.symlink_to(path)
    elif kind == "nowhere":
        path.symlink_to(root / "mappings" / "gone.yaml")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")

    code, out, err = call(root, "mappings", "test")

    assert code == 3
    assert "mappings/hostile.yaml:1:1: error:" in out + err
    assert "ok      science/DS-1: A case" in out


def test_a_hostile_test_file_stops_nobody_else(tmp_path: Path) -> None:
    root = write(tmp_path, science=GOOD)
    (root / "mappings" / "tests").mkdir()
    (root / "mappings" / "tests" / "bomb.yaml").write_text("team: science\ntests: &a [*a, *a]\n")

    code, out, err = call(root, "mappings", "test")

    assert (code, "ok      science/DS-1: A case" in out, "alias" in err) == (3, True, True)
