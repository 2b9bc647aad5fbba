"""Finds dates in any spelling, and the terms that stand for them: a whole date is one plain term.

Each spelling, and its terms:

    5 March 2024, March 5th, 2024, 5. März 2024, 5 de marzo de 2024, 2024-03-05, 05.03.2024, 2024年3月5日,
    令和6年3月5日, 2024. 3. 5., ngày 5 tháng 3 năm 2024
                            plain 20240305 in their place; other forms --03-05, 2024-03, 2024, and the month's name
    03/04/2024              both readings: plain 20240403, other form 20240304
    5 March                 other form --03-05 beside its words; so 5.3.24, which may be a version
    March 2024, 2024-03     other form 2024-03 beside their words
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

_MONTHS = """
    january jan januar janvier enero janeiro gennaio januari января styczen stycznia ocak يناير ιανουαριου
    ianuarie ledna tammikuuta ינואר בינואר січня जनवरी;
    february feb februar fevrier febrero fevereiro febbraio februari февраля luty lutego subat فبراير
    φεβρουαριου februarie februara unora helmikuuta פברואר בפברואר лютого फरवरी;
    march mar marz maerz mars marzo marco maart марта marzec marca mart مارس μαρτιου martie marcius brezna
    maaliskuuta מרץ במרץ березня maret मार्च;
    april apr avril abril aprile апреля kwiecien kwietnia nisan ابريل απριλιου aprilie aprilis dubna huhtikuuta
    אפריל באפריל квітня अप्रैल;
    may mai mayo maio maggio mei maj mayis мая majs maja مايو μαιου majus kvetna toukokuuta מאי במאי травня;
    june jun juni juin junio junho giugno июня czerwiec czerwca haziran يونيو ιουνιου iunie junius cervna
    kesakuuta יוני ביוני червня जून;
    july jul juli juillet julio julho luglio июля lipiec lipca temmuz يوليو ιουλιου iulie julius cervence
    heinakuuta יולי ביולי липня जुलाई;
    august aug aout agosto augustus augusti августа sierpien sierpnia agustos اغسطس αυγουστου augusztus srpna
    elokuuta אוגוסט באוגוסט серпня अगस्त;
    september sep sept septembre septiembre setembro settembre сентября wrzesien wrzesnia eylul سبتمبر
    σεπτεμβριου septembrie szeptember zari syyskuuta ספטמבר בספטמבר вересня सितंबर;
    october oct okt oktober octobre octubre outubro ottobre октября pazdziernik pazdziernika ekim اكتوبر
    οκτωβριου octombrie rijna lokakuuta אוקטובר באוקטובר жовтня अक्टूबर;
    november nov novembre noviembre novembro ноября listopad listopada kasim نوفمبر νοεμβριου noiembrie
    listopadu marraskuuta נובמבר בנובמבר листопада नवंबर;
    december dec dez dezember decembre diciembre dezembro dicembre декабря grudzien grudnia aralik ديسمبر
    δεκεμβριου decembrie prosince joulukuuta דצמבר בדצמבר грудня desember दिसंबर
"""
_NOMINATIVES = "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь".split()

_WORD_OF_LETTERS = re.compile(r"[^\W\d_]{3,12}")
_WORD = re.compile("(?:[^\\W\\d_]|[\u0900-\u0903\u093a-\u094f]){3,12}")  # with the vowel signs of Devanagari
_DEVANAGARI = re.compile("[\u0900-\u0903\u093a-\u094f]")
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª)?\.?"
_DAY_BEFORE = re.compile(rf"(?<![\w.,/]){_DAY}(?:\s+(?:of|de)\s+|[\s/-]*)$", re.IGNORECASE)
_YEAR_AFTER = re.compile(r"\.?,?(?:\s+(?:of|de|del)\s+|[\s/-]*)(?P<year>[12]\d{3})(?![^\W_])", re.IGNORECASE)
_DAY_AFTER = re.compile(
    rf"\.?\s+{_DAY}(?![^\W_])(?:\s*[-–]\s*\d\d?)?(?:,?\s+(?P<year>[12]\d{{3}})(?![^\W_])|(?!\s*[.,:/-]?\d))",
    re.IGNORECASE,
)
_WHOLE = 8  # digits of a whole date; shorter texts (5.3.24) may mean something else
_REACH = 16  # characters before a month's name in which its day stands
# Patterns begin with a class of characters, and what may not stand before it is said after it: so `re` looks only where
# such a character stands, which takes a fifth of the time.
_YEAR_FIRST = re.compile(
    r"(?P<year>[12](?<![^\W_][12])(?<![.,/-][12])\d{3})(?P<separator>[-/.])(?P<month>\d{1,2})(?:(?P=separator)(?P<day>\d{1,2}))?"
    r"(?![\d/-]|[.,]\d)"
)
_KOREAN = re.compile(r"(?P<year>[12](?<![\w.,/-][12])\d{3})\. (?P<month>\d{1,2})\. (?P<day>\d{1,2})(?![\w,/-]|\.\d)")
_YEAR_LAST = re.compile(
    r"(?P<first>\d(?<![^\W_]\d)(?<![.,/-]\d)\d?)(?P<separator>\. ?|[-/])(?P<second>\d{1,2})(?P=separator)"
    r"(?P<year>[12]\d{3}|\d\d)(?![\w/-]|[.,]\d)"
)
_MONTH_AND_YEAR = re.compile(r"(?P<month>\d(?<![^\W_]\d)(?<![.,/-]\d)\d?)[/.](?P<year>(?:19|20)\d\d)(?![\w/-]|[.,]\d)")
_COMPACT = re.compile(
    r"(?P<year>[12](?<![^\W_][12])(?:(?<=1)9|(?<=2)0)\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d)(?![^\W_])"
)
_ERAS = {
    "明治": 1867,
    "大正": 1911,
    "昭和": 1925,
    "平成": 1988,
    "令和": 2018,
    "民國": 1911,
    "民国": 1911,
}  # years before 1
_EAST_ASIAN = re.compile(
    rf"(?:(?:(?P<year>[12]\d{{3}})|(?P<era>{'|'.join(_ERAS)})\s*(?P<year_of_era>\d{{1,3}}|元))\s*[年년]\s*)?"
    r"(?<!\d)(?P<month>\d{1,2})\s*[月월](?:\s*(?P<day>\d{1,2})\s*[日号號일])?"
)
_VIETNAMESE = re.compile(
    r"(?<!\w)(?:ngày\s+)?(?P<day>\d{1,2})\s+tháng\s+(?P<month>\d{1,2})(?:,?\s+năm\s+(?P<year>[12]\d{3}))?(?!\w)",
    re.IGNORECASE,
)
_BY_MONTH_SIGN = (
    (re.compile("[月월]"), _EAST_ASIAN),
    (re.compile("tháng", re.IGNORECASE), _VIETNAMESE),
)  # what stands in each date of a pattern
_IN_DIGITS = (_YEAR_FIRST, _KOREAN, _YEAR_LAST, _MONTH_AND_YEAR, _COMPACT)
_LEAP_YEAR = 2000  # for a day and a month without a year
_CACHED_WORDS = 65_536
_CENTURY = 50  # two digits of a year from which on it is one of the last century


Reading = tuple[int | None, int, int | None]
"""A year, a month and a day."""


class FoundDate(NamedTuple):
    """A date in text[start:end]."""

    start: int
    end: int
    plain: str  # the term in place of a whole date; "" where the words stay
    readings: tuple[str, ...]  # other forms that stand for the same text
    parts: tuple[str, ...]  # other forms that stand for a part of it
    month_name: str


def find_dates(text: str) -> list[FoundDate]:
    """Return the dates of a text, in order."""
    found = [_found(start, end, [reading], text[start:end]) for start, end, reading in _written_dates(text)]
    patterns = [*_IN_DIGITS]
    if not text.isascii():
        patterns += [pattern for month, pattern in _BY_MONTH_SIGN if month.search(text)]
    for pattern in patterns:
        found += [_found(match.start(), match.end(), _readings(match), "") for match in pattern.finditer(text)]
    dates: list[FoundDate] = []
    for one in sorted(found):
        if (one.readings or one.plain) and (not dates or one.start >= dates[-1].end):
            dates.append(one)
    return dates


def join_dates(text: str, dates: Sequence[FoundDate]) -> str:
    """Return a text in which each whole date is one number."""
    pieces, last = [], 0
    for found in dates:
        if found.plain:
            pieces += [text[last : found.start], f" {found.plain} "]
            last = found.end
    return "".join((*pieces, text[last:]))


def _found(start: int, end: int, readings: Sequence[Reading], written: str) -> FoundDate:
    whole, parts = [], []
    for year, month, day in readings:
        if forms := _forms(year, month, day):
            whole.append(forms[0])
            parts += [*forms[1:], *([f"{year}"] if year and day else [])]
    is_whole = bool(whole) and len(whole[0]) == _WHOLE and end - start >= _WHOLE
    month_name = next(iter(name for name in _WORD.findall(written) if _month(name)), "") if is_whole else ""
    return FoundDate(
        start=start,
        end=end,
        plain=whole[0] if is_whole else "",
        readings=tuple(whole[is_whole:]),
        parts=tuple(dict.fromkeys(parts)),
        month_name=month_name,
    )


def _written_dates(text: str) -> Iterator[tuple[int, int, Reading]]:
    """Yield the dates with a month's name as (start, end, reading)."""
    pattern = _WORD if _DEVANAGARI.search(text) else _WORD_OF_LETTERS
    distinct = set(pattern.findall(text))
    others = () if text.isascii() else (word for word in distinct if not word.isascii())
    if _MONTH_OF.keys().isdisjoint(map(str.lower, distinct)) and not any(map(_month, others)):
        return
    months = {word: month for word in distinct if (month := _month_of_word(word))}
    for word in pattern.finditer(text):
        month = months.get(word.group(), 0)
        if not month:
            continue
        before = max(0, word.start() - _REACH)
        if day := _DAY_BEFORE.search(text[before : word.start()]):
            year = _YEAR_AFTER.match(text, word.end())
            yield before + day.start(), (year or word).end(), (_year(year), month, int(day["day"]))
        elif day := _DAY_AFTER.match(text, word.end()):
            yield word.start(), day.end(), (_year(day), month, int(day["day"]))
        elif year := _YEAR_AFTER.match(text, word.end()):
            yield word.start(), year.end(), (_year(year), month, None)


def _readings(match: re.Match[str]) -> list[Reading]:
    """Return what a date in digits may mean."""
    year, groups = _year(match), match.groupdict()
    if match.re is not _YEAR_LAST:
        return [(year, int(groups["month"]), int(groups["day"]) if groups.get("day") else None)]
    first, second = int(groups["first"]), int(groups["second"])
    is_day_first = groups["separator"].startswith(".") and second <= 12
    return [(year, second, first)] if is_day_first else [(year, second, first), (year, first, second)]


def _forms(year: int | None, month: int, day: int | None) -> list[str]:
    """Return the forms of a date, the whole one first; none if there is no such date."""
    try:
        date(year or _LEAP_YEAR, month, day or 1)
    except ValueError:
        return []
    full = [f"{year:04}{month:02}{day:02}"] if year and day else []
    without_year = [f"--{month:02}-{day:02}"] if day else []
    return [*full, *without_year, *([f"{year:04}-{month:02}"] if year else [])]


def _year(match: re.Match[str] | None) -> int | None:
    groups = match.groupdict() if match else {}
    if era := groups.get("era"):
        return _ERAS[era] + (1 if groups["year_of_era"] == "元" else int(groups["year_of_era"]))
    written = groups.get("year")
    if not written:
        return None
    return int(written) if len(written) > 2 else int(written) + (1900 if int(written) >= _CENTURY else 2000)


def _month_of_word(word: str) -> int:
    return _MONTH_OF.get(word.lower()) or (0 if word.isascii() else _month(word))


@lru_cache(_CACHED_WORDS)
def _month(name: str) -> int:
    """Return the number of a month by its name in any case and with any accents; 0 for other words."""
    return _MONTH_OF.get(_folded(name), 0)


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFD", name.lower().replace("ı", "i"))
    return "".join(character for character in plain if not unicodedata.combining(character))


_MONTH_OF = {
    _folded(name): number
    for number, line in enumerate(_MONTHS.split(";"), 1)
    for name in (*line.split(), _NOMINATIVES[number - 1])
}
