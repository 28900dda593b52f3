"""Files that hold issues or state belong to their owner only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.config.private_files import private_draft, write_private


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_private_and_one_that_its_owner_shared_stays_shared(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_private(file, "one")
    assert mode(file) == 0o600
    file.chmod(0o644)
    write_private(file, "zwei\r\n\ud800")
    assert (mode(file), file.read_bytes()) == (0o644, b"zwei\r\n?")
    assert list(tmp_path.iterdir()) == [file]


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_private(file, "one")
    with pytest.raises(OSError, match="full"), private_draft(file) as draft:
        draft.write_text("tw", encoding="utf-8")
        raise OSError("full")
    assert file.read_text(encoding="utf-8") == "one"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_a_link_and_a_device_stays_a_device(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    write_private(link, "one")
    assert link.is_symlink()
    assert (target.read_text(encoding="utf-8"), mode(target)) == ("one", 0o600)
    write_private(Path(os.devnull), "one")
    assert Path(os.devnull).is_char_device()
