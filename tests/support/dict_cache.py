"""Cache for connectors under test."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class DictCache:
    """``ports.Cache`` in memory that keeps everything, as JSON like the real one."""

    values: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> Any | None:
        return json.loads(self.values[key]) if key in self.values else None

    def put(self, key: str, value: Any, *, days: float = 30) -> None:
        assert days > 0
        self.values[key] = json.dumps(value)
