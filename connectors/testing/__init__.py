"""Contract suite of connectors, for their authors: a pytest plugin. Needs the extra ``testing``.

It is loaded only where it is asked for, by ``pytest_plugins = ["connectors.testing"]`` in the ``conftest.py`` of a
connector, which also lets failed assertions show their values. A connector takes part by a class that overrides the
fixture ``world``::

    class TestMine(ConnectorSuite):
        @pytest.fixture
        def world(self, tmp_path):
            return MyHarness(tmp_path)

docs/connectors.md shows a whole connector with its harness.

harness     a tracker with one container and its user dana, and a connector to it
contract    tests of one part of the ports or of the specification
suite       all contracts
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.harness")
pytest.register_assert_rewrite(
    *(f"{__name__}.{part}" for part in ("comments", "histories", "labels", "reads"))
)
pytest.register_assert_rewrite(f"{__name__}.specification")

from connectors.testing.harness import (  # noqa: E402 - only modules that are not imported yet can be rewritten
    MARKER,
    START,
    MemoryCache,
    TrackerHarness,
    VirtualTime,
    by_title,
    open_arguments,
    titles,
)
from connectors.testing.suite import ConnectorSuite  # noqa: E402

__all__ = [
    "MARKER",
    "START",
    "ConnectorSuite",
    "MemoryCache",
    "TrackerHarness",
    "VirtualTime",
    "by_title",
    "open_arguments",
    "titles",
]
