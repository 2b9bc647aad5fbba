"""Splits a page's text into sentences with exact spans. Headings, list items and table rows are units of their own.

Abbreviations are English; the ends of sentences are those of most scripts.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from pagelens.core.types import PageText
from pagelens.generate.page_lines import (
    PageLine,
    group_paragraphs,
    group_words_into_lines,
    is_bullet,
    is_marker,
    is_number,
)

MAX_WORDS = 60  # a longer sentence is cut at a clause or a line
MAX_CHARACTERS = 600  # the same for scripts without blanks
MIN_WORDS = 20  # no cut before
MAX_WORD = 200  # characters; a longer "word" (of a script without blanks, or no language) is cut
HEADING_WORDS = 14

Shape = Literal["sentence", "heading", "item", "row"]

# No sentence ends after these.
_TITLES = frozenset(
    """dr mr mrs ms prof rev hon gen col capt lt sgt sen rep gov pres fig figs eq eqs tab sec sect ch chap vol nos pp
    vs cf e.g i.e viz approx ca resp esp incl excl rs""".split()
)
# A sentence may end after these (and after initials and "U.S."), depending on the next word.
_SHORT = frozenset(
    """inc ltd co corp llc plc bros jr sr st etc al no p dept est ave blvd rd univ assn u.s u.k ph.d a.m p.m jan feb mar
    apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun min max avg ed eds""".split()
)
_OPENERS = frozenset(
    """the a an this that these those it its he she they we you i in on at for from with by as to of if when while where
    after before since during although though however but and so there here our their his her my your no not all some
    most many each both such what who how why which according also then thus more one two three""".split()
)
_INITIALS = re.compile(r"([^\W\d_]{1,4}\.)*[^\W\d_]\.$")  # "J.", "U.S.", "Mr.K.K."
_STOP = re.compile(
    r"[.!?…][\"'”’»)\]]*$|[^\W\d_)\]][.!?][\"'”’»)\]]*[*†‡]?,?\d[,\d]{0,4}$"
)  # "the cloud.13": a footnote
_FULL_STOP = re.compile(r"(?<=[。！？｡])(?![。！？｡”』」）)])")
_CLAUSE = re.compile(r"[;:—][\"'”’»)\]]*$")
_COMMA = re.compile(r"[,，、；：)–][\"'”’»]*$")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A unit of a page's text: a span of `PageText.text` (end exclusive) that begins and ends with a word."""

    start: int
    end: int
    shape: Shape


class _Word(NamedTuple):
    start: int
    end: int
    text: str
    ends_line: bool


def split_sentences(text: PageText) -> list[Sentence]:
    """Return the sentences of a page in order: disjoint, every word in one, at most `MAX_WORDS` words each."""
    sentences: list[Sentence] = []
    block = -1
    for paragraph in group_paragraphs(group_words_into_lines(text)):
        words = _words(text, paragraph)
        pieces = list(_split(words))
        alone = len(pieces) == 1 and not _is_stop(words[-1].text)
        shape = _shape(paragraph, words, leads=paragraph[0].block != block) if alone else "sentence"
        block = paragraph[-1].block
        for piece in pieces:
            sentences.extend(Sentence(part[0].start, part[-1].end, shape) for part in _cut(piece))
    return _mark_heading_runs(sentences)


def _mark_heading_runs(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Make headings between two other headings items: they are a list."""
    is_heading = [False, *(sentence.shape == "heading" for sentence in sentences), True]
    return [
        replace(sentence, shape="item") if all(is_heading[index : index + 3]) else sentence
        for index, sentence in enumerate(sentences)
    ]


def _words(text: PageText, paragraph: Sequence[PageLine]) -> list[_Word]:
    """Return the words of a paragraph, cut after full stops of scripts without blanks, and where they are too long."""
    words: list[_Word] = []
    for line in paragraph:
        for index in range(line.first, line.last):
            start, end = (int(at) for at in text.spans[index])
            for piece in _FULL_STOP.split(text.text[start:end]):
                for begin in range(0, len(piece), MAX_WORD):
                    part = piece[begin : begin + MAX_WORD]
                    words.append(_Word(start, start + len(part), part, ends_line=False))
                    start += len(part)
        words[-1] = words[-1]._replace(ends_line=True)
    return words


def _shape(paragraph: Sequence[PageLine], words: Sequence[_Word], *, leads: bool) -> Shape:
    """Return the shape of a paragraph without a full stop. `leads`: whether it begins its block."""
    if any(line.columns or line.numbers for line in paragraph) or all(is_number(word.text) for word in words):
        return "row"
    letters = any(char.isalpha() for word in words for char in word.text)
    if not letters or is_bullet(words[0].text) or len(words) > HEADING_WORDS:
        return "sentence"
    return "heading" if leads else "item"


def _split(words: Sequence[_Word]) -> Iterator[Sequence[_Word]]:
    """Yield the sentences of a paragraph."""
    first = 0
    for index in range(len(words) - 1):
        numbered = index == first and is_marker(words[index].text)  # "2. Board of Directors"
        if not numbered and _ends(words[index].text, words[index + 1].text):
            yield words[first : index + 1]
            first = index + 1
    yield words[first:]


def _is_stop(word: str) -> bool:
    return _STOP.search(word) is not None or word[-1] in "。！？｡"


def _ends(word: str, following: str) -> bool:
    """Return whether a sentence ends between two words."""
    if word[-1] in "。！？｡" or word[-2:-1] in tuple("。！？"):
        return True
    opening = following.lstrip("\"'“‘«([")
    if not _is_stop(word) or opening[:1].islower() or not any(char.isalnum() for char in word):
        return False
    bare = word.lstrip("\"'“‘«([").lower()
    if not bare.endswith("."):
        return True
    name = bare[:-1]
    if name in _TITLES:
        return False
    if name in _SHORT or _INITIALS.match(bare):
        return opening.lower().rstrip(",") in _OPENERS and not opening[:1].isdigit()
    return True


def _cut(words: Sequence[_Word]) -> Iterator[Sequence[_Word]]:
    """Yield the words of a sentence in parts that are short enough to quote."""
    first = 0
    while (limit := _max_part_end(words, first)) < len(words):
        at = _best_cut(words, first, limit)
        yield words[first:at]
        first = at
    yield words[first:]


def _max_part_end(words: Sequence[_Word], first: int) -> int:
    """Return the end of the longest part that begins at `first`; it has at least one word."""
    end = first + 1
    while end < min(len(words), first + MAX_WORDS) and words[end].end - words[first].start <= MAX_CHARACTERS:
        end += 1
    return end


def _best_cut(words: Sequence[_Word], first: int, limit: int) -> int:
    """Return the best cut up to `limit`: after a clause, at the end of a line, after a comma, else `limit`."""
    cuts = range(limit, min(first + MIN_WORDS, limit) - 1, -1)
    for fits in (_ends_clause, _ends_line, _has_comma):
        for cut in cuts:
            if fits(words[cut - 1]):
                return cut
    return limit


def _ends_clause(word: _Word) -> bool:
    return _CLAUSE.search(word.text) is not None


def _ends_line(word: _Word) -> bool:
    return word.ends_line


def _has_comma(word: _Word) -> bool:
    return _COMMA.search(word.text) is not None
