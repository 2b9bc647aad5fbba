"""Photos as people remember them: by date, place, keyword and by what is written in them, in one box and by filters."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.core.types import Filters
from tests.ingest.readers.photo_files import exif, iptc, write_photo, xmp
from tests.ingest.scans import LINES, picture_of

LISBON, SYDNEY = (38.7103, -9.1366), (-33.8568, 151.2153)


def write_photos(folder: Path) -> Path:
    taken = exif(taken=datetime(2019, 5, 3, 18, 7), camera=("Kestrel", "Kestrel X1"), position=LISBON)
    write_photo(folder / "IMG_0001.jpg", exif=taken, iptc=iptc(keywords=["receipt", "dinner"], creator="Ana Reis"))
    write_photo(folder / "IMG_0002.jpg", exif=exif(taken=datetime(2021, 12, 24, 9, 0), position=SYDNEY))
    keyed = xmp(caption="The ferry leaves the quay", keywords=["ferry", "harbour"], attributes={"xmp:Rating": "5"})
    write_photo(folder / "IMG_0003.png", form="PNG", xmp=keyed)
    write_photo(folder / "IMG_0004.png", Image.fromarray(picture_of(*LINES)), form="PNG")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("photos")
    engine = pagelens.open(folder / "collection", create=True, profile="builtin")
    assert engine.index([write_photos(folder / "camera")], workers=0).documents == 4
    yield engine
    engine.close()


def found(engine: Engine, query: str, filters: Filters | None = None) -> list[str]:
    return [Path(hit.ref.path).name for hit in engine.search(query, filters=filters or Filters()).hits]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("May 2019", "IMG_0001.jpg"),
        ("24 December 2021", "IMG_0002.jpg"),
        ("receipt from Lisbon", "IMG_0001.jpg"),
        ("Portugal", "IMG_0001.jpg"),
        ("Sydney", "IMG_0002.jpg"),
        ("dinner", "IMG_0001.jpg"),
        ("ferry", "IMG_0003.png"),
        ("Kestrel", "IMG_0001.jpg"),
        (LINES[0], "IMG_0004.png"),  # written in the picture
    ],
)
def test_a_photo_is_found_by_date_place_keyword_caption_and_the_words_in_it(
    photos: Engine, query: str, name: str
) -> None:
    assert found(photos, query)[0] == name


def test_what_a_person_wrote_of_a_photo_is_found_by_other_words(photos: Engine) -> None:
    [first, *_] = photos.search("a boat departs from the pier", lanes=["text"], filters=Filters(paths=("IMG*",))).hits
    assert Path(first.ref.path).name == "IMG_0003.png"


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (Filters(since=datetime(2019, 1, 1), until=datetime(2019, 12, 31)), {"IMG_0001.jpg"}),
        (Filters(since=datetime(2020, 1, 1)), {"IMG_0002.jpg"}),
        (Filters(metadata={"city": "lisb*"}), {"IMG_0001.jpg"}),
        (Filters(metadata={"country": "australia"}), {"IMG_0002.jpg"}),
        (Filters(metadata={"keywords": "ferry"}), {"IMG_0003.png"}),
        (Filters(metadata={"rating": "5"}), {"IMG_0003.png"}),
        (Filters(metadata={"camera": "kestrel*"}), {"IMG_0001.jpg"}),
        (Filters(metadata={"creator": "ana reis"}), {"IMG_0001.jpg"}),
        (Filters(metadata={"year": "2021", "month": "december"}), {"IMG_0002.jpg"}),
        (Filters(kinds=("photo",), paths=("*.png",)), {"IMG_0003.png", "IMG_0004.png"}),
        (Filters(kinds=("pdf",)), set()),
    ],
)
def test_a_filter_leaves_the_photos_that_hold_it(photos: Engine, filters: Filters, names: set[str]) -> None:
    results = photos.search("a picture", filters=filters)
    assert results.pages_searched == len(names)
    assert {Path(hit.ref.path).name for hit in results.hits} == names


def test_a_question_over_photos_is_answered_with_the_photos_that_match(photos: Engine) -> None:
    answer = photos.ask("Show me photos from Sydney")
    assert answer.found
    assert [Path(citation.ref.path).name for citation in answer.citations] == ["IMG_0002.jpg"]
    assert "sydney" in answer.citations[0].claim
    other = photos.ask("Which dog jumps into the water?", filters=Filters(paths=("IMG_0001.jpg", "IMG_0002.jpg")))
    assert not other.found
    assert other.citations
    assert all("approximate" in citation.claim for citation in other.citations), "by the builtin image encoder"


def test_what_is_written_beside_a_photo_later_is_found_and_the_old_is_gone(tmp_path: Path) -> None:
    write_photo(tmp_path / "files" / "IMG_0009.jpg")
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index([tmp_path / "files"], workers=0)
        sidecar = tmp_path / "files" / "IMG_0009.jpg.xmp"
        for words, others in (("walrus", "puffin"), ("puffin", "walrus")):
            sidecar.write_bytes(xmp(keywords=[words]))
            report = engine.index([tmp_path / "files"], workers=0)
            assert report.documents == 1 and len(engine.status().documents) == 1
            assert engine.search(words, lanes=["words"]).hits
            assert not engine.search(others, lanes=["words"]).hits
        assert engine.index([tmp_path / "files"], workers=0).unchanged == 1
        assert engine.check() == []
