"""Positions to place names: distances worked out on a small world, names checked on places everybody knows."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pagelens.ingest.readers.photos.gazetteer import EARTH_KM, Gazetteer, PlaceNames, find_place_names, read_gazetteer
from pagelens.ingest.readers.photos.place_names import other_names

SMALL_WORLD = [
    {
        "country_code": "AA",
        "city": "Metropolis",
        "latitude": 0.0,
        "longitude": 0.0,
        "population": 4_000_000,
        "state": "S",
    },
    {"country_code": "AA", "city": "Quarter", "latitude": 0.1, "longitude": 0.0, "population": 2_000, "state": "S"},
    {"country_code": "AA", "city": "Beyond", "latitude": 0.12, "longitude": 0.0, "population": 2_000, "state": "T"},
    {"country_code": "BB", "city": "Eastern", "latitude": 10.0, "longitude": 179.95, "population": 1_000},
    {"country_code": "BB", "city": "Western", "latitude": 10.0, "longitude": -179.0, "population": 1_000},
    {"country_code": "CC", "city": "Northern", "latitude": 85.0, "longitude": 0.0, "population": 1_000},
]


@pytest.fixture
def world(tmp_path: Path) -> Gazetteer:
    with gzip.open(tmp_path / "geocode.gz", "wt", encoding="utf-8") as file:
        json.dump(SMALL_WORLD, file)
    (tmp_path / "countries.csv").write_text("AA,Aland\nBB,Bland\nCC,Cland\n", "utf-8")
    return read_gazetteer(tmp_path)


def test_a_distance_is_that_on_the_globe(world: Gazetteer) -> None:
    degree = EARTH_KM * np.pi / 180  # 111.19 km
    apart = world.distances(0.0, 0.0)
    assert apart[1] == pytest.approx(0.1 * degree, rel=1e-3)
    # A degree of longitude at 85 degrees north is cos(85°) of one on the equator.
    assert world.distances(85.0, 1.0)[5] == pytest.approx(degree * np.cos(np.radians(85)), rel=1e-3)


def test_the_date_line_is_no_border_for_distances(world: Gazetteer) -> None:
    # Eastern is 0.1 degrees away across the line, Western 0.95 on this side.
    place = world.place_names(10.0, -179.95)
    assert place is not None
    assert (place.name, place.country) == ("Eastern", "Bland")


def test_a_large_town_reaches_into_its_region_and_not_into_the_next(world: Gazetteer) -> None:
    # 11 km of 24
    assert world.place_names(0.1, 0.001) == PlaceNames(
        name="Quarter", district="", city="Metropolis", region="S", country="Aland", country_code="AA"
    )
    assert world.place_names(0.12, 0.001) == PlaceNames(
        name="Beyond", district="", city="Beyond", region="T", country="Aland", country_code="AA"
    )


def test_far_from_every_place_only_the_country_is_named_and_at_sea_nothing(world: Gazetteer) -> None:
    # 56 km
    assert world.place_names(-0.5, 0.0) == PlaceNames(
        name="", district="", city="", region="", country="Aland", country_code="AA"
    )
    assert world.place_names(-5.0, 0.0) is None
    assert world.place_names(90.0, 0.0) is None


@pytest.mark.parametrize(
    ("latitude", "longitude", "words"),
    [
        (40.5749, -73.9857, {"Coney Island", "Brooklyn", "New York City", "New York", "United States", "USA"}),
        (38.7128, -9.1300, {"Alfama", "Lisbon", "Lisboa", "Portugal"}),
        (50.9413, 6.9583, {"Köln", "Cologne", "Germany", "Deutschland"}),
        (-33.8568, 151.2153, {"Sydney", "New South Wales", "Australia"}),
        (48.8584, 2.2945, {"Paris", "France"}),
        (35.6586, 139.7454, {"Tokyo", "Japan"}),
        (51.5007, -0.1246, {"London", "England", "United Kingdom", "UK"}),
    ],
)
def test_famous_spots_have_the_names_people_use(latitude: float, longitude: float, words: set[str]) -> None:
    place = find_place_names(latitude, longitude)
    assert place is not None
    assert words <= set(place.words())
    assert len(place.words()) == len(set(place.words()))


def test_nothing_is_named_in_the_middle_of_an_ocean() -> None:
    assert find_place_names(30.0, -40.0) is None


def test_other_names_are_of_the_place_in_that_country_only() -> None:
    assert other_names("Köln", "DE") == ("Cologne",)
    assert other_names("Sevilla", "ES") == ("Seville",)
    assert other_names("Sevilla", "CO") == ()
    assert other_names("Nowhere", "DE") == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"{}"), gzip.compress(b'[{"city": "x"}]')],
    ids=["empty", "no gzip", "no list", "no places"],  # what gzip writes has a time in it, so it names no test
)
def test_a_file_that_is_no_gazetteer_is_known_as_such(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "geocode.gz").write_bytes(content)
    (tmp_path / "countries.csv").write_text("AA,Aland\n", "utf-8")
    with pytest.raises((OSError, EOFError, ValueError, KeyError, TypeError)):
        read_gazetteer(tmp_path)


def test_without_the_gazetteer_photos_keep_their_positions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    code = (
        "import logging, sys; logging.basicConfig(level=logging.WARNING);"
        "sys.path = [p for p in sys.path if 'site-packages' not in p] + [sys.argv[1]] + "
        "[p for p in sys.path if 'site-packages' in p];"
        "from pagelens.ingest.readers.photos.gazetteer import find_place_names as find;"
        "print(find(38.7, -9.1), find(48.8, 2.3))"
    )
    (tmp_path / "reverse_geocode").mkdir()
    (tmp_path / "reverse_geocode" / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.split() == ["None", "None"]
    assert done.stderr.count("no place names") == 1, "said once"


def test_reading_photos_loads_no_gazetteer_before_one_has_a_position() -> None:
    code = (
        "import sys, pagelens.ingest.readers.photos.photo_reader;"
        "from pagelens.ingest.readers.photos.gazetteer import _gazetteer;"
        "print(_gazetteer.cache_info().currsize, 'scipy' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.split() == ["0", "False"]
