"""A page's text cut into sentences: exact spans, headings, list items and table rows as units of their own.

Knows how English marks abbreviations and what ends a sentence in most scripts; does not know what a page means.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from pagelens.core.types import PageText
from pagelens.generate.extractive.page_lines import Line, flows, is_bullet, is_marker, is_number, group_words_into_lines

MAX_WORDS = 60  # a longer sentence is cut at a clause or a line
MAX_CHARACTERS = 600  # the same for scripts without blanks
MIN_WORDS = 20  # no cut before
LONGEST_WORD = 200  # characters; a longer "word" (no blanks in its script, or no language at all) is cut
HEADING_WORDS = 14

Shape = Literal["sentence", "heading", "item", "row"]

# Nothing ends after these.
_TITLES = frozenset(
    """dr mr mrs ms prof rev hon gen col capt lt sgt sen rep gov pres fig figs eq eqs tab sec sect ch chap vol nos pp
    vs cf e.g i.e viz approx ca resp esp incl excl""".split()
)
# A sentence may end after these (and after initials and "U.S."): the next word decides.
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
    """A unit of a page's text: a half-open span in `PageText.text` that begins and ends with a word."""

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
    found: list[Sentence] = []
    block = -1
    for flow in flows(group_words_into_lines(text)):
        words = _words(text, flow)
        pieces = list(_split(words))
        alone = len(pieces) == 1 and not _is_stop(words[-1].text)
        shape = _shape(flow, words, leads=flow[0].block != block) if alone else "sentence"
        block = flow[-1].block
        for piece in pieces:
            found.extend(Sentence(part[0].start, part[-1].end, shape) for part in _cut(piece))
    return _without_runs(found)


def _without_runs(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Where heading follows heading, only the first and one over something else are headings; the others are a list."""
    heads = [False, *(one.shape == "heading" for one in sentences), True]
    return [
        replace(one, shape="item") if before and is_heading and after else one
        for one, before, is_heading, after in zip(sentences, heads, heads[1:], heads[2:], strict=False)
    ]


def _words(text: PageText, flow: Sequence[Line]) -> list[_Word]:
    """Return the words of a flow, cut further where a script without blanks ends a sentence, or where they are long."""
    words: list[_Word] = []
    for line in flow:
        for index in range(line.first, line.last):
            start, end = (int(at) for at in text.spans[index])
            for piece in _FULL_STOP.split(text.text[start:end]):
                for begin in range(0, len(piece), LONGEST_WORD):
                    part = piece[begin : begin + LONGEST_WORD]
                    words.append(_Word(start, start + len(part), part, ends_line=False))
                    start += len(part)
        words[-1] = words[-1]._replace(ends_line=True)
    return words


def _shape(flow: Sequence[Line], words: Sequence[_Word], *, leads: bool) -> Shape:
    """Say what a flow without a full stop is; `leads`: it begins its block."""
    if any(line.columns or line.numbers for line in flow) or all(is_number(word.text) for word in words):
        return "row"
    letters = any(char.isalpha() for word in words for char in word.text)
    if not letters or is_bullet(words[0].text) or len(words) > HEADING_WORDS:
        return "sentence"
    return "heading" if leads else "item"


def _split(words: Sequence[_Word]) -> Iterator[Sequence[_Word]]:
    """Yield a flow's sentences."""
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
    """Say whether a sentence ends between two words."""
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
    """Yield a sentence's words in parts that are short enough to quote."""
    first = 0
    while (limit := _fitting(words, first)) < len(words):
        at = _break(words, first, limit)
        yield words[first:at]
        first = at
    yield words[first:]


def _fitting(words: Sequence[_Word], first: int) -> int:
    """Return the end of the longest part that begins at `first`; at least one word."""
    end = first + 1
    while end < min(len(words), first + MAX_WORDS) and words[end].end - words[first].start <= MAX_CHARACTERS:
        end += 1
    return end


def _break(words: Sequence[_Word], first: int, limit: int) -> int:
    """Return the best place to cut before `limit`: after a clause, at a line's end, after a comma, else `limit`."""
    places = range(limit, min(first + MIN_WORDS, limit) - 1, -1)
    for fits in (_ends_clause, _ends_line, _has_comma):
        for place in places:
            if fits(words[place - 1]):
                return place
    return limit


def _ends_clause(word: _Word) -> bool:
    return _CLAUSE.search(word.text) is not None


def _ends_line(word: _Word) -> bool:
    return word.ends_line


def _has_comma(word: _Word) -> bool:
    return _COMMA.search(word.text) is not None
