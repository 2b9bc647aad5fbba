"""Divides pages into numbered blocks by geometry alone and draws them, so that a person can write their reading order.

    python -m benchmarks.page_blocks --out FOLDER [--count 60] [--seed 15] [--pages FILE:NUMBER ...]

Writes a picture of each page with its blocks numbered, and `blocks.jsonl` with their boxes (0..1) and first words.
Without `--pages` it draws pages by lot from the development documents: four of five have text side by side, at most
four come from one document. Words are joined to a line where the gap is narrow, lines to a block where exactly one
stands under the other; the order in which the file draws them plays no part.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.development_set import SET, require_data
from pagelens.ingest.ocr.engines import OcrSettings, load_recogniser
from pagelens.ingest.readers.mupdf import pymupdf

WORD_GAP = 0.9  # of a line's height: words with a wider gap between them are two lines
LINE_GAP = 0.55  # of a line's height: lines farther apart are two blocks
SAME_SIZE = 1.3  # ratio of heights of lines in one block
LEAST_WORDS = 40  # of a page that may be drawn
PAGES_OF_A_DOCUMENT = 4
PLAIN_SHARE = 0.2
FIRST_WORDS = 5  # kept of a block
PIXELS = 1100  # of a picture's longer side
OCR_PIXELS = 1650  # of a page that is recognised, on its longer side
COLOURS = ((200, 0, 0), (0, 0, 200), (0, 120, 0), (150, 0, 150), (190, 90, 0))

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class Group:
    """Words that belong together, and the box around them in points."""

    box: Box
    words: list[tuple[Box, str]]
    lines: int = 1

    @property
    def height(self) -> float:
        """Return the height of its tallest word."""
        return max(box[3] - box[1] for box, _ in self.words)


def union(boxes: Sequence[Box]) -> Box:
    """Return the box around boxes."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def shared(first: Box, second: Box, axis: int) -> float:
    """Return how much of an axis (0 across, 1 down) two boxes share; a gap between them is negative."""
    return min(first[axis + 2], second[axis + 2]) - max(first[axis], second[axis])


def page_words(page: Any) -> list[tuple[Box, str]]:
    """Return the words with their boxes in points on the displayed page, once each, without those outside it.

    Where it has no text layer they are recognised.
    """
    found: dict[tuple[int, int, str], tuple[Box, str]] = {}
    for word in page.get_text("words"):
        rect = pymupdf.Rect(word[:4]) * page.rotation_matrix
        centre = pymupdf.Point((rect.x0 + rect.x1) / 2, (rect.y0 + rect.y1) / 2)
        if centre in page.rect and word[4].strip():
            found.setdefault(
                (round(centre.x), round(centre.y), word[4]), ((rect.x0, rect.y0, rect.x1, rect.y1), word[4])
            )
    return list(found.values()) or recognised_words(page)


def recognised_words(page: Any) -> list[tuple[Box, str]]:
    """Return the words that OCR reads, with their boxes in points."""
    zoom = OCR_PIXELS / max(page.rect.width, page.rect.height)
    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)
    pixels = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.width, 3)
    words = load_recogniser(OcrSettings()).recognise(pixels)
    return [((word.x0 / zoom, word.y0 / zoom, word.x1 / zoom, word.y1 / zoom), word.text) for word in words]


def line_parts(words: Sequence[tuple[Box, str]]) -> list[Group]:
    """Join words that stand side by side with a narrow gap."""
    parts: list[Group] = []
    for box, text in sorted(words, key=lambda word: word[0][0]):
        height = box[3] - box[1]
        for part in reversed(parts):
            last = part.words[-1][0]
            low, high = sorted((height, last[3] - last[1]))
            if shared(box, last, 1) > 0.55 * low and high < 1.6 * low and box[0] - last[2] < WORD_GAP * low:
                part.words.append((box, text))
                part.box = union((part.box, box))
                break
        else:
            parts.append(Group(box, [(box, text)]))
    return parts


def blocks(words: Sequence[tuple[Box, str]]) -> list[Group]:
    """Join the lines of words to blocks, from the top of the page to its foot."""
    parts = sorted(line_parts(words), key=lambda part: (part.box[1], part.box[0]))
    below = {index: _near(parts, index, down=True) for index in range(len(parts))}
    above = {index: _near(parts, index, down=False) for index in range(len(parts))}
    groups: dict[int, Group] = {}
    for index, part in enumerate(parts):
        upper = above[index][0] if len(above[index]) == 1 else None
        if upper is not None and len(below[upper]) == 1 and _alike(parts[upper], part):
            group = groups[upper]
            group.words += part.words
            group.box = union((group.box, part.box))
            group.lines += 1
            groups[index] = group
        else:
            groups[index] = Group(part.box, list(part.words))
    return list({id(group): group for group in groups.values()}.values())


def _near(parts: Sequence[Group], index: int, *, down: bool) -> list[int]:
    """Return the lines next to a line, under it or over it."""
    part = parts[index]
    found = []
    for other, candidate in enumerate(parts):
        upper, lower = (part, candidate) if down else (candidate, part)
        gap = lower.box[1] - upper.box[3]
        low = min(part.height, candidate.height)
        is_next = -0.6 * low < gap < LINE_GAP * low and lower.box[3] > upper.box[3] + 0.3 * low
        if other != index and is_next and shared(part.box, candidate.box, 0) > 0:
            found.append(other)
    return found


def _alike(upper: Group, lower: Group) -> bool:
    low, high = sorted((upper.height, lower.height))
    narrow = min(upper.box[2] - upper.box[0], lower.box[2] - lower.box[0])
    return high < SAME_SIZE * low and shared(upper.box, lower.box, 0) > 0.5 * narrow


def is_side_by_side(groups: Sequence[Group]) -> bool:
    """Tell whether blocks of at least two lines stand beside each other."""
    tall = [group for group in groups if group.lines >= 2 and len(group.words) >= 6]
    return any(
        shared(first.box, second.box, 1) > min(first.height, second.height) and shared(first.box, second.box, 0) < 0
        for index, first in enumerate(tall)
        for second in tall[:index]
    )


def draw_pages(count: int, seed: int) -> list[tuple[str, int]]:
    """Draw pages by lot: file names and page numbers from 1."""
    candidates: dict[bool, list[tuple[str, int]]] = {True: [], False: []}
    for path in sorted((SET / "documents").glob("*.pdf")):
        with pymupdf.open(path) as document:
            for page in document:
                words = page_words(page)
                if len(words) >= LEAST_WORDS:
                    candidates[is_side_by_side(blocks(words))].append((path.name, page.number + 1))
    rng = np.random.default_rng(seed)
    plain = round(count * PLAIN_SHARE)
    chosen: list[tuple[str, int]] = []
    for side_by_side, wanted in ((True, count - plain), (False, plain)):
        taken: list[tuple[str, int]] = []
        for index in rng.permutation(len(candidates[side_by_side])):
            page = candidates[side_by_side][index]
            if len(taken) < wanted and sum(name == page[0] for name, _ in taken) < PAGES_OF_A_DOCUMENT:
                taken.append(page)
        chosen += taken
    return chosen


def picture(page: Any, groups: Sequence[Group]) -> Image.Image:
    """Return the page's image with its blocks numbered."""
    zoom = PIXELS / max(page.rect.width, page.rect.height)
    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)
    image = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=13)
    for number, group in enumerate(groups):
        colour = COLOURS[number % len(COLOURS)]
        corners: NDArray[np.float64] = np.array(group.box) * zoom
        draw.rectangle(tuple(corners), outline=colour)
        label = draw.textbbox((corners[0] - 14, corners[1] - 5), str(number), font=font)
        draw.rectangle(label, fill=(255, 255, 200))
        draw.text((corners[0] - 14, corners[1] - 5), str(number), fill=colour, font=font)
    return image


def described(pages: Sequence[tuple[str, int]], out: Path) -> Iterator[dict[str, Any]]:
    """Write the pictures and yield the blocks of each page."""
    for name, number in pages:
        with pymupdf.open(SET / "documents" / name) as document:
            page = document[number - 1]
            groups = blocks(page_words(page))
            picture(page, groups).save(out / f"{Path(name).stem[:20]}-{number}.png")
            size = (page.rect.width, page.rect.height) * 2
            yield {
                "file": name,
                "page": number,
                "blocks": [
                    [*(round(a / b, 4) for a, b in zip(group.box, size, strict=True)), first_words(group)]
                    for group in groups
                ],
            }


def first_words(group: Group) -> str:
    """Return the words with which a block begins."""
    return " ".join(text for _, text in group.words[:FIRST_WORDS])


def main() -> None:
    """Write pictures and blocks."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--pages", nargs="*", metavar="FILE:NUMBER")
    arguments = parser.parse_args()
    pages = [(name, int(number)) for name, number in (text.rsplit(":", 1) for text in arguments.pages or ())]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "blocks.jsonl").open("w", encoding="utf-8") as file:
        for row in described(pages or draw_pages(arguments.count, arguments.seed), arguments.out):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
