"""Photos as documents: a picture is one page, a TIFF has as many as it holds pictures; with date, place and words.

Knows how a photo becomes a document; decoding is `pagelens.ingest.readers.photos.pixels`, what is known beside the pixels is
`pagelens.ingest.readers.photos.photo_metadata`. Sizes are those of the picture as a viewer shows it. What is written in it is not read here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from PIL.ImageFile import ImageFile

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Page, no_text
from pagelens.ingest.readers.photos.photo_metadata import gather, located, metadata, search_words
from pagelens.ingest.readers.photos.pixels import (
    check,
    displayed,
    displayed_size,
    frames,
    left_out,
    opened_picture,
    translated,
)
from pagelens.ingest.readers.registry import Reading
from pagelens.ingest.text.titles import readable_name


@contextmanager
def opened(path: Path, *, sha256: str, size: int) -> Iterator[Reading]:
    """Open a photo whose hash and size in bytes are known, and see that it can be decoded, or one picture of a TIFF.

    Raises ReadError: damaged, too-large, unsupported, denied, vanished.
    """
    with opened_picture(path) as image:
        numbers = frames(image)
        image.seek(numbers[0])
        facts = gather(path, image)
        width, height = displayed_size(image)
        lost = left_out(image)
        place = located(facts)
        _check_one(image, numbers)
    caption = search_words(path, facts, place)
    document = Document(
        sha256=sha256,
        kind="photo",
        title=facts.title or readable_name(path.stem),
        page_count=len(numbers),
        size=size,
        date=facts.taken,
        metadata={"width": width, "height": height, **metadata(facts, place)},
    )
    if len(numbers) == 1:
        page = Page(
            number=1,
            label=None,
            width=float(width),
            height=float(height),
            text=no_text(),
            caption=caption,
            problem=lost,
        )
        yield Reading(document, lambda first: iter((page,) if first <= 1 else ()))
    else:
        yield Reading(document, lambda first: _pages(path, numbers, first, caption))


def render_photo(path: Path, *, longest: int, number: int = 1) -> Image.Image:
    """Return a photo's page as a viewer shows it, RGB on white, its longer side at most `longest` pixels.

    Never enlarged; one of more than 205 million pixels may come smaller than asked for. Raises ReadError as `opened`
    does.
    """
    with opened_picture(path) as image:
        numbers = frames(image)
        if not 1 <= number <= len(numbers):
            raise ReadError("damaged", f"expected a page from 1 to {len(numbers)} of a photo, found page {number}")
        image.seek(numbers[number - 1])
        return displayed(image, longest=longest)


def render(path: Path, number: int, *, longest: int) -> Image.Image:
    """Return page `number` (from 1) of a photo, its longer side at most `longest` pixels."""
    return render_photo(path, longest=longest, number=number)


def _check_one(image: ImageFile, numbers: list[int]) -> None:
    """See that one of the pictures can be decoded; raise what the last one raises."""
    for number in numbers:
        image.seek(number)
        try:
            return check(image)
        except Exception:
            if number == numbers[-1]:
                raise
    return None


def _pages(path: Path, numbers: list[int], first: int, caption: str) -> Iterator[Page]:
    """Yield the pages of a TIFF from page `first` on; one that cannot be decoded says so and costs no other."""
    with opened_picture(path) as image:
        for number in range(first, len(numbers) + 1):
            width, height, problem = 1, 1, ""
            try:
                with translated("TIFF"):
                    image.seek(numbers[number - 1])
                    width, height = displayed_size(image)
                    problem = left_out(image)
                    check(image)
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
