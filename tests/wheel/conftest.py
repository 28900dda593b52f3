"""The built distribution, once for all tests of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.distribution import build, checkout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    out = tmp_path_factory.mktemp("dist")
    printed = build(checkout(out.parent), out)
    assert "SetuptoolsDeprecationWarning" not in printed
    assert "importable" not in printed, "setuptools takes a folder for a package"
    return out
