"""What cameras, people and programs say about a photo: read from wherever it stands, cleaned, and made words."""

import struct
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pagelens.ingest.readers.photos.exif import read_exif
from pagelens.ingest.readers.photos.iptc import read_iptc
from pagelens.ingest.readers.photos.name_dates import date_in_name
from pagelens.ingest.readers.photos.photo_facts import PhotoFacts, merge_facts, parse_date, parse_rating
from pagelens.ingest.readers.photos.photo_metadata import date_words, folder_words
from pagelens.ingest.readers.photos.photo_reader import open_document
from pagelens.ingest.readers.photos.sidecars import read_export, sidecars
from pagelens.ingest.readers.photos.xmp import read_xmp
from tests.ingest.files import noise
from tests.ingest.readers.photo_files import dataset, exif, iptc, write_export, write_photo, xmp


def metadata_of(path: Path) -> dict[str, Any]:
    with open_document(path, sha256="0" * 64, size=1) as opened:
        return dict(opened.document.metadata)


def caption_of(path: Path) -> str:
    with open_document(path, sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
        return page.caption


def test_exif_texts_of_every_usual_encoding_are_read() -> None:
    entries = Image.Exif()
    entries[0x010E] = "Fähre am Abend".encode()
    entries[0x013B] = "Zoë".encode("latin-1")
    entries[0x8298] = "(c) Ann\0junk"
    entries[0x9C9B] = "Морской вид\0".encode("utf-16-le")
    entries[0x9C9E] = "beach;Sea ;beach;;".encode("utf-16-le")
    entries[0x4746] = 4
    facts = read_exif(entries)
    assert (facts.caption, facts.creator, facts.copyright) == ("Fähre am Abend", "Zoë", "(c) Ann")
    assert (facts.title, facts.keywords, facts.rating) == ("Морской вид", ("beach", "Sea"), 4)


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0a rainy day\0\0",
        b"UNICODE\0" + "a rainy day".encode("utf-16-le"),
        b"UNICODE\0" + "a rainy day".encode("utf-16-be"),
        b"UNICODE\0" + "a rainy day".encode("utf-16"),
    ],
)
def test_a_user_comment_says_its_characters_itself(comment: bytes) -> None:
    entries = Image.Exif()
    entries.get_ifd(0x8769)[0x9286] = comment
    assert read_exif(entries).caption == "a rainy day"


@pytest.mark.parametrize(
    "text", ["OLYMPUS DIGITAL CAMERA         ", "ImageJ=1.53t\nimages=3", '{"model": 1}', "___", ""]
)
def test_what_a_camera_writes_by_itself_is_no_caption(text: str) -> None:
    assert read_exif(exif(caption=text)).caption == ""


def test_an_unknown_lens_is_no_lens() -> None:
    assert read_exif(exif(lens="0.0 mm f/0.0")).lens == ""
    assert read_exif(exif(lens="EF24-70mm f/2.8L")).lens == "EF24-70mm f/2.8L"


def test_xmp_says_what_a_person_wrote() -> None:
    facts = read_xmp(
        xmp(
            title="Sunset",
            caption="The pier\n at  dusk & after",
            keywords=["beach", "Coney Island"],
            people=["Anna"],
            creator="Ben",
            copyright="CC BY",
            attributes={
                "xmp:Rating": "5",
                "exif:DateTimeOriginal": "2019-06-21T20:31:05.12-04:00",
                "exif:GPSLatitude": "40,34.5N",
                "exif:GPSLongitude": "73,58,48W",
                "photoshop:City": "Brooklyn",
                "core:Location": "Luna Park",
                "tiff:Make": "Canon",
                "tiff:Model": "Canon EOS R5",
                "aux:Lens": "RF50",
            },
        )
    )
    assert facts == PhotoFacts(
        taken=datetime(2019, 6, 21, 20, 31, 5),
        latitude=40.575,
        longitude=-73.98,
        camera="Canon EOS R5",
        lens="RF50",
        title="Sunset",
        caption="The pier at dusk & after",
        keywords=("beach", "Coney Island"),
        people=("Anna",),
        rating=5,
        creator="Ben",
        copyright="CC BY",
        place="Luna Park",
        city="Brooklyn",
    )


def test_xmp_properties_may_be_elements_trees_and_faces() -> None:
    inside = """
      <xmp:Rating>3</xmp:Rating>
      <dc:title><rdf:Alt>
        <rdf:li xml:lang="de">Strand</rdf:li><rdf:li xml:lang="x-default">Beach</rdf:li>
      </rdf:Alt></dc:title>
      <lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|Portugal|Lisbon</rdf:li></rdf:Bag></lr:hierarchicalSubject>
      <digiKam:TagsList><rdf:Seq><rdf:li>Food/Fish</rdf:li></rdf:Seq></digiKam:TagsList>
      <rs:Regions rdf:parseType="Resource"><rs:RegionList><rdf:Bag>
        <rdf:li><rdf:Description rs:Name="Carla" rs:Type="Face"/></rdf:li>
        <rdf:li rdf:parseType="Resource"><rs:Name>Dan</rs:Name><rs:Type>Face</rs:Type></rdf:li>
        <rdf:li><rdf:Description rs:Name="Rex" rs:Type="Pet"/></rdf:li>
      </rdf:Bag></rs:RegionList></rs:Regions>"""
    facts = read_xmp(xmp(inside=inside))
    assert (facts.title, facts.rating) == ("Beach", 3)
    assert facts.keywords == ("Places", "Portugal", "Lisbon", "Food", "Fish")
    assert facts.people == ("Carla", "Dan")


def test_xmp_is_read_in_utf_16_and_after_junk() -> None:
    packet = xmp(title="Größe").decode()
    assert read_xmp(packet.encode("utf-16")).title == "Größe"
    assert read_xmp(b"\0\0" + packet.encode() + b"   \0\0").title == "Größe"


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"<rdf:RDF",
        xmp(title="a title")[:-60],
        xmp(title="a title").replace(b"<x:xmpmeta", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x:xmpmeta'),
        b" " * 9_000_000 + xmp(title="a title"),
        b"<rdf:RDF>" * 100_000,
    ],
    ids=["empty", "cut", "no end", "entities", "too long", "deep"],
)
def test_xmp_that_is_broken_or_dangerous_says_nothing(packet: bytes) -> None:
    assert read_xmp(packet) == PhotoFacts()


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("<rdf:RDF>", "</rdf:RDF>"), ("<rdf:RDF><rdf:Description>", "</rdf:Description></rdf:RDF>")],
)
def test_xmp_that_is_nested_deep_is_read_in_time_in_proportion_to_its_length(opening: str, closing: str) -> None:
    """Reading what each of 50,000 nested rdf:RDF holds would take hours."""
    assert read_xmp(xmp(title="Beach", inside=opening * 50_000 + closing * 50_000)).title == "Beach"


def test_xmp_of_many_alternatives_is_read_with_the_default_first() -> None:
    """Comparing each of 100,000 defaults with all others would take hours."""
    alternatives = "<rdf:li>Strand</rdf:li>" + '<rdf:li xml:lang="x-default">Beach</rdf:li>' * 100_000
    assert read_xmp(xmp(inside=f"<dc:rights><rdf:Alt>{alternatives}</rdf:Alt></dc:rights>")).copyright == "Beach"


def test_iptc_in_every_encoding() -> None:
    for encoding in ("utf-8", "latin-1", "utf-8-sig"):
        facts = read_iptc(iptc(encoding=encoding, caption="Düne am Meer", city="Sylt", keywords=["Düne", "Meer"]))
        assert (facts.caption, facts.city, facts.keywords) == ("Düne am Meer", "Sylt", ("Düne", "Meer")), encoding
    assert read_iptc(iptc(date="20190621", title="x")).taken == datetime(2019, 6, 21)
    assert read_iptc(iptc(date="19870600")).partial_date == "1987-06"


def test_an_iptc_entry_may_be_long_and_a_broken_one_ends_the_block() -> None:
    long = b"\x1c\x02\x78\x80\x04" + struct.pack(">I", 40_000) + b"word " * 8_000
    facts = read_iptc(dataset(2, 5, b"a title") + long + b"\x1c\x02\x19\xff\xff")
    assert facts.title == "a title"
    assert facts.caption == " ".join(["word"] * 200)  # 999 characters of 40,000
    assert facts.keywords == ()


@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_iptc_and_xmp(content: bytes) -> None:
    read_iptc(content)
    read_iptc(b"\x1c\x02\x78" + content)
    read_xmp(content)
    read_xmp(b"<rdf:RDF>" + content)
    read_export(content)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_iptc_stands_in_jpeg_and_tiff(tmp_path: Path, form: str) -> None:
    path = write_photo(
        tmp_path / "x", form=form, iptc=iptc(caption="Ein Hafen", country="Österreich", keywords=["Boot"])
    )
    kept = metadata_of(path)
    assert (kept["caption"], kept["country"], kept["keywords"]) == ("Ein Hafen", "Österreich", "Boot")


def test_iptc_in_a_tiff_may_be_stored_as_words_of_32_bits(tmp_path: Path) -> None:
    block = iptc(caption="Ein Hafen", keywords=["Boot"])
    block += b"\0" * (-len(block) % 4)
    path = write_photo(tmp_path / "x.tif", form="TIFF", iptc=block)
    stored, as_words = struct.pack("<HHI", 33723, 7, len(block)), struct.pack("<HHI", 33723, 4, len(block) // 4)
    assert path.read_bytes().count(stored) == 1
    path.write_bytes(path.read_bytes().replace(stored, as_words))  # the same bytes, called words
    assert metadata_of(path)["caption"] == "Ein Hafen"


def test_texts_of_a_png_are_read(tmp_path: Path) -> None:
    texts = PngInfo()
    texts.add_text("Title", "Chart")
    texts.add_itxt("Description", "Größen im Vergleich")
    texts.add_text("Creation Time", "2020-02-29 10:00:00")
    noise(9, 9).save(tmp_path / "x.png", pnginfo=texts)
    kept = metadata_of(tmp_path / "x.png")
    assert (kept["title"], kept["caption"], kept["year"]) == ("Chart", "Größen im Vergleich", 2020)


def test_what_a_person_edited_counts_before_what_a_camera_wrote(tmp_path: Path) -> None:
    path = write_photo(
        tmp_path / "x.jpg",
        exif=exif(taken=datetime(2019, 6, 21), caption="of the camera", camera=("Canon", "EOS")),
        xmp=xmp(caption="embedded", keywords=["sea"], attributes={"xmp:CreateDate": "2001-01-01"}),
        iptc=iptc(caption="old", keywords=["Sea", "sun"]),
    )
    kept = metadata_of(path)
    assert (kept["caption"], kept["keywords"], kept["year"]) == ("embedded", "sea; sun", 2019)
    path.with_suffix(".xmp").write_bytes(xmp(caption="from beside", attributes={"xmp:Rating": "4"}))
    kept = metadata_of(path)
    assert (kept["caption"], kept["rating"], kept["camera"]) == ("from beside", 4, "Canon EOS")


@pytest.mark.parametrize("name", ["x.jpg.xmp", "x.xmp", "x.XMP"])
def test_an_xmp_file_beside_a_photo_is_found_by_the_names_programs_use(tmp_path: Path, name: str) -> None:
    path = write_photo(tmp_path / "x.jpg")
    (tmp_path / name).write_bytes(xmp(title="Beside"))
    (tmp_path / "other.xmp").write_bytes(xmp(title="Of another"))
    assert sidecars(path) == [tmp_path / name]
    assert metadata_of(path)["title"] == "Beside"


@pytest.mark.parametrize(
    ("photo", "export"),
    [
        ("beach.jpg", "beach.jpg.json"),
        ("beach.jpg", "beach.jpg.supplemental-metadata.json"),
        ("beach(1).jpg", "beach.jpg(1).json"),
        ("beach(1).jpg", "beach.jpg.supplemental-metadata(1).json"),
        ("PXL_20230401_101112131.jpg", "PXL_20230401_101112131.jpg.supplemental-metada.json"),
        (
            "a name that is so long that it is cut off at the end.jpg",
            "a name that is so long that it is cut off at t.json",
        ),
    ],
)
def test_an_export_of_google_is_found_and_read(tmp_path: Path, photo: str, export: str) -> None:
    path = write_photo(tmp_path / photo)
    write_export(
        path,
        name=export,
        photoTakenTime={"timestamp": "1561149065"},
        description="At the pier",
        geoData={"latitude": 40.5749, "longitude": -73.9857},
        geoDataExif={"latitude": 0.0, "longitude": 0.0},
        people=[{"name": "Anna"}, {"no": 1}],
    )
    kept = metadata_of(path)
    assert (kept["caption"], kept["people"], kept["place"]) == ("At the pier", "Anna", "Coney Island")
    assert "year" in kept


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"photoTakenTime": 3}', b'{"photoTakenTime": {}, "people": "x"}', b"[" * 99_999]
)
def test_a_broken_export_says_nothing(content: bytes) -> None:
    assert read_export(content) == PhotoFacts()


def test_an_export_says_when_by_seconds_since_1970() -> None:
    assert read_export(b'{"photoTakenTime": {"timestamp": "1561149065"}}').instant == datetime(2019, 6, 21, 20, 31, 5)


def test_long_and_dirty_texts_are_cut_and_cleaned(tmp_path: Path) -> None:
    path = write_photo(
        tmp_path / "x.png",
        form="PNG",
        xmp=xmp(
            title="a\u202eb\u200bc",
            caption="word " * 100_000,
            keywords=[f"k{n}" for n in range(1_200)],
            creator="y" * 9_999,
        ),
    )
    kept = metadata_of(path)
    assert kept["title"] == "abc"
    assert len(kept["caption"]) <= 1_000
    assert len(kept["creator"]) <= 200
    assert kept["keywords"].split("; ") == [f"k{n}" for n in range(1_000)]
    assert len(caption_of(path)) < 9_000


@pytest.mark.parametrize(
    ("text", "taken", "when"),
    [
        ("2019:05:03 18:07:09", datetime(2019, 5, 3, 18, 7, 9), ""),
        ("2019-05-03T18:07-04:00", datetime(2019, 5, 3, 18, 7), ""),
        ("20190503 180709+0200", datetime(2019, 5, 3, 18, 7, 9), ""),
        ("2019-05-03", datetime(2019, 5, 3), ""),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59), ""),
        ("1987-06", None, "1987-06"),
        ("19870000", None, "1987"),
        ("1987", None, "1987"),
        ("0000:00:00 00:00:00", None, ""),
        ("    :  :     :  :  ", None, ""),
        ("yesterday", None, ""),
    ],
)
def test_dates_as_programs_write_them(text: str, taken: datetime | None, when: str) -> None:
    assert parse_date(text) == (taken, when)


@pytest.mark.parametrize(
    ("stem", "taken"),
    [
        ("IMG_20190503_180709", datetime(2019, 5, 3, 18, 7, 9)),
        ("PXL_20190503_180709123.MP", datetime(2019, 5, 3, 18, 7, 9)),
        ("2019-05-03 18.07.09", datetime(2019, 5, 3, 18, 7, 9)),
        ("Screenshot 2019-05-03 at 18.07.09", datetime(2019, 5, 3, 18, 7, 9)),
        ("Screenshot_2019-05-03-18-07-09", datetime(2019, 5, 3, 18, 7, 9)),
        ("IMG-20190503-WA0001", datetime(2019, 5, 3)),
        ("20190231", None),
        ("DSC01234", None),
        ("invoice 120190503", None),
        ("1024x20190101x", datetime(2019, 1, 1)),
        ("photo", None),
    ],
)
def test_a_date_in_a_name_is_read(stem: str, taken: datetime | None) -> None:
    assert date_in_name(stem) == taken


def test_when_a_photo_was_taken_in_words() -> None:
    june = datetime(2019, 6, 21)
    assert date_words(PhotoFacts(taken=june)) == "Friday 21 June 2019"
    assert date_words(PhotoFacts(taken=june, latitude=52.0)) == "Friday 21 June 2019, summer"
    assert date_words(PhotoFacts(taken=june, latitude=-33.0)) == "Friday 21 June 2019, winter"
    assert date_words(PhotoFacts(taken=june, latitude=1.0)) == "Friday 21 June 2019"
    assert date_words(PhotoFacts(partial_date="1987-12")) == "December 1987"
    assert date_words(PhotoFacts(partial_date="1987")) == "1987"
    assert date_words(PhotoFacts()) == ""


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/home/ann/Pictures/2019/Lisbon_trip/DCIM/100CANON/IMG_1.jpg", ["2019", "Lisbon trip"]),
        ("/home/ann/beach.jpg", []),
        ("/Users/ann/Pictures/Photos Library.photoslibrary/originals/A/x.jpg", []),
        ("/mnt/nas/archive/weddings/Mia and Tom/x.jpg", ["weddings", "Mia and Tom"]),
        ("/data/Photos/.hidden/2019/06/21/x.jpg", ["2019"]),
        ("/x.jpg", []),
    ],
)
def test_folders_that_say_something_are_words(path: str, words: list[str]) -> None:
    assert folder_words(Path(path)) == words


def test_stars() -> None:
    assert [parse_rating(value) for value in (1, "5", "4.0", 3.0)] == [1, 5, 4, 3]
    assert [parse_rating(value) for value in (0, -1, 6, "many", None, float("inf"), (1, 2))] == [0] * 7


def test_a_position_is_of_one_source() -> None:
    facts = merge_facts(
        camera_sources=[PhotoFacts(latitude=1.0), PhotoFacts(latitude=2.0, longitude=3.0)], text_sources=[]
    )
    assert (facts.latitude, facts.longitude) == (2.0, 3.0)


def test_dates_that_are_known_in_part_come_from_the_camera_sources() -> None:
    facts = merge_facts(
        camera_sources=[PhotoFacts(partial_date="1987")], text_sources=[PhotoFacts(partial_date="1990")]
    )
    assert facts.partial_date == "1987"
