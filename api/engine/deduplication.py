"""Pages and photos that are the same to a reader: which of a search's hits stand behind others, which a collection has.

Two photos are where they look the same. Two pages are where they look the same and say the same: next to all of their
words and every number, since forms that differ in an amount look alike. Knows hashes and words; ranks nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pagelens.core.keys import document_of
from pagelens.core.types import FusedHit
from pagelens.index.catalog.reads import PageRow
from pagelens.index.reader import Snapshot
from pagelens.ingest.readers.photos.perceptual_hash import NEAR, near_duplicates

SAME_WORDS = 0.9  # of the words of two pages together; the rest may be misread or a running title


@dataclass(frozen=True, slots=True)
class Folded:
    """A hit and those further down that are the same to a reader."""

    hit: FusedHit
    behind: Sequence[int]  # page keys, best first


def fold(
    hits: Iterable[FusedHit], pages: Mapping[int, PageRow], looks: Mapping[int, int], photos: set[int], *, k: int
) -> list[Folded]:
    """Return the `k` best hits with what is like them behind each; a page that the query named stands for itself.

    `looks` are perceptual hashes by page key, `photos` the keys of documents that are photos.
    """
    shown: list[FusedHit] = []
    behind: dict[int, list[int]] = {}
    for hit in hits:
        first = (
            None if hit.named else next((one for one in shown if _same(one.page, hit.page, pages, looks, photos)), None)
        )
        if first is not None:
            behind.setdefault(first.page, []).append(hit.page)
        elif len(shown) < k:
            shown.append(hit)
    return [Folded(hit, behind.get(hit.page, [])) for hit in shown]


def groups(snapshot: Snapshot) -> list[list[int]]:
    """Return the keys of pages that are the same to a reader, group by group: photos that look nearly the same, pages
    of documents that look exactly the same and say the same."""
    looks = snapshot.looks()
    photos = {key for key, row in snapshot.documents.items() if row.document.kind == "photo"}
    of_photos = [page for page in looks if document_of(page) in photos]
    found = [
        [of_photos[place] for place in places]
        for places in near_duplicates(np.array([looks[page] for page in of_photos], np.uint64))
    ]
    duplicate_groups: dict[int, list[int]] = {}
    for page, bits in looks.items():
        if document_of(page) not in photos:
            alike.setdefault(bits, []).append(page)
    for some in alike.values():
        if len(some) > 1:
            found += _by_words(snapshot.pages(some))
    return sorted(found)


def _by_words(pages: Mapping[int, PageRow]) -> list[list[int]]:
    """Split pages that look the same by what they say; those alone are left out."""
    found: list[list[int]] = []
    for key in sorted(pages):
        group = next((one for one in found if _say_the_same(pages[one[0]], pages[key])), None)
        if group is None:
            found.append([key])
        else:
            group.append(key)
    return [group for group in found if len(group) > 1]


def _same(one: int, other: int, pages: Mapping[int, PageRow], looks: Mapping[int, int], photos: set[int]) -> bool:
    if one not in looks or other not in looks or (looks[one] ^ looks[other]).bit_count() > NEAR:
        return False
    are_photos = {document_of(page) in photos for page in (one, other)}
    return are_photos == {True} or (are_photos == {False} and _say_the_same(pages[one], pages[other]))


def _say_the_same(one: PageRow, other: PageRow) -> bool:
    """Tell whether two pages have the same numbers and next to all of their words in common; not without words."""
    here, there = Counter(one.text.text.split()), Counter(other.text.text.split())
    if not here or not there or _numbers(here) != _numbers(there):
        return False
    return (here & there).total() >= SAME_WORDS * (here | there).total()


def _numbers(words: Mapping[str, int]) -> dict[str, int]:
    return {word: count for word, count in words.items() if any(letter.isdigit() for letter in word)}
