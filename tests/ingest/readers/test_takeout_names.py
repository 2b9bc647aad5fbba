"""The JSON files of a Google Photos export go to their photos, whatever was cut off or added, and to no other photo."""

import unicodedata

import pytest

from pagelens.ingest.readers.photos.takeout_names import CUT_UNITS, EDITED, assign_exports

LONG = "a-very-long-name-of-a-photograph-from-the-holiday-by-the-sea"  # 60 characters
EMOJI = "😀" * 30  # 60 UTF-16 units


def export_of(photo: str, *others: str) -> str | None:
    return assign_exports([photo, *others]).get(photo)


@pytest.mark.parametrize(
    ("photo", "export"),
    [
        ("lake.jpg", "lake.jpg.json"),
        ("lake.jpg", "lake.jpg.supplemental-metadata.json"),
        ("LAKE.JPG", "lake.jpg.Supplemental-Metadata.JSON"),
        ("lake.jpg", "lake.jpg.supplemental-meta.json"),
        ("lake.jpg", "lake.jpg.s.json"),
        ("lake.jpg", "lake.jpg..json"),
        ("lake(2).jpg", "lake.jpg(2).json"),
        ("lake(2).jpg", "lake.jpg.supplemental-metadata(2).json"),
        ("lake(2).jpg", "lake.jpg.suppl(2).json"),
        ("lake(2).jpg", "lake(2).jpg.supplemental-metadata.json"),
        ("Walnut Cookies.jpg", "Walnut Cookies.json"),
        ("Walnut Cookies.jpg", "Walnut Cookies.supplemental-metadata.json"),
        ("Walnut Cookies.jpg", "Walnut Cookies.supplemental-m.json"),
        ("Walnut Cookies(1).jpg", "Walnut Cookies.supplemental-metadata(1).json"),
        ("Walnut Cookies(1).jpg", "Walnut Cookies(1).supplemental-metadata.json"),
        ("2234089303984.jpg", "2234089303984.supplemental-metadata.json"),
        ("harbour.HEIC.jpg", "harbour.HEIC.supplemental-metadata.json"),
        (f"{LONG[:47]}.jpg", f"{LONG[:46]}.json"),
        (f"{LONG[:47]}.jpg", f"{LONG[:47]}.json"),
        (f"{LONG[:47]}(1).jpg", f"{LONG[:46]}(1).json"),
        (f"{LONG}.jpg", f"{LONG[:46]}.json"),
        (f"{LONG}.jpg", f"{LONG[:51]}.json"),
        (f"{LONG[:44]}.jpg", f"{LONG[:44]}.j.json"),
        (f"{EMOJI[:23]}.jpg", f"{EMOJI[:23]}.json"),
        (f"{EMOJI}.jpg", f"{EMOJI[:23]}.json"),
        (f"x{EMOJI}.jpg", f"x{EMOJI[:22]}.json"),
        (f"x{EMOJI}.jpg", f"x{EMOJI[:22]}\ufffd.json"),
        (unicodedata.normalize("NFD", "Été à Nîmes.jpg"), unicodedata.normalize("NFC", "Été à Nîmes.jpg.json")),
    ],
)
def test_an_export_is_given_to_its_photo(photo: str, export: str) -> None:
    assert export_of(photo, export) == export


@pytest.mark.parametrize(
    ("photo", "export"),
    [
        ("lake.jpg", "lake.jpg(1).json"),
        ("lake(1).jpg", "lake.jpg.json"),
        ("lake(1).jpg", "lake.jpg(2).json"),
        ("lake.jpg", "lake2.jpg.json"),
        ("lake.jpg", "lak.json"),
        ("lake.jpg", "lake.png.json"),
        ("lake-mix.jpg", "lake.jpg.json"),
        ("lake-red.jpg", "lake.jpg.json"),
        (f"{LONG}.jpg", f"{LONG[:30]}.json"),
        (f"{LONG}.jpg", f"{LONG[:45]}.json"),
        (f"{LONG}.jpg", f"{LONG[:46]}(1).json"),
        (f"x{EMOJI}.jpg", f"x{EMOJI[:21]}.json"),
        ("lake.txt", "lake.txt.json"),
        ("lake.jpg", "lake.jpg.xml"),
    ],
)
def test_an_export_of_another_photo_is_not(photo: str, export: str) -> None:
    assert export_of(photo, export) is None


@pytest.mark.parametrize("word", ["-edited", "-bearbeitet", "-modifié", "-editado", "-编辑", "-編集済み", "-EFFECTS"])
@pytest.mark.parametrize(
    ("copy", "export"),
    [
        ("IMG_1{}.jpg", "IMG_1.jpg.json"),
        ("IMG_1{}.jpg", "IMG_1.HEIC.supplemental-metadata.json"),
        ("IMG_1{}.jpg", "IMG_1.supplemental-metadata.json"),
        ("IMG_1{}(1).jpg", "IMG_1.jpg(1).json"),
        ("IMG_1(1){}.jpg", "IMG_1.jpg.supplemental-metadata(1).json"),
    ],
)
def test_an_edited_copy_has_the_export_of_its_original(word: str, copy: str, export: str) -> None:
    name = copy.format(word)
    assert assign_exports([name, "IMG_1.jpg", export])[name] == export
    assert export_of(unicodedata.normalize("NFD", name), export) == export


def test_the_words_for_edited_are_folded_and_begin_with_a_hyphen() -> None:
    assert all(word.startswith("-") and len(word) > 2 for word in EDITED)
    assert len(set(EDITED)) == len(EDITED)
    assert "-modifié" in EDITED
    assert "-modificato" in EDITED


def test_an_edited_copy_does_not_take_the_export_from_its_original() -> None:
    names = ["IMG_1.jpg", "IMG_1-edited.jpg", "IMG_1.jpg.json"]
    assert assign_exports(names) == {"IMG_1.jpg": "IMG_1.jpg.json", "IMG_1-edited.jpg": "IMG_1.jpg.json"}


def test_the_word_for_edited_may_be_cut_off() -> None:
    original = LONG[:44]
    copy, export = f"{original}-ed.jpg", f"{original}.j.json"
    assert len(f"{original}-ed") == 47
    assert assign_exports([copy, f"{original}.jpg", export]) == {f"{original}.jpg": export, copy: export}
    assert export_of("IMG_1-ed.jpg", "IMG_1.jpg.json") is None, "of a short name nothing was cut off"


def test_the_better_match_has_the_export() -> None:
    assert assign_exports(["a.HEIC", "a.HEIC.jpg", "a.HEIC.json"]) == {"a.HEIC": "a.HEIC.json"}
    assert assign_exports(["a.jpg", "A.jpg", "A.jpg.json"]) == {"A.jpg": "A.jpg.json"}
    assert assign_exports(["a.jpg", "a.JPG", "a.jpg.json", "a.JPG.json"]) == {
        "a.jpg": "a.jpg.json",
        "a.JPG": "a.JPG.json",
    }
    whole, longer = LONG[:46], LONG[:47]
    assert assign_exports([f"{whole}.jpg", f"{longer}.jpg", f"{whole}.jpg.json"]) == {
        f"{whole}.jpg": f"{whole}.jpg.json"
    }


def test_of_equal_matches_the_title_decides_else_none_has_the_export() -> None:
    names = ["a.jpg", "a.png", "a.json"]
    assert assign_exports(names) == {}
    assert assign_exports(names, {"a.json": "a.png"}.__getitem__) == {"a.png": "a.json"}
    cut = [f"{LONG[:46]}1.jpg", f"{LONG[:46]}2.jpg", f"{LONG[:46]}.json"]
    assert assign_exports(cut) == {}
    assert assign_exports(cut, lambda _: cut[1]) == {cut[1]: cut[2]}


def test_names_are_cut_to_the_lengths_that_were_met() -> None:
    assert CUT_UNITS == (46, 47, 51)


def test_a_large_folder_is_assigned_in_time_in_proportion() -> None:
    names = [name for number in range(5_000) for name in (f"IMG_{number}.jpg", f"IMG_{number}.jpg.json")]
    assert assign_exports(names) == {f"IMG_{number}.jpg": f"IMG_{number}.jpg.json" for number in range(5_000)}
