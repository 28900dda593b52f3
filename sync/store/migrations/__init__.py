"""Alembic migrations of the store. They run from ``sync.store.schema``, inside its transaction."""
