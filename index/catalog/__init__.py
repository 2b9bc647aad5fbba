"""The catalog: tables, queries and writes for SQLite and PostgreSQL, and schema migrations."""
