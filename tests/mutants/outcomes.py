"""Pytest plugin: writes the outcome of every test to a file, and stops at the first that notices a mutant."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

OUTCOMES, STOP = "MUTANT_OUTCOMES", "MUTANT_STOP"
"""Variables: the file that outcomes are appended to; set if the first failure ends the run."""


def pytest_sessionstart() -> None:
    """Search for counterexamples as ever, but spend no time on shrinking them."""
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", deadline=None, database=None, phases=phases)
    settings.load_profile("mutants")


class _Recorder:
    """Receives the reports of one session."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.record(report.nodeid, report.when, report.outcome, report.duration)
        if report.when == "call" and report.failed and STOP in os.environ:
            self.session.shouldstop = "noticed"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.record(report.nodeid, "collect", report.outcome, 0.0)

    def record(self, name: str, when: str | None, outcome: str, seconds: float) -> None:
        with Path(os.environ[OUTCOMES]).open("a") as file:
            file.write(json.dumps([name, when, outcome, round(seconds, 4)]) + "\n")


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Record from here on; the workers of pytest-xdist leave it to their controller."""
    if OUTCOMES in os.environ and "PYTEST_XDIST_WORKER" not in os.environ:
        session.config.pluginmanager.register(_Recorder(session))
