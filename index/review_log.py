"""Reviews in the catalog: items are added and decided beside the one writer.

Each is one row; it advances no generation, so readers notice nothing, and the writer's lock is not needed, except once
to migrate a catalog of an older version.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, inspect, select, update

from pagelens.core.errors import NotFound, UsageError
from pagelens.core.reviews import Decision, ReviewItem
from pagelens.core.types import Box
from pagelens.index.catalog import databases
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.transactions import transaction
from pagelens.index.layout import Layout, load

MAX_ITEMS = 200_000  # kept of a collection: whoever may write can add rows


def add(layout: Layout, items: Sequence[ReviewItem], *, limit: int = MAX_ITEMS) -> int:
    """Store the items that are not kept yet, durably; return how many these are.

    Raises UsageError where `limit` would be exceeded; StoreError, CollectionLocked, CollectionReadOnly, DiskFull.
    """
    by_key = {item.key: item for item in items}
    if not by_key:
        return 0
    with _appending(layout) as connection:
        known = set(connection.scalars(select(t.review_items.c.key).where(t.review_items.c.key.in_(by_key))))
        rows = [_row(item) for key, item in by_key.items() if key not in known]
        count = connection.scalar(select(func.count()).select_from(t.review_items)) or 0
        if count + len(rows) > limit:
            raise UsageError(f"expected at most {limit:,} items to review, found {count + len(rows):,}")
        if rows:
            connection.execute(insert(t.review_items), rows)
        return len(rows)


def decide(layout: Layout, key: str, decision: Decision, correction: object = None) -> ReviewItem:
    """Store a decision, in place of an earlier one; return the item. Raises NotFound; others as `add` does."""
    columns = t.review_items.c
    with _appending(layout) as connection:
        changed = connection.execute(
            update(t.review_items)
            .where(columns.key == key)
            .values(decision=decision, correction=correction, decided_at=_now())
        ).rowcount
        if not changed:
            raise NotFound(f"expected an item to review, found none with the id {key!r}. See: pagelens review")
        return _item(connection.execute(select(t.review_items).where(columns.key == key)).one())


def read(layout: Layout, *, document: str | None = None) -> Sequence[ReviewItem]:
    """Return all items, oldest first, of one document or of all; none where the catalog is of an older version."""
    engine = databases.open_for_reading(layout, load(layout))
    try:
        with transaction(engine) as connection:
            if not inspect(connection).has_table(t.review_items.name):
                return []
            query = select(t.review_items).order_by(t.review_items.c.at, t.review_items.c.key)
            if document is not None:
                query = query.where(t.review_items.c.sha256 == document)
            return [_item(row) for row in connection.execute(query)]
    finally:
        engine.dispose()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _row(item: ReviewItem) -> dict[str, Any]:
    return {
        "key": item.key,
        "kind": item.kind,
        "sha256": item.document,
        "number": item.number,
        "subject": item.subject,
        "pointer": item.pointer,
        "value": item.value,
        "reason": item.reason,
        "boxes": [list(box) for box in item.boxes],
        "at": item.at or _now(),
        "decision": item.decision or "",
        "correction": item.correction,
        "decided_at": item.decided_at,
    }


def _item(row: Row[Any]) -> ReviewItem:
    return ReviewItem(
        kind=row.kind,
        document=row.sha256,
        number=row.number,
        subject=row.subject,
        pointer=row.pointer,
        value=row.value,
        reason=row.reason,
        boxes=[Box(*box) for box in row.boxes or ()],
        at=row.at,
        decision=row.decision or None,
        correction=row.correction,
        decided_at=row.decided_at,
    )


@contextmanager
def _appending(layout: Layout) -> Iterator[Connection]:
    engine = databases.open_for_appending(layout, load(layout))
    try:
        with transaction(engine) as connection:
            yield connection
    finally:
        engine.dispose()
