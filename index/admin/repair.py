"""Makes catalog and vectors consistent again after `pagelens.index.check` has found damage.

Rows and segments that the catalog does not name are removed, and the lexical index is brought up to date. Documents
whose vectors are damaged or missing are removed, so that the next indexing run reads their files again.
"""

from dataclasses import dataclass
from pathlib import Path

from pagelens.core.errors import CollectionDamaged
from pagelens.index.catalog import reads, writes
from pagelens.index.catalog.transactions import transaction
from pagelens.index.catalog.writes import remove_documents
from pagelens.index.check import file_damage, find_damage
from pagelens.index.layout import Layout
from pagelens.index.writer_session import open_for_writing


@dataclass(frozen=True, slots=True)
class RepairReport:
    """The result of a repair."""

    problems: list[str]  # found after garbage collection
    removed_paths: list[str]  # of documents that must be indexed again


def repair(root: Path, *, deep: bool = True) -> RepairReport:
    """Collect garbage, check, and remove damaged documents.

    Raises CollectionLocked, CollectionNotFound, StoreError, and CollectionDamaged if damage remains.
    """
    with open_for_writing(Layout(root)) as opened:  # collects garbage
        with transaction(opened.engine) as connection:
            problems = file_damage(connection, deep=deep)
            if problems:
                connection.exec_driver_sql("REINDEX")  # of SQLite: indexes are rebuilt from the tables
            damage = find_damage(connection, opened.store, opened.manifest, opened.words, deep=deep)
            rows = reads.read_documents(connection, sorted(damage.documents))
            remove_documents(connection, sorted(damage.documents))
            if damage.documents:
                writes.advance_generation(connection)
        if damage.documents:
            opened.store.delete_documents(opened.manifest, damage.documents)
            opened.words.delete_documents(damage.documents)
        if damage.lexical:
            opened.words.rebuild()
        with transaction(opened.engine) as connection:
            remaining = find_damage(connection, opened.store, opened.manifest, opened.words, deep=deep).problems
            if not remaining:
                opened.words.mark_synced(reads.generation(connection))
    if remaining:
        found = "; ".join(remaining[:5])
        raise CollectionDamaged(
            f"expected a consistent collection after the repair, found: {found}. Index the files anew."
        )
    return RepairReport([*problems, *damage.problems], [path for row in rows.values() for path in row.paths])
