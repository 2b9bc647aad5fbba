"""Arranges search results by metadata: sorts and groups hits, and counts facets of all that match the filters."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pagelens.api.engine.results import Facet, FacetValue, HitGroup
from pagelens.core.errors import UsageError
from pagelens.core.keys import document_of, page_key
from pagelens.core.metadata_fields import Field, FieldValue, parse_date, value_texts
from pagelens.core.types import Filters, FusedHit
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.field_conditions import Condition, matching_records, read_conditions
from pagelens.index.lexical.folding import fold
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection

ALL = "*"  # every field, as a facet
CANDIDATES = 200  # best pages of a query that are sorted; without a query all pages that match are
GROUP_CANDIDATES = 2_000  # best pages of a query that groups are made of
PER_GROUP = 3
MAX_FACET_VALUES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """How results are arranged by metadata; empty: by relevance alone."""

    sort: str = ""  # a field; "-price": highest first
    group_by: str = ""
    per_group: int = PER_GROUP
    facets: Sequence[str] = ()  # fields, or "*" for every one of the tables

    def __bool__(self) -> bool:
        return bool(self.sort or self.group_by)

    @property
    def depth(self) -> int:
        """How many of the best pages of a query are arranged."""
        return GROUP_CANDIDATES if self.group_by else CANDIDATES


BY_RELEVANCE = Arrangement()


@dataclass(frozen=True, slots=True)
class ArrangedHits:
    """Hits in order, each with the path that its metadata belong to, and the groups that they are in."""

    hits: Sequence[tuple[FusedHit, int]]  # a hit and the position of its path among the document's paths
    groups: Sequence[HitGroup] = ()


@dataclass(slots=True)
class FieldReader:
    """The metadata of the documents that match the filters, by field name."""

    snapshot: Snapshot
    filters: Filters
    types: dict[str, Field] = field(init=False)  # by folded name
    _conditions: list[Condition] = field(init=False)
    _matching: dict[int, list[tuple[int, dict[str, Any]]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.types = {fold(name): one for name, one in self.snapshot.fields.items()}
        self._conditions = read_conditions(self.filters.metadata, self.snapshot.fields)

    def documents(self) -> list[DocumentRow]:
        """Return the documents with a page that matches the filters, in the order of their keys."""
        rows = self.snapshot.documents
        selection = self.snapshot.select(self.filters)
        if selection is None:
            return list(rows.values())
        keys = rows if selection.documents is None else selection.documents.tolist()
        return [rows[key] for key in keys if rows[key].document.page_count >= selection.first_page]

    def records(self, row: DocumentRow) -> list[tuple[int, dict[str, Any]]]:
        """Return the document's records that match the filters: the position of the path, and values by folded name."""
        if row.key not in self._matching:
            self._matching[row.key] = matching_records(row, self._conditions)
        return self._matching[row.key]

    def require(self, name: str) -> str:
        """Return a field's folded name. Raises UsageError for a field that no document has."""
        folded = fold(name)
        known = {fold(key) for row in self.snapshot.documents.values() for key in row.document.metadata}
        if folded in self.types or folded in known:
            return folded
        names = sorted({*self.snapshot.fields, *known})
        raise UsageError(f"expected a metadata field among {', '.join(names) or '(there are none)'}, found {name!r}")

    def display_name(self, folded: str) -> str:
        """Return a field's name as the table has it."""
        return next((name for name in self.snapshot.fields if fold(name) == folded), folded)

    def values(self, row: DocumentRow, folded: str) -> dict[int, list[FieldValue]]:
        """Return a document's values of a field, the items of a list each for itself, by the position of the path."""
        return {position: _items(values.get(folded)) for position, values in self.records(row)}


def arrange(reader: FieldReader, hits: Sequence[FusedHit], arrangement: Arrangement, *, k: int) -> ArrangedHits:
    """Return the best `k` hits, or `per_group` hits of each of the first `k` groups. A document of several files with
    rows of their own is a hit for each of them. Raises UsageError."""
    rows = reader.snapshot.documents
    positioned = [(hit, position) for hit in hits for position, _ in reader.records(rows[document_of(hit.page)])]
    if arrangement.sort:
        positioned = _sorted(reader, positioned, arrangement.sort)
    if not arrangement.group_by:
        return ArrangedHits(positioned[:k])
    return _grouped(reader, positioned, arrangement, k)


def matching_pages(reader: FieldReader, selection: Selection | None) -> list[FusedHit]:
    """Return the first selected page of each document that matches the filters, for results without a query."""
    rows = reader.documents()
    if selection is None or (selection.pages is None and selection.left_out is None):
        first = 1 if selection is None else selection.first_page
        return [FusedHit(page_key(row.key, first), 0.0, {}) for row in rows]
    keys = np.array([page_key(row.key, n) for row in rows for n in range(1, row.document.page_count + 1)], np.int64)
    pages = {document_of(page): page for page in keys[selection.mask(keys)][::-1].tolist()}
    return [FusedHit(page, 0.0, {}) for _, page in sorted(pages.items())]


def _sorted(reader: FieldReader, hits: Sequence[tuple[FusedHit, int]], sort: str) -> list[tuple[FusedHit, int]]:
    """Return the hits by the field's value; those without one last, equal ones in the order they came in."""
    folded, descending = reader.require(sort.removeprefix("-")), sort.startswith("-")
    keyed, without = [], []
    for hit, position in hits:
        values = reader.values(reader.snapshot.documents[document_of(hit.page)], folded)[position]
        if values:
            order = (max if descending else min)(_order(reader, folded, value) for value in values)
            keyed.append((order, (hit, position)))
        else:
            without.append((hit, position))
    keyed.sort(key=lambda item: item[0], reverse=descending)  # stable in both directions
    return [hit for _, hit in keyed] + without


def _order(reader: FieldReader, folded: str, value: FieldValue) -> tuple[int, Any]:
    """Return a sort key: numbers before dates before texts, which only differ where a file's own metadata do."""
    if isinstance(value, int | float):
        return 0, value
    kind = reader.types[folded].type if folded in reader.types else ""
    period = parse_date(str(value)) if kind in ("", "date") else None
    return (1, period[0]) if period else (2, fold(str(value)))


def _grouped(
    reader: FieldReader, hits: Iterable[tuple[FusedHit, int]], arrangement: Arrangement, k: int
) -> ArrangedHits:
    folded = reader.require(arrangement.group_by)
    members: dict[object, list[tuple[FusedHit, int]]] = defaultdict(list)
    for hit, position in hits:
        values = reader.values(reader.snapshot.documents[document_of(hit.page)], folded)[position]
        for group in dict.fromkeys(map(_same, values)) or {None: None}:
            members[group].append((hit, position))
    counted = {_same(value): (value, count) for value, count in _count(reader, reader.documents(), folded)}
    without = sum(not values for row in reader.documents() for values in reader.values(row, folded).values())
    ordered: list[tuple[FusedHit, int]] = []
    result = []
    for group, found in list(members.items())[:k]:
        shown = found[: arrangement.per_group]
        ranks = range(len(ordered) + 1, len(ordered) + len(shown) + 1)
        value, count = counted[group] if group is not None else (None, without)
        result.append(HitGroup(value, count, list(ranks)))
        ordered += shown
    return ArrangedHits(ordered, result)


def _items(value: FieldValue | None) -> list[FieldValue]:
    if value is None:
        return []
    return [value] if isinstance(value, str | int | float) else list(value_texts(value))


def _same(value: FieldValue) -> object:
    """Return what values of one group share: case and accents of texts do not matter."""
    return fold(value) if isinstance(value, str) else value


def _count(reader: FieldReader, rows: Iterable[DocumentRow], folded: str) -> list[tuple[FieldValue, int]]:
    """Return each value with the number of files that have it; texts that fold alike are one value."""
    counts: Counter[object] = Counter()
    spellings: dict[object, Counter[FieldValue]] = defaultdict(Counter)
    for row in rows:
        for values in reader.values(row, folded).values():
            counts.update(set(map(_same, values)))
            for value in values:
                spellings[_same(value)][value] += 1
    return [(spellings[same].most_common(1)[0][0], count) for same, count in counts.items()]


def make_facets(reader: FieldReader, names: Sequence[str]) -> list[Facet]:
    """Return the facets of these fields over all documents with a page that matches the filters. Raises UsageError."""
    wanted = [fold(name) for name in reader.snapshot.fields] if ALL in names else list(map(reader.require, names))
    rows = reader.documents() if wanted else []
    return [_facet(reader, rows, folded) for folded in dict.fromkeys(wanted)]


def _facet(reader: FieldReader, rows: Sequence[DocumentRow], folded: str) -> Facet:
    def order(value: FieldValue) -> tuple[int, Any]:
        return _order(reader, folded, value)

    counted = sorted(_count(reader, rows, folded), key=lambda item: (-item[1], order(item[0])))
    kind = reader.types[folded].type if folded in reader.types else ""
    kind = kind or ("number" if counted and all(isinstance(value, int | float) for value, _ in counted) else "text")
    ordered = sorted((value for value, _ in counted), key=order) if kind in ("number", "date") else []
    return Facet(
        field=reader.display_name(folded),
        type=kind,
        files=sum(bool(values) for row in rows for values in reader.values(row, folded).values()),
        values=[FacetValue(value, count) for value, count in counted[:MAX_FACET_VALUES]],
        others=max(0, len(counted) - MAX_FACET_VALUES),
        minimum=ordered[0] if ordered else None,
        maximum=ordered[-1] if ordered else None,
    )


def with_path_first(rows: Mapping[int, DocumentRow], key: int, position: int) -> DocumentRow:
    """Return a document's row with one of its paths, and the record of that path, before the others."""
    row = rows[key]
    if not position:
        return row

    def first(items: Sequence[Any]) -> tuple[Any, ...]:
        return (items[position], *items[:position], *items[position + 1 :]) if items else ()

    return replace(row, paths=first(row.paths), records=first(row.records))
