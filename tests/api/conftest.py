"""A collection of real files, indexed once for the tests that only look."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import pagelens
from pagelens.api.engine.engine import Engine
from tests.api.files import write_pdf

HARBOUR = [
    "Port of Sandvik annual report\nThis report covers the year 2024.",
    "The northern breakwater was finished in September.\nTimber grew to 52,300 tonnes in 2024.",
    "Ships with a draught of more than 8.2 metres need a pilot.\nThree accidents were recorded.",
]
TIDES = [
    "A walk among the tide pools\nA field guide for visitors.",
    "A limpet returns to its home scar before the tide falls.\nIts rim keeps the water in.",
]


def write_files(folder: Path) -> Path:
    """Write two PDFs and a photo; return their folder."""
    write_pdf(folder / "reports" / "harbour.pdf", HARBOUR, title="Port of Sandvik: annual report")
    write_pdf(folder / "guides" / "tides.pdf", TIDES, title="Tide pools")
    photo = Image.new("RGB", (64, 48), "navy")
    exif = photo.getexif()
    exif[0x0110] = "Kestrel X1"
    exif.get_ifd(0x8769)[0x9003] = "2019:05:03 10:11:12"  # in the Exif part: DateTimeOriginal
    photo.save(folder / "lighthouse at dusk.jpg", exif=exif)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def engine(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = pagelens.open(tmp_path_factory.mktemp("engine") / "collection", create=True, profile="builtin")
    report = engine.index([files])
    assert (report.documents, report.pages, report.failed) == (3, 6, [])
    yield engine
    engine.close()
