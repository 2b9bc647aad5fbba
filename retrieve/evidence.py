"""Why a page was found: the stretch of its words that says most of what was asked, with boxes.

Looks at words only; a lane that sees pictures brings its own evidence.
"""

from collections.abc import Callable, Mapping

import numpy as np

from pagelens.core.protocols import Analyzer
from pagelens.core.types import Evidence, PageText, Passage

QUOTE_WORDS = 32
SNAP_WORDS = 8  # a quote may grow by this much on either side to begin and end with a sentence or a paragraph


def find_evidence(
    text: PageText,
    terms: Mapping[str, float],
    analyze: Analyzer,
    *,
    stretch: Callable[[], tuple[int, int] | None] = lambda: None,
    passage: Passage | None = None,
) -> Evidence | None:
    """Return the best quote for the query's weighted terms: from the whole page, or, where no term stands on the
    page, the stretch of words that late interaction found (first and last word; asked for only then), or else from the
    passage that was found. None on a page without words."""
    if not len(text.spans):
        return None
    hits = _term_places(text, terms, analyze)
    if hits:
        first, last = _densest(hits, terms, len(text.spans))
    elif looked := stretch():
        first, last = looked
    else:
        first = 0 if passage is None else int(np.searchsorted(text.spans[:, 0], passage.start))
        last = min(first + QUOTE_WORDS, len(text.spans)) - 1
    first, last = _snap(text, first, last)
    start, end = int(text.spans[first, 0]), int(text.spans[last, 1])
    return Evidence(text.text[start:end], start, end, text.boxes_of(start, end))


def _term_places(text: PageText, terms: Mapping[str, float], analyze: Analyzer) -> list[tuple[int, str]]:
    """Return (word position, query term) wherever a word of the page holds a term of the query."""
    places: list[tuple[int, str]] = []
    known: dict[str, list[str]] = {}  # pages repeat their words
    for position, (start, end) in enumerate(text.spans.tolist()):
        word = text.text[start:end]
        found = known.get(word)
        if found is None:
            found = known[word] = [term for term in analyze(word) if term in terms]
        if found:
            places.extend((position, term) for term in found)
    return places


def _densest(hits: list[tuple[int, str]], terms: Mapping[str, float], words: int) -> tuple[int, int]:
    """Return the first and last word of the window that holds the most weight of distinct terms; the earliest wins."""
    best, best_window = -1.0, (0, 0)
    for index, (first, _) in enumerate(hits):
        inside = [(place, term) for place, term in hits[index:] if place < first + QUOTE_WORDS]
        last = inside[-1][0]
        weight = sum(terms[term] for term in {term for _, term in inside}) - 0.001 * (last - first)
        if weight > best:
            best, best_window = weight, (first, last)
    first, last = best_window
    spare = max(0, QUOTE_WORDS - (last - first + 1)) // 2  # context on both sides
    return max(0, first - spare), min(words - 1, last + spare)


def _snap(text: PageText, first: int, last: int) -> tuple[int, int]:
    """Move the ends outwards to the nearest sentence or paragraph break, if one is near; else leave them."""
    for step in range(SNAP_WORDS + 1):
        if _begins(text, first - step):
            first -= step
            break
    for step in range(SNAP_WORDS + 1):
        if _ends(text, last + step):
            last += step
            break
    return first, last


def _begins(text: PageText, word: int) -> bool:
    return word == 0 or (word > 0 and _ends(text, word - 1))


def _ends(text: PageText, word: int) -> bool:
    count = len(text.spans)
    if word >= count - 1:
        return word == count - 1
    end, following = int(text.spans[word, 1]), int(text.spans[word + 1, 0])
    return text.text[end - 1 : end] in ".!?" or "\n\n" in text.text[end:following]
