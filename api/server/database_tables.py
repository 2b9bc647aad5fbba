"""The tables of a server's database. Times are ISO 8601 in UTC."""

from sqlalchemy import Column, Index, Integer, MetaData, String, Table

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),  # index, remove
    Column("collection", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created", String, nullable=False),
    Column("started", String),
    Column("finished", String),
    Column("pages", Integer, nullable=False, default=0),  # read so far, by the run under way
    Column("current", String, nullable=False, default=""),  # the file being read, by its shown name
    Column("cancel", Integer, nullable=False, default=0),  # asked for
    Column("owner", String, nullable=False),  # who submitted it: a key's id, or ""
    Column("fingerprint", String, nullable=False),  # of what was submitted
    sqlite_autoincrement=True,
)

files = Table(
    "files",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("job", String, nullable=False),
    Column("name", String, nullable=False),  # as people know it
    Column("path", String, nullable=False),  # where it lies, as `pagelens.api.engine.file_names.path_to_text` writes it
    Column("sha256", String),
    Column("size", Integer, nullable=False, default=0),
    Column("state", String, nullable=False),
    Column("code", String, nullable=False, default=""),
    Column("reason", String, nullable=False, default=""),
    Column("pages", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),  # begun and not ended
    Column("again", Integer, nullable=False, default=0),  # to be read though it failed before
    Index("files_by_job", "job", "state"),
    sqlite_autoincrement=True,
)

uploads = Table(
    "uploads",
    metadata,
    Column("path", String, primary_key=True),
    Column("collection", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("name", String, nullable=False),  # as the sender called it
    Index("uploads_by_document", "collection", "sha256"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False),  # SHA-256 of 256 random bits: nothing to guess, so nothing to slow down
    Column("name", String, nullable=False),
    Column("scope", String, nullable=False),  # read, write, admin
    Column("collections", String, nullable=False),  # names with commas; empty: all
    Column("created", String, nullable=False),
    Column("revoked", String),
)
