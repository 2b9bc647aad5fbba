"""Assigns the JSON files of a Google Photos export (Takeout) to the photos of the same folder, by their names alone.

The name of an export is that of the photo, then '.supplemental-metadata' (since 2024), cut to 46 UTF-16 units, then
'(1)' for a further photo of one name, then '.json'. A photo named by the service is cut to 47 units before its ending.
Some photos have a title without an ending, or with another one than the file. An edited copy has no export: that of
its original counts. Names are compared in Unicode's form C without regard to case.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

EXPORT_SUFFIX = ".supplemental-metadata"
CUT_UNITS = (46, 47, 51)  # lengths to which names are cut: an export's, a photo's, and either with an ending
_NUMBER = re.compile(r"\(\d+\)$")
_ORIGINAL_ENDINGS = (
    ".jpg",
    ".jpeg",
    ".heic",
    ".heif",
    ".png",
    ".webp",
    ".gif",
    ".tif",
    ".tiff",
    ".dng",
    ".mp4",
    ".mov",
)
MEDIA_ENDINGS = frozenset(
    (
        *("", *_ORIGINAL_ENDINGS),
        *".jpe .jfif .bmp .dib .apng .hif .avif .jxl .jp2".split(),
        *".nef .nrw .cr2 .cr3 .arw .srw .orf .pef .rw2 .raf .3fr".split(),
        *".m4v .3gp .avi .mkv .webm .mpg .mpeg .mts .mp .mv".split(),
    )
)
"""Endings of files that an export may be about."""
_LOST_HALVES = "\ufffd?_"  # what may stand for half of a character that was cut apart
# What Google Photos appends to the name of an edited copy, by the language of the account.
EDITED = tuple(
    unicodedata.normalize("NFC", word).casefold()
    for word in (
        "-edited,-edit,-bearbeitet,-modifié,-modifiée,-editado,-editada,-ha editado,-modificato,"
        "-modificata,-bewerkt,-edytowane,-edytowany,-redigeret,-redigert,-redigerad,-redigerat,-muokattu,-upraveno,"
        "-upravené,-szerkesztett,-szerkesztve,-editat,-editată,-düzenlendi,-изменено,-отредактировано,-измененный,"
        "-змінено,-відредаговано,-редактирано,-uređeno,-urejeno,-измењено,-redigeeritud,-muudetud,-rediģēts,-rediģēta,"
        "-redaguota,-breytt,-επεξεργασμένο,-編集済み,-编辑,-已编辑,-修改,-已修改,-編輯,-已編輯,-수정됨,-편집됨,-แก้ไข,"
        "-แก้ไขแล้ว,-đã chỉnh sửa,-diedit,-telah diedit,-תערוך,-נערך,-معدل,-معدَّلة,-تم التعديل,-ویرایش شده,-संपादित"
    ).split(",")
)


_EFFECTS = ("-EFFECTS", "-SMILE", "-MIX")  # copies made by the service; in small letters they may be people's words
_WHOLE, _CUT_SUFFIX, _NO_ENDING, _CUT = range(4)  # how an export's name matches, the best first


class ExportMatch(NamedTuple):
    """An export that may be a photo's. A smaller rank is a better match; copies of an original do not compete."""

    rank: int
    export: str
    is_copy: bool = False


class _PhotoName(NamedTuple):
    stem: str
    ending: str  # with its dot
    number: str  # '(1)' or ''


def no_title(_export: str) -> str:
    """Return "", for exports whose titles are not known."""
    return ""


def assign_exports(names: Iterable[str], title_of: Callable[[str], str] = no_title) -> dict[str, str]:
    """Return the export of each photo, by name; `names` are all files of a folder.

    An export that several files of the folder match belongs to the one that matches best. Where they match equally it
    belongs to the one whose name is the export's title (`title_of`), else to none.
    """
    exports: dict[str, list[str]] = defaultdict(list)
    photos = []
    for name in names:
        if name.casefold().endswith(".json"):
            exports[_folded(name[: -len(".json")])].append(name)
        elif _parsed(name).ending.casefold() in MEDIA_ENDINGS:
            photos.append(name)
    if not exports:
        return {}
    claims = {photo: _claims(photo, exports) for photo in photos}
    rivals: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for photo, own in claims.items():
        for claim in own:
            if not claim.is_copy:
                rivals[claim.export].append((claim.rank, photo))
    owners = {export: _owner(of_export, partial(title_of, export)) for export, of_export in rivals.items()}
    assigned = {}
    for photo, own in claims.items():
        first = next((claim.export for claim in own if claim.is_copy or owners[claim.export] == photo), None)
        if first is not None:
            assigned[photo] = first
    return assigned


def _owner(rivals: list[tuple[int, str]], read_title: Callable[[], str]) -> str | None:
    best = min(rank for rank, _ in rivals)
    equal = [photo for rank, photo in rivals if rank == best]
    if len(equal) > 1:
        title = _folded(read_title())
        equal = [photo for photo in equal if _folded(photo) == title or _folded(photo.rpartition(".")[0]) == title]
    return equal[0] if len(equal) == 1 else None


def _claims(photo: str, exports: Mapping[str, list[str]]) -> list[ExportMatch]:
    """Return the exports that may be a photo's, the best first."""
    own: dict[str, ExportMatch] = {}
    copies: dict[str, ExportMatch] = {}
    for rank, key in _export_keys(photo):
        for export in exports.get(key, ()):
            own.setdefault(export, ExportMatch(2 * rank + (not _same_case(photo, export)), export))
    for at, original in enumerate(_originals(photo)):
        for rank, key in _export_keys(original):
            for export in exports.get(key, ()):
                copies.setdefault(export, ExportMatch(1_000 * rank + at, export, is_copy=True))
    return [*sorted(own.values()), *sorted(copies.values())]


def _same_case(photo: str, export: str) -> bool:
    name, given = _parsed(unicodedata.normalize("NFC", photo)), unicodedata.normalize("NFC", export)
    has_ending = _folded(given).startswith((_folded(name.stem + name.ending), _folded(photo)))
    beginnings = (name.stem + name.ending, name.stem + name.number + name.ending)
    return given.startswith(beginnings) if has_ending else given.startswith(name.stem[: min(CUT_UNITS) // 2])


def _export_keys(photo: str) -> Iterator[tuple[int, str]]:
    """Yield the folded names, without '.json', that an export of a photo may have, each with its rank."""
    name = _parsed(unicodedata.normalize("NFC", photo))
    readings = [(name.stem + name.number + name.ending, "")]
    if name.number:  # the number of the file goes to the end of the export's name
        readings.append((name.stem + name.ending, name.number))
    for text, number in readings:
        yield _WHOLE, _folded(text) + number
        yield _WHOLE, _folded(text) + EXPORT_SUFFIX + number
        for cut in range(1, len(EXPORT_SUFFIX)):
            yield _CUT_SUFFIX, _folded(text) + EXPORT_SUFFIX[:cut] + number
        for beginning in _cut_names(text):
            yield _CUT, beginning + number
    if name.ending and name.stem:
        for cut in range(len(EXPORT_SUFFIX) + 1):
            yield _NO_ENDING, _folded(name.stem) + EXPORT_SUFFIX[:cut] + name.number
            yield _NO_ENDING, _folded(name.stem + name.number) + EXPORT_SUFFIX[:cut]


def _cut_names(text: str) -> Iterator[str]:
    """Yield the folded beginnings of a name that are as long as cut names are.

    A cut within a pair of surrogates leaves one unit less, or a mark for the half character.
    """
    units = 0
    for at, character in enumerate(text):
        if units in CUT_UNITS:
            yield _folded(text[:at])
        elif ord(character) > 0xFFFF and units + 1 in CUT_UNITS:
            yield from (_folded(text[:at]) + mark for mark in ("", *_LOST_HALVES))
        units += 2 if ord(character) > 0xFFFF else 1


def _originals(photo: str) -> Iterator[str]:
    """Yield the names that the original of an edited copy may have; none where the name is not that of a copy."""
    name = _parsed(photo)
    effects = (_folded(name.stem.removesuffix(word)) for word in _EFFECTS if name.stem.endswith(word))
    for stem in dict.fromkeys((*effects, *_stems_of_originals(_folded(name.stem)))):
        inner = _NUMBER.search(stem)  # 'quai(1)-edited.jpg' and 'quai-edited(1).jpg' are of 'quai(1).jpg'
        bare = stem[: inner.start()] if inner else stem
        number = name.number or (inner.group() if inner else "")
        for ending in dict.fromkeys((name.ending.casefold(), *_ORIGINAL_ENDINGS)):
            yield f"{bare}{number}{ending}"


def _stems_of_originals(stem: str) -> Iterator[str]:
    for word in EDITED:
        if stem.endswith(word) and len(stem) > len(word):
            yield stem[: -len(word)]
    if _units(stem) in CUT_UNITS:  # the word may have been cut off
        for word in EDITED:
            for length in range(len(word) - 1, 0, -1):
                if stem.endswith(word[:length]):
                    yield stem[:-length]


def _parsed(photo: str) -> _PhotoName:
    stem, dot, ending = photo.rpartition(".")
    if not stem:
        stem, dot, ending = photo, "", ""
    number = _NUMBER.search(stem)
    return _PhotoName(stem[: number.start()] if number else stem, dot + ending, number.group() if number else "")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _units(text: str) -> int:
    return len(text) + sum(ord(character) > 0xFFFF for character in text)
