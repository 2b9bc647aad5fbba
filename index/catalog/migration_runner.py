"""Migrations of the catalog's tables, run by Alembic (`pagelens.index.catalog.migrations`).

Alembic is imported only where there is something to migrate; the catalog records its revision in one row.
"""

import logging
from pathlib import Path

from sqlalchemy import Connection, String, column, inspect, select, table

from pagelens.core.errors import CollectionMismatch
from pagelens.index.catalog import tables as t

logger = logging.getLogger(__name__)

HEAD = "0013"
READABLE = (None, *(f"{number:04}" for number in range(1, int(HEAD) + 1)))
"""Revisions that a reader can use without a migration. None: created without a recorded revision."""

_versions = table("alembic_version", column("version_num", String))


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a catalog; None where none is recorded."""
    if not inspect(connection).has_table(_versions.name):
        return None
    return connection.execute(select(_versions.c.version_num)).scalar()


def is_empty(connection: Connection) -> bool:
    """Return whether there are no tables yet."""
    return not inspect(connection).has_table(t.state.name)


def migrate(connection: Connection) -> None:
    """Create the tables, or migrate them to the newest revision, in the connection's transaction. Raises
    CollectionMismatch where their revision is newer."""
    found = revision_of(connection)
    if found == HEAD:
        return
    from alembic import command  # takes a quarter of a second to import
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise _newer(found)
    logger.info("catalog: from revision %s to %s", found, HEAD)
    command.upgrade(config, HEAD)


def require_readable(connection: Connection) -> None:
    """Raise CollectionMismatch where a reader cannot use the tables without a migration."""
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
