"""The catalog's tables brought to the version this PageLens knows: `index.migrations`, run by Alembic.

Alembic is imported only where there is something to do: the catalog says which revision it is at in one row.
"""

import logging
from pathlib import Path

from sqlalchemy import Connection, String, column, inspect, select, table

from pagelens.core.errors import CollectionMismatch
from pagelens.index.catalog import tables as t

logger = logging.getLogger(__name__)

HEAD = "0002"
READABLE = (None, "0001", HEAD)
"""Revisions that can be read as they stand. None: made before there were any."""

_versions = table("alembic_version", column("version_num", String))


def revision_of(connection: Connection) -> str | None:
    """Return the revision that a catalog is at; None where it never had one."""
    if not inspect(connection).has_table(_versions.name):
        return None
    return connection.execute(select(_versions.c.version_num)).scalar()


def is_empty(connection: Connection) -> bool:
    """Tell whether there are no tables yet."""
    return not inspect(connection).has_table(t.state.name)


def migrate(connection: Connection) -> None:
    """Make the tables, or bring them to the newest revision, in the connection's transaction. Raises
    CollectionMismatch where they are newer than this."""
    found = revision_of(connection)
    if found == HEAD:
        return
    from alembic import command  # a quarter of a second
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    if found not in (None, *(one.revision for one in ScriptDirectory.from_config(config).walk_revisions())):
        raise _newer(found)
    logger.info("catalog: from revision %s to %s", found, HEAD)
    command.upgrade(config, HEAD)


def require_readable(connection: Connection) -> None:
    """Raise CollectionMismatch where a reader cannot use the tables as they are."""
    found = revision_of(connection)
    if found in READABLE:
        return
    if str(found) > HEAD:
        raise _newer(found)
    raise CollectionMismatch(
        f"expected a catalog of revision {HEAD}, found {found}: it was made by an older PageLens. "
        "Bring it up to date: pagelens doctor --repair"
    )


def _newer(found: str | None) -> CollectionMismatch:
    return CollectionMismatch(
        f"expected a catalog of revision {HEAD} or older, found {found}: it was written by a newer PageLens. "
        "Update PageLens; nothing was changed."
    )
