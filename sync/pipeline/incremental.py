"""Thinking a second time about the same issues, after plans or mappings changed.

What ``again.py`` does not name is judged as before, issue by issue; figures are summed up anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
