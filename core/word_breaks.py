"""Words that are hyphenated at the end of a line: where they are broken, and texts in which they are whole again.

Chinese and Japanese are written without blanks: their lines are joined without one.

Whether the hyphen belongs to the word ("five-star") is decided from the page's other words; where those say nothing, by
a few English rules, else the hyphen is taken for one of the line end. docs/LOG.md has the measured share of errors.
"""

import re
from bisect import bisect_right
from collections.abc import Container, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pagelens.core.caching import LRUCache
from pagelens.core.types import PageText, TokenVectors

MIN_PART = 3  # letters of each part from which two words of the page make a compound
_CACHED_CHARACTERS = 8_000_000  # of the texts whose breaks are kept
_WEIGHT = 200  # in characters, of a text beside those it has, and of a break

# Han, kana and their punctuation, full-width forms; not Hangul, which is written with blanks.
_CJK = (
    "\u2e80-\u2fdf\u3001-\u303f\u3040-\u30ff\u31c0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff01-\uff9f\U00020000-\U0003ffff"
)
_CJK_CHARACTER = re.compile(f"[{_CJK}]")
_CJK_LINE_END = re.compile(f"\n(?<=[{_CJK}]\n)(?=[{_CJK}])")  # the line end first: it is looked for faster
_CJK_LINES = re.compile(rf"(?<=[{_CJK}])\s*\n\s*(?=[{_CJK}])")

# The letter before is looked for after the hyphen has matched: so a page is searched a few times as fast.
_BREAK = re.compile(r"[-\u2010\u00ad](?<=[^\W_].)\s*\n\s*(?=[^\W_])")
_BREAK_IN_LINE = re.compile(r"[-\u2010\u00ad](?<=[^\W_].)\s+(?=[^\W_])")  # where line ends have become blanks
_SOFT_HYPHEN = re.compile(r"(?<=[^\W_])\u00ad(?=[^\W_])")
_WORD = re.compile(r"[^\W_]+(?:[-\u2010][^\W_]+)*")
_FIRST_PART = re.compile(r"[^\W_]+$")
_SECOND_PART = re.compile(r"[^\W_]+")
_MAX_PART = 60  # characters of a word's first part that are examined
_HYPHENS = ("-", "\u2010")
# "short- and long-term", "Ein- und Ausgabe": the hyphen stands for a word that follows later.
_CONJUNCTIONS = frozenset("and or und oder bzw et ou y o e og och".split())
# English words that make compounds with a hyphen, unless a suffix follows: "self-service", not "self-ish".
_COMPOUNDING = frozenset(
    "self well non cross high low long short real open full half two three four five six seven eight nine".split()
)
_SUFFIX = re.compile("age|e[nr]|est|i[nst]|iz|land|light|ly|ment|ness|self|sense|teen|tie|way")
_MIN_COMPOUNDED = 4  # letters after such a word


class WordBreak(NamedTuple):
    """A line end within a word: text[start:end] is its hyphen and its blanks, for which `replacement` stands."""

    start: int
    end: int
    replacement: str  # "", or "-" where the hyphen belongs to the word
    is_certain: bool  # whether the page's other words decide it


class WholeText(NamedTuple):
    """A span of a page's text in which broken words are whole."""

    text: str
    offsets: NDArray[np.int64]  # (len(text) + 1,) the position in the page's text of each character, and of the end

    def on_page(self, tokens: TokenVectors) -> TokenVectors:
        """Return tokens of this text with their spans in the page's text; those that stand before it have -1."""
        if not len(tokens.spans):
            return tokens
        first = self.offsets[np.maximum(tokens.spans[:, 0], 0)]
        last = self.offsets[np.maximum(tokens.spans[:, 1] - 1, 0)] + 1
        spans = np.stack((first, np.maximum(first, last)), 1).astype(np.int32)
        spans[tokens.spans[:, 0] < 0] = -1
        return TokenVectors(tokens.vectors, spans)


class _KeptBreaks(NamedTuple):
    """The breaks of a text of so many characters."""

    characters: int
    breaks: tuple[WordBreak, ...]


_BREAKS, _JOINTS = (
    LRUCache[_KeptBreaks](_CACHED_CHARACTERS, weigh=lambda kept: kept.characters + _WEIGHT * (1 + len(kept.breaks)))
    for _ in range(2)
)


def word_breaks(text: str) -> tuple[WordBreak, ...]:
    """Return the line ends within words of a page's text, in order."""
    return _BREAKS.get(text, lambda: _KeptBreaks(len(text), _word_breaks(text, _BREAK))).breaks


def is_cjk(character: str) -> bool:
    """Tell whether a character is one of Chinese or Japanese text, which has no blanks between words."""
    return _CJK_CHARACTER.match(character) is not None


def has_cjk(text: str) -> bool:
    """Tell whether a text has characters of Chinese or Japanese."""
    return not text.isascii() and _CJK_CHARACTER.search(text) is not None


def join_cjk_lines(text: str) -> str:
    """Return a text without the line ends between Chinese or Japanese characters."""
    return text if text.isascii() else _CJK_LINES.sub("", text)


def join_broken_words(text: str, start: int = 0, end: int | None = None) -> str:
    """Return a span of a page's text, by default all of it, in which broken words are whole; other line ends stay.

    Line ends between Chinese or Japanese characters go too, unless a blank line follows.
    """
    return "".join(text[first:last] + replacement for first, last, replacement in _pieces(text, start, end))


def join_with_offsets(text: str, start: int = 0, end: int | None = None) -> WholeText:
    """Return what `join_broken_words` returns, and where its characters stand in the page's text."""
    pieces = _pieces(text, start, end)
    offsets = [np.arange(first, last + len(replacement), dtype=np.int64) for first, last, replacement in pieces]
    whole = "".join(text[first:last] + replacement for first, last, replacement in pieces)
    return WholeText(whole, np.concatenate([*offsets, [len(text) if end is None else end]]))


def join_words_of_line(line: str) -> str:
    """Return a text without line ends ("con- tamination", or with a soft hyphen) in which broken words are whole."""
    line = _SOFT_HYPHEN.sub("", line)
    breaks = _word_breaks(line, _BREAK_IN_LINE)
    return "".join(line[first:last] + replacement for first, last, replacement in _between(breaks, 0, len(line)))


def other_forms(text: str) -> list[str]:
    """Return the words that are broken where the page's other words decide nothing and the hyphen was kept, without it.

    An index that has both forms finds the page by either.
    """
    uncertain = [place for place in word_breaks(text) if place.replacement and not place.is_certain]
    return ["".join(_parts(text, place.start, place.end)) for place in uncertain]


def whole_words(page: PageText) -> list[str]:
    """Return a page's words in order; each part of a broken word is given as the whole word."""
    text, starts, ends = page.text, page.spans[:, 0].tolist(), page.spans[:, 1].tolist()
    words = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    groups: list[tuple[int, int]] = []  # the first and the last word of those that are one
    for place in word_breaks(text):
        if place.replacement:
            continue
        part, following = bisect_right(starts, place.start) - 1, bisect_right(starts, place.end) - 1
        first = groups.pop()[0] if groups and groups[-1][1] == part else part
        groups.append((first, following))
    for first, last in groups:
        whole = join_broken_words(text, starts[first], ends[last])
        words[first : last + 1] = [whole] * (last + 1 - first)
    return words


def _pieces(text: str, start: int, end: int | None) -> list[tuple[int, int, str]]:
    return _between(_joints(text), start, len(text) if end is None else end)


def _joints(text: str) -> tuple[WordBreak, ...]:
    """Return the places of a page's text where lines are joined without a blank, in order."""
    breaks = word_breaks(text)
    return breaks if text.isascii() else _JOINTS.get(text, lambda: _with_cjk_lines(text, breaks)).breaks


def _with_cjk_lines(text: str, breaks: Sequence[WordBreak]) -> _KeptBreaks:
    line_ends = (WordBreak(place.start(), place.end(), "", True) for place in _CJK_LINE_END.finditer(text))
    return _KeptBreaks(len(text), tuple(sorted((*breaks, *line_ends))))


def _between(breaks: Sequence[WordBreak], start: int, end: int) -> list[tuple[int, int, str]]:
    """Return the spans between the breaks that lie within [start, end), each with what stands for the next break."""
    pieces = []
    for place in breaks:
        if place.start >= start and place.end <= end:
            pieces.append((start, place.start, place.replacement))
            start = place.end
    return [*pieces, (start, end, "")]


def _word_breaks(text: str, pattern: re.Pattern[str]) -> tuple[WordBreak, ...]:
    matches = list(pattern.finditer(text))
    if not matches:
        return ()
    words = _OtherWords(text, matches)
    breaks = [_word_break(text, match.start(), match.end(), words) for match in matches]
    return tuple(place for place in breaks if place is not None)


class _OtherWords:
    """The words of a text and their parts, case folded, but not the parts of broken words.

    A word is looked for where its letters stand: that costs a tenth of a list of all words, and a page has few breaks.
    """

    def __init__(self, text: str, matches: Sequence[re.Match[str]]) -> None:
        self._text, self._matches = text, matches
        self._folded = _folded(text)

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str) or word not in self._folded:
            return False
        if len(self._folded) != len(self._text):  # positions in both texts differ
            return word in self._all
        at = self._folded.find(word)
        while at >= 0:
            if self._stands_at(at, at + len(word), chain="-" in word):
                return True
            at = self._folded.find(word, at + 1)
        return False

    def _stands_at(self, start: int, end: int, *, chain: bool) -> bool:
        """Tell whether a word or a part of one stands there; of a word with a hyphen only the whole word counts."""
        text = self._text
        if text[start - 1 : start].isalnum() or text[end : end + 1].isalnum():
            return False
        if chain and (_goes_on(text, start - 1, -1) or _goes_on(text, end, 1)):
            return False
        return start not in self._second_parts and end not in self._first_parts

    @cached_property
    def _first_parts(self) -> frozenset[int]:
        """Where the first parts of broken words end."""
        return frozenset(match.start() for match in self._matches)

    @cached_property
    def _second_parts(self) -> frozenset[int]:
        """Where the second parts of broken words begin."""
        return frozenset(match.end() for match in self._matches)

    @cached_property
    def _all(self) -> frozenset[str]:
        return _all_words(self._text, self._matches)


def _goes_on(text: str, hyphen: int, step: int) -> bool:
    """Tell whether a hyphen stands there, and a letter or digit on its far side."""
    return text[max(0, hyphen) : hyphen + 1] in _HYPHENS and text[max(0, hyphen + step) : hyphen + step + 1].isalnum()


def _all_words(text: str, matches: Sequence[re.Match[str]]) -> frozenset[str]:
    """Return the words of a text and their parts, case folded, but not the parts of broken words."""
    starts, ends = [0, *(match.end() for match in matches)], [*(match.start() for match in matches), len(text)]
    whole: set[str] = set()
    words: set[str] = set()
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        between = _WORD.findall(text, start, end)  # at least one: a break has a letter or digit on both sides
        after_break, before_break = number > 0, number < len(matches)
        whole.update(between[after_break : len(between) - before_break])
        for place in {0, len(between) - 1}:
            is_second, is_first = after_break and place == 0, before_break and place == len(between) - 1
            if is_second or is_first:
                parts = _folded(between[place]).split("-")
                words.update(parts[is_second : len(parts) - is_first])
    folded = _folded("\n".join(whole)).split("\n")  # all at once: there are hundreds
    words.update(folded, *(word.split("-") for word in folded if "-" in word))
    return frozenset(words)


def _folded(text: str) -> str:
    return text.casefold().replace("\u2010", "-")


def _parts(text: str, start: int, end: int) -> tuple[str, str]:
    """Return the letters and digits right before `start` and right after `end`."""
    first = _FIRST_PART.search(text, max(0, start - _MAX_PART), start)
    second = _SECOND_PART.match(text, end)
    assert first and second, "a break has a letter or digit on both sides"
    return first.group(), second.group()


def _word_break(text: str, start: int, end: int, words: Container[str]) -> WordBreak | None:
    first, second = _parts(text, start, end)
    after = end + len(second)
    if f"{first}-{second}".casefold() in words:
        return WordBreak(start, end, "-", True)
    if f"{first}{second}".casefold() in words:
        return WordBreak(start, end, "", True)
    follows_blank = text[after : after + 1].isspace() or after == len(text)
    is_new_block = text[start:end].count("\n") > 1 and not second[0].islower()
    is_range = first[-1].isdigit() and second[0].isdigit()
    if is_new_block or is_range or (second in _CONJUNCTIONS and follows_blank):
        return None
    is_chain = text[start - len(first) - 1 : start - len(first)] in _HYPHENS or _is_chained(text, after)
    if is_chain or first[-1].isdigit() or second[0].isdigit() or first[-1].isupper() != second[0].isupper():
        return WordBreak(start, end, "-", True)
    return WordBreak(start, end, "-" if _is_compound(first.casefold(), second.casefold(), words) else "", False)


def _is_chained(text: str, at: int) -> bool:
    """Tell whether another part of a word follows in the same line: "step-" before "by-step"."""
    return text[at : at + 1] in _HYPHENS and text[at + 1 : at + 2].isalnum()


def _is_compound(first: str, second: str, words: Container[str]) -> bool:
    if first in _COMPOUNDING and len(second) >= _MIN_COMPOUNDED and not _SUFFIX.match(second):
        return True
    return min(len(first), len(second)) >= MIN_PART and first in words and second in words
