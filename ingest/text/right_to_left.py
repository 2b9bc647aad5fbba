"""Words of pages in Arabic, Hebrew and other scripts that run from right to left, from the glyphs of the page.

Files draw such lines in pieces, as displayed, in any order and partly with one glyph for several letters. Glyphs that
are level with each other are sorted as they stand, parted at gaps, and brought into reading order by the bidirectional
algorithm. Presentation forms become letters.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pagelens.core.types import Box
from pagelens.ingest.text.bidirectional import CLOSING, OPENING, is_right_to_left, logical_order, mirrored
from pagelens.ingest.text.page_text import REPLACEMENT

_LETTERS = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_PRESENTATION_FORMS = re.compile("[\ufb1d-\ufdff\ufe70-\ufefc]")
_FACING = OPENING + "\u00ab\u2039", CLOSING + "\u00bb\u203a"  # brackets and quotation marks that open and that close
_NEUTRAL_STOPS = ".,:;!?\u060c"  # those of no direction of their own, whose place shows that of the paragraph
_STOPS = ".,:;!?\u060c\u061b\u061f\u06d4"
_STOP_OF_WORD = re.compile(rf"(?<![^ ])[{_NEUTRAL_STOPS}](?=[\u0590-\u08ff])")
_BRACKET = re.compile(f"[{re.escape(OPENING + CLOSING)}]")
MIN_STOPS = 1  # lines of a page with a stop at the right end, from which its paragraphs run to the right
MIN_SHARE = 0.2  # of a block's letters: where most lines of the page run to the left, a block with fewer does not

# In units of the type size:
BLANK = 0.2  # gap between two glyphs that is a blank
UNSURE_BLANK = 1.0  # the same beside a glyph whose width is not known
CELL = 1.5  # gap that parts table cells or columns
MARK_REACH = 0.5  # distance between a mark and the letter that it stands on
TOUCH = 0.02  # distance of edges that are the same
INDENT = 2.0  # a line that begins or ends by more inside the margin than at the other end is short
COVERED = 0.8  # share of a stroke's width that a letter has too
LEVEL = 0.5  # share of the lower one's height that two lines on the same level have in common


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyph:
    """A glyph: its text, its box on the page, its box with the line's direction as x, and its type size.

    `is_part`: not drawn itself, but one of the letters that another glyph stands for.
    """

    text: str
    box: Box
    along: Box
    size: float
    is_part: bool = False

    @property
    def middle(self) -> float:
        """Return its place on the line."""
        return (self.along.x0 + self.along.x1) / 2

    @property
    def has_width(self) -> bool:
        """Tell whether its width is known: files give some letters the place of another and no width."""
        return self.along.x1 - self.along.x0 > TOUCH * self.size


class LineWord(NamedTuple):
    """A word with its box and the number of its line in the block."""

    text: str
    box: Box
    line: int


def has_right_to_left(text: str) -> bool:
    """Tell whether a text has letters of a script that runs from right to left."""
    return _LETTERS.search(text) is not None


class Margins(NamedTuple):
    """The margins of the lines of a page that run to the left."""

    left: float
    right: float
    leftwards: bool  # whether they are most of the page's lines
    from_right: bool  # whether the short ones among them begin at the right margin
    in_rightwards: bool  # whether they stand in paragraphs that run to the right: their stops are at the right end


def margins_of(blocks: Iterable[Iterable[Sequence[Glyph]]]) -> Margins:
    """Return the margins of a page's lines that run to the left."""
    rows = [row for lines in blocks for row in _rows(lines)]
    leftwards = [row for row in rows if _is_mainly_leftwards(_letters_of_row(row), default=False)]
    left = min((glyph.along.x0 for row in leftwards for glyph in row), default=0.0)
    right = max((glyph.along.x1 for row in leftwards for glyph in row), default=0.0)
    from_right = sum(_beginning(row, left, right) for row in leftwards) > 0
    at_left, at_right = _stops_at_ends(leftwards)
    in_rightwards = at_right >= MIN_STOPS and at_right > 2 * at_left
    return Margins(left, right, 2 * len(leftwards) > len(rows), from_right, in_rightwards)


def _stops_at_ends(rows: Iterable[Sequence[Glyph]]) -> tuple[int, int]:
    """Return how many lines have a stop at their left end and how many at their right end."""
    texts = [text for row in rows if len(text := _letters_of_row(row).strip()) > 1]
    return sum(text[0] in _NEUTRAL_STOPS for text in texts), sum(text[-1] in _NEUTRAL_STOPS for text in texts)


def _beginning(row: Sequence[Glyph], left: float, right: float) -> int:
    """Return 1 for a short line that begins at the right margin, -1 for one at the left margin, 0 for other lines."""
    indent_left = min(glyph.along.x0 for glyph in row) - left
    indent_right = right - max(glyph.along.x1 for glyph in row)
    size = max(glyph.size for glyph in row)
    if abs(indent_left - indent_right) <= INDENT * size or min(indent_left, indent_right) >= size:
        return 0
    return 1 if indent_right < indent_left else -1


def words_of_block(lines: Iterable[Sequence[Glyph]], *, mirror: bool, margins: Margins | None = None) -> list[LineWord]:
    """Return the words of a block in reading order.

    `lines` are its lines as MuPDF returns them, `mirror` tells whether the file gives brackets as displayed
    (`shows_mirrored`). The `margins` of the page show the direction of a block with few letters that run to the left.
    """
    rows = _rows(lines)
    letters = "".join(map(_letters_of_row, rows))
    block_leftwards = _block_runs_leftwards(rows, letters, margins)
    words: list[LineWord] = []
    for number, row in enumerate(rows):
        cells = list(_cells(row))
        if block_leftwards and has_right_to_left(letters):
            cells.reverse()
        for cell in cells:
            leftwards = _runs_leftwards(_displayed(cell), block_leftwards) and not (margins and margins.in_rightwards)
            words += [LineWord(text, box, number) for text, box in _words(cell, leftwards=leftwards, mirror=mirror)]
    return words


def _letters_of_row(row: Sequence[Glyph]) -> str:
    return "".join(glyph.text for glyph in row)


def _block_runs_leftwards(rows: Sequence[Sequence[Glyph]], letters: str, margins: Margins | None) -> bool:
    """Tell the direction of a block: that of most of its letters, or the one that its short lines show.

    Latin names are often longer than the words around them. A short line begins at one margin and ends before the
    other.
    """
    if margins is not None and margins.in_rightwards:
        return False
    is_mainly = _is_mainly_leftwards(letters, default=True)
    if is_mainly or margins is None or not margins.leftwards:
        return is_mainly
    if margins.from_right and (side := sum(_beginning(row, margins.left, margins.right) for row in rows)):
        return side > 0
    leftwards = sum(map(is_right_to_left, letters))
    rightwards = sum(unicodedata.bidirectional(character) == "L" for character in letters)
    return leftwards >= MIN_SHARE * (leftwards + rightwards)


def shows_mirrored(blocks: Iterable[Iterable[Sequence[Glyph]]]) -> bool:
    """Tell whether a file gives brackets as displayed, turned around in lines to the left, by the blanks beside them.

    An opening bracket follows a blank, a closing one precedes a blank or a stop.
    """
    votes = 0
    for lines in blocks:
        for row in _rows(lines):
            for cell in _cells(row):
                votes += _facing_votes(cell)
    return votes < 0


def _facing_votes(cell: Sequence[Glyph]) -> int:
    """Return how many brackets of a line fit as they are, less those that fit turned around."""
    displayed = _displayed(cell)
    if not _is_mainly_leftwards("".join(displayed), default=False):
        return 0
    order = logical_order("".join(_representative(text) for text in displayed), leftwards=True)
    text = "".join(displayed[at][:1] for at, _ in order)
    votes = 0
    for at, (character, (_, level)) in enumerate(zip(text, order, strict=True)):
        side = 1 if character in _FACING[0] else -1 if character in _FACING[1] else 0
        if side and level % 2:
            before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
            begins = (not before or before.isspace()) and not (not after or after.isspace() or after in _STOPS)
            ends = (not after or after.isspace() or after in _STOPS) and not (not before or before.isspace())
            votes += side * (int(begins) - int(ends))
    return votes


def _is_mainly_leftwards(text: str, *, default: bool) -> bool:
    leftwards = sum(map(is_right_to_left, text))
    rightwards = sum(unicodedata.bidirectional(character) == "L" for character in text)
    return default if leftwards == rightwards else leftwards > rightwards


def _rows(lines: Iterable[Sequence[Glyph]]) -> list[list[Glyph]]:
    """Return the glyphs of a block's lines, lines that are level with each other as one row."""
    rows: list[tuple[float, float, list[Glyph]]] = []
    for line in lines:
        glyphs = _with_marks(_with_parts(_without_kashidas(line)))
        if not glyphs:
            continue
        inked = [glyph for glyph in glyphs if glyph.text.strip() and glyph.has_width] or glyphs
        top, bottom = min(glyph.along.y0 for glyph in inked), max(glyph.along.y1 for glyph in inked)
        for other_top, other_bottom, row in reversed(rows):
            shared = min(bottom, other_bottom) - max(top, other_top)
            if shared > LEVEL * min(bottom - top, other_bottom - other_top):
                row += glyphs
                break
        else:
            rows.append((top, bottom, list(glyphs)))
    return [sorted(row, key=lambda glyph: glyph.middle) for _, _, row in rows]


def _without_kashidas(line: Sequence[Glyph]) -> Sequence[Glyph]:
    """Return a line without the strokes that lengthen it: they have no text, and stand in the place of a letter."""
    if not any(glyph.text == REPLACEMENT for glyph in line):
        return line
    return [glyph for glyph in line if glyph.text != REPLACEMENT or not any(_covers(other, glyph) for other in line)]


def _covers(letter: Glyph, stroke: Glyph) -> bool:
    shared = min(letter.along.x1, stroke.along.x1) - max(letter.along.x0, stroke.along.x0)
    return has_right_to_left(letter.text) and shared > COVERED * (stroke.along.x1 - stroke.along.x0)


def _with_parts(line: Sequence[Glyph]) -> list[Glyph]:
    """Join the letters that one glyph stands for: the others have its right edge as their place, and no width.

    MuPDF turns runs to the left around, and the letters of a glyph with them; here they are turned back.
    """
    glyphs: list[Glyph] = []
    at = 0
    while at < len(line):
        end = at
        while end < len(line) and line[end].is_part and _distance(line[end], line[at]) <= 0:
            end += 1
        parts = [glyph.text for glyph in line[at:end]]
        if all(map(is_mark, parts)):  # or there are none
            end = max(end, at + 1)
            glyphs += line[at:end]
        elif glyphs and _carries(glyphs[-1], line[at]):  # as drawn
            glyphs[-1] = replace(glyphs[-1], text=glyphs[-1].text + "".join(parts))
        elif end < len(line) and _carries(line[end], line[at]):
            glyphs.append(replace(line[end], text=line[end].text + "".join(reversed(parts))))
            end += 1
        else:  # the letters of several glyphs, given as one text (ActualText)
            glyphs.append(replace(line[at], text="".join(parts if is_mark(parts[-1]) else reversed(parts))))
        at = end
    return glyphs


def mark_bases(drawn: Sequence[tuple[str, Box]]) -> dict[int, int]:
    """Return for each mark of the characters that a page draws, in that order, the position of the letter it stands on.

    A mark follows its letter, or precedes it where a line that runs to the left is drawn from left to right.
    """
    bases: dict[int, int] = {}
    for at, (text, box) in enumerate(drawn):
        if not is_mark(text) or not is_right_to_left_mark(text):
            continue
        before, after = at - 1, at + 1
        while before >= 0 and is_mark(drawn[before][0]):
            before -= 1
        while after < len(drawn) and is_mark(drawn[after][0]):
            after += 1
        near = [other for other in (before, after) if 0 <= other < len(drawn) and _is_near(box, drawn[other])]
        if len(near) == 2:
            near = [after if drawn[after][1].x0 > drawn[before][1].x0 else before]
        if near:
            bases[at] = near[0]
    return bases


def _is_near(mark: Box, letter: tuple[str, Box]) -> bool:
    text, box = letter
    reach = MARK_REACH * (box.y1 - box.y0)
    is_level = abs(mark.y1 - box.y1) <= reach
    return is_level and bool(text.strip()) and box.x0 - reach <= mark.x0 <= box.x1 + reach


def is_right_to_left_mark(text: str) -> bool:
    """Tell whether a mark is one of Hebrew or Arabic."""
    return _LETTERS.match(text) is not None


def _distance(glyph: Glyph, other: Glyph) -> float:
    """Return how much further apart the left edges of two glyphs are than those that are the same."""
    return abs(glyph.along.x0 - other.along.x0) - TOUCH * glyph.size


def _carries(glyph: Glyph, part: Glyph) -> bool:
    """Tell whether a letter belongs to the glyph at whose end it stands."""
    touches = abs(glyph.along.x1 - part.along.x0) <= TOUCH * glyph.size
    return touches and glyph.has_width and bool(glyph.text.strip())


def is_mark(text: str) -> bool:
    """Tell whether a text consists of combining characters, such as vowel points."""
    return all(map(unicodedata.combining, text))


def _with_marks(line: Sequence[Glyph]) -> list[Glyph]:
    """Append marks (vowel points) to the letters that they stand on."""
    letters = [glyph for glyph in line if not is_mark(glyph.text)]
    if len(letters) == len(line) or not letters:
        return list(line)
    marks: dict[int, str] = {}
    letter = -1
    for glyph in line:
        if letter + 1 < len(letters) and glyph is letters[letter + 1]:
            letter += 1
            continue
        beside = [at for at in (letter, letter + 1) if 0 <= at < len(letters) and _stands_on(glyph, letters[at])]
        at = beside[0] if beside else _nearest(glyph, letters)
        marks[at] = marks.get(at, "") + "".join(mark for mark in glyph.text if mark not in marks.get(at, ""))
    return [replace(glyph, text=glyph.text + marks.get(at, "")) for at, glyph in enumerate(letters)]


def _nearest(mark: Glyph, letters: Sequence[Glyph]) -> int:
    """Return the position of the nearest letter, if possible of one right of the mark, where fonts draw it."""
    right = [
        (letter.along.x0 - mark.middle, at)
        for at, letter in enumerate(letters)
        if letter.text.strip() and 0 <= letter.along.x0 - mark.middle <= MARK_REACH * letter.size
    ]
    return min(right)[1] if right else min(range(len(letters)), key=lambda at: abs(letters[at].middle - mark.middle))


def _stands_on(mark: Glyph, letter: Glyph) -> bool:
    margin = TOUCH * letter.size
    return bool(letter.text.strip()) and letter.along.x0 - margin <= mark.middle <= letter.along.x1 + margin


def _cells(row: Sequence[Glyph]) -> Iterator[list[Glyph]]:
    """Part a row at wide gaps and put a blank of no width wherever there is one between two glyphs."""
    cell: list[Glyph] = []
    right = 0.0
    is_blank = False
    for glyph in row:
        if not glyph.text.strip():
            is_blank = True
            continue
        if cell:
            gap = glyph.along.x0 - right
            is_known = cell[-1].has_width and glyph.has_width
            if gap > CELL * glyph.size and is_known:
                yield cell
                cell = []
            elif is_blank or gap > (BLANK if is_known else UNSURE_BLANK) * glyph.size:
                cell.append(replace(glyph, text=" "))
        right = max(right, glyph.along.x1) if cell else glyph.along.x1
        is_blank = False
        cell.append(glyph)
    if cell:
        yield cell


def _displayed(cell: Sequence[Glyph]) -> list[str]:
    return [letters_of(glyph.text) for glyph in cell]


def letters_of(text: str) -> str:
    """Return the letters that presentation forms stand for ('ﻻ' is 'لا'); forms that are phrases stay as they are."""
    if not _PRESENTATION_FORMS.search(text):
        return text
    return "".join(_letters_of_form(character) for character in text)


def _letters_of_form(character: str) -> str:
    if not _PRESENTATION_FORMS.match(character):
        return character
    letters = unicodedata.normalize("NFKC", character).lstrip(" \u0640" if character > "\ufbff" else "")
    return letters if letters and " " not in letters else character


def _representative(text: str) -> str:
    """Return the character that stands for a glyph's text in the bidirectional algorithm."""
    return next((character for character in text if not unicodedata.combining(character)), text[0])


def _words(cell: Sequence[Glyph], *, leftwards: bool, mirror: bool) -> Iterator[tuple[str, Box]]:
    displayed = _displayed(cell)
    line = "".join(map(_representative, displayed))
    order = logical_order(line if leftwards else _with_line_ends(line), leftwards=leftwards)
    text, boxes = "", list[Box]()
    for at, level in order:
        if displayed[at] == " ":
            if text:
                yield text, _union(boxes)
            text, boxes = "", []
        else:
            text += mirrored(displayed[at]) if mirror and level % 2 else displayed[at]
            boxes.append(cell[at].box)
    if text:
        yield text, _union(boxes)


def _with_line_ends(line: str) -> str:
    """Return a line of a paragraph that runs to the right, with letters for signs whose direction other lines decide.

    A bracket whose partner stands in another line runs to the right where there are such letters in it (rule N0 of the
    bidirectional algorithm); a stop left of a word that runs to the left is its end.
    """
    line = _STOP_OF_WORD.sub("\u05d0", line)
    brackets = _BRACKET.findall(line)
    if len(brackets) != 1:
        return line
    before, after = line.split(brackets[0])
    inside = after if brackets[0] in OPENING else before
    has_letters = any(unicodedata.bidirectional(character) == "L" for character in inside)
    return line.replace(brackets[0], "L") if has_letters else line


def _runs_leftwards(displayed: Sequence[str], block_leftwards: bool) -> bool:
    """Tell the direction of a line: its block's, but where all of its letters run to the right it does too.

    A line in a block to the left that only begins with a stop (at its left end) is the end of a sentence.
    """
    text = "".join(displayed)
    if has_right_to_left(text):
        return block_leftwards or _is_mainly_leftwards(text, default=False)
    has_letters = any(unicodedata.bidirectional(character) == "L" for character in text)
    return block_leftwards and (not has_letters or text[0] in _STOPS)


def _union(boxes: Sequence[Box]) -> Box:
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return Box(min(x0s), min(y0s), max(x1s), max(y1s))
