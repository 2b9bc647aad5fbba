"""A page's words as a claim's are looked up among them: folded, stemmed, numbers by value, and where each stands.

Where the text was read by a machine, a word may differ by a letter or two, blanks may be missing, and digits may look
like letters; a digit may never be another digit. Knows a page; does not know what is claimed of it.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import Analyzer
from pagelens.core.types import PageText
from pagelens.generate.citations.claims import FUNCTION_WORDS, Fact, Token, fold, scale_after, term_of, tokenize
from pagelens.generate.citations.numbers import misread, scaled
from pagelens.generate.extractive.sentences import split_sentences

TABLE_NUMBERS = 2  # in a line that is taken for a table's row
CAPTIONS = 2  # lines without numbers over a table's row that say what its numbers are
ONE_LETTER, TWO_LETTERS = 5, 9  # a word of so many letters may differ by one, by two, where a machine has read
SQUEEZED = 7  # letters of a word that is looked for without blanks
_SCALE_WORDS = re.compile(
    r"\b(thousands?|millions?|billions?|trillions?|lakhs?|crores?|mn|bn|[$€£]\s?m|'?000s?)\b", re.I
)
_LINE_END = re.compile(r"(-|\u00ad)\s*\n\s*")

Positions = NDArray[np.int32]


class PageWords:
    """The words of one page, ready to be asked."""

    def __init__(self, text: PageText, analyze: Analyzer) -> None:
        self.text = text
        self.machine_read = text.source in ("ocr", "both")
        self.tokens = tokenize(text.text)
        self._has_scales = _SCALE_WORDS.search(text.text) is not None
        self._words: dict[str, list[int]] = defaultdict(list)  # folded -> tokens
        self._terms: dict[str, list[int]] = defaultdict(list)  # index term -> tokens
        self._values: dict[Decimal, list[int]] = defaultdict(list)
        self._scaled: set[int] = set()  # numbers that a scale follows
        for index, token in enumerate(self.tokens):
            self._note(index, token, analyze)
        if self.machine_read:
            self._note_misread(analyze)
        self._boxes, self._rows = self._geometry()
        self._numbers = np.bincount(self._rows, weights=[token.text[0].isdecimal() for token in self.tokens])
        self._units = self._sentences()

    def _note(self, index: int, token: Token, analyze: Analyzer) -> None:
        for value in token.values:
            self._values[value].append(index)
        if token.is_number:
            scale = scale_after(self.tokens, index, self.text.text)
            if scale:
                self._scaled.add(index)
            for value in scaled(token.values, scale) if scale else ():
                self._values[value].append(index)
        if not token.text[0].isdecimal():
            for word in {token.folded, self._over_line_end(index)}:
                if word:
                    self._words[word].append(index)
                    self._terms[term_of(word, analyze) if word not in FUNCTION_WORDS else word].append(index)

    def _note_misread(self, analyze: Analyzer) -> None:
        """Note words in which digits and letters are mixed as what they may be as well."""
        starts = [token.start for token in self.tokens]
        for start, end in self.text.spans:
            index = bisect_left(starts, int(start))
            digits, letters = misread(self.text.text[start:end])
            if index == len(starts) or starts[index] >= end:
                continue
            for value in {value for token in tokenize(digits) for value in token.values}:
                self._values[value].append(index)
            for word in {token.folded for token in tokenize(letters)}:
                self._words[word].append(index)
                self._terms[term_of(word, analyze)].append(index)

    def _sentences(self) -> NDArray[np.int32]:
        """Return the sentence of each token (n_tokens,)."""
        ends = np.array([one.end for one in split_sentences(self.text)] if len(self.text.spans) else [], np.int32)
        return np.searchsorted(ends, [token.start for token in self.tokens], side="right").astype(np.int32)

    def _over_line_end(self, index: int) -> str:
        """Return the whole word that a line's end has parted at this token, or nothing."""
        if index + 1 == len(self.tokens):
            return ""
        token, following = self.tokens[index], self.tokens[index + 1]
        parted = _LINE_END.fullmatch(self.text.text[token.end : following.start])
        return token.folded + following.folded if parted else ""

    def _geometry(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return the box of each token's word (n_tokens, 4), and its row, counted from the top (n_tokens,)."""
        if not self.tokens or not len(self.text.spans):
            return np.zeros((len(self.tokens), 4), np.float32), np.zeros(len(self.tokens), np.int32)
        starts = np.array([token.start for token in self.tokens])
        words = np.clip(np.searchsorted(self.text.spans[:, 0], starts, side="right") - 1, 0, None)
        boxes = self.text.boxes[words]
        middles = (boxes[:, 1] + boxes[:, 3]) / 2
        order = np.argsort(middles)
        rows = np.zeros(len(order), np.int32)
        heights = np.maximum(boxes[:, 3] - boxes[:, 1], 1e-4)
        steps = np.diff(middles[order]) > 0.5 * np.minimum(heights[order][1:], heights[order][:-1])
        rows[order[1:]] = np.cumsum(steps)
        return boxes, rows

    # Looking up

    def places_of(self, fact: Fact) -> list[int]:
        """Return the tokens that may be a fact's number or name, in order."""
        if fact.kind == "name":
            return self.places_of_word(fact.folded, "")
        found = {place for value in fact.values for place in self._values.get(value, ())}
        if self._has_scales and fact.bare != fact.values:  # a table in millions says 3.2
            found |= {place for value in fact.bare for place in self._values.get(value, ())} - self._scaled
        return sorted(found)

    def places_of_word(self, folded: str, term: str) -> list[int]:
        """Return the tokens that are a word: as written, by its index term, or nearly where a machine has read."""
        bare = folded.removesuffix("'s")
        found = self._words.get(folded) or self._words.get(bare) or (self._terms.get(term) if term else None)
        found = found or self._words.get(f"{bare}'s") or self._words.get(f"{bare}s") or self._words.get(bare[:-1])
        return found or (self._nearly(bare) if self.machine_read else [])

    def _nearly(self, word: str) -> list[int]:
        allowed = (len(word) >= ONE_LETTER) + (len(word) >= TWO_LETTERS)
        if not allowed:
            return []
        found = [
            place
            for other, places in self._words.items()
            if abs(len(other) - len(word)) <= allowed and differ(word, other, allowed) <= allowed
            for place in places
        ]
        if not found and len(word) >= SQUEEZED:
            found = [place for other, places in self._words.items() if word in other for place in places]
        return sorted(found)

    def holds_quote(self, quote: str) -> bool:
        """Say whether a quotation stands on the page word for word; blanks, case and punctuation do not count."""
        return squeeze(quote) in squeeze(self.text.text)

    def distances(self, place: int) -> NDArray[np.float32]:
        """Return how many words away each token stands from one (n_tokens,): 0 in its sentence, and in a table in its
        row, above it, and in the last two lines without numbers over it."""
        away = np.abs(np.arange(len(self.tokens), dtype=np.float32) - place)
        away[self._units == self._units[place]] = 0
        row = int(self._rows[place])
        if self._numbers[row] >= TABLE_NUMBERS:
            boxes = self._boxes
            x0, y0, x1, y1 = boxes[place]
            middle = (boxes[:, 1] + boxes[:, 3]) / 2
            away[(middle > y0) & (middle < y1)] = 0
            away[np.isin(self._rows, self._captions(row))] = 0
            away[(boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] <= y0)] = 0
        return away

    def _captions(self, row: int) -> list[int]:
        """Return the last lines without numbers over a table's row: its section's name, the table's caption."""
        return [above for above in range(row - 1, -1, -1) if not self._numbers[above]][:CAPTIONS]


def squeeze(text: str) -> str:
    """Return letters and digits only, folded."""
    return "".join(filter(str.isalnum, fold(text)))


def differ(one: str, other: str, most: int) -> int:
    """Return the edit distance (insert, delete, replace, each 1), or `most` + 1 where it is larger."""
    before = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        now = [row]
        for column, against in enumerate(other, start=1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (letter != against)))
        if min(now) > most:
            return most + 1
        before = now
    return min(before[-1], most + 1)
