"""Folders as phones, photo services and scanners leave them: days, copies, motion photos, plain pictures, names."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pagelens
from pagelens.api.cli.command_options import read_filters
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.results import IndexReport
from pagelens.api.server.schemas.requests import FiltersIn
from pagelens.core.types import Filters
from tests.ingest.readers.photo_files import exif, write_export, write_photo

DAY = datetime(2024, 10, 31)
TIMES = {
    "p0.jpg": datetime(2024, 10, 30, 23, 59, 59),
    "p1.jpg": DAY,
    "p2.jpg": datetime(2024, 10, 31, 12),
    "p3.jpg": datetime(2024, 10, 31, 23, 59, 59),
    "p4.jpg": datetime(2024, 11, 1),
}
PLAIN = {"almost white.png": (253, 254, 253), "lens cap.png": (0, 0, 0), "sky.png": (110, 160, 240)}


def blocks(seed: int) -> Image.Image:
    """Return a picture of its own for each seed."""
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(cells).resize((320, 240), Image.Resampling.BICUBIC)


def write_folders(root: Path) -> Path:
    for seed, (name, taken) in enumerate(TIMES.items()):
        write_photo(root / "days" / name, blocks(seed), exif=exif(taken=taken))
    for folder in ("Album Ericeira", "Photos from 2019"):
        write_photo(root / folder / "DSC_1.jpg", blocks(20))
    write_export(root / "Photos from 2019" / "DSC_1.jpg", description="lighthouse picnic")
    write_photo(root / "phone" / "IMG_0001.jpg", blocks(21))
    write_photo(root / "phone" / "PXL_20210704_093015123.MP.jpg", blocks(22))
    (root / "phone" / "IMG_0001.MOV").write_bytes(b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(400))
    (root / "phone" / "IMG_0001.AAE").write_text('<?xml version="1.0"?><plist version="1.0"><dict/></plist>')
    (root / "phone" / "._IMG_0001.jpg").write_bytes(b"\0\x05\x16\x07\0\x02\0\0Mac OS X" + bytes(200))
    for name, colour in PLAIN.items():
        write_photo(root / "plain" / name, Image.new("RGB", (400, 300), colour), form="PNG")
    write_photo(root / "named" / "really a jpeg.png", blocks(23))
    write_photo(root / "named" / "really.pdf", blocks(24))
    whole = write_photo(root / "named" / "cut.jpg", blocks(25)).read_bytes()
    (root / "named" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "named" / "zero.jpg").touch()
    (root / "named" / "dangling.jpg").write_text("nowhere.jpg")  # a link, copied by a program that knows none
    return root


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, IndexReport]]:
    folder = tmp_path_factory.mktemp("folders")
    with pagelens.open(folder / "collection", create=True, profile="builtin") as engine:
        yield engine, engine.index([write_folders(folder / "files")], workers=0)


def names(engine: Engine, query: str, filters: Filters) -> set[str]:
    return {Path(hit.ref.path).name for hit in engine.search(query, k=50, filters=filters).hits}


def test_the_photos_of_one_day_are_those_from_its_first_to_its_last_second(indexed: tuple[Engine, IndexReport]) -> None:
    engine, _ = indexed
    in_shell = read_filters(None, None, "2024-10-31", "2024-10-31", None, None)
    over_http = FiltersIn.model_validate({"since": "2024-10-31", "until": "2024-10-31"}).filters()
    for day in (in_shell, over_http):
        assert names(engine, "a picture", day) == {"p1.jpg", "p2.jpg", "p3.jpg"}
    noon = FiltersIn.model_validate({"since": "2024-10-31", "until": "2024-10-31T12:00:00"}).filters()
    assert names(engine, "a picture", noon) == {"p1.jpg", "p2.jpg"}
    worded = engine.search("31 October 2024", k=3, lanes=["words"], filters=Filters(paths=("*days/*",)))
    assert {Path(hit.ref.path).name for hit in worded.hits} == {"p1.jpg", "p2.jpg", "p3.jpg"}


def test_a_photo_in_two_folders_is_one_with_what_is_known_beside_either(indexed: tuple[Engine, IndexReport]) -> None:
    engine, report = indexed
    with engine.snapshot() as snapshot:
        [row] = [row for row in snapshot.documents.values() if row.path.endswith("DSC_1.jpg")]
    assert sorted(Path(path).parent.name for path in row.paths) == ["Album Ericeira", "Photos from 2019"]
    assert row.document.metadata["caption"] == "lighthouse picnic"
    assert report.sidecars == 1
    for query in ("lighthouse picnic", "Ericeira"):
        assert Path(engine.search(query, lanes=["words"]).hits[0].ref.path).name == "DSC_1.jpg"


def test_the_still_pictures_of_a_phone_are_read_and_the_files_beside_them_are_listed(
    indexed: tuple[Engine, IndexReport],
) -> None:
    engine, report = indexed
    stills = {"IMG_0001.jpg", "PXL_20210704_093015123.MP.jpg"}
    assert names(engine, "a picture", Filters(paths=("*phone/*",))) == stills
    assert {Path(file.path).name for file in report.skipped} == {"IMG_0001.MOV", "IMG_0001.AAE"}
    assert all(file.code == "unsupported" for file in report.skipped)


def test_plain_pictures_are_found_and_are_no_duplicates_of_one_another(indexed: tuple[Engine, IndexReport]) -> None:
    engine, _ = indexed
    filters = Filters(paths=("*plain/*",))
    assert names(engine, "sky", filters) == set(PLAIN)
    assert len(engine.search("sky", fold=True, filters=filters).hits) == len(PLAIN)
    assert not engine.status().duplicate_groups


def test_a_photo_of_another_ending_is_read_and_what_is_no_photo_is_reported(
    indexed: tuple[Engine, IndexReport],
) -> None:
    engine, report = indexed
    assert names(engine, "a picture", Filters(paths=("*named/*",))) == {"really a jpeg.png", "really.pdf"}
    codes = {Path(file.path).name: file.code for file in report.failed}
    assert codes == {"cut.jpg": "damaged", "zero.jpg": "empty", "dangling.jpg": "mislabelled"}
