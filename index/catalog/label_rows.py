"""The label sets and the labels of pages in the catalog: written, read, and selected by label."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select

from pagelens.core.keys import document_of
from pagelens.core.labels import FLAGGED, PageLabel, StoredLabelSet
from pagelens.index.catalog import tables as t
from pagelens.index.lexical.folding import fold

BATCH = 5_000  # rows or keys in one statement

PageLabels = Mapping[int, Sequence[tuple[str, float]]]
"""Page key -> labels with their probabilities."""


def write(connection: Connection, label_set: StoredLabelSet, labels: PageLabels) -> None:
    """Replace the label sets of the same name, and their labels, by these. Pages that were removed get none."""
    forget(connection, label_set.name)
    connection.execute(
        insert(t.label_sets).values(
            id=label_set.id,
            name=label_set.name,
            model=label_set.model,
            approximate=int(label_set.approximate),
            rules=dict(label_set.rules),
        )
    )
    pages = list(labels)
    for start in range(0, len(pages), BATCH):
        batch = pages[start : start + BATCH]
        stored = set(connection.execute(select(t.pages.c.key).where(t.pages.c.key.in_(batch))).scalars())
        rows = [
            {
                "page": page,
                "label_set": label_set.id,
                "label": label,
                "document": document_of(page),
                "probability": probability,
            }
            for page in batch
            if page in stored
            for label, probability in labels[page]
        ]
        if rows:
            connection.execute(insert(t.page_labels), rows)


def forget(connection: Connection, name: str) -> bool:
    """Remove the label sets of a name with their labels; return whether there was one."""
    sets = list(connection.execute(select(t.label_sets.c.id).where(t.label_sets.c.name == name)).scalars())
    connection.execute(delete(t.page_labels).where(t.page_labels.c.label_set.in_(sets)))
    connection.execute(delete(t.label_sets).where(t.label_sets.c.id.in_(sets)))
    return bool(sets)


def read_sets(connection: Connection) -> list[StoredLabelSet]:
    """Return the label sets by name; none where the catalog is of an older revision."""
    if not has_labels(connection):
        return []
    return [
        StoredLabelSet(
            id=row.id,
            name=row.name,
            model=row.model,
            approximate=bool(row.approximate),
            rules=row.rules if isinstance(row.rules, dict) else {},
        )
        for row in connection.execute(select(t.label_sets).order_by(t.label_sets.c.name, t.label_sets.c.id))
    ]


def read_labels(connection: Connection, pages: Sequence[int]) -> dict[int, list[PageLabel]]:
    """Return the labels of pages that have any, the most probable first."""
    found: dict[int, list[PageLabel]] = {}
    if not has_labels(connection):
        return found
    p, s = t.page_labels.c, t.label_sets.c
    query = select(p.page, p.label, p.probability, s.name, s.approximate).join(t.label_sets, s.id == p.label_set)
    for start in range(0, len(pages), BATCH):
        for row in connection.execute(query.where(p.page.in_(pages[start : start + BATCH]))):
            label = PageLabel(row.label, row.probability, row.name, bool(row.approximate))
            found.setdefault(row.page, []).append(label)
    return {page: sorted(labels, key=lambda label: (-label.probability, label)) for page, labels in found.items()}


def read_table(connection: Connection) -> "LabelTable":
    """Return all labels of pages; empty where the catalog is of an older revision."""
    if not has_labels(connection):
        return LabelTable((), np.zeros(0, np.int64), np.zeros(0, np.int64))
    p, s = t.page_labels.c, t.label_sets.c
    query = select(s.name, p.label, p.page).join(t.label_sets, s.id == p.label_set)
    numbers: dict[tuple[str, str], int] = {}
    rows = [(numbers.setdefault((name, label), len(numbers)), page) for name, label, page in connection.execute(query)]
    table = np.array(rows, np.int64).reshape(-1, 2)
    return LabelTable(tuple(numbers), table[:, 1], table[:, 0])


@dataclass(frozen=True, slots=True, eq=False)
class LabelTable:
    """Which pages have which labels, at one commit."""

    names: Sequence[tuple[str, str]]  # label set and label
    pages: NDArray[np.int64]  # (n,), page keys
    numbers: NDArray[np.int64]  # (n,), the position in `names` of each page's label

    def pages_with(self, patterns: Sequence[str]) -> NDArray[np.int64]:
        """Return the sorted keys of the pages that have, for each pattern, a label that matches (`label_matches`)."""
        selected = np.unique(self.pages)
        for pattern in patterns:
            matching = [
                number for number, (name, label) in enumerate(self.names) if label_matches(label, name, pattern)
            ]
            selected = np.intersect1d(selected, self.pages[np.isin(self.numbers, matching)])
        return selected

    def counts_of(self, label_set: str) -> dict[str, int]:
        """Return how many pages have each label of one label set, the most frequent first."""
        numbers = [number for number, (name, _) in enumerate(self.names) if name == label_set]
        counts = {self.names[number][1]: int((self.numbers == number).sum()) for number in numbers}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def counts(self, mask: Callable[[NDArray[np.int64]], NDArray[np.bool_]] | None = None) -> dict[str, int]:
        """Return how many pages have each label, the most frequent first: all pages, or those that `mask` selects."""
        kept = slice(None) if mask is None else mask(self.pages)
        pages: dict[str, set[int]] = {}
        for number, page in zip(self.numbers[kept].tolist(), self.pages[kept].tolist(), strict=True):
            pages.setdefault(self.names[number][1], set()).add(page)
        counts = {label: len(found) for label, found in pages.items()}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def label_matches(label: str, set_name: str, pattern: str) -> bool:
    """Return whether a label matches "dog", a glob ("guinea*"), "SET/dog", or "flagged:" for all that policies flag.

    Case, accents and Unicode form do not matter.
    """
    pattern = fold(f"{pattern}*" if pattern == FLAGGED else pattern)
    return fnmatchcase(fold(label), pattern) or fnmatchcase(f"{fold(set_name)}/{fold(label)}", pattern)


def has_labels(connection: Connection) -> bool:
    """Return whether the catalog has the tables: one of an older revision that is only read does not."""
    return t.has_table(connection, t.page_labels)
