"""Change the safety core at random, and say which changes no test notices: ``make mutants``.

Each mutant runs only against tests that execute its line, until one of them fails. The exit code is 1
if fewer than 95 % of the mutants that change behaviour are noticed. ``equivalents.toml`` lists those that change none.
"""

from __future__ import annotations

import argparse
import json
import queue
import random
import shutil
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.mutants.core import CORE
from tests.mutants.operators import Mutant, mutants
from tests.mutants.tests_of_lines import CoverageMap

ROOT = Path(__file__).parents[2]
WANTED = 0.95
FOLDER = Path("build/mutants")
"""The map of covered lines, the copies of the checkout that are changed, and the survivors of the last run."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one mutant: killed, import (a change of a module's constants that stops its import), survived,

    uncovered, broken (only fixtures failed) or equivalent.
    """

    mutant: Mutant
    verdict: str
    detail: str = ""


class Workers:
    """Processes that try mutants, each in its own copy of the checkout."""

    def __init__(self, count: int) -> None:
        self._idle: queue.Queue[subprocess.Popen[str]] = queue.Queue()
        for number in range(count):
            folder = FOLDER / f"copy-{number}"
            shutil.rmtree(folder, ignore_errors=True)
            listed = subprocess.run(
                ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                check=True,
                capture_output=True,
                text=True,
            )
            for name in filter(Path.is_file, map(Path, listed.stdout.splitlines())):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(name, folder / name)
            command = [sys.executable, "-m", "tests.mutants.worker"]
            self._idle.put(
                subprocess.Popen(
                    command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )

    def try_mutant(self, mutant: Mutant, text: str, batches: list[dict[str, Any]]) -> dict[str, str]:
        """Return verdict and deciding test of a mutant."""
        worker = self._idle.get()
        try:
            assert worker.stdin is not None and worker.stdout is not None
            worker.stdin.write(json.dumps({"path": mutant.path, "text": text, "batches": batches}) + "\n")
            worker.stdin.flush()
            answer: dict[str, str] = json.loads(worker.stdout.readline())
            return answer
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End the processes."""
        while not self._idle.empty():
            worker = self._idle.get()
            worker.communicate()


class Equivalents:
    """Mutants that change no behaviour, with the reason; found by their text, so that lines may move.

    An entry without ``after`` holds for every change of its line.
    """

    def __init__(self, path: Path) -> None:
        self._reasons: dict[tuple[str, ...], str] = {
            tuple(each[key] for key in ("file", "function", "before", "after") if key in each): each["reason"]
            for each in tomllib.loads(path.read_text())["equivalent"]
        }

    def reason(self, mutant: Mutant, source: bytes) -> str | None:
        """Return the reason why this mutant is none, or None if it is one."""
        key = (mutant.path, mutant.function, *mutant.before_and_after(source))
        return self._reasons.get(key) or self._reasons.get(key[:3])

    def outdated(self, existing: Iterable[Mutant], sources: dict[str, bytes]) -> list[str]:
        """Describe the entries that no mutant has."""
        keys = [(m.path, m.function, *m.before_and_after(sources[m.path])) for m in existing]
        found = {*keys, *(key[:3] for key in keys)}
        return [f"{key[0]} {key[1]}: {key[-1]}" for key in self._reasons if key not in found]


def main() -> int:
    """Return the exit code."""
    options = _options()
    map_of_tests = CoverageMap(FOLDER)
    if options.tests or not options.reuse_map:
        map_of_tests.measure(options.tests)
    if options.uncovered:
        return _print_uncovered(map_of_tests)
    sources = {path: (ROOT / path).read_bytes() for path in CORE}
    existing = [mutant for path, source in sources.items() for mutant in mutants(path, source)]
    equivalents = Equivalents(Path(__file__).with_name("equivalents.toml"))
    wanted = [m for m in existing if any(fnmatch(m.path, pattern) for pattern in options.files)]
    sample = random.Random(options.seed).sample(wanted, min(options.count, len(wanted)))
    print(f"{len(sample)} of {len(wanted)} mutants, seed {options.seed}", flush=True)
    workers = Workers(options.jobs)

    def result(mutant: Mutant) -> Result:
        source = sources[mutant.path]
        if reason := equivalents.reason(mutant, source):
            return Result(mutant, "equivalent", reason)
        batches = list(map_of_tests.batches(mutant, options.budget))
        if not batches:
            return Result(mutant, "uncovered")
        answer = workers.try_mutant(mutant, mutant.apply(source).decode(), batches)
        verdict = answer["verdict"]
        map_of_tests.noticed[answer["test"]] += verdict == "killed"
        if verdict == "broken" and mutant.names is not None and answer["test"].endswith("(collect)"):
            verdict = "import"
        return Result(mutant, verdict, answer["test"])

    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(_shown(pool.map(result, sample), sources))
    workers.close()
    for line in equivalents.outdated(existing, sources):
        print(f"outdated equivalent: {line}")
    return _print_table(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "files", nargs="*", default=["*"], help="patterns of files; the whole core by default"
    )
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--budget", type=float, default=60, help="seconds of tests that one mutant may cost")
    parser.add_argument("--reuse-map", action="store_true", help="take the covered lines of the last run")
    parser.add_argument("--tests", action="append", default=[], help="measure these tests again, too")
    parser.add_argument(
        "--uncovered", action="store_true", help="list lines of the core that no test executes"
    )
    return parser.parse_args()


def _shown(results: Iterable[Result], sources: dict[str, bytes]) -> Iterator[Result]:
    """Print each mutant that was not noticed while the run goes on."""
    for count, each in enumerate(results, 1):
        if each.verdict in ("survived", "uncovered", "broken"):
            before, after = each.mutant.before_and_after(sources[each.mutant.path])
            place = f"{each.mutant.path}:{each.mutant.lines[1]} {each.mutant.function}"
            print(f"\n#{count} {each.verdict}: {place} {each.detail}\n- {before}\n+ {after}", flush=True)
        yield each


def _print_table(results: list[Result]) -> int:
    """Print the counts by file. Return 1 if too few mutants were noticed."""
    by_file: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in results:
        by_file[each.mutant.path][each.verdict] += 1
    total = sum(by_file.values(), Counter())
    columns = ("killed", "import", "survived", "uncovered", "broken", "equivalent")
    print(f"\n{'file':45}" + "".join(f"{column:>12}" for column in (*columns, "rate")))
    for path, counts in [*sorted(by_file.items()), ("all", total)]:
        print(f"{path:45}" + "".join(f"{counts[column]:12}" for column in columns) + f"{_rate(counts):12.1%}")
    return 0 if _rate(total) >= WANTED else 1


def _rate(counts: Counter[str]) -> float:
    """Return the share of noticed mutants among those that change behaviour."""
    changing = counts.total() - counts["equivalent"]
    return (counts["killed"] + counts["import"]) / changing if changing else 1.0


def _print_uncovered(map_of_tests: CoverageMap) -> int:
    found = {path: lines for path in CORE if (lines := map_of_tests.uncovered(path))}
    for path, lines in found.items():
        print(f"{path}: {', '.join(map(str, lines))}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
