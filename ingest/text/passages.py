"""Splits a page's text into passages, overlapping windows of words; and makes the texts that are encoded for them."""

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import UsageError
from pagelens.core.keys import MAX_PASSAGES
from pagelens.core.protocols import TokenCounter
from pagelens.core.types import Document, PageText, Passage
from pagelens.core.word_breaks import join_broken_words

_MAX_PREFIX_CHARACTERS = 120  # of the title that precedes each passage when it is encoded
_MIN_WINDOW = 0.7  # share of the passage size that a window has at least, to end at a good break
_MIN_OVERLAP = 0.5  # share of the overlap that a window keeps at least, to begin at a good break

_SENTENCE_END = re.compile(r"[.!?…。！？।؟۔](?:[\"'’”»)\]]|\[\d+\])*$")
_LAST_CHARACTERS = frozenset(".!?…。！？।؟۔\"'’”»)]")  # of a word that `_SENTENCE_END` matches
_ABBREVIATION = re.compile(
    r"(?i)^[(\[\"']*(?:[a-z]|e\.g|i\.e|cf|vs|etc|al|dr|mr|mrs|ms|prof|st|no|nos|fig|figs|eq|vol|pp?|ca)\.$"
)


def split_into_passages(
    text: PageText, count_tokens: TokenCounter, *, size: int = 200, overlap: int = 50
) -> list[Passage]:
    """Return windows of at most `size` tokens that together hold every word; a longer single word is one window.

    Neighbours share up to `overlap` tokens. Windows preferably end with a block, else a sentence, else a line. Where a
    page would have more than `MAX_PASSAGES`, `size` is doubled until it has not. The tokens of a window are the sum of
    those of its words. Raises UsageError unless 0 <= overlap < size.
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
    return [Passage(ordinal, spans[first][0], spans[end - 1][1]) for ordinal, (first, end) in enumerate(windows)]


_DESCRIPTION_KEYS = ("title", "caption", "keywords", "people", "place", "city", "region", "country")


def photo_description(document: Document) -> str:
    """Return what people wrote about a photo, where it was taken, and its date; empty where only the date is known.

    It is encoded as a passage with an empty span. File names, folders and cameras are left out: text queries hardly
    ever mean them.
    """
    facts = document.metadata if document.kind == "photo" else {}
    parts = dict.fromkeys(str(facts[key]) for key in _DESCRIPTION_KEYS if key in facts)
    if not parts:
        return ""
    day = str(document.date.day) if document.date else ""
    date = " ".join(str(part) for part in (day, facts.get("month", ""), facts.get("year", "")) if part)
    return ". ".join([*parts, *filter(None, [date])])


def description_input(document: Document, words: str) -> str:
    """Return the text to encode for the passage without words: what is known of a photo, and the words of the
    description of the page's image ("" for none)."""
    if document.kind != "photo" and words:
        return passage_input(document.title, words)
    return "\n".join(filter(None, (photo_description(document), words))) or document.title


def passage_inputs(
    document: Document, text: PageText, passages: Sequence[Passage], description: str = ""
) -> tuple[str, ...]:
    """Return the text to encode for each passage of a page; words that are broken at line ends are whole.

    `description`: the words of the description of the page's image, if it has one.
    """
    return tuple(
        passage_input(document.title, join_broken_words(text.text, passage.start, passage.end))
        if passage.end > passage.start
        else description_input(document, description)
        for passage in passages
    )


def passage_prefix(title: str) -> str:
    """Return the text that precedes every passage of a document when it is encoded: the title, cut, and a newline.

    Empty where the title is one token with digits ('7c3f6204b3241f14'), which carries no meaning.
    """
    if " " not in title and any(character.isdigit() for character in title):
        return ""
    if len(title) > _MAX_PREFIX_CHARACTERS:
        cut = title.rfind(" ", _MAX_PREFIX_CHARACTERS // 2, _MAX_PREFIX_CHARACTERS)
        title = title[: cut if cut > 0 else _MAX_PREFIX_CHARACTERS]
    return f"{title}\n" if title else ""


def passage_input(title: str, text: str) -> str:
    """Return the text to encode for a passage: `passage_prefix(title)` and the passage's text."""
    return passage_prefix(title) + text


def _running_totals(text: PageText, count_tokens: TokenCounter) -> NDArray[np.int64]:
    """Return the number of tokens before each word, (n_words + 1,). A word counts as one token at least."""
    words = [text.text[start:end] for start, end in text.spans.tolist()]
    distinct = list(dict.fromkeys(words))
    counts = {word: max(1, count) for word, count in zip(distinct, count_tokens(distinct), strict=True)}
    return np.cumsum([0, *map(counts.__getitem__, words)], dtype=np.int64)


def _break_strengths(text: PageText) -> list[int]:
    """Return how good a break before each word is, (n_words + 1,): 3 block, 2 sentence, 1 line, 0 within a line."""
    spans, characters = text.spans.tolist(), text.text
    strengths = [3]
    for (start, end), (following, _) in pairwise(spans):
        if following > end + 1 and characters.count("\n", end, following) >= 2:
            strengths.append(3)
        elif characters[end - 1] in _LAST_CHARACTERS and _ends_sentence(characters[start:end], characters[following]):
            strengths.append(2)
        else:
            strengths.append(1 if following == end + 1 and characters[end] == "\n" else 0)
    return [*strengths, 3]


def _ends_sentence(word: str, next_character: str) -> bool:
    is_end = _SENTENCE_END.search(word) and not _ABBREVIATION.match(word)
    return bool(is_end) and not next_character.islower()


def _windows(totals: NDArray[np.int64], strengths: Sequence[int], size: int, overlap: int) -> list[tuple[int, int]]:
    """Return half-open ranges of words that cover all words, each ending after the one before it."""
    count = len(totals) - 1
    windows: list[tuple[int, int]] = []
    first = reached = 0
    while reached < count:
        # The last word that fits; at least one new word, however long.
        furthest = max(int(np.searchsorted(totals, totals[first] + size, side="right")) - 1, reached + 1)
        if furthest < count:
            soonest = int(np.searchsorted(totals, totals[first] + _MIN_WINDOW * size))
            furthest = _best_break(strengths, max(soonest, reached + 1), furthest)
        windows.append((first, furthest))
        reached = furthest
        if reached < count:
            first = _next_first(totals, strengths, windows[-1], size, overlap)
    return windows


def _next_first(
    totals: NDArray[np.int64], strengths: Sequence[int], window: tuple[int, int], size: int, overlap: int
) -> int:
    """Return the first word of the window after `window`: later than its first, with room for a new word."""
    first, reached = window
    room = min(overlap, size - int(totals[reached + 1] - totals[reached]))  # below 0 before a word longer than a window
    earliest = max(int(np.searchsorted(totals, totals[reached] - room)), first + 1)
    latest = int(np.searchsorted(totals, totals[reached] - _MIN_OVERLAP * room, side="right")) - 1
    if earliest >= latest:
        return min(earliest, reached)
    strongest = max(strengths[earliest : latest + 1])
    return next(at for at in range(earliest, latest + 1) if strengths[at] == strongest)


def _best_break(strengths: Sequence[int], soonest: int, furthest: int) -> int:
    """Return the strongest break from `soonest` to `furthest`, the last of equal ones."""
    if soonest >= furthest:
        return furthest
    strongest = max(strengths[soonest : furthest + 1])
    return next(at for at in range(furthest, soonest - 1, -1) if strengths[at] == strongest)
