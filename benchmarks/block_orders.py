"""Applies reading orders written by hand to the numbered blocks of pages.

    python -m benchmarks.block_orders benchmarks/data/reading_orders.txt --pictures FOLDER > reading_order.jsonl

Prints the rows of `data/reading_order.jsonl`, and writes a picture of each page with its blocks numbered in the order
given, to be checked. A line of the orders: `FILE:PAGE KIND ORDER`. ORDER names blocks of `benchmarks.page_blocks`:

    3 4-6       blocks 3, 4, 5, 6
    3+4+5       one block made of three
    T5,6/80,95  the words of blocks 5 and 6 as a table: rows part at these heights (pixels of the picture), columns are
                the blocks; `auto`: every line is a row; a third list parts columns: T5,6/80,95/300,400
    R5,6/80,95  the same, but each row is one block
    X5/80 Y6/90 cut block 5 at a height, block 6 at a distance from the left; the second part gets the next free number
    |           a further chain begins

Blocks that are not named are free.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.development_set import SET, require_data
from benchmarks.page_blocks import PIXELS, Box, Group, blocks, first_words, page_words, picture, shared, union
from pagelens.ingest.readers.mupdf import pymupdf


def numbers(text: str) -> list[int]:
    """Return the numbers of "3", "4-6", "3+4" or "5,6-8"."""
    found: list[int] = []
    for part in text.replace("+", ",").split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def merge(words: Sequence[tuple[Box, str]]) -> Group:
    """Return one block made of words."""
    return Group(union([box for box, _ in words]), list(words))


def table_cells(groups: Sequence[Group], rows: str, columns: str, zoom: float) -> list[list[Group]]:
    """Return the cells of a table, row by row."""
    words = [(box, text, source) for source, group in enumerate(groups) for box, text in group.words]
    heights = (
        _line_starts([box for box, _, _ in words]) if rows == "auto" else [float(y) / zoom for y in rows.split(",")]
    )
    edges = [float(x) / zoom for x in columns.split(",")] if columns else []
    cells: dict[tuple[int, int], list[tuple[Box, str]]] = {}
    for box, text, source in words:
        row = int(np.searchsorted(heights, (box[1] + box[3]) / 2))
        column = int(np.searchsorted(edges, (box[0] + box[2]) / 2)) if edges else source
        cells.setdefault((row, column), []).append((box, text))
    return [
        sorted((merge(cells[cell]) for cell in cells if cell[0] == row), key=lambda group: group.box[0])
        for row in sorted({row for row, _ in cells})
    ]


def _line_starts(boxes: Sequence[Box]) -> list[float]:
    """Return the heights at which lines begin."""
    starts: list[float] = []
    line: Box | None = None
    for box in sorted(boxes, key=lambda box: box[1] + box[3]):
        if line is None or shared(line, box, 1) < 0.5 * min(line[3] - line[1], box[3] - box[1]):
            line = box
            starts.append((box[1] + box[3]) / 2 - 0.3 * (box[3] - box[1]))
    return starts


def cut(groups: Sequence[Group], tokens: Sequence[str], zoom: float) -> list[Group]:
    """Return the blocks with some of them cut in two."""
    parts = list(groups)
    for token in tokens:
        number, place = token[1:].split("/")
        axis = 1 if token[0] == "X" else 0
        words = parts[int(number)].words
        kept = [word for word in words if (word[0][axis] + word[0][axis + 2]) / 2 < float(place) / zoom]
        if not kept or len(kept) == len(words):
            raise ValueError(f"expected {token} to part the block, found all of its words on one side")
        parts[int(number)] = merge(kept)
        parts.append(merge([word for word in words if word not in kept]))
    return parts


def ordered(groups: Sequence[Group], order: str, zoom: float) -> tuple[list[list[Group]], list[Group]]:
    """Return the chains of blocks, and the free blocks."""
    chains: list[list[Group]] = [[]]
    used: set[int] = set()
    tokens = order.split()
    groups = cut(groups, [token for token in tokens if token[0] in "XY"], zoom)
    for token in tokens:
        if token[0] in "XY":
            continue
        if token == "|":
            chains.append([])
            continue
        is_table = token[0] in "TR"
        names, rows, columns = (*token.lstrip("TR").split("/"), "", "")[:3]
        chosen = numbers(names)
        if used & set(chosen):
            raise ValueError(f"expected every block once, found {sorted(used & set(chosen))} again in {token}")
        used.update(chosen)
        if is_table:
            cells = table_cells([groups[number] for number in chosen], rows, columns, zoom)
            for row in cells:
                chains[-1] += row if token[0] == "T" else [merge([word for cell in row for word in cell.words])]
        elif "+" in token:
            chains[-1].append(merge([word for number in chosen for word in groups[number].words]))
        else:
            chains[-1] += [groups[number] for number in chosen]
    return chains, [group for number, group in enumerate(groups) if number not in used]


def page_row(line: str, pictures: Path) -> dict[str, Any]:
    """Return the row of a page, and write its picture."""
    page_name, kind, order = line.split(maxsplit=2)
    name, _, number = page_name.rpartition(":")
    with pymupdf.open(SET / "documents" / name) as document:
        page = document[int(number) - 1]
        zoom = PIXELS / max(page.rect.width, page.rect.height)
        chains, free = ordered(blocks(page_words(page)), order, zoom)
        picture(page, [group for chain in chains for group in chain]).save(
            pictures / f"{Path(name).stem[:20]}-{number}.png"
        )
        size = (page.rect.width, page.rect.height) * 2

    def described(group: Group) -> list[Any]:
        return [*(round(a / b, 4) for a, b in zip(group.box, size, strict=True)), first_words(group)]

    return {
        "file": name,
        "page": int(number),
        "kind": kind,
        "chains": [[described(group) for group in chain] for chain in chains],
        "free": [described(group) for group in free],
    }


def main() -> None:
    """Print the rows."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("orders", type=Path)
    parser.add_argument("--pictures", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    for line in arguments.orders.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            print(json.dumps(page_row(line, arguments.pictures), ensure_ascii=False))


if __name__ == "__main__":
    main()
