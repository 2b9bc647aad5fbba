"""What is kept of a photo beside its pixels, and the words to find it by.

Gathers the facts from wherever they stand (EXIF, XMP, IPTC, PNG's texts, files beside it, its name), says which counts,
and names the places. Knows Pillow's containers; does not decode pictures.
"""

import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from pagelens.ingest.readers.photos.exif import read_facts, written_by_a_person
from pagelens.ingest.readers.photos.gazetteer import Place, place_of
from pagelens.ingest.readers.photos.iptc import read_iptc
from pagelens.ingest.readers.photos.photo_facts import LONGEST_CAPTION, Facts, merged, moment, plain
from pagelens.ingest.readers.photos.sidecars import edited_facts, exported_facts
from pagelens.ingest.readers.photos.xmp import read_xmp
from pagelens.ingest.text.titles import readable_name

log = logging.getLogger(__name__)

FOLDERS = 2  # names of folders above a photo that are words to find it by

_MONTHS = (
    "January February March April May June July August September October November December".split()  # of no locale
)
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_SEASONS = "winter winter spring spring spring summer summer summer autumn autumn autumn winter".split()
_TROPIC = 23.5  # degrees; seasons are another matter between the tropics

_PHOTOSHOP_IPTC = 0x0404  # the image resource that holds IPTC
_TIFF_IPTC, _TIFF_XMP = 33723, 700
_MOST_BYTES = 16_000_000  # of EXIF or IPTC; what is longer is no description

# 'IMG_20190503_180709', 'PXL_20210704_...', '2019-05-03 18.07.09', 'Screenshot 2019-05-03 at', 'IMG-20190503-WA0001'
_DATED_NAME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:(?:[-_ T]|\sat\s|\s-\s)([01]\d|2[0-3])([-_.:]?)([0-5]\d)\6([0-5]\d))?(?!\d)"
)
# Folders that say where files lie, not what they show. At these the walk up ends; of a home the owner's name goes too.
_ENDS = frozenset(
    "pictures,my pictures,photos,my photos,photographs,images,bilder,fotos,imágenes,immagini,photos library,documents,"
    "desktop,downloads,dropbox,onedrive,icloud,google photos,google fotos,takeout,"
    "tmp,temp,var,mnt,media,volumes,srv,opt,root,data,private,storage,sdcard".split(",")
)
_HOMES = frozenset(("home", "users"))
_CAMERAS_OWN = re.compile(
    r"(?i)(dcim|\d{3}(?-i:[A-Z_][A-Z0-9_]{4})|\d{3}_\d{4}|camera( roll| uploads)?|sent|thumbnails|\d{1,2}|"
    r".*\.photoslibrary|originals?|masters?|whatsapp images|[0-9a-f]|[0-9a-f]{2}|[0-9a-f-]{16,})"
)


def gather(path: Path, image: ImageFile) -> Facts:
    """Return what is known of the photo at `path`, which is open as `image`; broken parts cost themselves."""
    camera = _said(lambda: camera_facts(image))
    embedded = _said(lambda: read_xmp(_packet(image)))
    editor = _said(lambda: read_iptc(_iptc(image)))
    edited = _said(lambda: edited_facts(path))
    exported = _said(lambda: exported_facts(path))
    texts = _said(lambda: _png_texts(image))
    named = Facts(taken=date_in_name(path.stem))
    return merged(
        measured=(camera, edited, embedded, editor, named, exported, texts),
        told=(edited, embedded, editor, camera, exported, texts),
    )


def _said(read: Callable[[], Facts]) -> Facts:
    """Return the facts of one source, none where it is broken in a way that its reader did not foresee."""
    try:
        return read()
    except Exception as exc:  # noqa: BLE001 - broken EXIF raises a dozen kinds in Pillow; the picture is good without
        log.info("a photo's metadata was left out: %s: %s", type(exc).__name__, exc)
        return Facts()


def camera_facts(image: ImageFile) -> Facts:
    """Return what EXIF says."""
    return Facts() if len(image.info.get("exif") or b"") > _MOST_BYTES else read_facts(image.getexif())


def metadata(facts: Facts, place: Place | None) -> dict[str, str | int | float | bool]:
    """Return the facts under plain names, for filters; several keywords or people are parted by '; '."""
    kept: dict[str, str | int | float | bool] = {}
    if facts.latitude is not None and facts.longitude is not None:
        kept |= {"latitude": facts.latitude, "longitude": facts.longitude}
    for key in ("camera", "lens", "title", "caption", "creator", "copyright", "rating"):
        kept[key] = getattr(facts, key)
    kept["keywords"], kept["people"] = "; ".join(facts.keywords), "; ".join(facts.people)
    kept["place"] = facts.place or (place.name if place else "")
    kept["city"] = facts.city or (place.city if place else "")
    kept["region"] = facts.region or (place.region if place else "")
    kept["country"] = facts.country or (place.country if place else "")
    year, month = _year_and_month(facts)
    kept["year"], kept["month"] = year, _MONTHS[month - 1] if month else ""
    return {key: value for key, value in kept.items() if value not in ("", 0) or key in ("latitude", "longitude")}


def search_words(path: Path, facts: Facts, place: Place | None) -> str:
    """Return the words to find a photo by that do not stand in it: what people wrote, then what was worked out."""
    places = [facts.place, facts.city, facts.region, facts.country, *(place.words() if place else ())]
    parts = (
        facts.title,
        readable_name(path.stem),
        facts.caption,
        ", ".join(facts.keywords),
        ", ".join(facts.people),
        ", ".join(dict.fromkeys(name for name in places if name)),
        date_words(facts),
        ", ".join(folder_words(path)),
        facts.camera,
        facts.lens,
    )
    return ". ".join(dict.fromkeys(part for part in parts if part))


def located(facts: Facts) -> Place | None:
    """Return the names of where the photo was taken, None where that is not known."""
    if facts.latitude is None or facts.longitude is None:
        return None
    return place_of(facts.latitude, facts.longitude)


def in_words(date: datetime) -> str:
    """Return a date as people write it: '3 May 2019'."""
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def date_words(facts: Facts) -> str:
    """Return when the photo was taken in words: 'Friday 3 May 2019, spring'; the season where its place tells it."""
    year, month = _year_and_month(facts)
    if facts.taken:
        said = f"{_WEEKDAYS[facts.taken.weekday()]} {in_words(facts.taken)}"
    else:
        said = " ".join(part for part in (_MONTHS[month - 1] if month else "", str(year or "")) if part)
    if month and facts.latitude is not None and abs(facts.latitude) > _TROPIC:
        said += f", {_SEASONS[(month - 1 + (6 if facts.latitude < 0 else 0)) % 12]}"
    return said


def folder_words(path: Path) -> list[str]:
    """Return the names of at most `FOLDERS` folders above a photo that say something about it, the upper first."""
    parts = list(path.absolute().parent.parts[1:])
    start = 0
    for at, part in enumerate(parts):
        name = part.casefold()
        if name in _ENDS or name in _HOMES:
            start = at + 2 if name in _HOMES else at + 1
    telling = [part for part in parts[start:] if not part.startswith(".") and not _CAMERAS_OWN.fullmatch(part)]
    return [readable_name(part) for part in telling[-FOLDERS:]]


def date_in_name(stem: str) -> datetime | None:
    """Return the date that cameras, phones and messengers write into a file's name, None where there is none."""
    match = _DATED_NAME.search(stem)
    if match is None:
        return None
    year, _, month, day, hour, _, minute, second = match.groups()
    clock = f" {hour}:{minute}:{second}" if hour else ""
    return moment(f"{year}-{month}-{day}{clock}")[0]


def _year_and_month(facts: Facts) -> tuple[int, int]:
    """Return year and month of a photo, 0 for what is not known."""
    if facts.taken:
        return facts.taken.year, facts.taken.month
    year, _, month = facts.when.partition("-")
    return int(year or 0), int(month or 0)


def _packet(image: ImageFile) -> bytes | str:
    """Return the XMP packet, empty where there is none."""
    packet: Any = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if not packet and isinstance(image, TiffImageFile):
        packet = image.tag_v2.get(_TIFF_XMP, b"")
    return packet if isinstance(packet, bytes | str) else b""


def _iptc(image: ImageFile) -> bytes:
    """Return the IPTC block, empty where there is none."""
    if isinstance(image, TiffImageFile):
        raw: Any = getattr(image.tag_v2, "_tagdata", {})  # Pillow's own reader of IPTC takes it from there: as stored
        block = raw.get(_TIFF_IPTC, b"")
    else:
        resources: Any = image.info.get("photoshop")
        block = resources.get(_PHOTOSHOP_IPTC, b"") if isinstance(resources, dict) else b""
    return block if isinstance(block, bytes) and len(block) <= _MOST_BYTES else b""


def _png_texts(image: ImageFile) -> Facts:
    """Return what PNG's texts of well-known names say (PNG 3rd edition, 11.3.3.1)."""
    if not isinstance(image, PngImageFile):
        return Facts()

    def words(name: str, longest: int = 200) -> str:
        text = image.info.get(name)
        return plain(text, longest) if isinstance(text, str) else ""

    taken, when = moment(words("Creation Time"))
    return Facts(
        taken=taken,
        when=when,
        title=words("Title"),
        caption=written_by_a_person(words("Description", LONGEST_CAPTION)),
        creator=words("Author"),
        copyright=words("Copyright"),
    )
