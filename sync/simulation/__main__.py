"""``python -m sync.simulation``: the long rehearsal of this project over made-up worlds (``make rehearse-long``)."""

from __future__ import annotations

import argparse
import sys
import time

from sync.simulation.summary import summary_lines
from sync.simulation.workers import ScheduleCounts, simulate_all


def main() -> int:
    """Prints the tally; 1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m sync.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000, help="in process, on a clock of its own")
    parser.add_argument("--over-http", type=int, default=500, help="over HTTP on loopback")
    parser.add_argument("--sigkill", type=int, default=50, help="whose process is killed by SIGKILL")
    parser.add_argument("--seed", type=int, default=0, help="the first number")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    given = parser.parse_args()
    parts = ScheduleCounts(in_process=given.schedules, over_http=given.over_http, sigkill=given.sigkill)
    started = time.monotonic()
    tally = simulate_all(parts, seed=given.seed, workers=given.workers, report_progress=_report_progress)
    sys.stdout.write("\n".join(summary_lines(tally, seconds=time.monotonic() - started)) + "\n")
    return 1 if tally.failures else 0


def _report_progress(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
