"""What Alembic runs for any command: migrations in the transaction that `index.migrating` hands over."""

from alembic import context

from index.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
