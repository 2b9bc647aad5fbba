"""Alembic's environment: runs migrations in the transaction that `migration_runner` passes."""

from alembic import context

from pagelens.index.catalog.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
