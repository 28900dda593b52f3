"""Add the index by which stale histories are found without reading issues."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_issues_tracker_id_updated_vanished", "issues", ["tracker", "id", "updated", "vanished"]
    )
