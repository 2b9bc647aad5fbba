"""Search by image on a mixed collection of the development documents and photos.

    python -m benchmarks.image_queries [--collection C]

Queries are screenshots of a part of a page (35 to 70% of each side, as JPEG), photos cropped and recompressed,
questions about documents, and captions of photos. Prints recall, and how many results of the other kind (page or photo)
are among the first ten.
"""

import io
import json
import random
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pymupdf
from PIL import Image

import pagelens
from benchmarks.development_set import DATA, SET, questions, require_data
from pagelens.api.engine.results import FoundPage
from pagelens.core.types import PageRef

RANKS = (1, 5, 10)
PHOTOS = DATA / "photos-dev"
COUNT = 150  # queries of each kind
SEED = 20261121


def main() -> None:
    """Index both sets if need be, then print the table."""
    require_data()
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--collection", type=Path, help="kept and used again; a temporary one if left out")
    root = parser.parse_args().collection
    with tempfile.TemporaryDirectory() as scratch:
        engine = pagelens.open(root or Path(scratch) / "mixed", create=True, profile="builtin")
        engine.index([SET / "documents", PHOTOS / "photos"])
        rng = random.Random(SEED)
        print("| query | " + " | ".join(f"R@{rank}" for rank in RANKS) + " | other kind in the top 10 |")
        print("|---|" + "---|" * (len(RANKS) + 1))
        pages = _screenshots(rng)
        _row("screenshot of a part of a page", [(ref, _by_image(engine, data)) for ref, data in pages])
        _row("the visual lane alone", [(ref, _by_image(engine, data, ["visual"])) for ref, data in pages])
        photos = _damaged_photos(rng)
        _row("photo, cropped and JPEG quality 30", [(ref, _by_image(engine, data)) for ref, data in photos])
        captions = [json.loads(line) for line in (PHOTOS / "captions.jsonl").read_text("utf-8").splitlines()]
        caption_queries = [(row["photo"], rng.choice(row["captions"])) for row in captions]
        _row("caption of a photo", [(PageRef(photo, 1), _by_words(engine, text)) for photo, text in caption_queries])
        answerable = [question for question in questions() if question.evidence]
        _row(
            "question about a document, any page of its evidence",
            [
                ([PageRef(question.file, page) for page in question.evidence], _by_words(engine, question.text))
                for question in answerable
            ],
        )


Results = Sequence[tuple[PageRef | Sequence[PageRef], Sequence[PageRef]]]


def _row(name: str, results: Results) -> None:
    """Print recall at each rank, and the mean number of results of the other kind in the top 10."""
    expected = [{ref} if isinstance(ref, PageRef) else set(ref) for ref, _ in results]
    shares = [
        sum(bool(refs & set(ranked[:rank])) for refs, (_, ranked) in zip(expected, results, strict=True)) / len(results)
        for rank in RANKS
    ]
    kinds = [{Path(ref.path).suffix for ref in refs} for refs in expected]
    others = sum(
        Path(ref.path).suffix not in kind
        for kind, (_, ranked) in zip(kinds, results, strict=True)
        for ref in ranked[:10]
    )
    print(
        f"| {name} | " + " | ".join(f"{100 * share:.1f}" for share in shares) + f" | {others / len(results):.2f} |",
        flush=True,
    )


def _by_image(engine: pagelens.Engine, data: bytes, lanes: Sequence[str] | None = None) -> list[PageRef]:
    return _names(engine.search(image=data, k=RANKS[-1], lanes=lanes).hits)


def _by_words(engine: pagelens.Engine, text: str) -> list[PageRef]:
    return _names(engine.search(text, k=RANKS[-1]).hits)


def _names(hits: Sequence[FoundPage]) -> list[PageRef]:
    refs = [hit.ref for hit in hits]
    return [PageRef(Path(ref.path).name, ref.number) for ref in refs]


def _screenshots(rng: random.Random) -> list[tuple[PageRef, bytes]]:
    """Return random parts of random pages as JPEG, without nearly empty ones."""
    screenshots: list[tuple[PageRef, bytes]] = []
    files = sorted((SET / "documents").glob("*.pdf"))
    while len(screenshots) < COUNT:
        file = rng.choice(files)
        with pymupdf.open(file) as pdf:
            page = pdf[rng.randrange(len(pdf))]
            zoom = 1_400 / max(page.rect.width, page.rect.height)
            pixels = page.get_pixmap(matrix=pymupdf.Matrix(zoom, zoom), alpha=False)
            picture = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
            part = _part(picture, rng, least=0.35, most=0.7)
            if np.asarray(part.convert("L")).min() < 128:  # not an empty margin
                screenshots.append((PageRef(file.name, page.number + 1), _jpeg(part, 70)))
    return screenshots


def _damaged_photos(rng: random.Random) -> list[tuple[PageRef, bytes]]:
    files = rng.sample(sorted((PHOTOS / "photos").iterdir()), COUNT)
    return [(PageRef(file.name, 1), _jpeg(_part(Image.open(file), rng, least=0.6, most=0.85), 30)) for file in files]


def _part(picture: Image.Image, rng: random.Random, *, least: float, most: float) -> Image.Image:
    width, height = (round(side * rng.uniform(least, most)) for side in picture.size)
    left, top = rng.randint(0, picture.width - width), rng.randint(0, picture.height - height)
    return picture.convert("RGB").crop((left, top, left + width, top + height))


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
