from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.journey_world import JourneyWorld


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[..., JourneyWorld]]:
    """Return a function that makes worlds; their mock servers stop at the end of the test."""
    with ExitStack() as stack:
        count = 0

        def make(**options: Any) -> JourneyWorld:
            nonlocal count
            count += 1
            return stack.enter_context(JourneyWorld(tmp_path / f"workspace-{count}", **options))

        yield make


@pytest.fixture
def world(make_world: Callable[..., JourneyWorld]) -> JourneyWorld:
    """Three Jira issues of one capability, three GitHub issues of another."""
    return make_world()
