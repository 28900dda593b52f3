"""``python -m sync.simulation``: simulation of thousands of random scenarios (``make rehearse-long``)."""

from __future__ import annotations

import argparse
import sys
import time

from sync.simulation.summary import summary_lines
from sync.simulation.workers import ScheduleCounts, simulate_all


def main() -> int:
    """Print the summary; return 1 if an invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m sync.simulation", description=__doc__)
    parser.add_argument(
        "--schedules", type=int, default=10_000, help="schedules in this process, without sockets"
    )
    parser.add_argument("--over-http", type=int, default=500, help="schedules over HTTP on loopback")
    parser.add_argument("--sigkill", type=int, default=50, help="schedules with a process killed by SIGKILL")
    parser.add_argument("--worlds", type=int, default=1000, help="random worlds of people and untrue answers")
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--workers", type=int, default=2, help="worker processes")
    arguments = parser.parse_args()
    counts = ScheduleCounts(
        in_process=arguments.schedules,
        over_http=arguments.over_http,
        sigkill=arguments.sigkill,
        worlds=arguments.worlds,
    )
    started = time.monotonic()
    results = simulate_all(
        counts, seed=arguments.seed, workers=arguments.workers, report_progress=_report_progress
    )
    sys.stdout.write("\n".join(summary_lines(results, seconds=time.monotonic() - started)) + "\n")
    return 1 if results.failures else 0


def _report_progress(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
