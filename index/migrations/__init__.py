"""The catalog's tables from one version to the next, with Alembic. `index.migrating` runs them."""
