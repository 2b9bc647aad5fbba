"""Descriptions of page images in the catalog: read, stored, and moved to a document's new key.

A description is stored at once, and applied later: then the page's own caption is followed by its words (column
`applied`), so that the `words` lane finds the page by them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from pagelens.core.descriptions import Description
from pagelens.core.keys import document_of, number_of, page_key
from pagelens.index.catalog import tables as t

BATCH = 5_000  # keys in one statement


def has_descriptions(connection: Connection) -> bool:
    """Return whether the catalog has the table; one of an older revision that was not written to has not."""
    return t.has_table(connection, t.descriptions)


def read(connection: Connection, pages: Sequence[int]) -> dict[int, tuple[Description, str]]:
    """Return the descriptions of these pages by key, each with its `applied` text."""
    if not pages or not has_descriptions(connection):
        return {}
    found: dict[int, tuple[Description, str]] = {}
    for start in range(0, len(pages), BATCH):
        query = select(t.descriptions).where(t.descriptions.c.page.in_(list(pages[start : start + BATCH])))
        found |= {row.page: (_description(row), row.applied) for row in connection.execute(query)}
    return found


def any_stored(connection: Connection) -> bool:
    """Tell whether any page has a description."""
    return (
        has_descriptions(connection) and connection.execute(select(t.descriptions.c.page).limit(1)).first() is not None
    )


def read_all(connection: Connection) -> dict[int, Description]:
    """Return the descriptions of the pages of live documents by key, in order."""
    if not has_descriptions(connection):
        return {}
    query = select(t.descriptions).join(t.documents, t.documents.c.key == t.descriptions.c.document)
    query = query.where(t.documents.c.live == 1).order_by(t.descriptions.c.page)
    return {row.page: _description(row) for row in connection.execute(query)}


def unapplied_documents(connection: Connection) -> list[int]:
    """Return the keys of live documents with a description whose words are not in the caption of its page."""
    query = select(t.descriptions).join(t.documents, t.documents.c.key == t.descriptions.c.document)
    rows = connection.execute(query.where(t.documents.c.live == 1).order_by(t.descriptions.c.page))
    return list(dict.fromkeys(row.document for row in rows if row.applied != _description(row).words))


def any_unapplied(connection: Connection) -> bool:
    """Tell whether a live document was read anew and its captions lack the words of its descriptions."""
    if not has_descriptions(connection):
        return False
    query = select(t.descriptions.c.page).join(t.documents, t.documents.c.key == t.descriptions.c.document)
    return connection.execute(query.where(t.documents.c.live == 1, t.descriptions.c.applied == "")).first() is not None


def store(connection: Connection, page: int, description: Description) -> None:
    """Store the description of a page in place of an older one, whose words stay in the caption until the next is
    applied. A page that was removed gets none."""
    if connection.execute(select(t.pages.c.key).where(t.pages.c.key == page)).first() is None:
        return
    older = read(connection, [page]).get(page)
    connection.execute(delete(t.descriptions).where(t.descriptions.c.page == page))
    connection.execute(
        insert(t.descriptions).values(
            page=page,
            document=document_of(page),
            model=description.model,
            prompt=description.prompt,
            language=description.language,
            caption=description.caption,
            alt_text=description.alt_text,
            picture_text=description.picture_text,
            objects=list(description.objects),
            at=description.at,
            applied=older[1] if older else "",
        )
    )


def mark_applied(connection: Connection, applied: Mapping[int, str]) -> None:
    """Record which text the captions of pages end with."""
    for page, text in applied.items():
        connection.execute(update(t.descriptions).where(t.descriptions.c.page == page).values(applied=text))


def move(connection: Connection, old: int, key: int) -> None:
    """Give a document's descriptions to a newer one of the same bytes, whose captions do not have their words yet."""
    rows = connection.execute(select(t.descriptions).where(t.descriptions.c.document == old)).all()
    connection.execute(delete(t.descriptions).where(t.descriptions.c.document == old))
    moved: list[dict[str, Any]] = [
        {**row._mapping, "document": key, "page": page_key(key, number_of(row.page)), "applied": ""} for row in rows
    ]
    if moved:
        connection.execute(insert(t.descriptions), moved)


def own_caption(caption: str, applied: str) -> str:
    """Return a stored caption without the words of its page's description."""
    own, mark, metadata = caption.partition(t.METADATA_MARK)
    return (own.removesuffix(applied).removesuffix("\n") if applied else own) + mark + metadata


def with_words(caption: str, words: str) -> str:
    """Return a stored caption with the words of its page's description, before those of metadata tables."""
    own, mark, metadata = caption.partition(t.METADATA_MARK)
    return f"{own}\n{words}{mark}{metadata}"


def _description(row: Any) -> Description:
    return Description(
        caption=row.caption,
        alt_text=row.alt_text,
        picture_text=row.picture_text,
        objects=tuple(str(thing) for thing in row.objects) if isinstance(row.objects, list) else (),
        language=row.language,
        model=row.model,
        prompt=row.prompt,
        at=row.at,
    )
