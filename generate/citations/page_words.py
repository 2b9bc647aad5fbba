"""An index of one page's words for checking claims: by folded form, by index term, numbers by value, with positions.

If the text was read by OCR, a word may differ by a letter or two, blanks may be missing, and digits may be read as
letters; a digit never matches another digit.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import Analyzer
from pagelens.core.types import PageText
from pagelens.core.word_breaks import word_breaks
from pagelens.generate.citations.claims import FUNCTION_WORDS, Fact, Token, fold, index_term, scale_after, tokenize
from pagelens.generate.citations.numbers import ocr_alternatives, scale_values
from pagelens.generate.sentences import split_sentences

MIN_ROW_NUMBERS = 2  # in a line that counts as a table row
CAPTION_LINES = 2  # lines without numbers above a table row that say what its numbers are
ONE_EDIT_LENGTH, TWO_EDITS_LENGTH = 5, 9  # letters of an OCR word that may differ by one, by two letters
MIN_SUBSTRING_LENGTH = 7  # letters of a word that may be part of an OCR word, whose blanks may be missing
_SCALE_WORDS = re.compile(
    r"\b(thousands?|millions?|billions?|trillions?|lakhs?|crores?|mn|bn|[$€£]\s?m|'?000s?)\b", re.I
)


class PageWords:
    """The indexed words of one page."""

    def __init__(self, text: PageText, analyze: Analyzer) -> None:
        self.text = text
        self.from_ocr = text.source in ("ocr", "both")
        self.tokens = tokenize(text.text)
        self._breaks = {(place.start, place.end) for place in word_breaks(text.text)}
        self._has_scales = _SCALE_WORDS.search(text.text) is not None
        self._words: dict[str, list[int]] = defaultdict(list)  # folded -> tokens
        self._terms: dict[str, list[int]] = defaultdict(list)  # index term -> tokens
        self._values: dict[Decimal, list[int]] = defaultdict(list)
        self._respelled: dict[int, list[Token]] = {}  # tokens of words that OCR may have misread, as they should be
        self._scaled: set[int] = set()  # numbers that a scale follows
        for index, token in enumerate(self.tokens):
            self._index_token(index, token, analyze)
        if self.from_ocr:
            self._index_ocr_alternatives(analyze)
        self._boxes, self._rows = self._geometry()
        self._numbers = np.bincount(self._rows, weights=[token.text[0].isdecimal() for token in self.tokens])
        self._sentence_of = self._sentence_numbers()

    def _index_token(self, index: int, token: Token, analyze: Analyzer) -> None:
        for value in token.values:
            self._values[value].append(index)
        if token.is_number:
            scale = scale_after(self.tokens, index, self.text.text)
            if scale:
                self._scaled.add(index)
            for value in scale_values(token.values, scale) if scale else ():
                self._values[value].append(index)
        if not token.text[0].isdecimal():
            for word in {token.folded, self._hyphenated_word(index)}:
                if word:
                    self._words[word].append(index)
                    self._terms[index_term(word, analyze) if word not in FUNCTION_WORDS else word].append(index)

    def _index_ocr_alternatives(self, analyze: Analyzer) -> None:
        """Index words that mix digits and letters under their likely alternatives too."""
        starts = [token.start for token in self.tokens]
        for start, end in self.text.spans:
            index = bisect_left(starts, int(start))
            digits, letters = ocr_alternatives(self.text.text[start:end])
            if index == len(starts) or starts[index] >= end:
                continue
            if digits or letters:
                tokens = tokenize(digits or letters)
                self._respelled[index] = [replace(token, start=int(start), end=int(end)) for token in tokens]
                self._respelled |= {at: [] for at in range(index + 1, bisect_left(starts, int(end)))}
            for value in {value for token in tokenize(digits) for value in token.values}:
                self._values[value].append(index)
            for word in {token.folded for token in tokenize(letters)}:
                self._words[word].append(index)
                self._terms[index_term(word, analyze)].append(index)

    def _sentence_numbers(self) -> NDArray[np.int32]:
        """Return the number of each token's sentence (n_tokens,)."""
        sentences = split_sentences(self.text) if len(self.text.spans) else []
        self._in_rows = np.array([*(sentence.shape == "row" for sentence in sentences), False])
        ends = np.array([sentence.end for sentence in sentences], np.int32)
        return np.searchsorted(ends, [token.start for token in self.tokens], side="right").astype(np.int32)

    def _hyphenated_word(self, index: int) -> str:
        """Return the whole word if this token is its first part, hyphenated at the end of a line; else ""."""
        if index + 1 == len(self.tokens):
            return ""
        token, following = self.tokens[index], self.tokens[index + 1]
        return token.folded + following.folded if (token.end, following.start) in self._breaks else ""

    def _geometry(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return each token's box (n_tokens, 4), and the number of its row from the top of the page (n_tokens,)."""
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

    def positions_of(self, fact: Fact) -> list[int]:
        """Return the indexes of the tokens that may be a fact's number or name, in order."""
        if fact.kind == "name":
            return self.positions_of_word(fact.folded, "")
        positions = {at for value in fact.values for at in self._values.get(value, ())}
        if self._has_scales and fact.unscaled_values != fact.values:  # a table in millions says 3.2
            positions |= {at for value in fact.unscaled_values for at in self._values.get(value, ())} - self._scaled
        return sorted(positions)

    def positions_of_word(self, folded: str, term: str) -> list[int]:
        """Return the indexes of the tokens that match a word: as written, by its index term, or nearly in OCR text."""
        stem = folded.removesuffix("'s")
        positions = self._words.get(folded) or self._words.get(stem) or (self._terms.get(term) if term else None)
        positions = (
            positions or self._words.get(f"{stem}'s") or self._words.get(f"{stem}s") or self._words.get(stem[:-1])
        )
        return positions or (self._similar_words(stem) if self.from_ocr else [])

    def may_be_misread(self, word: str, other: str) -> bool:
        """Return whether a word of this page may be another one, misread by OCR."""
        max_edits = (len(word) >= ONE_EDIT_LENGTH) + (len(word) >= TWO_EDITS_LENGTH) if self.from_ocr else 0
        near = max_edits and abs(len(other) - len(word)) <= max_edits
        return bool(near) and edit_distance(word, other, max_edits) <= max_edits

    def _similar_words(self, word: str) -> list[int]:
        max_edits = (len(word) >= ONE_EDIT_LENGTH) + (len(word) >= TWO_EDITS_LENGTH)
        if not max_edits:
            return []
        similar = [
            at
            for other, positions in self._words.items()
            if abs(len(other) - len(word)) <= max_edits and edit_distance(word, other, max_edits) <= max_edits
            for at in positions
        ]
        if not similar and len(word) >= MIN_SUBSTRING_LENGTH:
            similar = [at for other, positions in self._words.items() if word in other for at in positions]
        return sorted(similar)

    def sentence_ranges(self) -> list[tuple[int, int]]:
        """Return the tokens (first, end) of each sentence, in order."""
        starts = [0, *(np.flatnonzero(np.diff(self._sentence_of)) + 1).tolist()] if self.tokens else []
        return list(zip(starts, [*starts[1:], len(self.tokens)], strict=True)) if starts else []

    def whole_words(self, first: int, end: int) -> list[Token]:
        """Return a range of the tokens, with each word that is hyphenated at the end of a line as one token."""
        words: list[Token] = []
        for index in range(first, end):
            if index in self._respelled:
                words += self._respelled[index]
                continue
            token = self.tokens[index]
            if words and index > first and (words[-1].end, token.start) in self._breaks:
                begun = words.pop()
                combined = begun.text.rstrip("-") + token.text
                token = Token(start=begun.start, end=token.end, text=combined, folded=begun.folded + token.folded)
            words.append(token)
        return words

    def in_table(self, position: int) -> bool:
        """Return whether a token stands in a row of a table."""
        return bool(self._in_rows[self._sentence_of[position]])

    def contains_quote(self, quote: str) -> bool:
        """Return whether the page contains a quotation word for word, ignoring blanks, case and punctuation."""
        return letters_and_digits(quote) in letters_and_digits(self.text.text)

    def distances(self, position: int) -> NDArray[np.float32]:
        """Return the distance in words of each token from one, (n_tokens,).

        It is 0 in the same sentence; in a table also in the same row, in the column above, and in the last two lines
        without numbers above the row.
        """
        distances = np.abs(np.arange(len(self.tokens), dtype=np.float32) - position)
        distances[self._sentence_of == self._sentence_of[position]] = 0
        row = int(self._rows[position])
        if self._numbers[row] >= MIN_ROW_NUMBERS:
            boxes = self._boxes
            x0, y0, x1, y1 = boxes[position]
            middle = (boxes[:, 1] + boxes[:, 3]) / 2
            distances[(middle > y0) & (middle < y1)] = 0
            distances[np.isin(self._rows, self._captions(row))] = 0
            distances[(boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] <= y0)] = 0
        return distances

    def _captions(self, row: int) -> list[int]:
        """Return the nearest rows without numbers above a table row: the section's name, the table's caption."""
        return [above for above in range(row - 1, -1, -1) if not self._numbers[above]][:CAPTION_LINES]


def letters_and_digits(text: str) -> str:
    """Return the letters and digits of a text, folded."""
    return "".join(filter(str.isalnum, fold(text)))


def edit_distance(first: str, second: str, limit: int) -> int:
    """Return the Levenshtein distance of two words; `limit` + 1 if it is larger than `limit`."""
    previous = list(range(len(second) + 1))
    for row, letter in enumerate(first, start=1):
        current = [row]
        for column, other in enumerate(second, start=1):
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (letter != other)))
        if min(current) > limit:
            return limit + 1
        previous = current
    return min(previous[-1], limit + 1)
