"""The SQL tables of a server's database. Times are ISO 8601 in UTC."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

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
    Column("pages", Integer, nullable=False, default=0),  # read so far, in the current run
    Column("current", String, nullable=False, default=""),  # display name of the file being read
    Column("cancel", Integer, nullable=False, default=0),  # 1: cancellation requested
    Column("owner", String, nullable=False),  # id of the key that submitted it, or ""
    Column("fingerprint", String, nullable=False),  # hash of the submitted content
    sqlite_autoincrement=True,
)

files = Table(
    "files",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("job", String, nullable=False),
    Column("name", String, nullable=False),  # display name
    Column("path", String, nullable=False),  # as `pagelens.api.engine.file_names.path_to_text` writes it
    Column("sha256", String),
    Column("size", Integer, nullable=False, default=0),
    Column("state", String, nullable=False),
    Column("code", String, nullable=False, default=""),
    Column("reason", String, nullable=False, default=""),
    Column("pages", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),  # started and not finished
    Column("retry", Integer, nullable=False, default=0),  # 1: retry although it failed before
    Index("files_by_job", "job", "state"),
    sqlite_autoincrement=True,
)

uploads = Table(
    "uploads",
    metadata,
    Column("path", String, primary_key=True),
    Column("collection", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("name", String, nullable=False),  # file name that the sender gave
    Index("uploads_by_document", "collection", "sha256"),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", String, nullable=False),  # SHA-256 of a 256-bit random secret; such a secret needs no slow hash
    Column("name", String, nullable=False),
    Column("scope", String, nullable=False),  # read, write, admin
    Column("collections", String, nullable=False),  # names, separated by commas; empty: all
    Column("created", String, nullable=False),
    Column("revoked", String),
    Column("checksum", String),  # `key_checksum` of the row: a flipped bit must not widen what a key may do
)


def key_checksum(row: Mapping[Any, Any]) -> str:
    """Return the SHA-256 of the other values of a row of `keys`, as they are read back."""
    values = [row[column.name] for column in keys.columns if column is not keys.c.checksum]
    return hashlib.sha256(json.dumps(values, default=repr).encode("utf-8", "surrogatepass")).hexdigest()


def utc_now() -> str:
    """Return the current time in the format of the tables."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
