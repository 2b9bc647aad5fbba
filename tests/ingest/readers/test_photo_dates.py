"""When a photo was taken: the first plausible source, local days of times in UTC, names, PNG, last resorts."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pagelens.core.types import DATE_UNCERTAINTY, ONE_DAY
from pagelens.ingest.readers.photos import local_time as local_time_module
from pagelens.ingest.readers.photos.exif import read_exif, read_last_resort_date
from pagelens.ingest.readers.photos.local_time import SOLAR_ERROR, local_time
from pagelens.ingest.readers.photos.name_dates import date_in_name, facts_in_name
from pagelens.ingest.readers.photos.photo_facts import PhotoFacts, merge_facts, parse_date, plausible
from pagelens.ingest.readers.photos.photo_reader import open_document
from pagelens.ingest.readers.photos.png_facts import creation_time
from pagelens.ingest.readers.photos.xmp import read_xmp
from tests.ingest.files import noise
from tests.ingest.readers.photo_files import exif, write_export, write_photo, xmp

TOKYO, LISBON, KASHGAR = (35.6586, 139.7454), (38.7166, -9.1333), (39.47, 75.99)
MAY = datetime(2019, 5, 3, 18, 7, 9)


def document_of(path: Path) -> Any:
    with open_document(path, sha256="0" * 64, size=1) as opened:
        return opened.document


def exif_with(*, original: str = "", changed: str = "", gps: Mapping[int, Any] | None = None) -> Image.Exif:
    container = Image.Exif()
    if changed:
        container[0x0132] = changed
    if original:
        container.get_ifd(0x8769)[0x9003] = original
    if gps:
        container.get_ifd(0x8825).update(gps)
    return container


@pytest.mark.parametrize(
    "impossible",
    [
        "0001:01:01 00:00:00",
        "9999:12:31 00:00:00",
        "0000:00:00 00:00:00",
        "1904:01:01 00:00:00",
        "1970:01:01 00:00:00",
        "1970:01:01 01:00:00",
        "1980:01:01 00:00:00",
        "1799:12:31 10:00:00",
        "2999:01:01 10:00:00",
        "2019:13:45 10:00:00",
        "    :  :     :  :  ",
    ],
)
def test_an_impossible_date_gives_way_to_the_next_source(tmp_path: Path, impossible: str) -> None:
    path = write_photo(tmp_path / "IMG_20170415_101500.jpg", exif=exif_with(original=impossible))
    assert document_of(path).date == datetime(2017, 4, 15, 10, 15)
    alone = write_photo(tmp_path / "x.jpg", exif=exif_with(original=impossible))
    assert document_of(alone).date is None


def test_what_is_plausible() -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    assert plausible(now + timedelta(hours=14))
    assert not plausible(now + timedelta(days=2))
    assert plausible(datetime(1800, 1, 1))
    assert not plausible(datetime(1799, 12, 31))
    assert plausible(datetime(1970, 1, 1, 14, 1))
    assert plausible(datetime(1980, 1, 1, 0, 0, 1))
    assert not plausible(datetime(1969, 12, 31, 16))
    assert not plausible(None)


def test_an_impossible_year_is_no_partial_date() -> None:
    facts = [PhotoFacts(partial_date="9999"), PhotoFacts(partial_date="1987-06")]
    assert merge_facts(facts, []).partial_date == "1987-06"


def test_hour_24_is_midnight_of_the_same_day_and_a_time_that_cannot_be_is_left_out() -> None:
    assert parse_date("2017:04:30 24:10:15") == (datetime(2017, 4, 30, 0, 10, 15), "")
    assert parse_date("2017:04:30 25:10:15") == (datetime(2017, 4, 30), "")
    assert parse_date("2017:04:30 10:61:00") == (datetime(2017, 4, 30), "")
    assert parse_date("2017:04:31 10:00:00") == (None, "2017-04")


@pytest.mark.parametrize(
    ("stem", "taken", "is_utc"),
    [
        ("20190503180709", MAY, False),
        ("IMG20190503180709", MAY, False),
        ("IMG_20190503180709_001", MAY, False),
        ("20190503180709123", MAY, False),
        ("IMG_20190503_180709123", MAY, False),
        ("Screenshot_2019-05-03-18-07-09-123_org.example", MAY, False),
        ("20190503_180709_3D657EBD", MAY, False),
        ("PXL_20190503_180709123.MP", MAY, True),
        ("PXL_20190503_180709123~2", MAY, True),
        ("mmexport1556906829000", MAY, True),
        ("FB_IMG_1556906829123", MAY, True),
        ("PXL_20190503", datetime(2019, 5, 3), False),
        ("20190503189999", None, False),
        ("120190503180709", None, False),
        ("1556906829000", None, False),
        ("mmexport9999999999999", None, False),
        ("22-04-06 15-21-03 2160", None, False),
    ],
)
def test_dates_in_names(stem: str, taken: datetime | None, is_utc: bool) -> None:
    assert date_in_name(stem) == taken
    assert (facts_in_name(stem).instant is not None) is is_utc


def test_an_instant_is_shown_as_the_local_day_of_its_place(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "DSC00017.JPG")
    latitude, longitude = TOKYO
    place = {"latitude": latitude, "longitude": longitude}
    write_export(path, photoTakenTime={"timestamp": "1546297200"}, geoData=place)
    document = document_of(path)
    assert document.date == datetime(2019, 1, 1, 8)
    assert (document.metadata["year"], document.metadata["month"]) == (2019, "January")
    assert DATE_UNCERTAINTY not in document.metadata


def test_without_a_place_the_day_of_an_instant_is_uncertain_and_said_to_be(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "DSC00017.JPG")
    write_export(path, photoTakenTime={"timestamp": "1546297200"})
    with open_document(path, sha256="0" * 64, size=1) as opened:
        (page,) = opened.pages(1)
        assert opened.document.date == datetime(2018, 12, 31, 23)
        assert opened.document.metadata[DATE_UNCERTAINTY] == ONE_DAY
        assert "31 December 2018 (uncertain by a day)" in page.caption


def test_local_times_follow_the_zones_of_law_with_their_summer_time() -> None:
    noon = datetime(2019, 7, 1, 12)
    assert local_time(noon, *LISBON) == (datetime(2019, 7, 1, 13), True)
    assert local_time(noon.replace(month=1), *LISBON) == (datetime(2019, 1, 1, 12), True)
    assert local_time(noon, *KASHGAR) == (datetime(2019, 7, 1, 20), True)
    assert local_time(noon, -33.86, 151.21) == (datetime(2019, 7, 1, 22), True)
    assert local_time(noon, 0.0, -30.0) == (datetime(2019, 7, 1, 10), True)
    assert local_time(noon, None, None) == (noon, False)


def test_without_the_zones_borders_the_sun_gives_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_time_module, "_zone", lambda *_: None)
    assert timedelta(hours=3.5) < SOLAR_ERROR < timedelta(hours=5)
    assert local_time(datetime(2019, 7, 1, 3), *TOKYO) == (datetime(2019, 7, 1, 12), True)
    assert local_time(datetime(2018, 12, 31, 16), *TOKYO) == (datetime(2019, 1, 1, 1), False)
    assert local_time(datetime(2018, 12, 31, 12), *TOKYO) == (datetime(2018, 12, 31, 21), False)


def test_a_time_of_xmp_in_utc_is_an_instant() -> None:
    assert read_xmp(xmp(attributes={"exif:DateTimeOriginal": "2019-05-03T18:07:09Z"})).instant == MAY
    assert read_xmp(xmp(attributes={"exif:DateTimeOriginal": "2019-05-03T18:07:09.25+02:00"})).taken == MAY
    impossible = {"exif:DateTimeOriginal": "0001-01-01T00:00:00", "xmp:CreateDate": "2019-05-03T18:07:09"}
    assert read_xmp(xmp(attributes=impossible)).taken == MAY


def test_the_date_of_the_last_change_is_a_last_resort(tmp_path: Path) -> None:
    container = exif_with(changed="2003:06:14 11:20:31")
    assert document_of(write_photo(tmp_path / "x.jpg", exif=container)).date == datetime(2003, 6, 14, 11, 20, 31)
    assert document_of(write_photo(tmp_path / "2002-06-14.jpg", exif=container)).date == datetime(2002, 6, 14)
    both = exif_with(original="2001:06:14 11:20:31", changed="2003:06:14 11:20:31")
    assert document_of(write_photo(tmp_path / "y.jpg", exif=both)).date == datetime(2001, 6, 14, 11, 20, 31)
    exported = write_photo(tmp_path / "z.jpg", exif=container)
    write_export(exported, photoTakenTime={"timestamp": "1000000000"})
    assert document_of(exported).date == datetime(2001, 9, 9, 1, 46, 40)


SIGNAL = {29: "2018:02:10", 7: (23.0, 4.0, 5.0), 1: "S", 2: (33.0, 51.0, 30.0), 3: "E", 4: (151.0, 12.0, 40.0)}


def test_the_date_of_the_satellites_is_a_last_resort_in_utc(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "drone.jpg", exif=exif_with(gps=SIGNAL))
    assert document_of(path).date == datetime(2018, 2, 11, 10, 4, 5), "Sydney, in summer"
    assert read_last_resort_date(exif_with(gps={29: "2018:02:10"})).instant == datetime(2018, 2, 10, 12)
    assert read_last_resort_date(exif_with(gps={29: "0000:00:00", 7: (1.0, 0.0, 0.0)})) == PhotoFacts()


def test_of_the_last_change_and_the_satellites_the_local_one_counts_where_they_agree() -> None:
    agreeing = exif_with(changed="2018:02:11 10:04:05", gps=SIGNAL)
    assert read_last_resort_date(agreeing) == PhotoFacts(taken=datetime(2018, 2, 11, 10, 4, 5))
    edited = exif_with(changed="2022:01:01 10:00:00", gps=SIGNAL)
    assert read_last_resort_date(edited) == PhotoFacts(instant=datetime(2018, 2, 10, 23, 4, 5))


@pytest.mark.parametrize("seconds", [float("nan"), 0.0])
def test_seconds_of_a_position_that_are_not_known_count_as_none(seconds: float) -> None:
    gps = {1: "N", 2: (48.0, 12.3, seconds), 3: "E", 4: (16.0, 22.4, seconds)}
    facts = read_exif(exif_with(gps=gps))
    assert facts.latitude == pytest.approx(48.205)
    assert facts.longitude == pytest.approx(16.373333)
    unknown = {1: "N", 2: (48.0, float("nan"), 0.0), 3: "E", 4: (16.0, 22.4, 0.0)}
    assert read_exif(exif_with(gps=unknown)).latitude is None


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Fri, 03 May 2019 18:07:09 GMT", PhotoFacts(instant=MAY)),
        ("Fri, 3 May 2019 18:07:09 +0200", PhotoFacts(taken=MAY)),
        ("3 May 2019 18:07:09", PhotoFacts(taken=MAY)),
        ("Fri May  3 18:07:09 2019", PhotoFacts(taken=MAY)),
        ("Fri 03 May 2019 06:07:09 PM CEST", PhotoFacts(taken=MAY)),
        ("2019:05:03 18:07:09", PhotoFacts(taken=MAY)),
        ("2019-05-03T18:07:09Z", PhotoFacts(instant=MAY)),
        ("2019-05-03T18:07:09+00:00", PhotoFacts(instant=MAY)),
        ("2019-05-03T18:07:09+02:00", PhotoFacts(taken=MAY)),
        ("2019-05-03 18:07:09 UTC", PhotoFacts(instant=MAY)),
        ("20190503T180709", PhotoFacts(taken=MAY)),
        ("13/5/2019 6:07 PM", PhotoFacts(taken=datetime(2019, 5, 13, 18, 7))),
        ("5/13/2019", PhotoFacts(taken=datetime(2019, 5, 13))),
        ("5/3/2019", PhotoFacts(partial_date="2019")),
        ("yesterday", PhotoFacts()),
        ("", PhotoFacts()),
    ],
)
def test_the_creation_time_of_a_png_in_any_form(text: str, facts: PhotoFacts) -> None:
    assert creation_time(text) == facts


@pytest.mark.parametrize("name", ["Creation Time", "creation time", "create-date"])
def test_a_png_states_its_creation_under_several_names(tmp_path: Path, name: str) -> None:
    texts = PngInfo()
    texts.add_text(name, "Fri, 3 May 2019 18:07:09 +0200")
    noise(20, 10).save(tmp_path / "x.png", pnginfo=texts)
    assert document_of(tmp_path / "x.png").date == MAY


def test_the_last_change_of_a_png_is_its_last_resort(tmp_path: Path) -> None:
    texts = PngInfo()
    texts.add(b"tIME", b"\x07\xe3\x05\x03\x12\x07\x09")
    noise(20, 10).save(tmp_path / "x.png", pnginfo=texts)
    noise(20, 10).save(tmp_path / "2018-01-02.png", pnginfo=texts)
    assert document_of(tmp_path / "x.png").date == MAY
    assert document_of(tmp_path / "x.png").metadata[DATE_UNCERTAINTY] == ONE_DAY
    assert document_of(tmp_path / "2018-01-02.png").date == datetime(2018, 1, 2)


def test_a_broken_last_change_of_a_png_is_left_out(tmp_path: Path) -> None:
    for content in (b"\x07\xe3\x0d\x03\x12\x07\x09", b"\x07\xe3"):
        texts = PngInfo()
        texts.add(b"tIME", content)
        noise(20, 10).save(tmp_path / "x.png", pnginfo=texts)
        assert document_of(tmp_path / "x.png").date is None


def test_local_time_in_exif_comes_before_an_instant(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "PXL_20190503_180709123.jpg", exif=exif(taken=datetime(2019, 5, 4, 3, 7, 9)))
    assert document_of(path).date == datetime(2019, 5, 4, 3, 7, 9)
    assert DATE_UNCERTAINTY not in document_of(path).metadata
