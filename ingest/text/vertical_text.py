"""Joins the glyphs of Chinese and Japanese text that is written vertically: columns become lines, from right to left.

MuPDF returns every glyph of such a column as a word and a line of its own. Coordinates are of the page as displayed.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from pagelens.core.word_breaks import has_cjk, is_cjk
from pagelens.ingest.text.page_text import Word

# In units of the type size:
ALIGNED = 0.3  # distance of the middles of glyphs in a column
PITCH = 0.35  # white space between two glyphs of a column; rows of a table have more
OVERLAP = 0.7  # by which two glyphs of a column overlap at most, as punctuation does
BLANK = 0.15  # white space beside a rotated word or number that is a blank
COLUMN_GAP = 1.2  # white space between two columns of a paragraph
_MAX_WIDTH = 1.5  # of a word that stands in a column; rotated words and numbers have about 1

_MIN_GLYPHS = 3  # of a column; fewer may be anything
_STOPS = "。！？｡"
_AFTER_STOPS = "」』）。！？｡"


def join_vertical_text(words: Sequence[Word]) -> list[Word]:
    """Return the words with each column of glyphs as a line, and with columns side by side from right to left.

    A column is one word, or several where sentences end in it or rotated words have a blank beside them.
    """
    if not has_cjk("".join([word.text for word in words])):
        return list(words)
    columns = list(_columns(words))
    if not any(map(_is_vertical, columns)):
        return list(words)
    line = max(word.line for word in words)
    result: list[Word] = []
    for is_vertical, group in groupby(columns, _is_vertical):
        if not is_vertical:
            result += [word for column in group for word in column]
            continue
        for paragraph in _paragraphs(list(group)):
            block = paragraph[0][0].block
            for column in sorted(paragraph, key=lambda column: -column[0].x1):
                line += 1
                result += [_one_word(part, block, line) for part in _parts(column)]
    return result


def _columns(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Part the words wherever the next one does not stand right below."""
    column: list[Word] = []
    for word in words:
        if column and not _is_below(column[-1], word):
            yield column
            column = []
        column.append(word)
    if column:
        yield column


def _is_below(upper: Word, lower: Word) -> bool:
    widths = upper.x1 - upper.x0, lower.x1 - lower.x0
    size = max(widths)
    if size > _MAX_WIDTH * min(widths) or abs(upper.x0 + upper.x1 - lower.x0 - lower.x1) > 2 * ALIGNED * size:
        return False
    gap = _edges(lower)[0] - _edges(upper)[1]
    return -OVERLAP * size <= gap <= PITCH * size


def _edges(word: Word) -> tuple[float, float]:
    """Return the top and bottom of a word; a single glyph is as high as it is wide, whatever its font says."""
    if len(word.text) > 1 or not is_cjk(word.text):
        return word.y0, word.y1
    middle, half = (word.y0 + word.y1) / 2, (word.x1 - word.x0) / 2
    return middle - half, middle + half


def _is_vertical(column: Sequence[Word]) -> bool:
    """Tell whether a column is vertical text: its words are single glyphs, but for numbers and rotated words."""
    glyphs = sum(len(word.text) == 1 and is_cjk(word.text) for word in column)
    return glyphs >= _MIN_GLYPHS and 2 * glyphs > len(column)


def _paragraphs(columns: Sequence[list[Word]]) -> Iterator[list[list[Word]]]:
    """Part columns where the next one does not stand beside the last."""
    paragraph = [columns[0]]
    for before, after in pairwise(columns):
        size = before[0].x1 - before[0].x0
        gap = max(after[0].x0 - before[0].x1, before[0].x0 - after[0].x1)
        is_level = min(before[-1].y1, after[-1].y1) > max(before[0].y0, after[0].y0)
        if gap > COLUMN_GAP * size or not is_level:
            yield paragraph
            paragraph = []
        paragraph.append(after)
    yield paragraph


def _parts(column: Sequence[Word]) -> Iterator[list[Word]]:
    part: list[Word] = []
    for word in column:
        if part and (_ends_sentence(part[-1], word) or _has_blank(part[-1], word)):
            yield part
            part = []
        part.append(word)
    if part:
        yield part


def _ends_sentence(upper: Word, lower: Word) -> bool:
    return upper.text[-1] in _STOPS and is_cjk(lower.text[0]) and lower.text not in _AFTER_STOPS


def _has_blank(upper: Word, lower: Word) -> bool:
    """Tell whether there is a blank between a rotated word and what is beside it; glyphs of a column have none."""
    if is_cjk(upper.text[-1]) and is_cjk(lower.text[0]):
        return False
    size = max(upper.x1 - upper.x0, lower.x1 - lower.x0)
    return _edges(lower)[0] - _edges(upper)[1] > BLANK * size


def _one_word(words: Sequence[Word], block: int, line: int) -> Word:
    return Word(
        text="".join(word.text for word in words),
        x0=min(word.x0 for word in words),
        y0=min(word.y0 for word in words),
        x1=max(word.x1 for word in words),
        y1=max(word.y1 for word in words),
        block=block,
        line=line,
    )
