"""Run by Alembic. The connection comes from the program, with a transaction that is already open."""

from __future__ import annotations

from alembic import context

from sync.store.tables_base import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
