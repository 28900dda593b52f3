"""Faults of the environment around one tracker: it fails with a sentence, and everything else goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sandbox.server import Sandbox
from tests.journey.test_doctor import examine, lines
from tests.support.journey_world import TOKENS, JourneyWorld, plain_trackers


def encrypted_jira(box: Sandbox) -> str:
    """Settings with Jira at an address that needs a certificate."""
    return plain_trackers(box).replace(box.url("jira"), "https://localhost:9")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JourneyWorld:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "no-such-authority.pem"))
    return JourneyWorld(tmp_path, trackers=encrypted_jira)


def test_a_missing_file_of_authorities_fails_its_tracker_alone(world: JourneyWorld, tmp_path: Path) -> None:
    with world:
        result = world.run()
        assert result.code == 1
        assert f"REQUESTS_CA_BUNDLE names '{tmp_path}/no-such-authority.pem'" in result.out + result.err
        assert any("acme/churn/issues" in line for line in world.reads("github"))


def test_doctor_goes_on_after_a_missing_file_of_authorities(world: JourneyWorld) -> None:
    with world:
        result = examine(world)
        assert any("REQUESTS_CA_BUNDLE names" in line for line in lines(result, "problem"))
        assert any("github" in line and "knows us as" in line for line in lines(result, "ok"))


def test_a_health_check_that_needs_the_file_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "no-such-authority.pem"))
    tokens = {**TOKENS, "INCREMENT_SYNC_PING_URL": "https://localhost:9/ping"}
    with JourneyWorld(tmp_path, environment=tokens) as world:
        result = world.run()
        assert result.code == 0
        assert "the health check cannot be reached" in result.err
