"""Reads the date in a file name that a camera, a telephone or a messenger made."""

import re
from datetime import UTC, datetime

from pagelens.ingest.readers.photos.photo_facts import PhotoFacts, parse_date, plausible

# 'IMG_20190503_180709', 'PXL_20210704_093015123', '2019-05-03 18.07.09', 'Screenshot 2019-05-03 at 18.07.09',
# 'IMG-20190503-WA0001', 'IMG20190503180709'; thousandths of a second may follow a time.
_DATED_NAME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:(?:[-_ T]|\sat\s|\s-\s|_at_|(?<=\d{8}))([01]\d|2[0-3])([-_.:]?)([0-5]\d)\6([0-5]\d)(?:[-_.]?\d{3}(?!\d))?)?"
    r"(?!\d)"
)
_UTC_NAME = re.compile(r"PXL_\d")  # of Google's Pixel telephones, whose names are in UTC
# Milliseconds since 1970, behind the prefixes of messengers and telephones; a bare number may be a bar code.
_MILLISECONDS_NAME = re.compile(
    r"(?i)(?:mmexport|fb_img_|wx_camera_|microMsg\.|screenshot_|img_|image_|photo_)(\d{13})(?!\d)"
)


def date_in_name(stem: str) -> datetime | None:
    """Return the date in a file name without its ending, None where there is none."""
    stated = facts_in_name(stem)
    return stated.taken or stated.instant


def facts_in_name(stem: str) -> PhotoFacts:
    """Return the date in a file name as facts: in local time, or in UTC where such names are."""
    counted = _MILLISECONDS_NAME.search(stem)
    if counted is not None:
        instant = datetime.fromtimestamp(int(counted[1]) // 1000, UTC).replace(tzinfo=None)
        return PhotoFacts(instant=instant) if plausible(instant) else PhotoFacts()
    match = _DATED_NAME.search(stem)
    if match is None:
        return PhotoFacts()
    year, _, month, day, hour, _, minute, second = match.groups()
    clock = f" {hour}:{minute}:{second}" if hour else ""
    date = parse_date(f"{year}-{month}-{day}{clock}")[0]
    return PhotoFacts(instant=date) if hour and _UTC_NAME.match(stem) else PhotoFacts(taken=date)
