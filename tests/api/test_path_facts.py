"""What comes from a path belongs to the path: names, folders, files beside a photo; after renames and with copies."""

from pathlib import Path

import pytest

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.core.types import Filters
from tests.ingest.readers.photo_files import write_photo, xmp


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return pagelens.open(tmp_path / "collection", create=True, profile="builtin")


def found(engine: Engine, query: str) -> list[str]:
    """Return the paths that the words lane finds."""
    return [hit.ref.path for hit in engine.search(query, lanes=["words"]).hits]


def titles(engine: Engine) -> list[str]:
    with engine.snapshot() as snapshot:
        return sorted(row.document.title for row in snapshot.documents.values())


def test_a_photo_of_a_renamed_folder_is_found_by_the_new_name_and_not_by_the_old_one(
    engine: Engine, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    write_photo(photos / "Lisbon 2019" / "a1.jpg")
    engine.index(photos, workers=0)
    (photos / "Lisbon 2019").rename(photos / "Ljubljana castle")
    report = engine.index(photos, workers=0)
    assert (report.documents, report.gone) == (1, [])
    assert report.forgotten == [str(photos / "Lisbon 2019" / "a1.jpg")]
    new = str(photos / "Ljubljana castle" / "a1.jpg")
    assert (found(engine, "lisbon"), found(engine, "ljubljana")) == ([], [new])


def test_a_photo_in_two_albums_is_one_document_that_is_found_by_either(engine: Engine, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    first = write_photo(photos / "Best of 2022" / "x.jpg")
    second = photos / "Wedding Ana" / "quay.jpg"
    second.parent.mkdir()
    second.write_bytes(first.read_bytes())
    engine.index(photos, workers=0)
    assert len(engine.status().documents) == 1
    assert found(engine, "best of 2022") == found(engine, "wedding ana") == found(engine, "quay") == [str(first)]


def test_a_copy_that_was_deleted_no_longer_counts(engine: Engine, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    first = write_photo(photos / "Best" / "x.jpg")
    second = photos / "Wedding" / "x.jpg"
    second.parent.mkdir()
    second.write_bytes(first.read_bytes())
    engine.index(photos, workers=0)
    first.unlink()
    engine.index(photos, workers=0)
    assert (found(engine, "best"), found(engine, "wedding")) == ([], [str(second)])


def test_a_keyword_written_beside_a_photo_counts_for_its_own_path_only(engine: Engine, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photo = write_photo(photos / "x.jpg")
    engine.index(photos, workers=0)
    (photos / "x.xmp").write_bytes(xmp(keywords=["walrus"]))
    assert engine.index(photos, workers=0).documents == 1
    assert found(engine, "walrus") == [str(photo)]
    photo.rename(photos / "y.jpg")
    engine.index(photos, workers=0)
    assert found(engine, "walrus") == []


def test_the_date_in_a_photos_name_changes_with_the_name(engine: Engine, tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "photos" / "IMG_20190503_180709.jpg")
    engine.index(photo.parent, workers=0)
    photo.rename(photo.with_name("IMG_20210704_180709.jpg"))
    engine.index(photo.parent, workers=0)
    (hit,) = engine.search("July 2021", lanes=["words"]).hits
    with engine.snapshot() as snapshot:
        (row,) = snapshot.documents.values()
    assert row.document.metadata["year"] == 2021
    assert hit.ref.path.endswith("IMG_20210704_180709.jpg")


def test_a_text_is_titled_by_the_name_that_it_has(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "kitchen.txt").write_text("Maja Dorn is the cook of Elmhurst.")
    engine.index(folder, workers=0)
    assert titles(engine) == ["kitchen"]
    (folder / "sub").mkdir()
    (folder / "kitchen.txt").rename(folder / "sub" / "kitchen-2024.txt")
    report = engine.index(folder, workers=0)
    assert titles(engine) == ["kitchen 2024"]
    assert report.gone == []
    answer = engine.ask("Who is the cook of Elmhurst?")
    assert [citation.ref.path for citation in answer.citations] == [str(folder / "sub" / "kitchen-2024.txt")]


def test_two_copies_of_a_text_have_the_names_of_both(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in ("orders.txt", "menu.txt"):
        (folder / name).write_text("Barley, leeks and salt.")
    engine.index(folder, workers=0)
    assert titles(engine) == ["menu; orders"]
    assert engine.index(folder, workers=0).unchanged == 2


def test_a_file_that_is_gone_is_named_and_marked_until_it_is_pruned(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    path = folder / "kitchen.txt"
    path.write_text("Maja Dorn is the cook of Elmhurst.")
    engine.index(folder, workers=0)
    assert not engine.search("cook").hits[0].gone
    path.unlink()
    assert engine.index(folder, workers=0).gone == [str(path)]
    assert engine.search("cook").hits[0].gone
    assert any("kitchen.txt is gone" in note for note in engine.ask("Who is the cook of Elmhurst?").notes)
    report = engine.index(folder, prune=True, workers=0)
    assert (report.gone, report.forgotten) == ([], [str(path)])
    assert engine.search("cook").hits == []


def test_a_reread_document_takes_the_place_of_the_older_one_in_one_commit(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("Barley, leeks and salt.")
    engine.index(folder, workers=0)
    with engine.snapshot() as before:
        (old,) = before.documents
        (folder / "a.txt").rename(folder / "b.txt")
        engine.index(folder, workers=0)
        assert list(before.documents) == [old]  # an open snapshot stays as it was
    with engine.snapshot() as after:
        (row,) = after.documents.values()
    assert row.key != old
    assert row.paths == (str(folder / "b.txt"),)
    assert engine.check(deep=True) == []


def test_the_values_of_a_table_move_with_the_file(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "lamp.txt").write_text("A lamp of brass.")
    (tmp_path / "table.csv").write_text("file,price\nlamp.txt,12.5\n")
    engine.index(folder, workers=0)
    engine.load_metadata(tmp_path / "table.csv")
    (folder / "sub").mkdir()
    (folder / "lamp.txt").rename(folder / "sub" / "lamp.txt")
    engine.index(folder, workers=0)
    (hit,) = engine.search("lamp", filters=Filters(metadata={"price": "10..20"})).hits
    assert hit.ref.path == str(folder / "sub" / "lamp.txt")


def test_status_names_the_file_of_a_page_with_a_problem(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes("Каюта".encode("cp1251"))
    engine.index(path, workers=0)
    assert [(where, number) for where, number, _ in engine.status().problem_pages] == [(str(path), 1)]
