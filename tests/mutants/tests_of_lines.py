"""Which tests execute which line, and how long each test takes."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from coverage import Coverage, CoverageData

from tests.mutants.operators import Mutant
from tests.mutants.outcomes import OUTCOMES

_FIRST_BATCH_SECONDS, _CHEAP_SECONDS = 2.0, 0.5
_STARTING_SECONDS = 30.0
_SLOW = 8
"""So many times longer than measured may a batch take, on a busy machine, before it counts as an endless loop."""
_COSTLY_SECONDS, _COSTLY = 30.0, re.compile(r"postgres|promtool|tests/browser", re.IGNORECASE)
"""Tests that start another program first. They come last."""


_PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")


class CoverageMap:
    """Covered lines by test, measured by pytest-cov."""

    def __init__(self, folder: Path) -> None:
        self._data, self._outcomes = folder / "coverage", folder / "tests.jsonl"
        self.noticed: Counter[str] = Counter()
        """Tests that noticed mutants so far. They come first."""

    def measure(self, tests: Sequence[str] = ()) -> None:
        """Run all tests and note the lines they execute; or add what these tests execute."""
        self._data.parent.mkdir(parents=True, exist_ok=True)
        if not tests:
            self._data.unlink(missing_ok=True)
            self._outcomes.unlink(missing_ok=True)
        packages = [f"--cov={package}" for package in ("connectors", "mappings", "sync")]
        options = (
            "-n 3 --dist worksteal -p tests.mutants.outcomes --cov-context=test --cov-report= --cov-append"
        )
        command = [*_PYTEST, *options.split(), *packages, *tests]
        variables = {OUTCOMES: str(self._outcomes.absolute()), "COVERAGE_FILE": str(self._data.absolute())}
        subprocess.run(command, check=False, env=os.environ | variables)

    @cached_property
    def seconds(self) -> dict[str, float]:
        """Duration of each test function that passed, with its fixtures and parameters."""
        phases: dict[tuple[str, str], float] = {}
        for name, when, outcome, seconds in map(json.loads, self._outcomes.read_text().splitlines()):
            phases[name, when] = seconds if outcome == "passed" else math.inf
        found: defaultdict[str, float] = defaultdict(float)
        for (name, _), seconds in phases.items():
            found[_function(name)] += seconds
        return {
            name: seconds + (_COSTLY_SECONDS if _COSTLY.search(name) else 0)
            for name, seconds in found.items()
            if math.isfinite(seconds) and _exists(name)
        }

    @cached_property
    def _covered(self) -> CoverageData:
        data = CoverageData(str(self._data))
        data.read()
        return data

    def tests_of(self, path: str) -> dict[int, set[str]]:
        """Return the tests by line of one file."""
        contexts = self._covered.contexts_by_lineno(str(Path(path).absolute()))
        return {
            line: {name for each in found if (name := _function(each)) in self.seconds}
            for line, found in contexts.items()
        }

    def uncovered(self, path: str) -> list[int]:
        """Return the lines of one file that no test executes."""
        coverage = Coverage(data_file=str(self._data), config_file=False)
        coverage.load()
        return coverage.analysis2(path)[3]

    def batches(self, mutant: Mutant, budget: float) -> Iterator[dict[str, Any]]:
        """Yield the tests to run against a mutant: a small batch, and all others within the budget.

        Cheap ones come first, and of these the ones that noticed other mutants.
        """

        def rank(name: str) -> tuple[bool, int, float, str]:
            return self.seconds[name] > _CHEAP_SECONDS, -self.noticed[name], self.seconds[name], name

        tests = sorted(self._tests_of_mutant(mutant), key=rank)
        batch: list[str] = []
        spent, limit = 0.0, _FIRST_BATCH_SECONDS
        for name in tests:
            if batch and spent > budget:
                break
            if batch and spent > limit:
                yield {"tests": batch, "limit": _STARTING_SECONDS + _SLOW * spent}
                batch, limit = [], budget
            batch.append(name)
            spent += self.seconds[name]
        if batch:
            yield {"tests": batch, "limit": _STARTING_SECONDS + _SLOW * spent}

    def _tests_of_mutant(self, mutant: Mutant) -> set[str]:
        if mutant.names is not None:
            return self._tests_of_names(mutant.path, mutant.names)
        lines = self._lines(mutant.path)
        first, last = mutant.lines
        return lines.get(last) or set().union(*(lines.get(line, set()) for line in range(first, last + 1)))

    def _tests_of_names(self, path: str, names: Sequence[str]) -> set[str]:
        """Return the tests of lines that use what a module binds while it is imported."""
        used = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))
        return {
            test
            for each in (self._paths if names else [path])
            for number, text in enumerate(Path(each).read_text().splitlines(), 1)
            if used.search(text)
            for test in self._lines(each).get(number, ())
        }

    @cached_property
    def _paths(self) -> list[str]:
        return [os.path.relpath(each) for each in self._covered.measured_files() if Path(each).is_file()]

    def _lines(self, path: str) -> dict[int, set[str]]:
        if path not in self._known:
            self._known[path] = self.tests_of(path)
        return self._known[path]

    @cached_property
    def _known(self) -> dict[str, dict[int, set[str]]]:
        return {}


def _function(name: str) -> str:
    """Return the name of a test without its parameters and its phase."""
    return name.partition("[")[0].partition("|")[0]


def _exists(name: str) -> bool:
    """Return False for a test that was renamed since it was measured."""
    path, _, inside = name.partition("::")
    top = re.escape(inside.partition("::")[0])
    return (
        Path(path).is_file()
        and re.search(rf"^(def|class) {top}\b", Path(path).read_text(), re.MULTILINE) is not None
    )
