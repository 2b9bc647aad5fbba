"""Finds documents and pages by the names that users give: path, unique file name, start of a SHA-256, folder, glob."""

from collections.abc import Sequence

from pagelens.api.engine.file_names import absolute_path, parse_page_name, path_to_text
from pagelens.core.errors import NotFound, UsageError
from pagelens.core.keys import number_of, page_key
from pagelens.core.types import MEMBER_SEPARATOR, PageRef
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.reader import Snapshot
from pagelens.index.selection import path_matches


def find_documents(snapshot: Snapshot, name: str) -> list[DocumentRow]:
    """Return the documents below a folder or matching a glob, else the one document of that name. Raises NotFound.

    A glob without "/" is compared with file names alone: what is removed shall not hang on a folder far above.
    """
    rows = snapshot.documents.values()
    matching = [row for row in rows if any(path_matches(path, name, in_folders=False) for path in row.paths)]
    return matching if len(matching) > 1 else [find_document(snapshot, name)]


def find_document(snapshot: Snapshot, name: str) -> DocumentRow:
    """Return the document at a path, or with a file name that no other has, or by the start of its SHA-256.

    Raises NotFound, also where several documents match.
    """
    rows = snapshot.documents.values()
    full_path = path_to_text(absolute_path(name))
    exact = [row for row in rows if full_path in row.paths or name in row.paths]
    same_name = [
        row
        for row in rows
        if any(path.endswith(("/" + name.lstrip("/"), MEMBER_SEPARATOR + name)) for path in row.paths)
    ]
    same_hash = [row for row in rows if len(name) >= 6 and row.document.sha256.startswith(name.lower())]
    found = exact or same_name or same_hash
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound(f"expected a document of the collection, found none called {name!r}. See: pagelens status")
    paths = ", ".join(row.path for row in found[:4])
    raise NotFound(f"{name!r} may be any of {len(found)} documents: {paths}. Give more of the path.")


def members_of(snapshot: Snapshot, rows: Sequence[DocumentRow]) -> list[DocumentRow]:
    """Return the documents that are in containers among `rows`, and have no other path."""
    prefixes = tuple(path + MEMBER_SEPARATOR for row in rows for path in row.paths)
    return [row for row in snapshot.documents.values() if all(path.startswith(prefixes) for path in row.paths)]


def find_page(snapshot: Snapshot, ref: PageRef) -> DocumentRow:
    """Return the document of a page. Raises NotFound where it has no such page."""
    row = find_document(snapshot, ref.path)
    if not 1 <= ref.number <= row.document.page_count:
        raise NotFound(f"expected a page from 1 to {row.document.page_count} of {row.path}, found {ref.number}")
    return row


def find_page_key(snapshot: Snapshot, ref: PageRef) -> int:
    """Return a page's key. Raises NotFound."""
    return page_key(find_page(snapshot, ref).key, ref.number)


def resolve_page(snapshot: Snapshot, text: str) -> PageRef:
    """Return the page named by `report.pdf p.12`, `report.pdf p.iv` or `photo.jpg`, with its full path.

    Raises NotFound; UsageError where no page is named and the document has several.
    """
    name, page = parse_page_name(text)
    row = find_document(snapshot, name)
    if page is None and row.document.page_count > 1:
        raise UsageError(f"expected a page like '{name} p.12' or '{name}#12', found {text!r}")
    if page is None or page.isdecimal():
        ref = PageRef(row.path, int(page or 1))
        find_page(snapshot, ref)
        return ref
    labelled = snapshot.pages_with_label([row.key], page)
    if not labelled:
        raise NotFound(f"expected a page of {row.path} with the printed number {page!r}, found none")
    return PageRef(row.path, number_of(labelled[0]))
