"""Takes back blanks that MuPDF adds beside Chinese, Japanese and Korean letters in files that draw their blanks.

Programs leave a gap between these letters and Latin ones, digits or brackets ("autospace"), which MuPDF takes for a
blank.
"""

import re
from collections.abc import Sequence

from pagelens.ingest.readers.mupdf import MuPdfWord

MAX_GAP = 0.4  # of a word's height: a wider gap parts words

_LETTER = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


def draws_blanks(words: Sequence[MuPdfWord], drawn: Sequence[MuPdfWord]) -> bool:
    """Tell whether most words of a page are parted by blanks that the file draws, not by gaps.

    `words` are MuPDF's, `drawn` those where it adds no blanks at gaps.
    """
    lines = len({word[5:7] for word in words})
    return len(drawn) > lines and len(drawn) - lines >= (len(words) - lines) / 2


def without_autospace(words: Sequence[MuPdfWord], drawn: Sequence[MuPdfWord]) -> list[MuPdfWord]:
    """Return the words, as one where only an autospace parts them. `drawn`: see `draws_blanks`."""
    result: list[MuPdfWord] = []
    position = 0
    for whole in drawn:
        start, length = len(result), 0
        while length < len(whole[4]):
            if position == len(words) or not whole[4].startswith(words[position][4], length):
                return list(words)  # MuPDF has ordered them otherwise
            word = words[position]
            if len(result) > start and _is_autospace(result[-1], word):
                result[-1] = _union(result[-1], word)
            else:
                result.append(word)
            position, length = position + 1, length + len(word[4])
    return result if position == len(words) else list(words)


def _is_autospace(before: MuPdfWord, after: MuPdfWord) -> bool:
    if not (_LETTER.match(before[4][-1]) or _LETTER.match(after[4][0])):
        return False
    gap = max(after[0] - before[2], after[1] - before[3])
    return gap <= MAX_GAP * min(before[3] - before[1], after[3] - after[1])


def _union(before: MuPdfWord, after: MuPdfWord) -> MuPdfWord:
    x0, y0, x1, y1, text, block, line = before
    return min(x0, after[0]), min(y0, after[1]), max(x1, after[2]), max(y1, after[3]), text + after[4], block, line
