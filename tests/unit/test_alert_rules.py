"""The alert rules that ship with the program: they fire when they should, and ask for figures that there are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from sync.cli.metrics.definitions import METRICS, PREFIX
from tests.support.promtool import promtool

ROOT = Path(__file__).parents[2]
RULES = (ROOT / "deploy/alerts.yaml").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES)


def test_promtool_agrees_with_what_the_rules_are_said_to_do() -> None:
    told = subprocess.run(
        [promtool(), "test", "rules", "alerts_test.yaml"],
        cwd=ROOT / "deploy",
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_every_rule_is_tested_both_ways_and_explained() -> None:
    tests = (ROOT / "deploy/alerts_test.yaml").read_text(encoding="utf-8")
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert len(ALERTS) == len(set(ALERTS)) == 8
    for alert in ALERTS:
        assert f"alertname: {alert}, exp_alerts: []" in tests, alert
        assert re.search(rf"alertname: {alert}\n +exp_alerts:\n +- exp_labels", tests), alert
        assert f"`{alert}`" in page, alert


def test_the_rules_ask_only_for_figures_that_runs_tell() -> None:
    asked = set(re.findall(rf"{PREFIX}\w+", RULES))
    assert asked <= {PREFIX + meaning.name for meaning in METRICS}


def test_every_figure_is_on_the_page() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    missing = [meaning.name for meaning in METRICS if f"`{meaning.name}`" not in page]
    assert missing == []
