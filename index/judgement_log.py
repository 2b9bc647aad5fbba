"""Judgements of hits and answers in the catalog: appended beside the one writer, read, and removed.

A judgement is one row in a short transaction of its own. It advances no generation, so readers notice nothing, and the
writer's lock is not needed, except once to migrate a catalog of an older version.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, func, insert, inspect, select, update

from pagelens.core.errors import UsageError
from pagelens.core.judgements import Judgement, require_valid
from pagelens.index.catalog import databases
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.transactions import transaction
from pagelens.index.layout import Layout, load

MAX_JUDGEMENTS = 200_000  # kept of a collection: whoever may search can add rows


def append(layout: Layout, judgement: Judgement, *, limit: int = MAX_JUDGEMENTS) -> None:
    """Store a judgement durably, in place of the one with its key. Raises UsageError where it is none, or `limit` are
    kept; StoreError, CollectionLocked, CollectionReadOnly, DiskFull."""
    require_valid(judgement)
    row = asdict(replace(judgement, at=judgement.at or datetime.now(UTC).isoformat(timespec="seconds")))
    row["sha256"] = row.pop("document")
    with _appending(layout) as connection:
        same = update(t.judgements).where(t.judgements.c.key == judgement.key)
        if judgement.key and connection.execute(same.values(row)).rowcount:
            return
        ids = connection.execute(select(func.min(t.judgements.c.id), func.max(t.judgements.c.id))).one()
        if ids[0] is not None and ids[1] - ids[0] + 1 >= limit:
            raise UsageError(
                f"expected fewer than {limit:,} judgements to be kept, found as many. The owner can export "
                "and remove them: pagelens feedback export FOLDER, pagelens feedback forget"
            )
        connection.execute(insert(t.judgements).values(row))


def read(layout: Layout) -> Sequence[Judgement]:
    """Return all judgements, oldest first; without reasons, or none, where the catalog is of an older version."""
    manifest = load(layout)
    engine = databases.open_for_reading(layout, manifest)
    try:
        with transaction(engine) as connection:
            tables = inspect(connection)
            if not tables.has_table(t.judgements.name):
                return []
            there = {column["name"] for column in tables.get_columns(t.judgements.name)} - {"id"}
            columns = [column for column in t.judgements.c if column.name in there]
            rows = connection.execute(select(*columns).order_by(t.judgements.c.id)).mappings().all()
    finally:
        engine.dispose()
    return [
        Judgement(document=row["sha256"], **{name: value for name, value in row.items() if name != "sha256"})
        for row in rows
    ]


def forget(layout: Layout) -> int:
    """Remove all judgements; return how many there were. Errors as for `append`."""
    with _appending(layout) as connection:
        return connection.execute(delete(t.judgements)).rowcount


@contextmanager
def _appending(layout: Layout) -> Iterator[Connection]:
    engine = databases.open_for_appending(layout, load(layout))
    try:
        with transaction(engine) as connection:
            yield connection
    finally:
        engine.dispose()
