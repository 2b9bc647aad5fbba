"""What Alembic runs for any command: migrations in the transaction that `pagelens.index.catalog.migrating` hands over."""

from alembic import context

from pagelens.index.catalog.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
