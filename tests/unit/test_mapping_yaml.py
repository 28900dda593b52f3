"""Reading any file ends soon, with a tree or with a problem that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.problems import Problem
from mappings.yaml.tree import MAX_VALUES, Positions, parse_tree, read_tree


def only_problem(text: str) -> Problem:
    _, problems = parse_tree(text, "f.yaml")
    (problem,) = problems
    return problem


@pytest.mark.parametrize(
    ("text", "place", "part"),
    [
        ("", "f.yaml:1:1", "the file is empty"),
        ("# nothing\n", "f.yaml:1:1", "the file is empty"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1", 'duplicate key "a" (first in line 1)'),
        ("a: {x: 1, x: 2}\n", "f.yaml:1:11", 'duplicate key "x"'),
        ("a:\n\t- b\n", "f.yaml:2:1", "a tab is used where YAML needs spaces"),
        ("a: b\x00c\n", "f.yaml:1:5", "control character"),
        ("a: [1, 2\n", "f.yaml:2:1", "this is not valid YAML"),
        ("a: 1\n b: 2\n", "f.yaml:2:3", "this is not valid YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", "f.yaml:1:4", "is not supported; remove it"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1", "more than one document"),
        ("? [a, b]\n: c\n", "f.yaml:1:3", "a key has to be a plain text"),
        ("a: " + "[" * 2000, "f.yaml:1:23", "nested deeper than 20 levels"),
    ],
)
def test_what_cannot_be_read_is_one_problem_at_its_place(text: str, place: str, part: str) -> None:
    problem = only_problem(text)

    assert str(problem.origin) == place
    assert part in problem.message


def test_a_bomb_of_aliases_is_refused_without_being_expanded() -> None:
    lines = ["a0: &a0 [lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]

    tree, problems = parse_tree("\n".join(lines), "f.yaml")

    assert {problem.message.split(";")[0] for problem in problems} >= {"the alias `*a0` is not supported"}
    assert tree is not None
    assert len(str(tree.to_plain())) < 2000


def test_a_file_of_ten_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"a: " + b"x" * 10_000_000)

    tree, problems = read_tree(path, "big.yaml")

    assert tree is None
    assert [problem.message for problem in problems] == [
        "the file is larger than 1 MB; split it or remove what is not needed."
    ]


def test_a_file_of_too_many_values_is_refused() -> None:
    assert f"more than {MAX_VALUES} values" in only_problem("- a\n" * (MAX_VALUES + 1)).message


def test_a_file_that_is_not_utf_8_is_reported_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: 1\nb: gr\xfc\xdfe\n")

    _, (problem,) = read_tree(path, "latin.yaml")

    assert (problem.origin.line, problem.message) == (
        2,
        "the file is not UTF-8 text; save it with the encoding UTF-8.",
    )


def test_a_file_that_is_not_there_is_a_problem_too(tmp_path: Path) -> None:
    _, (problem,) = read_tree(tmp_path / "none.yaml", "none.yaml")

    assert "cannot be read (no such file or directory)" in problem.message


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: [x]\r\n")

    tree, problems = read_tree(path, "windows.yaml")

    assert problems == []
    assert tree is not None
    assert tree.to_plain() == {"a": "1", "b": ["x"]}


def test_every_key_and_value_knows_where_it_stands() -> None:
    tree, _ = parse_tree("team: x\nrules:\n  - id: a\n    when: {labels: [p, q]}\n", "f.yaml")
    where = Positions(file="f.yaml", root=tree)

    assert str(where.key_origin(("rules", 0, "when", "labels"))) == "f.yaml:4:12"
    assert str(where.value_origin(("rules", 0, "when", "labels", 1))) == "f.yaml:4:24"
    assert where.resolve(("rules", 0, "nothing", "when")) == ("rules", 0, "when")
    assert str(where.key_origin(("rules", 0, "assign"))) == "f.yaml:3:5"
