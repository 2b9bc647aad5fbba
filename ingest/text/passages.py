"""A page's words to passages: overlapping windows of about so many tokens that begin and end where sentences do. Pure.

Does not know encoders: tokens are counted by whoever is asked to.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import UsageError
from pagelens.core.keys import MAX_PASSAGES
from pagelens.core.protocols import TokenCounter
from pagelens.core.types import Document, PageText, Passage

_PREFIX_TITLE = 120  # characters of the title that go before each passage
_SHORTEST = 0.7  # a window may end this early to end well
_LEAST_OVERLAP = 0.5  # and the next one begin with this part of the overlap to begin well

_SENTENCE_END = re.compile(r"[.!?…。！？।؟۔](?:[\"'’”»)\]]|\[\d+\])*$")
_ABBREVIATION = re.compile(
    r"(?i)^[(\[\"']*(?:[a-z]|e\.g|i\.e|cf|vs|etc|al|dr|mr|mrs|ms|prof|st|no|nos|fig|figs|eq|vol|pp?|ca)\.$"
)


def split(text: PageText, count_tokens: TokenCounter, *, size: int = 200, overlap: int = 50) -> list[Passage]:
    """Return windows of at most `size` tokens (a longer single word stands alone) that together hold every word.

    Neighbours share up to `overlap` tokens. Ends prefer blocks, then sentences, then lines. Where a page would have
    more than `MAX_PASSAGES`, windows are widened. A window's tokens are the sum over its words. Raises UsageError.
    """
    if size < 1 or not 0 <= overlap < size:
        raise UsageError(f"expected 0 <= overlap < size, found size {size}, overlap {overlap}")
    if not len(text.spans):
        return []
    totals = _running_totals(text, count_tokens)
    strengths = _break_strengths(text)
    windows = _windows(totals, strengths, size, overlap)
    while len(windows) > MAX_PASSAGES:
        size *= 2
        windows = _windows(totals, strengths, size, overlap)
    spans = text.spans.tolist()
    return [Passage(at, spans[first][0], spans[end - 1][1]) for at, (first, end) in enumerate(windows)]


_TOLD = ("title", "caption", "keywords", "people", "place", "city", "region", "country")


def photo_words(document: Document) -> str:
    """Return what people wrote of a photo and where it was taken, with its date; empty where only that is known.

    It is a passage that stands nowhere on the photo, its span empty. File names, folders and cameras are left out:
    next to nothing of what they say is meant by a query in words.
    """
    facts = document.metadata if document.kind == "photo" else {}
    told = dict.fromkeys(str(facts[key]) for key in _TOLD if key in facts)
    if not told:
        return ""
    day = str(document.date.day) if document.date else ""
    date = " ".join(str(part) for part in (day, facts.get("month", ""), facts.get("year", "")) if part)
    return ". ".join([*told, *filter(None, [date])])


def inputs_of(document: Document, text: PageText, passages: Sequence[Passage]) -> tuple[str, ...]:
    """Return what is encoded for each passage of a page."""
    return tuple(
        passage_input(document.title, text.text[passage.start : passage.end])
        if passage.end > passage.start
        else photo_words(document) or document.title
        for passage in passages
    )


def prefix(title: str) -> str:
    """Return what stands before every passage of a document when it is encoded; empty where the title is no words.

    A title of one token with digits ('7c3f6204b3241f14') would only water the passage down.
    """
    if " " not in title and any(character.isdigit() for character in title):
        return ""
    if len(title) > _PREFIX_TITLE:
        cut = title.rfind(" ", _PREFIX_TITLE // 2, _PREFIX_TITLE)
        title = title[: cut if cut > 0 else _PREFIX_TITLE]
    return f"{title}\n" if title else ""


def passage_input(title: str, text: str) -> str:
    """Return what is encoded for a passage: `prefix(title)`, then the passage's text as it stands."""
    return prefix(title) + text


def _running_totals(text: PageText, count_tokens: TokenCounter) -> NDArray[np.int64]:
    """Return (n_words + 1,) tokens before each word; each different word is counted once, and as one token at least."""
    words = [text.text[start:end] for start, end in text.spans.tolist()]
    different = list(dict.fromkeys(words))
    costs = dict(zip(different, count_tokens(different), strict=True))
    return np.cumsum([0, *(max(1, costs[word]) for word in words)], dtype=np.int64)


def _break_strengths(text: PageText) -> list[int]:
    """Return (n_words + 1,) how good a break is before each word: 3 block, 2 sentence, 1 line, 0 inside a line."""
    spans = text.spans.tolist()
    strengths = [3]
    for (start, end), (following, _) in pairwise(spans):
        joint, word = text.text[end:following], text.text[start:end]
        if joint.count("\n") >= 2:
            strengths.append(3)
        elif _SENTENCE_END.search(word) and not _ABBREVIATION.match(word) and not text.text[following].islower():
            strengths.append(2)
        else:
            strengths.append(1 if joint == "\n" else 0)
    return [*strengths, 3]


def _windows(totals: NDArray[np.int64], strengths: Sequence[int], size: int, overlap: int) -> list[tuple[int, int]]:
    """Return half-open ranges of words, each ending after the one before it, with no word left between two."""
    count = len(totals) - 1
    windows: list[tuple[int, int]] = []
    first = reached = 0
    while reached < count:
        # The last word that still fits; at least one new word, however long.
        furthest = max(int(np.searchsorted(totals, totals[first] + size, side="right")) - 1, reached + 1)
        if furthest < count:
            soonest = int(np.searchsorted(totals, totals[first] + _SHORTEST * size))
            furthest = _best(strengths, max(soonest, reached + 1), furthest)
        windows.append((first, furthest))
        reached = furthest
        if reached < count:
            first = _next_first(totals, strengths, windows[-1], size, overlap)
    return windows


def _next_first(
    totals: NDArray[np.int64], strengths: Sequence[int], window: tuple[int, int], size: int, overlap: int
) -> int:
    """Return where the window after `window` begins: later than it, with room for a new word."""
    first, reached = window
    room = min(overlap, size - int(totals[reached + 1] - totals[reached]))  # below 0 before a word too long to share
    earliest = max(int(np.searchsorted(totals, totals[reached] - room)), first + 1)
    latest = int(np.searchsorted(totals, totals[reached] - _LEAST_OVERLAP * room, side="right")) - 1
    if earliest >= latest:
        return min(earliest, reached)
    strongest = max(strengths[earliest : latest + 1])
    return next(at for at in range(earliest, latest + 1) if strengths[at] == strongest)


def _best(strengths: Sequence[int], soonest: int, furthest: int) -> int:
    """Return the strongest break from `soonest` to `furthest`, of equals the last."""
    if soonest >= furthest:
        return furthest
    strongest = max(strengths[soonest : furthest + 1])
    return next(at for at in range(furthest, soonest - 1, -1) if strengths[at] == strongest)
