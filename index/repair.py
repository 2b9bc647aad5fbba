"""Makes catalog and vectors agree again, where `index.check` finds that they do not.

What can be put right from what is there is put right: points and segments that nobody names go, the lexical index is
brought in step. Documents whose vectors are damaged or gone are forgotten, so that the next indexing run reads their
files again. Knows no encoders.
"""

from dataclasses import dataclass
from pathlib import Path

from core.errors import CollectionDamaged
from index import catalog
from index.catalog import transaction
from index.check import find_damage
from index.layout import Layout
from index.opening import open_for_writing
from index.recording import remove_documents


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
            rows = catalog.read_documents(connection, sorted(damage.documents))
            remove_documents(connection, sorted(damage.documents))
            if damage.documents:
                catalog.advance(connection)
        if damage.documents:
            opened.store.forget(opened.manifest, damage.documents)
            opened.words.forget(damage.documents)
        if damage.words:
            opened.words.mend()
        with transaction(opened.engine) as connection:
            left = find_damage(connection, opened.store, opened.manifest, opened.words, deep=deep).problems
            if not left:
                opened.words.mark(catalog.generation(connection))
    if left:
        raise CollectionDamaged(f"this is left after a repair: {'; '.join(left[:5])}. Index the files anew.")
    return RepairReport(damage.problems, [path for row in rows.values() for path in row.paths])
