"""Runs tests against mutants in the copy of the checkout that is the working directory.

Reads one JSON object a line: the file and its changed text, and batches of tests. Each batch runs in a fork, which
imports the project anew; only foreign packages are already imported. Answers with one JSON object a line.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.mutants.outcomes import OUTCOMES, STOP

_FOREIGN = "altair github jinja2 jira lark numpy pydantic ruamel.yaml scipy.stats sqlalchemy structlog typer"
_OPTIONS = (
    "-p",
    "tests.mutants.outcomes",
    "-p",
    "no:cacheprovider",
    "--continue-on-collection-errors",
    "--hypothesis-seed=1",
)
_OUTCOMES = Path("outcomes.jsonl")


def main() -> None:
    """Serve until the input ends."""
    os.environ |= {OUTCOMES: str(_OUTCOMES.absolute()), STOP: "1", "PYTHONPATH": str(Path.cwd())}
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # as in tests/conftest.py
    for name in _FOREIGN.split():
        importlib.import_module(name)
    for line in sys.stdin:
        task = json.loads(line)
        answer = _try_mutant(Path(task["path"]), task["text"], task["batches"])
        sys.__stdout__.write(json.dumps(answer) + "\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


def _try_mutant(path: Path, text: str, batches: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the verdict (``killed``, ``broken`` or ``survived``), and the test that decided."""
    original = path.read_bytes()
    _write(path, text.encode())
    broken = None
    try:
        for batch in batches:
            verdict, test = _run(batch["tests"], batch["limit"])
            if verdict == "killed":
                return {"verdict": verdict, "test": test}
            broken = broken or (test if verdict == "broken" else None)
    finally:
        _write(path, original)
    return {"verdict": "broken" if broken else "survived", "test": broken or ""}


def _write(path: Path, text: bytes) -> None:
    """Write a module with a time of its own; otherwise the compiled one of an earlier mutant could pass for it."""
    path.write_bytes(text)
    _write.moment += 10  # type: ignore[attr-defined]
    os.utime(path, (_write.moment, _write.moment))  # type: ignore[attr-defined]


_write.moment = 1_000_000_000  # type: ignore[attr-defined]


def _run(tests: Sequence[str], limit: float) -> tuple[str, str]:
    """Run tests in a fork. One that fails kills the mutant, and so does an endless loop, but no broken fixture."""
    _OUTCOMES.write_text("")
    started, child = time.monotonic(), os.fork()
    if child == 0:
        _run_in_child(tests)
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() - started > limit:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "killed", "time limit"
        time.sleep(0.02)
    if not _OUTCOMES.read_text():
        output = Path("output.txt").read_text()
        if "Error while loading conftest" in output:
            return "broken", "conftest.py (collect)"
        raise RuntimeError(output)
    broken = ""
    for name, when, outcome, _ in map(json.loads, _OUTCOMES.read_text().splitlines()):
        if outcome == "failed" and when == "call":
            return "killed", name
        broken = broken or (f"{name} ({when})" if outcome == "failed" else "")
    return ("broken", broken) if broken else ("survived", "")


def _run_in_child(tests: Sequence[str]) -> None:
    os.setsid()
    with Path("output.txt").open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        import pytest

        for name in [each for each in sys.modules if each.startswith("tests")]:
            del sys.modules[name]
        os._exit(int(pytest.main([*_OPTIONS, *tests])))


if __name__ == "__main__":
    main()
