"""Which pages a query may rank: documents chosen by the filters, a range of page numbers, and single pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from pagelens.core.keys import MAX_PAGES, document_of
from pagelens.core.types import DATE_UNCERTAINTY, Filters
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.field_conditions import Condition, Fields, matching_records, read_conditions
from pagelens.index.lexical.folding import fold
from pagelens.index.lexical.phrases import phrase_pattern

# How far the local time of an instant in UTC may be from it, earlier and later, where the zone is not known.
_DATE_REACH = (timedelta(hours=12), timedelta(hours=14))
_NO_TIME = timedelta()
NO_FIELDS: Fields = {}


@dataclass(frozen=True, slots=True)
class Selection:
    """Selected documents (sorted keys, None for all), page numbers from `first_page` to `last_page`, inclusive, and
    pages (sorted keys, None for all), without those left out. The documents of selected pages are selected too:
    `documents` is not None."""

    documents: NDArray[np.int64] | None = None
    first_page: int = 1
    last_page: int = MAX_PAGES
    pages: NDArray[np.int64] | None = None
    left_out: NDArray[np.int64] | None = None  # pages (sorted keys) that are not selected

    @property
    def limits_numbers(self) -> bool:
        """Whether page numbers are limited."""
        return self.first_page > 1 or self.last_page < MAX_PAGES

    def count(self, rows: Mapping[int, DocumentRow]) -> int:
        """Return the number of selected pages; `rows` are all live documents by key."""
        if self.pages is not None:
            live = [page for page in self.pages.tolist() if document_of(page) in rows]
            return int(self.mask(np.array(live, np.int64)).sum())
        selected = rows if self.documents is None else [key for key in self.documents.tolist() if key in rows]
        counts = [rows[key].document.page_count for key in selected]
        total = sum(max(0, min(count, self.last_page) - self.first_page + 1) for count in counts)
        if self.left_out is None:
            return total
        left_out = np.array([page for page in self.left_out.tolist() if document_of(page) in rows], np.int64)
        return total - int(replace(self, left_out=None).mask(left_out).sum())

    def has(self, document: int) -> bool:
        """Return whether a document is selected."""
        return self.documents is None or document in self.documents

    def has_page(self, page: int) -> bool:
        """Return whether a page is selected."""
        return bool(self.mask(np.array([page], np.int64))[0])

    def mask(self, pages: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return a mask (n,) of the selected page keys (n,)."""
        numbers = pages & MAX_PAGES
        selected = (numbers >= self.first_page) & (numbers <= self.last_page)
        if self.documents is not None:
            selected &= np.isin(document_of(pages), self.documents)
        if self.pages is not None:
            selected &= np.isin(pages, self.pages)
        if self.left_out is not None:
            selected &= ~np.isin(pages, self.left_out)
        return selected


def intersection(first: Selection | None, second: Selection | None) -> Selection | None:
    """Return the selection of what both select; None, as there, is everything."""
    if first is None or second is None:
        return first if second is None else second
    return Selection(
        documents=_both(first.documents, second.documents),
        first_page=max(first.first_page, second.first_page),
        last_page=min(first.last_page, second.last_page),
        pages=_both(first.pages, second.pages),
        left_out=_either(first.left_out, second.left_out),
    )


def complement(selection: Selection | None, live: NDArray[np.int64]) -> Selection:
    """Return the selection of what this one, of documents or of pages, does not select; `live` are all documents."""
    if selection is None:
        return Selection(documents=np.zeros(0, np.int64))
    assert not selection.limits_numbers and selection.left_out is None, "documents or pages alone"
    if selection.pages is not None:
        return Selection(left_out=selection.pages)
    assert selection.documents is not None, "a selection of documents"
    return Selection(documents=np.setdiff1d(live, selection.documents))


def _both(first: NDArray[np.int64] | None, second: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    if first is None or second is None:
        return first if second is None else second
    return np.intersect1d(first, second)


def _either(first: NDArray[np.int64] | None, second: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    if first is None or second is None:
        return first if second is None else second
    return np.union1d(first, second)


def of_pages(pages: NDArray[np.int64]) -> Selection:
    """Return the selection of these pages (sorted keys)."""
    return Selection(documents=np.unique(document_of(pages)), pages=pages)


def select_pages(
    rows: Sequence[DocumentRow],
    filters: Filters,
    fields: Fields = NO_FIELDS,
    labelled: NDArray[np.int64] | None = None,
) -> Selection | None:
    """Return the selection of the filters among the live documents; None when they exclude nothing. `fields` are those
    of the collection's metadata tables, `labelled` the sorted keys of the pages that have the filters' labels (None
    where these name none). Raises UsageError for a range that cannot be."""
    if not filters:
        return None
    by_document = Filters(
        paths=filters.paths,
        titles=filters.titles,
        kinds=filters.kinds,
        since=filters.since,
        until=filters.until,
        metadata=filters.metadata,
    )
    documents = None
    if by_document:
        conditions = read_conditions(filters.metadata, fields)
        documents = np.array(sorted(row.key for row in rows if _matches(row, by_document, conditions)), np.int64)
    if labelled is not None:
        with_labels = np.unique(document_of(labelled))
        documents = with_labels if documents is None else np.intersect1d(documents, with_labels)
    return Selection(documents, filters.first_page or 1, filters.last_page or MAX_PAGES, labelled)


def _matches(row: DocumentRow, filters: Filters, conditions: Sequence[Condition]) -> bool:
    """Return whether a document matches; texts are compared as in search: case, accents, Unicode form do not matter."""
    document = row.document
    globs = [fold(glob) for glob in filters.paths]
    if globs and not any(path_matches(fold(path), glob) for path in row.paths for glob in globs):
        return False
    if filters.titles and not any(title_matches(document.title, title) for title in filters.titles):
        return False
    if filters.kinds and document.kind not in filters.kinds:
        return False
    if (filters.since or filters.until) and document.date is None:
        return False
    earlier, later = _DATE_REACH if DATE_UNCERTAINTY in document.metadata else (_NO_TIME, _NO_TIME)
    if filters.since and document.date and document.date + later < filters.since:
        return False
    if filters.until and document.date and document.date - earlier > filters.until:
        return False
    return not conditions or bool(matching_records(row, conditions))


def path_matches(path: str, glob: str, *, in_folders: bool = True) -> bool:
    """Return whether a path matches a shell pattern.

    `*.pdf` and `*2019*` are compared with each name in it, `reports/*` with its end, `/...` with the whole path. What
    matches a folder, a name without wildcards too, matches all below it; without `in_folders` a glob like `*2019*`
    matches names of files alone.
    """
    glob = glob.removeprefix("./").rstrip("/")
    if not any(char in glob for char in "*?["):
        return f"/{glob.lstrip('/')}/" in f"/{path.lstrip('/')}/"
    if "/" not in glob:
        names = path.split("/") if in_folders else [path.rpartition("/")[2]]
        return any(fnmatchcase(name.strip(), glob) for name in names)
    return fnmatchcase(path, glob) or fnmatchcase(path, "*/" + glob)


def title_matches(title: str, wanted: str) -> bool:
    """Return whether a title has the words in a row, or matches a shell pattern as a whole."""
    if any(char in wanted for char in "*?["):
        return fnmatchcase(fold(title), fold(wanted))
    return phrase_pattern(wanted).search(fold(title)) is not None
