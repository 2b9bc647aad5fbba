"""Pages whose text goes on on the next: what a found page says of it, and which pages are shown beside each other.

Told from the words at rest, when somebody asks: nothing is stored for it. Ranks nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from core.keys import document_of, number_of
from core.types import Evidence
from index.catalog import PageRow
from index.reader import Snapshot
from ingest.running_on import runs_on

READ_ON = 2  # of the best hits, those behind which the page is shown that they go on on


@dataclass(frozen=True, slots=True)
class Crossing:
    """The pages that share a page's first and last words, by number; None where it begins and ends with itself."""

    before: int | None = None
    after: int | None = None


def crossings(snapshot: Snapshot, pages: Iterable[PageRow]) -> dict[int, Crossing]:
    """Return by page key which of a page's neighbours its text comes from and goes on on."""
    found = list(pages)
    sides = {key for page in found for key in (page.key - 1, page.key + 1) if number_of(key)}
    beside = snapshot.pages(sorted(sides)) if sides else {}
    return {page.key: _crossing(page, beside.get(page.key - 1), beside.get(page.key + 1)) for page in found}


def told(crossing: Crossing, page: PageRow, evidence: Sequence[Evidence]) -> Crossing:
    """Return what of a page's crossing concerns its evidence: quotes that reach into its first or last passage."""
    quoted = [one for one in evidence if one.quote]
    spans = [passage for passage in page.passages if passage.end > passage.start]
    if not spans:
        return Crossing()
    first, last = any(one.start < spans[0].end for one in quoted), any(one.end > spans[-1].start for one in quoted)
    return Crossing(crossing.before if first else None, crossing.after if last else None)


def reading_on(
    snapshot: Snapshot, ranked: Sequence[int], pages: Mapping[int, PageRow], *, k: int, last: int | None
) -> dict[int, PageRow]:
    """Return `k` pages at most by key, ranked ones in their order, and behind the best of them the page that each goes
    on on, none behind page number `last`: in the place of those ranked last."""
    best = [pages[key] for key in ranked[:READ_ON]]
    after = {key: one.after for key, one in crossings(snapshot, best).items()}
    wanted = {key: key + 1 for key, number in after.items() if number is not None and number <= (last or number)}
    there = {**pages, **snapshot.pages(list(wanted.values()))}
    order = dict.fromkeys(chain.from_iterable((key, wanted[key]) if key in wanted else (key,) for key in ranked))
    return {key: there[key] for key in list(order)[:k]}


def _crossing(page: PageRow, before: PageRow | None, after: PageRow | None) -> Crossing:
    assert all(one is None or document_of(one.key) == document_of(page.key) for one in (before, after))
    return Crossing(
        before.number if before is not None and runs_on(before.text, page.text) else None,
        after.number if after is not None and runs_on(page.text, after.text) else None,
    )
