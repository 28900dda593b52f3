"""The contract of connectors, with and without Git."""

from pathlib import Path

import pytest
from folder_harness import FolderHarness, GitHarness

from connectors.testing import ConnectorSuite, TrackerHarness


class TestFolder(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> TrackerHarness:
        return FolderHarness(tmp_path / "root")


class TestGitFolder(ConnectorSuite):
    @pytest.fixture
    def world(self, tmp_path: Path) -> TrackerHarness:
        return GitHarness(tmp_path / "root")
