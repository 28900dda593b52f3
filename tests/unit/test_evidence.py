"""Evidence files: numbers that prove work, and invalid files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mappings.model import Evidence
from sync.cli.commands.status import status
from sync.config.evidence import MAX_BYTES, check_evidence
from tests.support.offline_world import PLAN, OfflineWorld, done

AUC = Evidence(file="metrics/churn.json", metric="auc", at_least=0.8)
ASKED = '      - {id: features, title: Churn features, team: science, anchor: "github:acme/churn#12"}\n'
ASKING = ASKED.replace("}\n", ", evidence: {file: metrics/churn.json, metric: auc, at_least: 0.8}}\n")


def proof(root: Path, text: str | bytes, **asked: Any) -> tuple[bool, str]:
    path = root / "metrics/churn.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    found = check_evidence(root, Evidence(**{"file": AUC.file, "metric": "auc", **asked}))
    return found.reached, found.why


def test_a_number_reaches_its_bound_or_not(tmp_path: Path) -> None:
    assert proof(tmp_path, '{"auc": 0.8}', at_least=0.8) == (True, "auc is 0.8 (metrics/churn.json)")
    missed = (False, "auc is 0.79, at least 0.8 is needed (metrics/churn.json)")
    assert proof(tmp_path, '{"auc": 0.79}', at_least=0.8) == missed
    assert (
        proof(tmp_path, '{"auc": 3}', at_most=2)[1] == "auc is 3, at most 2 is allowed (metrics/churn.json)"
    )


def test_dots_lead_into_objects_and_lists(tmp_path: Path) -> None:
    text = '{"test": {"folds": [{"auc": 0.7}, {"auc": 0.9}], "a.b": 1}}'
    assert proof(tmp_path, text, metric="test.folds.1.auc", at_least=0.8)[0]
    assert proof(tmp_path, text, metric="test.a.b", at_least=1)[0]
    for metric in ("test.folds.2.auc", "test.folds.-1.auc", "test", "auc", "test.folds.1.auc.x", "."):
        reached, why = proof(tmp_path, text, metric=metric, at_least=0)
        assert not reached
        assert why == f"metrics/churn.json has no number {metric!r}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"auc": NaN}', "has 'auc' as NaN"),
        ('{"auc": -Infinity}', "has 'auc' as infinity"),
        ('{"auc": 1e999}', "has 'auc' as infinity"),
        ('{"auc": 1' + "0" * 400 + "}", "has 'auc' as infinity"),
        ('{"auc": "0.9"}', "has no number 'auc'"),
        ('{"auc": true}', "has no number 'auc'"),
        ('{"auc": null}', "has no number 'auc'"),
        (" " * MAX_BYTES + "{}", "is larger than 1 MB"),
    ],
    ids=lambda value: repr(value[:14]),
)
def test_file_without_a_number_proves_nothing(tmp_path: Path, text: str | bytes, why: str) -> None:
    assert proof(tmp_path, text, at_least=0) == (False, f"metrics/churn.json {why}")


def test_only_files_of_the_workspace_are_read(tmp_path: Path) -> None:
    root, outside = tmp_path / "workspace", tmp_path / "secret.json"
    (root / "metrics").mkdir(parents=True)
    outside.write_text('{"auc": 0.9}')
    link = root / AUC.file
    assert check_evidence(root, AUC).why == "metrics/churn.json does not exist"
    link.symlink_to(outside)
    assert check_evidence(root, AUC).why == "metrics/churn.json is a link that leads out of the workspace"
    link.unlink()
    link.symlink_to(link)
    assert "cannot be read" in check_evidence(root, AUC).why
    link.unlink()
    link.mkdir()
    assert check_evidence(root, AUC).why == "metrics/churn.json is not a file"
    link.rmdir()
    os.mkfifo(link)
    assert check_evidence(root, AUC).why == "metrics/churn.json is not a file"


@pytest.mark.parametrize(
    ("written", "column", "sentence"),
    [
        ("file: /etc/passwd, metric: auc, at_least: 1", 66, "is not a path relative to the workspace"),
        ("file: ../x.json, metric: auc, at_least: 1", 66, 'leaves a folder with ".."'),
        ("file: 'https://x.example/m.json', metric: auc, at_least: 1", 66, "is a URL"),
        ("file: 'C:\\x.json', metric: auc, at_least: 1", 66, "is not a path relative to the workspace"),
        ("file: m.json, metric: auc", 59, "has no bound"),
        ("file: m.json, metric: auc, at_least: 2, at_most: 1", 59, "is greater than"),
        ("file: m.json, metric: auc, at_least: .nan", 97, "should be a number"),
        ("file: m.json, metric: auc, atleast: 1", 87, "did you mean"),
    ],
)
def test_mistakes_are_reported_with_their_location(
    tmp_path: Path, written: str, column: int, sentence: str
) -> None:
    line = "      - {id: features, team: science, title: F, evidence: {" + written + "}}\n"
    world = OfflineWorld(tmp_path, plan=PLAN.replace(ASKED, line))
    result = world.call(lambda invocation: status(invocation, None))
    assert result.code == 3
    problems = [each for each in result.err.splitlines() if each.startswith("plans/2026-q4.yaml:9:")]
    assert any(
        each.startswith(f"plans/2026-q4.yaml:9:{column}: ") and sentence in each for each in problems
    ), problems


def test_done_is_shown_as_not_proven_until_the_number_exists(tmp_path: Path) -> None:
    world = OfflineWorld(
        tmp_path, done("acme/churn#1", 3, labels=["features"]), plan=PLAN.replace(ASKED, ASKING)
    )

    def shown() -> tuple[str, Any]:
        text = world.call(lambda invocation: status(invocation, None)).out
        answer = world.call(lambda invocation: status(invocation, None), as_json=True).json
        features, _ = answer["increments"][0]["goals"][0]["capabilities"]
        return text, features

    text, features = shown()
    assert "done, not proven" in text
    assert "metrics/churn.json does not exist" in text
    assert (features["state"], features["not_proven"]) == ("done", True)
    world.write("metrics/churn.json", '{"auc": 0.9}')
    text, features = shown()
    assert "not proven" not in text
    assert (features["state"], features["not_proven"]) == ("done", False)
    assert features["proof"] == {"reached": True, "value": 0.9, "why": "auc is 0.9 (metrics/churn.json)"}
