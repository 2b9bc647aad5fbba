"""Amounts, dates and times as documents write them, in the notation of the document: decimal mark, order of a date.

A notation is read off the whole document; what stays ambiguous ("03/04/2025" alone) is None: unsure.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

DateOrder = Literal["dmy", "mdy"]

_MONTHS = (  # the first letters that tell the months apart, in English, German, French and Spanish, without accents
    ("jan", "ene"),
    ("feb", "fev"),
    ("mar",),
    ("apr", "avr", "abr"),
    ("may", "mai"),
    ("jun", "juin"),
    ("jul", "juil"),
    ("aug", "aou", "ago"),
    ("sep",),
    ("oct", "okt"),
    ("nov",),
    ("dec", "dez", "dic"),
)
_MAERZ = "mrz"
CENTURY_TURN = 70  # two digits below it are of 2000, others of 1900

_SPACE = "[ \u00a0\u202f\u2009]"
_NUMBER = rf"\d{{1,3}}(?:{_SPACE}\d{{3}})+(?:[.,]\d{{1,2}})?(?!\d)|\d+(?:[.,'’]\d+)*"
_CURRENCY_WORDS = r"US\$|\$|€|£|¥|CHF|EUR|GBP|USD|CAD|AUD|SEK|NOK|DKK|PLN|JPY|Fr\."
_AMOUNT = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-–−+])?\s*(?:{_CURRENCY_WORDS})?\s*(?P<sign2>[-–−])?\s*(?P<number>{_NUMBER})"
    rf"\s*(?P<sign3>[-–−+])?\s*(?:{_CURRENCY_WORDS})?\s*(?P<close>\))?\s*(?P<side>[SH]|CR|DR|Cr|Dr)?"
)
_CENTS = re.compile(r"(?<![\d.,])\d[\d.,' \u00a0\u202f]*?([.,])\d{2}(?![\d.,]?\d)")
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_NUMERIC_DATE = re.compile(r"(?<![\d.,])(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_DAY_FIRST = re.compile(
    r"(?<!\d)(\d{1,2})(?:\.|er|st|nd|rd|th|º)?[ -]+(?:de )?([^\W\d_]{3,10})\.?,?[ -]+(?:de |del )?(\d{4})(?!\d)", re.I
)
_MONTH_FIRST = re.compile(r"\b([^\W\d_]{3,10})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?!\d)", re.I)
_SHORT_DATE = re.compile(r"(?<![\d.,])(\d{1,2})[./](\d{1,2})\.?(?![\d/.,])")
_TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-3])[:h]([0-5]\d)(?::[0-5]\d)?(?![\d:])")
_CURRENCIES = {
    "€": "EUR", "EUR": "EUR", "£": "GBP", "GBP": "GBP", "US$": "USD", "$": "USD", "USD": "USD", "CHF": "CHF",
    "¥": "JPY", "JPY": "JPY", "CAD": "CAD", "AUD": "AUD", "SEK": "SEK", "NOK": "NOK", "DKK": "DKK", "PLN": "PLN",
}  # fmt: skip
_CURRENCY = re.compile(r"US\$|[$€£¥]|(?<![A-Za-z])(?:EUR|GBP|USD|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN)(?![A-Za-z])")


@dataclass(frozen=True, slots=True)
class Notation:
    """How a document writes numbers and dates; None where it does not tell."""

    decimal_mark: Literal[".", ","] | None = None
    date_order: DateOrder | None = None
    year: int | None = None  # of dates without one


def find_notation(texts: Sequence[str], year: int | None = None) -> Notation:
    """Return the notation of the texts of a document's pages."""
    marks = [match[1] for text in texts for match in _CENTS.finditer(text)]
    commas, points = marks.count(","), marks.count(".")
    mark: Literal[".", ","] | None = None if commas == points else "," if commas > points else "."
    return Notation(mark, _date_order(texts, mark), year)


def _date_order(texts: Sequence[str], mark: str | None) -> DateOrder | None:
    """Return the order of numeric dates: by a number above 12, else by the decimal comma or a currency."""
    found = [match.groups() for text in texts for match in _NUMERIC_DATE.finditer(text)]
    if any(int(first) > 12 or separator != "/" for first, separator, _, _ in found):
        return "dmy"
    if any(int(second) > 12 for _, _, second, _ in found):
        return "mdy"
    currencies = {code for text in texts for code in find_currencies(text)}
    if mark == "," or currencies & {"EUR", "GBP"}:
        return "dmy"
    return "mdy" if currencies == {"USD"} else None


def parse_amount(text: str, notation: Notation) -> float | None:
    """Return the number that a text is, with its currency and sign; None if it is anything else or ambiguous."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        return None
    value = _number(match["number"], notation.decimal_mark)
    if value is None:
        return None
    signs = {match["sign"], match["sign2"], match["sign3"]} & set("-–−")
    negative = signs or (match["open"] and match["close"]) or match["side"] in ("S", "DR", "Dr")
    return -value if negative else value


def parse_quantity(text: str, notation: Notation) -> float | None:
    """Return the number at the start of a text, before a unit of one word ("3 pcs"); None if there is none."""
    words = text.split()
    if len(words) > 2 or not words or (len(words) == 2 and any(map(str.isdigit, words[1]))):
        return None
    return parse_amount(words[0], notation)


def has_cents(text: str) -> bool:
    """Tell whether a number in a text has two digits after its last mark, as amounts of money have."""
    return re.search(r"\d[.,]\d{2}(?!\d)", text) is not None


def _number(text: str, mark: str | None) -> float | None:
    """Return a number's value by the decimal mark; None where the marks leave it open."""
    plain = re.sub(rf"{_SPACE}|['’]", "", text)
    separators = re.findall(r"[.,]", plain)
    if not separators:
        return float(plain)
    last, tail = separators[-1], len(plain) - plain.rfind(separators[-1]) - 1
    if len(set(separators)) == 2:
        decimal = last if separators.count(last) == 1 else None
        if decimal is None:
            return None
    elif len(separators) > 1:
        decimal = ""  # "1.234.567"
    elif tail == 3 and mark != last:
        if mark is None:
            return None
        decimal = ""
    else:
        decimal = last
    if decimal and mark and decimal != mark and tail != 2:
        return None
    kept = "".join("." if char == decimal and at == plain.rfind(decimal) else char for at, char in enumerate(plain)
                   if char.isdigit() or (decimal and at == plain.rfind(decimal)))  # fmt: skip
    return float(kept)


def find_dates(text: str, notation: Notation) -> list[tuple[int, int, str]]:
    """Return (start, end, ISO date) of the dates in a text, in order; those that are ambiguous are left out."""
    found = [(*match.span(), _iso(match[1], match[2], match[3])) for match in _ISO.finditer(text)]
    found += [(*match.span(), _numeric_date(match, notation)) for match in _NUMERIC_DATE.finditer(text)]
    found += [(*match.span(), _iso(match[3], _month(match[2]), match[1])) for match in _DAY_FIRST.finditer(text)]
    found += [(*match.span(), _iso(match[3], _month(match[1]), match[2])) for match in _MONTH_FIRST.finditer(text)]
    return sorted((start, end, iso) for start, end, iso in found if iso is not None)


def short_date(text: str, notation: Notation) -> str | None:
    """Return the ISO date that a text without a year is ("12.03."), by the year of the notation."""
    match = _SHORT_DATE.fullmatch(text.strip())
    if match is None or notation.year is None:
        return None
    day, month = (match[2], match[1]) if notation.date_order == "mdy" else (match[1], match[2])
    return _iso(notation.year, month, day)


def _numeric_date(match: re.Match[str], notation: Notation) -> str | None:
    first, _, second, year = match.groups()
    if notation.date_order is None and first != second:
        return None
    day, month = (second, first) if notation.date_order == "mdy" else (first, second)
    full = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < CENTURY_TURN else 1900)
    return _iso(full, month, day)


def _iso(year: int | str, month: int | str | None, day: int | str) -> str | None:
    if month is None:
        return None
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _month(word: str) -> int | None:
    plain = without_accents(word)
    if plain.startswith(_MAERZ):
        return 3
    for number, starts in enumerate(_MONTHS, start=1):
        if plain.startswith(starts):
            return number
    return None


def find_time(text: str) -> tuple[int, int, str] | None:
    """Return (start, end, "HH:MM") of the first time in a text."""
    match = _TIME.search(text)
    return (*match.span(), f"{int(match[1]):02d}:{match[2]}") if match else None


def find_currencies(text: str) -> list[str]:
    """Return the ISO codes of the currencies that a text names by symbol or code, in order."""
    return [_CURRENCIES[match[0]] for match in _CURRENCY.finditer(text)]


def currency_span(text: str, code: str) -> tuple[int, int] | None:
    """Return the span of the first mention of a currency."""
    return next((match.span() for match in _CURRENCY.finditer(text) if _CURRENCIES[match[0]] == code), None)


def is_iban(text: str) -> bool:
    """Tell whether a text is an IBAN with right check digits (ISO 13616: modulo 97 is 1)."""
    plain = "".join(text.split()).upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", plain):
        return False
    digits = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
    return int(digits) % 97 == 1


def without_accents(text: str) -> str:
    """Return a text in lower case, without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
