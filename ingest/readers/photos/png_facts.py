"""Reads what PNG texts state about a photo: title, description, author, and the creation time in any usual form."""

import re
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_tz

from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile

from pagelens.ingest.readers.photos.exif import human_written
from pagelens.ingest.readers.photos.photo_facts import MAX_CAPTION, PhotoFacts, single_clean_line, stated_date
from pagelens.ingest.readers.photos.png_texts import LAST_CHANGE

_CREATION = ("creation time", "creationtime", "create-date", "date created", "datecreated", "creation date", "date")
_UTC = re.compile(r"(?:\b(?:GMT|UTC|Z)|[+-]00:?00)\s*$")
_AFTERNOON = re.compile(r"\bPM\b", re.I)
_SLASHES = re.compile(r"\s*(\d{1,2})[/.](\d{1,2})[/.]((?:19|20)\d\d)\b(?:,?\s*(\d{1,2}):(\d\d)(?::(\d\d))?)?")


def read_png_texts(image: ImageFile) -> PhotoFacts:
    """Return the facts in PNG texts with registered keywords (PNG 3rd edition, 11.3.3.1)."""
    if not isinstance(image, PngImageFile):
        return PhotoFacts()
    texts = {str(key).casefold(): text for key, text in image.info.items() if isinstance(text, str)}

    def words(name: str, longest: int = 200) -> str:
        return single_clean_line(texts.get(name, ""), longest)

    created = next((words(name) for name in _CREATION if words(name)), "")
    date = creation_time(created)
    return PhotoFacts(
        taken=date.taken,
        instant=date.instant,
        partial_date=date.partial_date,
        title=words("title"),
        caption=human_written(words("description", MAX_CAPTION)),
        creator=words("author"),
        copyright=words("copyright"),
    )


def read_last_change(image: ImageFile) -> PhotoFacts:
    """Return the time of the last change (chunk tIME, in UTC), a last resort: programs renew it when they save."""
    content = image.info.get(LAST_CHANGE)
    if not isinstance(content, bytes) or len(content) != 7:
        return PhotoFacts()
    year, (month, day, hour, minute, second) = int.from_bytes(content[:2], "big"), content[2:]
    with suppress(ValueError):
        return PhotoFacts(instant=datetime(year, month, day, hour, minute, min(second, 59)))
    return PhotoFacts()


def creation_time(text: str) -> PhotoFacts:
    """Return the date in a text: in the form of ISO 8601 or EXIF, RFC 1123, C's asctime, or '13/5/2019 18:07'.

    A time stated in UTC is an instant. Day and month are told apart only where one of them is above 12.
    """
    date = stated_date(text)
    if date != PhotoFacts():
        is_utc = date.taken is not None and _UTC.search(text) is not None
        return PhotoFacts(instant=date.taken) if is_utc else date
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        if parts := parsedate_tz(text):
            year, month, day, hour, minute, second = parts[:6]
            if _AFTERNOON.search(text) and hour < 12:
                hour += 12
            taken = datetime(year, month, day) + timedelta(hours=hour, minutes=minute, seconds=min(second, 59))
            return PhotoFacts(instant=taken) if parts[9] == 0 and _UTC.search(text) else PhotoFacts(taken=taken)
    return _with_slashes(text)


def _with_slashes(text: str) -> PhotoFacts:
    match = _SLASHES.match(text)
    if match is None:
        return PhotoFacts()
    first, second, year, hour, minute, seconds = (int(part or 0) for part in match.groups())
    if _AFTERNOON.search(text) and hour < 12:
        hour += 12
    clock = (hour, minute, seconds)
    readings = set()
    for month, day in ((first, second), (second, first)):
        with suppress(ValueError):
            readings.add(datetime(year, month, day, *clock))
    if len(readings) == 1:
        return PhotoFacts(taken=readings.pop())
    return PhotoFacts(partial_date=str(year)) if readings else PhotoFacts()
