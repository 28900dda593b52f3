"""Alert rules of the program: promtool tests, documentation, and the metrics that they use."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from sync.cli.metrics.definitions import METRICS, PREFIX
from tests.support.promtool import promtool

ROOT = Path(__file__).parents[2]
RULES = (ROOT / "deploy/alerts.yaml").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES)


def test_alert_rules_pass_their_promtool_tests() -> None:
    checked = subprocess.run(
        [promtool(), "test", "rules", "alerts_test.yaml"],
        cwd=ROOT / "deploy",
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_is_tested_both_ways_and_documented() -> None:
    tests = (ROOT / "deploy/alerts_test.yaml").read_text(encoding="utf-8")
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert len(ALERTS) == len(set(ALERTS)) == 8
    for alert in ALERTS:
        assert f"alertname: {alert}, exp_alerts: []" in tests, alert
        assert re.search(rf"alertname: {alert}\n +exp_alerts:\n +- exp_labels", tests), alert
        assert f"`{alert}`" in page, alert


def test_alerts_use_only_exported_metrics() -> None:
    used = set(re.findall(rf"{PREFIX}\w+", RULES))
    assert used <= {PREFIX + metric.name for metric in METRICS}


def test_every_metric_is_documented() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    missing = [meaning.name for meaning in METRICS if f"`{meaning.name}`" not in page]
    assert missing == []
