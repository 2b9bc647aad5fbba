"""Alembic migrations of the catalog's tables, run by `pagelens.index.catalog.migration_runner`."""
