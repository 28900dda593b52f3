"""Add the index by which stale histories are found without reading issues."""

from __future__ import annotations

from sync.store.migrations.helpers import create_index

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    create_index("issues", "tracker", "id", "updated", "vanished")
