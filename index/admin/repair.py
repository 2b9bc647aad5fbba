"""Makes catalog and vectors agree again, where `pagelens.index.admin.check` finds that they do not.

What can be put right from what is there is put right: points and segments that nobody names go, the lexical index is
brought in step. Documents whose vectors are damaged or gone are forgotten, so that the next indexing run reads their
files again. Knows no encoders.
"""

from dataclasses import dataclass
from pathlib import Path

from pagelens.core.errors import CollectionDamaged
from pagelens.index.admin.check import find_damage
from pagelens.index.catalog import reads
from pagelens.index.catalog.reads import transaction
from pagelens.index.catalog.writes import remove_documents
from pagelens.index.layout import Layout
from pagelens.index.writer_session import open_for_writing


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What was wrong once leftovers were swept, and the paths of the documents that must be read again."""

    problems: list[str]
    forgotten: list[str]


def repair(root: Path, *, deep: bool = True) -> RepairReport:
    """Sweep, check, and forget what is damaged. Raises CollectionLocked, CollectionNotFound, StoreError, and
    CollectionDamaged where something is wrong that forgetting documents does not cure."""
    with open_for_writing(Layout(root)) as opened:  # opening sweeps
        with transaction(opened.engine) as connection:
            damage = find_damage(connection, opened.store, opened.manifest, opened.words, deep=deep)
            rows = reads.read_documents(connection, sorted(damage.documents))
            remove_documents(connection, sorted(damage.documents))
            if damage.documents:
                reads.advance(connection)
        if damage.documents:
            opened.store.forget(opened.manifest, damage.documents)
            opened.words.forget(damage.documents)
        if damage.words:
            opened.words.mend()
        with transaction(opened.engine) as connection:
            left = find_damage(connection, opened.store, opened.manifest, opened.words, deep=deep).problems
            if not left:
                opened.words.mark(reads.generation(connection))
    if left:
        raise CollectionDamaged(f"this is left after a repair: {'; '.join(left[:5])}. Index the files anew.")
    return RepairReport(damage.problems, [path for row in rows.values() for path in row.paths])
