"""The catalog's tables from one version to the next, with Alembic. `pagelens.index.catalog.migrating` runs them."""
