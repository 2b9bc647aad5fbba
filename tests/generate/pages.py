"""Pages for the tests of `generate`, set in a typewriter's letters, and the plain analyzer and encoder they use."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pagelens.core.spaces import Space
from pagelens.core.types import ContextPage, PageRef, PageText

LETTER, LINE = 0.01, 0.02  # width and height, in fractions of the page


def set_page(layout: str, *, left: float = 0.05) -> PageText:
    """Return the text of a page: blank lines part blocks, " | " parts the columns of a line, as PDF readers do it.

    A column begins 20 letters after the one before it has ended, and becomes a line of its own in the text.
    """
    text, spans, boxes, y = "", [], [], 0.05
    for block in layout.strip("\n").split("\n\n"):
        text = text and text + "\n\n"
        for line in block.split("\n"):
            x = left
            for piece in line.split(" | "):
                text = text if not text or text.endswith("\n") else text + "\n"
                for word in piece.split():
                    text = text if not text or text.endswith("\n") else text + " "
                    spans.append((len(text), len(text) + len(word)))
                    boxes.append((x, y, x + LETTER * len(word), y + 0.75 * LINE))
                    text += word
                    x += LETTER * (len(word) + 1)
                x += 20 * LETTER
            y += LINE
        y += 2 * LINE
    return PageText(
        text=text, spans=np.array(spans, np.int32).reshape(-1, 2), boxes=np.array(boxes, np.float32).reshape(-1, 4)
    )


def place_lines(lines: Sequence[Sequence[tuple[str, float]]], tops: Sequence[float] = ()) -> PageText:
    """Return the text of a page with words (or lines of words) at their left edges: each of them is a line of the text.

    Lines stand `LINE` apart, from `0.1`, unless `tops` says where.
    """
    text, spans, boxes = "", [], []
    for number, line in enumerate(lines):
        y = tops[number] if tops else 0.1 + LINE * number
        for piece, x in line:
            text = text and text + "\n"
            for word in piece.split():
                text = text if not text or text.endswith("\n") else text + " "
                spans.append((len(text), len(text) + len(word)))
                boxes.append((x, y, x + LETTER * len(word), y + 0.75 * LINE))
                text += word
                x += LETTER * (len(word) + 1)
    return PageText(
        text=text, spans=np.array(spans, np.int32).reshape(-1, 2), boxes=np.array(boxes, np.float32).reshape(-1, 4)
    )


def show(
    layout: str, path: str = "report.pdf", number: int = 1, label: str | None = None, title: str = ""
) -> ContextPage:
    """Return a page as an answerer gets it."""
    return ContextPage(ref=PageRef(path, number), label=label, title=title, text=set_page(layout))


def analyze(text: str) -> list[str]:
    """Lower case, letters split from digits, a plural s dropped."""
    words = re.findall(r"[^\W\d_]+|\d+", text.lower())
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in words]


class TermEncoder:
    """A text encoder that hashes terms into a unit vector: a cosine is the share of terms two texts have in common."""

    space = Space(model="terms", revision="1", dim=256)
    max_tokens = 1_000

    def __init__(self) -> None:
        self.encoded = 0  # passages so far

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._vector(text) for text in texts])

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += len(texts)
        return self.encode_queries(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(analyze(text)) for text in texts]

    def _vector(self, text: str) -> NDArray[np.float32]:
        vector = np.full(self.space.dim, 1e-6, np.float32)
        for term in set(analyze(text)):
            vector[zlib.crc32(term.encode()) % self.space.dim] += 1
        return np.asarray(vector / np.linalg.norm(vector), np.float32)
