"""Matches the documents of a collection with those of a data set: by the file's location, else by the path's end."""

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pagelens.api.engine.results import Status
from pagelens.core.types import Filters, PageRef
from pagelens.evals.datasets.dataset import DataSet


@dataclass(frozen=True, slots=True)
class DocumentNames:
    """Names in the set for paths in the collection, and back. Files with equal bytes are one document."""

    names: Mapping[str, Sequence[str]] = field(default_factory=dict)  # any path of a document -> its names in the set
    paths: Mapping[str, str] = field(default_factory=dict)  # a name in the set -> a path in the collection

    @classmethod
    def of(cls, data: DataSet, status: Status) -> "DocumentNames":
        """Find the set's documents among those of a collection."""
        root = os.path.realpath(data.folder)
        known = set(data.documents)
        below = {
            path: name
            for document in status.documents
            for path in document.paths
            if (name := _below(path, root, known))
        }
        elsewhere = known - set(below.values())
        names: dict[str, list[str]] = {}
        paths: dict[str, str] = {}
        for document in status.documents:
            set_names = {below.get(path) or _by_tail(path, elsewhere) for path in document.paths} - {None}
            for path in document.paths:
                names[path] = sorted(name for name in set_names if name)
            for name in names[document.paths[0]]:
                paths.setdefault(name, document.paths[0])
        return cls(names, paths)

    def missing(self, data: DataSet) -> list[str]:
        """Return the set's documents that the collection does not hold."""
        return [name for name in data.documents if name not in self.paths]

    def pages(self, ref: PageRef, among: Sequence[str] = ()) -> list[PageRef]:
        """Return a page by its names in the set, restricted to `among` if given; by its path if it has none."""
        names = [name for name in self.names.get(ref.path, ()) if not among or name in among]
        return [PageRef(name, ref.number) for name in names] or [PageRef(ref.path, ref.number)]

    def only(self, documents: Sequence[str]) -> Filters | None:
        """Return filters for these documents of the set; None if none of them is in the collection."""
        paths = [self.paths[name] for name in documents if name in self.paths]
        return Filters(paths=tuple(glob.escape(path) for path in paths)) if paths else None


def _below(path: str, root: str, known: set[str]) -> str | None:
    real = os.path.realpath(path)
    name = Path(real).relative_to(root).as_posix() if real.startswith(root + os.sep) else None
    return name if name in known else None


def _by_tail(path: str, names: set[str]) -> str | None:
    parts = Path(path).parts
    tails = ("/".join(parts[start:]) for start in range(1, len(parts)))
    return next((tail for tail in tails if tail in names), None)
