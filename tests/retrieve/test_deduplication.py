"""Groups of near perceptual hashes, against brute force. Folded search results: tests/api/test_duplicates.py."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagelens.retrieve.deduplication import hash_distances, near_duplicates


def test_hashes_differ_by_their_bits() -> None:
    others = np.array([0, 1, 0b111, (1 << 64) - 1], np.uint64)
    assert hash_distances(1, others).tolist() == [1, 0, 2, 63]


def groups_by_hand(hashes: list[int], near: int) -> list[list[int]]:
    taken: set[int] = set()
    groups = []
    for first in range(len(hashes)):
        if first in taken:
            continue
        near_ones = (at for at in range(first, len(hashes)) if (hashes[first] ^ hashes[at]).bit_count() <= near)
        group = [at for at in near_ones if at not in taken]
        taken |= set(group)
        if len(group) > 1:
            groups.append(group)
    return groups


@given(st.lists(st.integers(0, 255), max_size=30), st.integers(0, 8))
def test_groups_are_those_that_plain_loops_find(hashes: list[int], near: int) -> None:
    assert near_duplicates(hashes, max_distance=near) == groups_by_hand(hashes, near)


def test_groups_do_not_drift() -> None:
    chain = [0, 0b111, 0b111111]  # each three bits from the one before
    assert near_duplicates(chain, max_distance=3) == [[0, 1]]
    assert near_duplicates([], max_distance=3) == []
    assert near_duplicates([5, 6, 5, 5], max_distance=0) == [[0, 2, 3]]


def test_ten_thousand_hashes_are_grouped_exactly() -> None:
    random = np.random.default_rng(0)
    originals: NDArray[np.uint64] = random.integers(0, 1 << 63, 9_000, np.uint64)
    copies = originals[:1_000] ^ np.uint64(0b1011)
    assert near_duplicates(np.concatenate([originals, copies]), max_distance=3) == [
        [at, 9_000 + at] for at in range(1_000)
    ]
