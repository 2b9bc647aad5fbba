"""Near-duplicate images by perceptual hash: recall, false pairs and cost.

    python -m benchmarks.near_duplicates

1,000 photos against damaged copies of themselves and against each other; the pages of the development documents against
each other. Prints a table of rates by the number of bits that may differ, and the time to group 10,000 hashes.
"""

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.development_set import DATA
from pagelens.core.types import ImageArray
from pagelens.ingest.readers.photos.perceptual_hash import perceptual_hash
from pagelens.retrieve.deduplication import MAX_HASH_DISTANCE, hash_distances, near_duplicates

ALLOWED = (0, 2, 4, 6, 8, 10, 12, 14, 16)
PAGE_PIXELS = 256  # the longer side of the page pictures hashed
SEED = 0


def main() -> None:
    """Print the tables."""
    folder = DATA / "photos-dev" / "photos"
    if not folder.is_dir():
        sys.exit(f"expected the development photos at {folder.resolve()}, found none: nothing measured")
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(folder.iterdir())]
    start = time.process_time()
    hashes = _hashes(pictures)
    cost = (time.process_time() - start) / len(pictures)
    print(
        f"{len(pictures)} photos of {pictures[0].shape[1]} x {pictures[0].shape[0]}: {1000 * cost:.2f} CPU-ms a hash\n"
    )
    print(f"| bits that may differ | {' | '.join(str(bits) for bits in ALLOWED)} |\n|---|" + "---|" * len(ALLOWED))
    for name, damage in damages().items():
        copies = _hashes([damage(picture) for picture in pictures])
        distances = np.bitwise_count(hashes ^ copies)
        _print_row(f"found, %: {name}", [f"{100 * np.mean(distances <= bits):.1f}" for bits in ALLOWED])
    _print_row("taken for the same, pairs of different photos", _false_pairs(hashes))
    documents = DATA / "mmlongbench-dev"
    pages = np.array(list(_page_hashes(documents)), np.uint64)
    _print_row(f"taken for the same, pairs of {len(pages)} document pages", _false_pairs(pages))
    _print_grouping()


def damages() -> Mapping[str, Callable[[ImageArray], ImageArray]]:
    """Return ways to make a copy of a photo that people call the same, by name; the last one they do not."""
    random = np.random.default_rng(SEED)

    def cropped(picture: ImageArray, share: float) -> ImageArray:
        """Leave out a share of width and of height, split at random between the sides."""
        height, width = picture.shape[:2]
        down, across = round(height * share), round(width * share)
        top, left = int(random.integers(down + 1)), int(random.integers(across + 1))
        return picture[top : top + height - down, left : left + width - across]

    def scaled(picture: ImageArray, factor: float) -> ImageArray:
        size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))

    return {
        "JPEG at quality 15": lambda picture: _jpeg(picture, quality=15),
        "half size": lambda picture: scaled(picture, 0.5),
        "half size, then JPEG at quality 30": lambda picture: _jpeg(scaled(picture, 0.5), quality=30),
        "5% of width and height cut off": lambda picture: cropped(picture, 0.05),
        "a third brighter": lambda picture: np.clip(picture * 1.33, 0, 255).astype(np.uint8),
        "10% of width and height cut off": lambda picture: cropped(picture, 0.1),
        "mirrored": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
    }


def _jpeg(picture: ImageArray, *, quality: int) -> ImageArray:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def _hashes(pictures: Sequence[ImageArray]) -> NDArray[np.uint64]:
    return np.array([perceptual_hash(picture) for picture in pictures], np.uint64)


def _page_hashes(folder: Path) -> Iterator[int]:
    from pagelens.ingest.readers.pdf.pdf_reader import render_page  # PyMuPDF takes a second to import

    for path in sorted(folder.rglob("*.pdf")):
        for number in range(1, _page_count(path) + 1):
            yield perceptual_hash(np.asarray(render_page(path, number, longest=PAGE_PIXELS)))


def _page_count(path: Path) -> int:
    from pagelens.ingest.readers.mupdf import pymupdf

    with pymupdf.open(path) as pdf:
        return int(pdf.page_count)


def _false_pairs(hashes: NDArray[np.uint64]) -> list[str]:
    """Return for each number of bits how many of all pairs differ in no more."""
    counts = np.zeros(65, np.int64)
    for index, value in enumerate(hashes.tolist()):
        counts += np.bincount(hash_distances(value, hashes[index + 1 :]), minlength=65)
    return [f"{int(counts[: bits + 1].sum())}" for bits in ALLOWED]


def _print_grouping() -> None:
    random = np.random.default_rng(SEED)
    for count in (10_000, 100_000):
        originals = random.integers(0, 1 << 63, count * 9 // 10, np.uint64)
        copies = originals[: count // 10] ^ np.uint64(0b10101)  # three bits away
        start = time.process_time()
        groups = near_duplicates(np.concatenate([originals, copies]))
        cpu_seconds = time.process_time() - start
        print(
            f"\n{count} hashes, {len(groups)} groups within {MAX_HASH_DISTANCE} bits: {cpu_seconds:.2f} CPU-s",
            flush=True,
        )


def _print_row(name: str, values: Sequence[str]) -> None:
    print(f"| {name} | {' | '.join(values)} |", flush=True)


if __name__ == "__main__":
    main()
