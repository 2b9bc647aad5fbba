"""The catalog: tables and statements for SQLite and PostgreSQL, schema migrations."""
