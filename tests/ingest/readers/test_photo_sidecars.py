"""Files beside a photo: all are merged, none goes to another photo, and all count as used."""

import os
from pathlib import Path
from typing import Any

import pytest

from pagelens.ingest.events import Skipped
from pagelens.ingest.files.path_facts import path_facts_digest
from pagelens.ingest.files.walk import Source, walk
from pagelens.ingest.readers.photos.photo_facts import MAX_KEYWORDS
from pagelens.ingest.readers.photos.photo_reader import open_document
from pagelens.ingest.readers.photos.sidecars import sidecars, used_sidecars
from tests.ingest.readers.photo_files import write_export, write_photo, xmp


def metadata_of(path: Path) -> dict[str, Any]:
    with open_document(path, sha256="0" * 64, size=1) as opened:
        return dict(opened.document.metadata)


def for_extension(extension: str, keyword: str) -> bytes:
    return xmp(keywords=[keyword], attributes={"photoshop:SidecarForExtension": extension})


def test_all_xmp_files_are_merged_and_that_of_the_whole_name_comes_first(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "IMG_6.jpg")
    (tmp_path / "IMG_6.xmp").write_bytes(xmp(keywords=["pelican"], title="of the stem"))
    (tmp_path / "IMG_6.jpg.xmp").write_bytes(xmp(keywords=["sea"], title="of the name"))
    metadata = metadata_of(path)
    assert (metadata["keywords"], metadata["title"]) == ("sea; pelican", "of the name")


@pytest.mark.parametrize("name", ["IMG_8.JPG.XMP", "img_8.jpg.xmp", "Img_8.xmp", "IMG_8.Xmp"])
def test_the_case_of_names_does_not_matter(tmp_path: Path, name: str) -> None:
    path = write_photo(tmp_path / "IMG_8.jpg")
    (tmp_path / name).write_bytes(xmp(keywords=["osprey"]))
    assert metadata_of(path)["keywords"] == "osprey"


@pytest.mark.parametrize(
    ("photo", "extension", "is_read"),
    [
        ("a.jpg", "JPG", True),
        ("a.jpeg", "jpg", True),
        ("a.heic", "HEIF", True),
        ("a.jpg", "", True),
        ("a.jpg", "MOV", False),
        ("a.jpg", "NEF", False),
        ("a.heic", "jpg", False),
    ],
)
def test_an_xmp_file_that_names_another_extension_is_of_another_file(
    tmp_path: Path, photo: str, extension: str, is_read: bool
) -> None:
    path = write_photo(tmp_path / photo)
    (tmp_path / "a.xmp").write_bytes(for_extension(extension, "walrus"))
    assert (metadata_of(path).get("keywords") == "walrus") is is_read
    assert bool(sidecars(path)) is is_read
    assert used_sidecars(tmp_path) == ({"a.xmp"} if is_read else frozenset())


def test_files_that_are_read_with_their_photo_are_no_files_of_their_own(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "a.jpg")
    write_export(path)
    (tmp_path / "a.xmp").write_bytes(xmp(keywords=["sea"]))
    (tmp_path / "b.xmp").write_bytes(xmp(keywords=["of nothing here"]))
    (tmp_path / "data.json").write_text("{}")
    events = list(walk([tmp_path]))
    skipped = {event.path.name: event.code for event in events if isinstance(event, Skipped)}
    assert skipped == {
        "a.xmp": "sidecar",
        "a.jpg.supplemental-metadata.json": "sidecar",
        "data.json": "only-if-named",
    }
    assert [event.path.name for event in events if isinstance(event, Source)] == ["a.jpg", "b.xmp"]
    named = list(walk([tmp_path / "a.xmp"]))
    assert [type(event) for event in named] == [Source], "what is named is read or refused"


def test_an_export_that_fits_two_photos_goes_to_that_of_its_title(tmp_path: Path) -> None:
    first, second = write_photo(tmp_path / "a.jpg"), write_photo(tmp_path / "a.png", form="PNG")
    write_export(first, name="a.json", title="a.png", description="a heron")
    assert "caption" not in metadata_of(first)
    assert metadata_of(second)["caption"] == "a heron"


def test_an_export_without_a_title_that_fits_two_photos_goes_to_none(tmp_path: Path) -> None:
    first, second = write_photo(tmp_path / "a.jpg"), write_photo(tmp_path / "a.png", form="PNG")
    write_export(first, name="a.json", title=None, description="a heron")
    assert "caption" not in metadata_of(first)
    assert "caption" not in metadata_of(second)


def test_a_new_file_beside_a_photo_changes_what_comes_from_its_paths(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "a.jpg")
    before = path_facts_digest("photo", [path])
    (tmp_path / "A.JPG.XMP").write_bytes(xmp(keywords=["sea"]))
    assert path_facts_digest("photo", [path]) != before


@pytest.mark.parametrize("changed", [1_000_000_000, 4_000_000_000])
def test_a_folder_that_has_not_just_changed_is_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: int
) -> None:
    path = write_photo(tmp_path / "a.jpg")
    (tmp_path / "a.xmp").write_bytes(xmp(keywords=["sea"]))
    os.utime(tmp_path, (changed, changed))
    listed: list[Path] = []
    list_names = os.listdir

    def listdir(folder: Path) -> list[str]:
        listed.append(folder)
        return list_names(folder)

    monkeypatch.setattr(os, "listdir", listdir)
    assert [sidecars(path), sidecars(path)] == [[tmp_path / "a.xmp"]] * 2
    assert len(listed) == 1
    (tmp_path / "a.jpg.xmp").write_bytes(xmp(keywords=["sand"]))
    assert sidecars(path) == [tmp_path / "a.jpg.xmp", tmp_path / "a.xmp"]


def test_keywords_beyond_the_limit_are_counted_and_said(tmp_path: Path) -> None:
    few = write_photo(tmp_path / "few.jpg", xmp=xmp(keywords=[f"k{number}" for number in range(51)]))
    assert metadata_of(few)["keywords"].count("; ") == 50
    many = write_photo(
        tmp_path / "many.png", form="PNG", xmp=xmp(keywords=[f"k{number}" for number in range(MAX_KEYWORDS + 13)])
    )
    with open_document(many, sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
    assert page.problem == "13 keywords or people were left out: of each at most 1000 are kept"
    with open_document(few, sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
    assert page.problem == ""
