"""Converts instants in UTC to the local time of a place, and states where the day stays uncertain."""

import importlib.util
import math
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SOLAR_ERROR = timedelta(hours=4)  # zones differ from the sun's time by up to 3.5 hours (western China)


class LocalTime(NamedTuple):
    """A naive local time, and whether its day is certain."""

    time: datetime
    day_certain: bool


def local_time(instant: datetime, latitude: float | None, longitude: float | None) -> LocalTime:
    """Return the local time of an instant (UTC, naive) at a position in decimal degrees.

    The zone is that of the position. Without zone data the sun's time stands for it, and the day is uncertain within
    `SOLAR_ERROR` of midnight; without a position the time is UTC and the day uncertain.
    """
    if latitude is None or longitude is None:
        return LocalTime(instant, False)
    zone = _zone(latitude, longitude)
    if zone is not None:
        return LocalTime(instant.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None), True)
    solar = instant + timedelta(hours=math.floor(longitude / 15 + 0.5))
    return LocalTime(solar, (solar - SOLAR_ERROR).date() == (solar + SOLAR_ERROR).date())


def _zone(latitude: float, longitude: float) -> ZoneInfo | None:
    """Return the time zone of a position, None without the zones' borders or without their rules."""
    if not _has_borders():
        return None
    from tzfpy import get_tz

    try:
        return ZoneInfo(get_tz(longitude, latitude))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def _has_borders() -> bool:
    return importlib.util.find_spec("tzfpy") is not None
