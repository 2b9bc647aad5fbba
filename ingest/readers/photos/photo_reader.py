"""The reader of photos: a picture file is one page, a TIFF has one for each of its pictures.

Sizes are those of the image as displayed (upright). Text in the image is not read here, but by OCR.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Page, no_text
from pagelens.ingest.files.path_facts import path_facts_digest, title_from_names
from pagelens.ingest.readers.photos.photo_facts import MAX_KEYWORDS, PhotoFacts
from pagelens.ingest.readers.photos.photo_metadata import find_place, metadata_fields, read_photo_facts, search_text
from pagelens.ingest.readers.photos.pixels import (
    check_decodable,
    describe_unread,
    displayed_image,
    displayed_size,
    open_image,
    page_frames,
    translate_pillow_errors,
)
from pagelens.ingest.readers.reader import OpenedDocument


@contextmanager
def open_document(path: Path, *, sha256: str, size: int, other_paths: Sequence[Path] = ()) -> Iterator[OpenedDocument]:
    """Open a photo whose hash and size in bytes are known, and check that it, or one picture of a TIFF, can be decoded.

    The names and folders of `other_paths`, which have the same bytes, and the files beside them count too.

    Raises ReadError: damaged, too-large, unsupported, denied, vanished.
    """
    paths = sorted({path, *other_paths})
    with open_image(path) as image:
        frames = page_frames(image)
        image.seek(frames[0])
        facts = read_photo_facts(paths, image)
        width, height = displayed_size(image)
        problem = "; ".join(part for part in (describe_unread(image), _describe_left_out(facts)) if part)
        place = find_place(facts)
        _check_any_decodable(image, frames)
    caption = search_text(paths, facts, place)
    document = Document(
        sha256=sha256,
        kind="photo",
        title=facts.title or title_from_names(paths),
        page_count=len(frames),
        size=size,
        date=facts.taken,
        metadata={"width": width, "height": height, **metadata_fields(facts, place)},
        path_facts=path_facts_digest("photo", paths),
    )
    only_page = Page(
        number=1,
        label=None,
        width=float(width),
        height=float(height),
        text=no_text(),
        caption=caption,
        problem=problem,
    )

    def pages(first: int) -> Iterator[Page]:
        if len(frames) > 1:
            return _pages(path, frames, first, caption)
        return iter((only_page,) if first <= 1 else ())

    yield OpenedDocument(
        document=document,
        pages=pages,
        render_page=lambda number, longest: render_page(path, number, longest=longest),
        bitmap_boxes=_whole_page,
    )


def render_page(path: Path, number: int, *, longest: int) -> Image.Image:
    """Return page `number` (from 1) of a photo as displayed, RGB on white, its longer side at most `longest` pixels.

    A photo is never enlarged; one of more than 205 million pixels may come smaller than `longest`. Raises ReadError as
    `open_document` does.
    """
    with open_image(path) as image:
        frames = page_frames(image)
        if not 1 <= number <= len(frames):
            raise ReadError("damaged", f"expected a page from 1 to {len(frames)} of a photo, found page {number}")
        image.seek(frames[number - 1])
        return displayed_image(image, longest=longest)


def _describe_left_out(facts: PhotoFacts) -> str:
    """Return a message about keywords and people beyond the limit, "" where all are kept."""
    if not facts.left_out:
        return ""
    return f"{facts.left_out} keywords or people were left out: of each at most {MAX_KEYWORDS} are kept"


def _whole_page(_: int) -> NDArray[np.float32]:
    """Return the one bitmap of a page, which fills it: (1, 4)."""
    return np.array([[0, 0, 1, 1]], np.float32)


def _check_any_decodable(image: ImageFile, frames: list[int]) -> None:
    """Check that one of the pictures can be decoded; raise the last one's error where none can."""
    for frame in frames:
        image.seek(frame)
        try:
            return check_decodable(image)
        except Exception:
            if frame == frames[-1]:
                raise
    return None


def _pages(path: Path, frames: list[int], first: int, caption: str) -> Iterator[Page]:
    """Yield the pages of a TIFF from page `first` on; a page that cannot be decoded says so in `problem`."""
    with open_image(path) as image:
        for number in range(first, len(frames) + 1):
            width, height, problem = 1, 1, ""
            try:
                with translate_pillow_errors("TIFF"):
                    image.seek(frames[number - 1])
                    width, height = displayed_size(image)
                    problem = describe_unread(image)
                    check_decodable(image)
            except ReadError as exc:
                problem = str(exc)
            yield Page(
                number=number,
                label=None,
                width=float(width),
                height=float(height),
                text=no_text(),
                caption=caption,
                problem=problem,
            )
