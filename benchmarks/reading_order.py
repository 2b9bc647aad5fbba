"""Reading order: how often the blocks of a page stand in the text in the order in which a person reads them.

    python -m benchmarks.reading_order [--before CHECKOUT] [--control] [--worst 10] [--out FILE]

`data/reading_order.jsonl` holds pages of the development documents with their blocks: boxes (0..1) and first words, in
the order written by hand from the page's picture. `chains`: the first is the page's main text, each further one a box
or figure that may stand before, after or between the blocks of the chains before it. `free`: blocks that may stand
anywhere (running titles, page numbers). A block's position is the median position of its words in the page's text; a
word belongs to the smallest block that contains its centre. In percent:

- pairs: of two blocks of one chain, the first stands before the second; of two blocks of different chains, the earlier
  chain's block is on the same side as of most of the later chain: it does not stand inside the box.
- adjacent: the same for neighbours within a chain alone.
- whole: blocks of two words and more with no other word between theirs.

Read them together: a text read row by row across columns has most pairs in the right order, but few blocks whole.
`--control` shows that: a column for the same words put row by row. `--before` measures another checkout too. Figures
are means over pages. Pages without a text layer are read by OCR.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.development_set import SET, require_data

PAGES = Path(__file__).parent / "data" / "reading_order.jsonl"
MEASURES = ("pairs", "adjacent", "whole")
ROW = 0.8  # of a word's height: how far apart rows are taken to be
MARGIN = 0.001  # of the page: a word's centre may stand so far outside its block's box

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class OrderedPage:
    """A page and its blocks in the right order."""

    file: str
    page: int
    kind: str
    chains: tuple[tuple[Box, ...], ...]
    free: tuple[Box, ...]

    @property
    def name(self) -> str:
        """Return the page's name."""
        return f"{self.file} p.{self.page}"

    @property
    def blocks(self) -> tuple[Box, ...]:
        """Return all blocks, chain after chain."""
        return tuple(box for chain in (*self.chains, self.free) for box in chain)


@dataclass(frozen=True, slots=True)
class PageResult:
    """The measures of a page in percent (None: it has nothing to count), and its blocks without a word."""

    values: dict[str, float | None]
    missing: int


def load_pages(path: Path = PAGES) -> list[OrderedPage]:
    """Return the pages with their hand-checked order."""
    return [
        OrderedPage(
            file=row["file"],
            page=row["page"],
            kind=row["kind"],
            chains=tuple(tuple(_box(block) for block in chain) for chain in row["chains"]),
            free=tuple(_box(block) for block in row["free"]),
        )
        for row in map(json.loads, path.read_text("utf-8").splitlines())
    ]


def _box(block: Sequence[Any]) -> Box:
    x0, y0, x1, y1 = (float(value) for value in block[:4])
    return x0, y0, x1, y1


def block_words(blocks: Sequence[Box], words: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Return for each block the positions of its words; `words` are boxes (n, 4) in the order of the text."""
    boxes = np.array(blocks, np.float64).reshape(-1, 4)
    x, y = (words[:, 0] + words[:, 2]) / 2, (words[:, 1] + words[:, 3]) / 2
    across = (x[:, None] >= boxes[:, 0] - MARGIN) & (x[:, None] <= boxes[:, 2] + MARGIN)
    inside = across & (y[:, None] >= boxes[:, 1] - MARGIN) & (y[:, None] <= boxes[:, 3] + MARGIN)  # (words, blocks)
    areas = np.where(inside, (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.inf)
    owner = np.where(inside.any(1), areas.argmin(1), -1)
    return [np.flatnonzero(owner == index) for index in range(len(blocks))]


def measure_page(page: OrderedPage, words: NDArray[np.float64]) -> PageResult:
    """Return the measures of a page from the boxes of its words (n, 4), in the order of its text."""
    positions = block_words(page.blocks, words)
    medians = [float(np.median(found)) if len(found) else None for found in positions]
    chains: list[list[float]] = []
    start = 0
    for chain in page.chains:
        chains.append([median for median in medians[start : start + len(chain)] if median is not None])
        start += len(chain)
    neighbours = [before < after for chain in chains for before, after in pairwise(chain)]
    whole = [int(found[-1] - found[0]) + 1 == len(found) for found in positions if len(found) > 1]
    values = {"pairs": _percent(_pairs(chains)), "adjacent": _percent(neighbours), "whole": _percent(whole)}
    return PageResult(values, sum(median is None for median in medians))


def _pairs(chains: Sequence[Sequence[float]]) -> list[bool]:
    """Tell for each pair of blocks whether it stands in the right order."""
    right = [chain[i] < chain[j] for chain in chains for i in range(len(chain)) for j in range(i + 1, len(chain))]
    for number, later in enumerate(chains):
        if len(later) < 2:
            continue  # nothing can stand inside it
        for position in (position for chain in chains[:number] for position in chain):
            before = sum(position < other for other in later)
            right += [True] * max(before, len(later) - before) + [False] * min(before, len(later) - before)
    return right


def _percent(right: Sequence[bool]) -> float | None:
    return 100 * sum(right) / len(right) if right else None


def read_words(pages: Sequence[OrderedPage], checkout: Path) -> list[NDArray[np.float64]]:
    """Return the boxes of each page's words as the package in a checkout reads them."""
    lines = "".join(json.dumps([str((SET / "documents" / page.file).resolve()), page.page]) + "\n" for page in pages)
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("read_words.py"))],
        input=lines,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(checkout.resolve())},
        cwd=checkout,
        text=True,
        check=True,
    )
    package, *rows = done.stdout.splitlines()
    if not Path(json.loads(package)).resolve().is_relative_to(checkout.resolve()):
        sys.exit(f"expected the package in {checkout}, found {package}: give the root of a checkout")
    return [np.array(json.loads(row), np.float64).reshape(-1, 4) for row in rows]


def row_by_row(words: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the words (n, 4) from the left to the right and from the top to the foot, whatever columns there are."""
    height = float(np.median(words[:, 3] - words[:, 1])) if len(words) else 1.0
    rows = np.round((words[:, 1] + words[:, 3]) / 2 / (ROW * height))
    return words[np.lexsort((words[:, 0], rows))]


def mean(results: Sequence[PageResult], name: str) -> float:
    """Return the mean of a measure over the pages that have it."""
    values = [value for result in results if (value := result.values[name]) is not None]
    return statistics.mean(values) if values else float("nan")


def print_table(pages: Sequence[OrderedPage], columns: dict[str, list[PageResult]]) -> None:
    """Print the measures for each kind of page, a column for each measure and checkout."""
    titles = [f"{name}, {column}" for name in MEASURES for column in columns]
    print("| kind | pages | blocks | " + " | ".join(titles) + " |\n|---" + "|---" * (2 + len(titles)) + "|")
    for kind in [*dict.fromkeys(page.kind for page in pages), ""]:
        chosen = [index for index, page in enumerate(pages) if kind in ("", page.kind)]
        count = sum(len(pages[index].blocks) for index in chosen)
        values = [
            f"{mean([results[index] for index in chosen], name):.1f}"
            for name in MEASURES
            for results in columns.values()
        ]
        print(f"| {kind or 'all'} | {len(chosen)} | {count} | " + " | ".join(values) + " |")
    for column, results in columns.items():
        print(f"\n{column}: {sum(result.missing for result in results)} blocks have no word in the text")


def print_worst(pages: Sequence[OrderedPage], results: Sequence[PageResult], count: int) -> None:
    """Print the pages that lose most in all measures together."""
    loss = [sum(100 - value for value in result.values.values() if value is not None) for result in results]
    for index in sorted(range(len(pages)), key=lambda index: -loss[index])[:count]:
        values = ", ".join(f"{name} {value:.1f}" for name, value in results[index].values.items() if value is not None)
        print(f"{pages[index].name} ({pages[index].kind}): {values}")


def main() -> None:
    """Print the table, and the worst pages."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="root of another checkout")
    parser.add_argument("--control", action="store_true", help="also the same words row by row")
    parser.add_argument("--worst", type=int, default=10)
    parser.add_argument("--out", type=Path, help="JSON lines with the measures of each page")
    arguments = parser.parse_args()
    pages = load_pages()
    checkouts = {"before": arguments.before} if arguments.before else {}
    checkouts["after" if arguments.before else "now"] = Path(__file__).parents[1]
    words = {name: read_words(pages, checkout) for name, checkout in checkouts.items()}
    if arguments.control:
        words = {"row by row": [row_by_row(boxes) for boxes in list(words.values())[-1]]} | words
    columns = {
        name: [measure_page(page, boxes) for page, boxes in zip(pages, found, strict=True)]
        for name, found in words.items()
    }
    print_table(pages, columns)
    print()
    print_worst(pages, list(columns.values())[-1], arguments.worst)
    if arguments.out:
        rows = [
            {"page": page.name, "kind": page.kind} | {name: results[index].values for name, results in columns.items()}
            for index, page in enumerate(pages)
        ]
        arguments.out.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


if __name__ == "__main__":
    main()
