"""Alembic environment. ``sync.store.schema`` provides the connection, with an open transaction."""

from __future__ import annotations

from alembic import context

from sync.store.columns import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
