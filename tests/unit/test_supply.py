"""Locked requirements with hashes, and the audit of known vulnerabilities."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "odd", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("packages", "stderr", "code", "sentence"),
    [
        ([GOOD], "", 0, "no known vulnerability in 1 packages"),
        ([GOOD, BAD, UNKNOWN], "", 1, "bad 2: PYSEC-1, fixed in 3"),
        ([GOOD, UNKNOWN], "", 1, "no answer for odd"),
        ([UNKNOWN], "", 0, "skipped"),
        (None, "requests.exceptions.ConnectionError: no route", 0, "skipped"),
        (None, "unrecognized arguments: --oops", 1, "pip-audit failed"),
    ],
)
def test_audit_fails_on_findings_and_reports_what_it_skipped(
    audit: Any, packages: Any, stderr: str, code: int, sentence: str
) -> None:
    verdict = audit.judge(packages, stderr)
    assert verdict[0] == code
    assert sentence in verdict[1]


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_pinned_package_has_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    pins = re.findall(r"^[A-Za-z0-9._-]+(?:\[.*?\])?==.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(pins) > 20
    assert not [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin]
