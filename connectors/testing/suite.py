"""The whole contract of a connector."""

from __future__ import annotations

import pytest

from connectors.testing.comments import CommentContract
from connectors.testing.harness import TrackerHarness
from connectors.testing.histories import HistoryContract
from connectors.testing.labels import LabelContract
from connectors.testing.reads import ReadContract
from connectors.testing.specification import SpecificationContract


class ConnectorSuite(SpecificationContract, ReadContract, LabelContract, HistoryContract, CommentContract):
    """Contract of ``connectors/ports.py`` and ``connectors/spec.py``. Subclasses override the fixture ``world``."""

    @pytest.fixture
    def world(self) -> TrackerHarness:
        """Return the harness of the connector."""
        raise NotImplementedError("override the fixture `world`")
