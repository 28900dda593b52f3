"""promtool, the checker of Prometheus for metrics and alert rules, if it is installed."""

from __future__ import annotations

import os
import shutil

import pytest


def promtool() -> str:
    """Path of the program. Without it a test is skipped, or fails where it is required."""
    found = shutil.which("promtool")
    if found is None and os.environ.get("INCREMENT_SYNC_REQUIRE_PROMTOOL"):
        pytest.fail("promtool is required here and not installed")
    if found is None:
        pytest.skip("promtool is not installed; it comes with Debian's package prometheus")
    return found
