"""Files that are no issues are left out and named; the others go on. Nothing of people is lost by a write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from folder_harness import FolderHarness, GitHarness
from increment_sync_markdown.document import parse, with_labels

from connectors.errors import Gone, Rejected
from connectors.model import Census, FieldSelection
from connectors.testing import MARKER, titles

BAD = {
    "no front matter": ("just text\n", "no front matter"),
    "front matter without end": ("---\nid: x\n", "no front matter"),
    "no YAML": ("---\nid: [x\n---\n", "no YAML"),
    "a list": ("---\n- x\n---\n", "no fields"),
    "empty front matter": ("---\n---\n", "no fields"),
    "deep": ("---\nid: " + "[" * 5000 + "\n---\n", "no YAML"),
    "long": ("---\nid: x\ntitle: " + "x" * 60_000 + "\n---\n", "too long"),
    "a key twice": ("---\nid: x\nid: y\ncreated: 2026-01-01\n---\n", "twice"),
    "no id": ("---\ntitle: one\n---\n", "no `id`"),
    "an id with markup": ('---\nid: "<b>"\n---\n', "no `id`"),
    "a list of ids": ("---\nid: [x]\n---\n", "`id` is a list"),
    "labels as text": ("---\nid: x\ncreated: 2026-01-01\nlabels: a\n---\n", "`labels` is no list"),
    "lists as labels": ("---\nid: x\ncreated: 2026-01-01\nlabels: [[a]]\n---\n", "`labels` is no list"),
    "no time": ("---\nid: x\ncreated: yesterday\n---\n", "`created` is no time"),
    "year 0": ("---\nid: x\ncreated: 0000-01-01\n---\n", "`created` is no time"),
}


@pytest.fixture
def world(tmp_path: Path) -> FolderHarness:
    return FolderHarness(tmp_path / "root")


@pytest.fixture
def git(tmp_path: Path) -> GitHarness:
    return GitHarness(tmp_path / "root")


def check_left_out(world: FolderHarness, reason: str, key: str = "notes/bad.md") -> None:
    pulled = world.pull()
    assert titles(pulled) == {"good"}
    assert [each.key for each in pulled.unreadable] == [key]
    assert reason in pulled.unreadable[0].reason and key in pulled.unreadable[0].reason


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_a_bad_file_is_left_out_and_named(world: FolderHarness, text: str, reason: str) -> None:
    world.add_issue("good")
    world.write("notes/bad.md", text)
    check_left_out(world, reason)
    world.write("notes/bad.md", "---\nid: x\ntitle: bad\ncreated: 2026-01-01\n---\n")
    assert titles(world.pull()) == {"good", "bad"}


SPECIAL: dict[str, tuple[Callable[[Path], object], str]] = {
    "latin-1": (lambda path: path.write_bytes(b"---\nid: x\ntitle: f\xfcr\n---\n"), "UTF-8"),
    "2 MB": (lambda path: path.write_bytes(b"x" * 2_000_000), "larger than 1 MB"),
    "a folder": (Path.mkdir, "not a regular file"),
    "a pipe": (os.mkfifo, "not a regular file"),
    "a link": (lambda path: path.symlink_to("/etc/hostname"), "is a link"),
}


@pytest.mark.parametrize(("make", "reason"), SPECIAL.values(), ids=SPECIAL)
def test_what_is_no_file_of_text_is_left_out(
    world: FolderHarness, make: Callable[[Path], object], reason: str
) -> None:
    world.add_issue("good")
    make(world.root / "notes" / "bad.md")
    check_left_out(world, reason)


def test_an_issue_that_breaks_keeps_its_id(world: FolderHarness) -> None:
    world.add_issue("good")
    key = world.add_issue("soon broken")
    world.pull()
    world.write(key, "---\nid: [\n---\n")
    (unreadable,) = world.pull().unreadable
    assert (unreadable.id, unreadable.key) == ("n2", key)
    (census,) = world.reader.census([world.source], FieldSelection())
    assert isinstance(census, Census) and census.ids == {"n1", "n2"}


def test_a_copy_with_the_same_id_is_named_with_its_original(world: FolderHarness) -> None:
    key = world.add_issue("one")
    world.add_issue("good")
    world.write("notes/copy.md", (world.root / key).read_text(encoding="utf-8"))
    pulled = world.pull()
    assert titles(pulled) == {"good"}
    assert {each.key for each in pulled.unreadable} == {key, "notes/copy.md"}


def test_a_readme_and_hidden_files_are_no_issues(world: FolderHarness) -> None:
    for name in ("README.md", ".hidden.md", "notes.txt"):
        (world.root / "notes" / name).write_text("text", encoding="utf-8")
    pulled = world.pull()
    assert (pulled.issues, pulled.unreadable) == ((), ())


@pytest.mark.parametrize(
    "key", ["../secret.md", "notes/../../secret.md", "/etc/passwd", "notes/.a.md", "secret.md"]
)
def test_no_key_leads_out_of_the_root(world: FolderHarness, key: str) -> None:
    (world.root.parent / "secret.md").write_text(
        "---\nid: secret\ncreated: 2026-01-01\n---\n", encoding="utf-8"
    )
    with pytest.raises(Gone):
        world.issue(key)


def test_a_container_that_is_a_link_is_missing(world: FolderHarness, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (world.root / "nope").symlink_to(tmp_path / "elsewhere")
    (answer,) = world.reader.pull([(world.missing, None)], FieldSelection())
    assert "no folder nope" in getattr(answer, "reason", "")


EDITED = {
    "comments, quotes and order": (
        "---\n# ours\nid: \"a1\"\nlabels: [x, y]   # by hand\ntitle: 'one: two'\n---\nBody\n",
        '---\n# ours\nid: "a1"\nlabels: ["x", "z"]   # by hand\ntitle: \'one: two\'\n---\nBody\n',
    ),
    "a list in lines": (
        "---\nlabels:\n  - x\n  - y\n# about the id\nid: a1\n---\n",
        '---\nlabels: ["x", "z"]\n# about the id\nid: a1\n---\n',
    ),
    "no labels": ("---\nid: a1\n---\nBody", '---\nid: a1\nlabels: ["x", "z"]\n---\nBody'),
    "labels without value, Windows": (
        "---\r\nlabels:\r\nid: a1\r\n---\r\n",
        '---\r\nlabels: ["x", "z"]\r\nid: a1\r\n---\r\n',
    ),
    "null": ("---\nlabels: null\nid: a1\n---\n", '---\nlabels: ["x", "z"]\nid: a1\n---\n'),
    "labels without value": ("---\nlabels:\nid: a1\n---\n", '---\nlabels: ["x", "z"]\nid: a1\n---\n'),
    "Windows": (
        "---\r\nid: a1\r\nlabels: [y]\r\n---\r\nB\r\n",
        '---\r\nid: a1\r\nlabels: ["x", "z"]\r\n---\r\nB\r\n',
    ),
}


@pytest.mark.parametrize(("before", "after"), EDITED.values(), ids=EDITED)
def test_an_edit_of_labels_leaves_every_other_byte(before: str, after: str) -> None:
    assert with_labels(before, {"x", "z"}) == after
    assert parse(after).texts("labels") == ("x", "z")


def test_a_line_that_opens_a_comment_opens_none_in_ours(world: FolderHarness) -> None:
    ref = world.ref(world.add_issue("one"))
    forged = "one\n<!-- comment c9 by dana@acme.example at 2026-01-01 -->\n\\<!-- comment\ntwo"
    made = world.writer.create_comment(ref, forged, MARKER)
    assert [(each.id, each.body) for each in world.reader.comments(ref)] == [(made.id, forged)]


def test_permissions_of_a_file_stay(world: FolderHarness) -> None:
    key = world.add_issue("one")
    (world.root / key).chmod(0o640)
    world.writer.change_labels(world.ref(key), ["x"], [])
    assert (world.root / key).stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in (world.root / "notes").iterdir()) == ["issue-1.md"]


def test_changes_of_people_without_commit_are_not_committed_as_ours(git: GitHarness) -> None:
    key = git.add_issue("one", labels=("theirs",))
    ref = git.ref(key)
    git.label(key, "by-hand")
    git.has_changes = False
    with pytest.raises(Rejected, match="not committed"):
        git.writer.change_labels(ref, ["ours"], [])
    assert git.labels(key) == ["theirs", "by-hand"]
    assert git.reader.label_histories([ref]) == {}


def test_what_cannot_be_committed_is_not_written(git: GitHarness) -> None:
    key = git.add_issue("one", labels=("theirs",))
    ref = git.ref(key)
    (git.root / ".git" / "index.lock").touch()
    with pytest.raises(Rejected, match="cannot be committed"):
        git.writer.change_labels(ref, ["ours"], [])
    assert git.labels(key) == ["theirs"]


def test_a_commit_of_ours_holds_one_file_and_nothing_that_others_staged(git: GitHarness) -> None:
    one, two = git.add_issue("one"), git.add_issue("two")
    ref = git.ref(one)
    git.label(two, "staged")
    git.has_changes = False
    git.git("add", "--all")
    git.writer.change_labels(ref, ["ours"], [])
    assert git.reader.label_origins(ref)["ours"].author_id == git.reader.whoami().id
    with pytest.raises(Rejected, match="not committed"):
        git.writer.change_labels(git.ref(two), ["ours"], [])


def test_a_root_inside_a_repository_works_like_its_top(tmp_path: Path) -> None:
    top = GitHarness(tmp_path / "top")
    inner = FolderHarness(top.root / "inner")
    key = inner.add_issue("one", labels=("theirs",))
    top.has_changes = True
    top.commit()
    inner.writer.change_labels(inner.ref(key), ["ours"], [])
    (histories,) = inner.reader.label_histories([inner.ref(key)]).values()
    assert {name for name, history in histories.items() if history.added} == {"theirs", "ours"}


def test_a_history_that_was_rewritten_is_read_again(git: GitHarness) -> None:
    key = git.add_issue("one")
    first = git.pull()
    git.label(key, "late")
    git.commit()
    git.git("commit", "--amend", "--quiet", "--message", "Again")
    assert titles(git.pull(first)) == {"one"}
    assert set(git.reader.label_origins(git.ref(key))) == {"late"}
