"""Pages whose text goes on on the next: what a found page says of it, and which pages are shown beside each other.

Told from the words at rest, when somebody asks: nothing is stored for it. Ranks nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from pagelens.core.keys import document_of, number_of
from pagelens.core.types import Evidence
from pagelens.index.catalog.reads import PageRow
from pagelens.index.reader import Snapshot
from pagelens.retrieve.continuation import find_continuation

READ_ON = 2  # of the best hits, those behind which the page is shown that they go on on


@dataclass(frozen=True, slots=True)
class Crossing:
    """The pages that share a page's first and last words, by number; None where it begins and ends with itself."""

    before: int | None = None
    after: int | None = None


def told(snapshot: Snapshot, found: Sequence[tuple[PageRow, Sequence[Evidence]]]) -> dict[int, Crossing]:
    """Return by page key what of a page's crossing concerns its evidence: quotes that reach into its first or last
    passage. Looks at no neighbour that no quote comes near."""
    concern = {page.key: _reach(page, evidence) for page, evidence in found}
    return _crossings(snapshot, [page for page, _ in found], concern)


def reading_on(
    snapshot: Snapshot, ranked: Sequence[int], pages: Mapping[int, PageRow], *, k: int, last: int | None
) -> dict[int, PageRow]:
    """Return `k` pages at most by key, ranked ones in their order, and behind the best of them the page that each goes
    on on, none behind page number `last`: in the place of those ranked last."""
    best = [pages[key] for key in ranked[:READ_ON]]
    crossed = _crossings(snapshot, best, {page.key: _Reach(first=False, last=True) for page in best})
    after = {key: one.after for key, one in crossed.items()}
    wanted = {key: key + 1 for key, number in after.items() if number is not None and number <= (last or number)}
    there = {**pages, **snapshot.pages(list(wanted.values()))}
    order = dict.fromkeys(chain.from_iterable((key, wanted[key]) if key in wanted else (key,) for key in ranked))
    return {key: there[key] for key in list(order)[:k]}


class _Reach(NamedTuple):
    """Which ends of a page are in question."""

    first: bool
    last: bool


def _reach(page: PageRow, evidence: Sequence[Evidence]) -> _Reach:
    """Return which of a page's ends its quotes reach into: their passages."""
    quoted = [one for one in evidence if one.quote]
    spans = [passage for passage in page.passages if passage.end > passage.start]
    if not spans:
        return _Reach(False, False)
    return _Reach(any(one.start < spans[0].end for one in quoted), any(one.end > spans[-1].start for one in quoted))


def _crossings(snapshot: Snapshot, pages: Sequence[PageRow], concern: Mapping[int, _Reach]) -> dict[int, Crossing]:
    """Return by page key which of a page's neighbours its text comes from and goes on on, as far as it concerns."""
    sides = {page.key - 1 for page in pages if concern[page.key].first}
    sides |= {page.key + 1 for page in pages if concern[page.key].last}
    beside = snapshot.pages(sorted(key for key in sides if number_of(key))) if sides else {}
    found = {}
    for page in pages:
        before = beside.get(page.key - 1) if concern[page.key].first else None
        after = beside.get(page.key + 1) if concern[page.key].last else None
        found[page.key] = _crossing(page, before, after)
    return found


def _crossing(page: PageRow, before: PageRow | None, after: PageRow | None) -> Crossing:
    assert all(one is None or document_of(one.key) == document_of(page.key) for one in (before, after))
    return Crossing(
        before.number if before is not None and find_continuation(before.text, page.text) else None,
        after.number if after is not None and find_continuation(page.text, after.text) else None,
    )
