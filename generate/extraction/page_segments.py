"""The segments of a page: words side by side, cut at wide gaps, bars and bullets, with the label each begins with."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pagelens.core.tables.chunks import Chunk, bounding_box, find_chunks, vertical_overlap
from pagelens.core.types import Box, PageText
from pagelens.generate.extraction.field_labels import PREPOSITIONS, all_labels, plain_label

SAME_ROW = 0.45  # of the lower one's height, that two segments of a row share
SAME_LINE = 0.6  # the same of two pieces of a line
SPACE = 1.25  # letters: the widest space between two words, in a typewriter's letters
MAX_LABEL_WORDS = 6
_HYPHENS = str.maketrans("\u2010\u2011", "--")  # that fonts put in the place of "-"
_SEPARATORS = frozenset("|•·¦")
_COLON = re.compile(r"(?<=[^\d:/]):(?=[^/\s])")


@dataclass(frozen=True, slots=True)
class SegmentWord:
    """A word, or the part of a word before or after a colon: its span in the page's text, its left and right edges."""

    text: str
    start: int
    end: int
    x0: float = 0.0
    x1: float = 0.0


@dataclass(frozen=True)
class Segment:
    """Words side by side, with their bounding box."""

    words: Sequence[SegmentWord]
    box: Box

    @cached_property
    def text(self) -> str:
        """Its words, parted by spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def start(self) -> int:
        """Where it begins in the page's text."""
        return self.words[0].start

    @property
    def end(self) -> int:
        """Where it ends in the page's text."""
        return self.words[-1].end

    @property
    def height(self) -> float:
        """Its height, as a fraction of the page's."""
        return self.box.y1 - self.box.y0

    @property
    def letter_width(self) -> float:
        """The average width of a letter, as a fraction of the page's width."""
        return (self.box.x1 - self.box.x0) / max(1, len(self.text))

    @cached_property
    def prefixes(self) -> Sequence[str]:
        """Return its first words as a label, from one word on."""
        count = min(len(self.words), MAX_LABEL_WORDS)
        return [plain_label(" ".join(word.text for word in self.words[:length])) for length in range(1, count + 1)]

    def label_length(self, labels: frozenset[str]) -> int:
        """Return of how many words the longest of these labels is that it begins with; 0 if with none.

        A label in two languages or with a colon ends at the colon.
        """
        found = [length for length, label in enumerate(self.prefixes, start=1) if label in labels]
        return max(found, default=0)

    @cached_property
    def begins_with_label(self) -> bool:
        """Whether it begins with the label of any field."""
        return self.label_length(all_labels()) > 0 or plain_label(self.text) in PREPOSITIONS

    def rest(self, length: int) -> "Segment | None":
        """Return what follows the first words; None if nothing does. Its box is the whole segment's."""
        words = list(self.words[length:])
        while words and not any(map(str.isalnum, words[0].text)):
            if set(words[0].text) - set(":.-–#"):
                break  # "€"
            words = words[1:]
        return Segment(words, self.box) if words else None


def find_segments(text: PageText) -> list[Segment]:
    """Return the segments of a page, from top to bottom."""
    spans, boxes = text.spans.tolist(), text.boxes.tolist()
    segments: list[Segment] = []
    for first, last in _word_runs(find_chunks(text)):
        words = [
            (_word(text, (start, end), box), Box(*box))
            for (start, end), box in zip(spans[first:last], boxes[first:last], strict=True)
        ]
        segments += _cut(words)
    return sorted(segments, key=lambda segment: (segment.box.y0 + segment.box.y1, segment.box.x0))


def _word(text: PageText, span: tuple[int, int], box: Sequence[float]) -> SegmentWord:
    start, end = span
    return SegmentWord(text=text.text[start:end].translate(_HYPHENS), start=start, end=end, x0=box[0], x1=box[2])


def _word_runs(chunks: Sequence[Chunk]) -> list[tuple[int, int]]:
    """Return the first and last word of each chunk, those joined that are parted only because both sides are numbers:
    "March 4, 2025", "+33 7 12345678" in a typewriter's letters."""
    runs: list[tuple[int, int]] = []
    before: Chunk | None = None
    for chunk in sorted(chunks, key=lambda one: one.first):
        if before is not None and before.last == chunk.first and _one_space_apart(before, chunk):
            runs[-1] = (runs[-1][0], chunk.last)
        else:
            runs.append((chunk.first, chunk.last))
        before = chunk
    return runs


def _one_space_apart(left: Chunk, right: Chunk) -> bool:
    gap = right.box.x0 - left.box.x1
    letters = max(left.letter_width, right.letter_width)
    return vertical_overlap(left.box, right.box) > SAME_LINE and -0.5 * letters < gap < SPACE * letters


def _cut(words: Sequence[tuple[SegmentWord, Box]]) -> Iterator[Segment]:
    """Yield the words in pieces, cut at bars and bullets."""
    piece: list[tuple[SegmentWord, Box]] = []
    for word, box in [*words, (SegmentWord(text="|", start=0, end=0), Box(0, 0, 0, 0))]:
        if set(word.text) <= _SEPARATORS:
            if piece:
                parts = [part for part_word, _ in piece for part in _at_colons(part_word)]
                yield Segment(parts, bounding_box([place for _, place in piece]))
            piece = []
        else:
            piece.append((word, box))


def _at_colons(word: SegmentWord) -> list[SegmentWord]:
    match = _COLON.search(word.text)
    if match is None:
        return [word]
    at, x = word.start + match.end(), word.x0 + (word.x1 - word.x0) * match.end() / len(word.text)
    before, after = word.text[: match.end()], word.text[match.end() :]
    return [
        SegmentWord(text=before, start=word.start, end=at, x0=word.x0, x1=x),
        SegmentWord(text=after, start=at, end=word.end, x0=x, x1=word.x1),
    ]


def rows_of(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return the segments in rows, from top to bottom, each from left to right."""
    rows: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda one: (one.box.y0 + one.box.y1, one.box.x0)):
        if rows and vertical_overlap(rows[-1][0].box, segment.box) > SAME_ROW:
            rows[-1].append(segment)
        else:
            rows.append([segment])
    return [sorted(row, key=lambda one: one.box.x0) for row in rows]
