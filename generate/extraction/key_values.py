"""Values beside their labels: behind a label in one line, right of it on its row, or below it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pagelens.core.tables.chunks import vertical_overlap
from pagelens.generate.extraction.field_labels import PREPOSITIONS, all_labels, field_labels
from pagelens.generate.extraction.page_segments import SAME_ROW, Segment

LINES_BELOW = 2.3  # heights of the label, from its lower edge to the upper edge of a value below it
MAX_GAP = 0.42  # of the page's width, between a label and a value on a row with others

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Found(Generic[V]):
    """A value and where it stands: page by position in what was read, from 0, and the span of its text."""

    value: V
    page: int
    start: int
    end: int


Parse = Callable[[Segment], tuple[V, int, int] | None]
"""Reads a value at the start of a segment: the value and its span in the page's text; None where there is none."""


@dataclass(frozen=True, slots=True)
class ReadPage:
    """The segments of a page that no table has."""

    index: int  # from 0
    segments: Sequence[Segment]


def labelled_values(name: str, pages: Sequence[ReadPage], parse: Parse[V]) -> tuple[list[Found[V]], list[Found[V]]]:
    """Return the values beside the certain labels of a field, and those beside its uncertain ones, in order."""
    certain, uncertain = field_labels(name)
    found: tuple[list[Found[V]], list[Found[V]]] = ([], [])
    for page in pages:
        for segment in page.segments:
            length = segment.label_length(certain | uncertain)
            if not length or _is_longer_label(segment, length) or _is_preposition(segment, length):
                continue
            rank = 0 if segment.prefixes[length - 1] in certain else 1
            read = _value_of(segment, length, page.segments, parse)
            if read is not None:
                found[rank].append(Found(read[0], page.index, read[1], read[2]))
    return found


def _is_longer_label(segment: Segment, length: int) -> bool:
    """Tell whether another field's longer label begins here ("Customer" in "Customer no.")."""
    return segment.label_length(all_labels()) > length


def _is_preposition(segment: Segment, length: int) -> bool:
    """Tell whether a label like "from" is a part of a longer text."""
    is_label = length == len(segment.words) or segment.words[length - 1].text.endswith(":")
    return segment.prefixes[length - 1] in PREPOSITIONS and not is_label


def _value_of(label: Segment, length: int, segments: Sequence[Segment], parse: Parse[V]) -> tuple[V, int, int] | None:
    rest = label.rest(length)
    if rest is not None:
        read = parse(rest)
        if read is not None:
            return read
    for neighbour in _neighbours(label, segments):
        read = parse(neighbour)
        if read is not None:
            return read
    return None


def _neighbours(label: Segment, segments: Sequence[Segment]) -> Iterator[Segment]:
    """Yield where the value of a label may stand: right of it, unless another label does, then below it."""
    row = [other for other in segments if other.box.x0 > label.box.x0 and _on_one_row(other, label)]
    right = min((other for other in row if other is not label), key=lambda other: other.box.x0, default=None)
    alone = len(row) <= 2
    if right is not None and not right.begins_with_label and (alone or right.box.x0 - label.box.x1 < MAX_GAP):
        yield right
    below = [other for other in segments if _stands_below(other, label)]
    nearest = min(below, key=lambda other: (round(other.box.y0, 3), abs(other.box.x0 - label.box.x0)), default=None)
    if nearest is not None and not nearest.begins_with_label:
        yield nearest


def _on_one_row(first: Segment, second: Segment) -> bool:
    return vertical_overlap(first.box, second.box) > SAME_ROW


def _stands_below(lower: Segment, label: Segment) -> bool:
    """Tell whether a segment begins where a label does, or ends where it does, in the next lines."""
    gap = lower.box.y0 - label.box.y1
    near = -0.3 * label.height < gap < LINES_BELOW * max(label.height, lower.height) and lower.box.y0 > label.box.y0
    pad = 3 * max(label.letter_width, lower.letter_width)
    aligned = abs(lower.box.x0 - label.box.x0) < pad or abs(lower.box.x1 - label.box.x1) < pad
    return near and aligned and not _on_one_row(lower, label)
