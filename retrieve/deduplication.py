"""Pages and photos that are the same to a reader: folded in search results, listed for a whole collection.

Two photos are duplicates where their perceptual hashes differ in few bits. Two pages of documents must have nearly the
same words and exactly the same numbers too, since forms that differ in an amount have near hashes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pagelens.core.caching import LRUCache
from pagelens.core.keys import document_of
from pagelens.core.types import FusedHit, ImageIdentity
from pagelens.index.catalog.reads import PageRow
from pagelens.index.reader import Snapshot

MAX_HASH_DISTANCE = 10  # bits in which the hashes of duplicates may differ; chosen by benchmarks/near_duplicates.py
MIN_SHARED_WORDS = 0.9  # of the words of two pages together; the rest may be OCR errors or running titles

_HASH_BITS = 64
_CACHED_CHARACTERS = 8_000_000  # of the pages whose numbers are kept
_WEIGHT_OF_TEXT, _WEIGHT_OF_NUMBER = 500, 150  # in characters, beside those of the text


@dataclass(frozen=True, slots=True)
class FoldedHit:
    """A hit, and the page keys of its duplicates among the hits below it, best first."""

    hit: FusedHit
    duplicates: Sequence[int]


def fold_duplicates(
    hits: Iterable[FusedHit], pages: Mapping[int, PageRow], hashes: Mapping[int, int], photos: set[int], *, k: int
) -> list[FoldedHit]:
    """Return the `k` best hits that are no duplicates of a better one, each with its duplicates.

    `hashes` are perceptual hashes by page key, `photos` the keys of documents that are photos. A page that the query
    names is never folded.
    """
    kept: list[FusedHit] = []
    kept_hashes: list[tuple[int, int]] = []  # of those that have one, with their page keys
    duplicates: dict[int, list[int]] = {}
    for hit in hits:
        original, bits = None, hashes.get(hit.page)
        if not hit.named and bits is not None:
            near = (page for other, page in kept_hashes if (other ^ bits).bit_count() <= MAX_HASH_DISTANCE)
            original = next((page for page in near if _same(page, hit.page, pages, photos)), None)
        if original is not None:
            duplicates.setdefault(original, []).append(hit.page)
        elif len(kept) < k:
            kept.append(hit)
            if bits is not None:
                kept_hashes.append((bits, hit.page))
    return [FoldedHit(hit, duplicates.get(hit.page, [])) for hit in kept]


def leave_out_images(snapshot: Snapshot, hits: list[FusedHit], images: Sequence[ImageIdentity]) -> list[FusedHit]:
    """Return the hits that are none of the images: neither the same files, nor photos with near perceptual hashes.

    Blank photos have no hash in the catalog.
    """
    if not images:
        return hits
    digests = {image.sha256 for image in images}
    rows = snapshot.document_rows(sorted({document_of(hit.page) for hit in hits}))
    same = {key for key, row in rows.items() if row.document.sha256 in digests}
    photo_pages = [hit.page for hit in hits if rows[document_of(hit.page)].document.kind == "photo"]
    hashes = snapshot.perceptual_hashes(photo_pages)
    near = {page for page, bits in hashes.items() if any(_near(bits, image.perceptual_hash) for image in images)}
    return [hit for hit in hits if document_of(hit.page) not in same and hit.page not in near]


def _near(first: int, second: int) -> bool:
    return (first ^ second).bit_count() <= MAX_HASH_DISTANCE


def find_duplicate_groups(snapshot: Snapshot) -> list[list[int]]:
    """Return groups of page keys that are duplicates: photos with near hashes, pages with equal hashes and words."""
    hashes = snapshot.perceptual_hashes()
    photos = {key for key, row in snapshot.documents.items() if row.document.kind == "photo"}
    photo_pages = [page for page in hashes if document_of(page) in photos]
    groups = [
        [photo_pages[position] for position in group]
        for group in near_duplicates(np.array([hashes[page] for page in photo_pages], np.uint64))
    ]
    by_hash: dict[int, list[int]] = {}
    for page, bits in hashes.items():
        if document_of(page) not in photos:
            by_hash.setdefault(bits, []).append(page)
    for keys in by_hash.values():
        if len(keys) > 1:
            groups += _group_by_words(snapshot.pages(keys))
    return sorted(groups)


def hash_distances(perceptual_hash: int, others: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return (n,) in how many bits each of the other hashes differs (the Hamming distance)."""
    return np.asarray(np.bitwise_count(others ^ np.uint64(perceptual_hash)), np.uint8)


def near_duplicates(
    hashes: Sequence[int] | NDArray[np.uint64], *, max_distance: int = MAX_HASH_DISTANCE
) -> list[list[int]]:
    """Return groups of positions whose hashes differ in at most `max_distance` bits from the first of their group.

    Positions ascend within a group, groups by their first position. A position is in at most one group; groups of one
    are left out. All members are near the first, so a group cannot drift from one picture to a different one.
    """
    assert 0 <= max_distance <= _HASH_BITS, max_distance
    remaining = np.asarray(hashes, np.uint64)
    positions = np.arange(len(remaining))
    groups: list[list[int]] = []
    while len(remaining) > 1:
        distances = hash_distances(int(remaining[0]), remaining)
        if distances[1:].min() > max_distance:  # the usual case: slicing is much cheaper than the mask below
            remaining, positions = remaining[1:], positions[1:]
            continue
        others = distances > max_distance
        groups.append(positions[~others].tolist())
        remaining, positions = remaining[others], positions[others]
    return groups


def _group_by_words(pages: Mapping[int, PageRow]) -> list[list[int]]:
    """Split pages of one hash into groups with the same words; groups of one are left out."""
    groups: list[list[int]] = []
    for key in sorted(pages):
        group = next((group for group in groups if _same_words(pages[group[0]], pages[key])), None)
        if group is None:
            groups.append([key])
        else:
            group.append(key)
    return [group for group in groups if len(group) > 1]


def _same(first: int, second: int, pages: Mapping[int, PageRow], photos: set[int]) -> bool:
    """Tell whether two pages with near hashes are duplicates."""
    are_photos = {document_of(page) in photos for page in (first, second)}
    return are_photos == {True} or (are_photos == {False} and _same_words(pages[first], pages[second]))


def _same_words(first: PageRow, second: PageRow) -> bool:
    """Tell whether two pages have equal numbers and nearly equal words; false for pages without words."""
    if _numbers(first.text.text) != _numbers(second.text.text):
        return False
    words, others = Counter(first.text.text.split()), Counter(second.text.text.split())
    if not words or not others:
        return False
    return (words & others).total() >= MIN_SHARED_WORDS * (words | others).total()


class _KeptNumbers(NamedTuple):
    """How often each word with a digit stands in a text of so many characters."""

    characters: int
    counts: Counter[str]


_NUMBERS: LRUCache[_KeptNumbers] = LRUCache(
    _CACHED_CHARACTERS, weigh=lambda kept: _WEIGHT_OF_TEXT + kept.characters + _WEIGHT_OF_NUMBER * len(kept.counts)
)


def _numbers(text: str) -> Counter[str]:
    """Return how often each word with a digit stands in a page's text."""
    return _NUMBERS.get(text, lambda: _count_numbers(text)).counts


def _count_numbers(text: str) -> _KeptNumbers:
    counts = Counter(word for word in text.split() if not word.isalpha() and any(map(str.isdigit, word)))
    return _KeptNumbers(len(text), counts)
