"""Standard streams of a process: any encoding, closed, full, or left by their reader."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = r"""
import sys
from sync.cli.streams import StandardStreams
streams = StandardStreams()
for _ in range(3):
    print("Gr\xf6\xdfe \u6a5f\u68b0 \ud800", flush=True)
print("note", file=sys.stderr)
file = open(sys.argv[1], "w", encoding="utf-8")
lost = streams.close()
file.write(f"{lost}, {sys.stdin.read()!r}, {file.fileno()}")
"""


def shell(command: str, tmp_path: os.PathLike[str], **environment: str) -> tuple[bytes, bytes, str]:
    """Return stdout, stderr, and what the program found out about its streams."""
    facts = os.path.join(tmp_path, "facts")  # noqa: PTH118
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("LANG", "LC_ALL", "PYTHONUTF8")
    }
    done = subprocess.run(
        ["bash", "-c", f'"$@" {command}', "bash", sys.executable, "-c", PROGRAM, facts],
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )
    with open(facts, encoding="utf-8") as file:  # noqa: PTH123
        return done.stdout, done.stderr, file.read()


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"PYTHONIOENCODING": "utf-8"}, "Größe 機械 ?".encode()),
        ({"PYTHONIOENCODING": "latin-1"}, b"Gr\xf6\xdfe ?? ?"),
        ({"PYTHONIOENCODING": "cp1252:strict"}, b"Gr\xf6\xdfe ?? ?"),
        ({"PYTHONIOENCODING": "ascii"}, b"Gr??e ?? ?"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, b"Gr??e ?? ?"),
    ],
    ids=str,
)
def test_characters_that_an_encoding_lacks_are_replaced(
    environment: dict[str, str], line: bytes, tmp_path: os.PathLike[str]
) -> None:
    out, err, _ = shell("", tmp_path, **environment)
    assert (out, err) == (3 * (line + b"\n"), b"note\n")


@pytest.mark.parametrize(
    ("command", "facts"),
    [
        (">&-", "None, '', 3"),
        ("2>&-", "None, '', 3"),
        ("<&-", "None, '', 3"),
        (">&- 2>&- <&-", "None, '', 3"),
        (">/dev/full", "No space left on device, '', 3"),
        ("2>/dev/full", "No space left on device, '', 3"),
        ("| true", "None, '', 3"),
    ],
)
def test_what_cannot_be_written_is_dropped(command: str, facts: str, tmp_path: os.PathLike[str]) -> None:
    """Also no file that is opened later takes the number of a closed stream."""
    assert shell(command, tmp_path)[2] == facts


def test_a_slow_reader_of_a_pipe_that_does_not_block_gets_everything() -> None:
    program = (
        "import os; os.set_blocking(1, False); from sync.cli.streams import StandardStreams;"
        "streams = StandardStreams(); print('x' * 1_000_000); assert streams.close() is None"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert len(started.stdout.read()) == 1_000_001
    assert started.returncode == 0
