"""Writes the values of spreadsheet cells as they are shown, by their number formats (ECMA-376 part 1, 18.8.31).

Month and day names are English. A date in the format that depends on the reader's country (number 14) is written
2024-03-05, since its order of day and month is not known.
"""

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache

_COUNTRY_DATE = ("mm-dd-yy", "m/d/yy", "m/d/yyyy;@", "mm/dd/yy")
_TOKEN = re.compile(
    r"""(?ix) "(?P<quoted>[^"]*)" | \\(?P<escaped>.) | _. | \*. | \[\$(?P<currency>[^\]-]*)(?:-[^\]]*)?\]
    | \[(?P<elapsed>h+|m+|s+)\] | \[(?P<condition>[<>=]+\s*-?[\d.]+)\] | \[[^\]]*\]
    | (?P<general>General) | (?P<ampm>AM/PM|A/P) | (?P<exponent>E[+-]) | (?P<date>y+|m+|d+|h+|s+)
    | (?P<digit>[0#?]) | (?P<other>.)"""
)
_SECTION = re.compile(r"""((?:"[^"]*"|\\.|\[[^\]]*\]|[^;])*)(?:;|$)""")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_EPOCH = datetime(1899, 12, 30)
_MAX_FORMAT = 255  # characters, as in Excel

CellValue = str | int | float | bool | datetime | date | time | timedelta | None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # name of the group of _TOKEN
    text: str


def shown_value(value: CellValue, number_format: str = "General") -> str:
    """Return a cell's value as it is shown, in one line; "" for an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    try:
        shown = _shown(value, (number_format or "General")[:_MAX_FORMAT])
    except (ValueError, ArithmeticError, IndexError):  # a format that no program wrote
        shown = str(value)
    return " ".join(shown.split())


def _shown(value: CellValue, number_format: str) -> str:
    sections = _sections(number_format)
    if isinstance(value, str):
        return _text(value, sections[3] if len(sections) > 3 else sections[-1])
    if isinstance(value, datetime | date | time | timedelta):
        if number_format.lower() in _COUNTRY_DATE and isinstance(value, date):
            return f"{value:%Y-%m-%d}"
        return _date(value, sections[0])
    if not isinstance(value, int | float) or not math.isfinite(value):
        return str(value)
    section, is_absolute = _section_for(float(value), sections)
    if any(token.kind in ("date", "elapsed") for token in section):
        return _date(_EPOCH + timedelta(days=float(value)), section)
    sign = "-" if value < 0 and not is_absolute else ""
    return sign + _number(abs(value), section)


@lru_cache(maxsize=1000)
def _sections(number_format: str) -> tuple[tuple[_Token, ...], ...]:
    """Return the tokens of each section: for positive numbers, negative ones, zero, texts."""
    texts = [match[1] for match in _SECTION.finditer(number_format)]
    texts = texts[:-1] if len(texts) > 1 and not texts[-1] and not number_format.endswith(";") else texts
    return tuple(
        tuple(
            _Token(match.lastgroup, match[match.lastgroup]) for match in _TOKEN.finditer(text) if match.lastgroup
        )
        for text in texts
    ) or ((_Token("general", "General"),),)  # fmt: skip


def _section_for(value: float, sections: tuple[tuple[_Token, ...], ...]) -> tuple[tuple[_Token, ...], bool]:
    """Return the section for a number, and whether that shows negative numbers without a sign."""
    numeric = sections[:3]
    conditions = [next((token.text for token in section if token.kind == "condition"), "") for section in numeric]
    if any(conditions):
        for section, condition in zip(numeric, conditions, strict=True):
            if not condition or _holds(value, condition):
                return section, False
        return numeric[-1], False
    if value < 0 and len(sections) > 1:
        return sections[1], True
    if value == 0 and len(sections) > 2:
        return sections[2], False
    return sections[0], False


def _holds(value: float, condition: str) -> bool:
    sign = condition.rstrip("-0123456789. ")
    limit = float(condition[len(sign) :])
    return {"<": value < limit, ">": value > limit, "=": value == limit, "<=": value <= limit, ">=": value >= limit,
            "<>": value != limit}.get(sign, False)  # fmt: skip


def _text(value: str, section: tuple[_Token, ...]) -> str:
    if not any(token == _Token("other", "@") for token in section):
        return value
    return "".join(value if token == _Token("other", "@") else _literal(token) for token in section)


def _literal(token: _Token) -> str:
    return token.text if token.kind in ("quoted", "escaped", "currency", "other") else ""


def _general(value: float) -> str:
    if value == int(value) and value < 1e15:
        return str(int(value))
    if value >= 1e11 or value < 1e-9:
        mantissa, _, exponent = f"{value:.5E}".partition("E")
        return f"{mantissa.rstrip('0').rstrip('.')}E{exponent}"
    decimals = max(0, 9 - len(str(int(value))))
    rounded = f"{Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"
    return rounded.rstrip("0").rstrip(".") if decimals else rounded


def _number(value: float, section: tuple[_Token, ...]) -> str:
    if any(token.kind == "general" for token in section):
        return "".join(_general(value) if token.kind == "general" else _literal(token) for token in section)
    if any(token.kind == "exponent" for token in section):
        return _scientific(value, section)
    digits = [index for index, token in enumerate(section) if token.kind == "digit"]
    if not digits:
        return "".join(_literal(token) for token in section)
    slash = _Token("other", "/")
    if slash in section and digits[0] < section.index(slash):
        return _fraction(value, section)
    return _decimal(value, section, digits)


def _decimal(value: float, section: tuple[_Token, ...], digits: list[int]) -> str:
    """Fill the places of a format with the digits of a number; the first place takes all that are left over."""
    point = next((i for i, token in enumerate(section) if token == _Token("other", ".")), len(section))
    whole, decimals = [i for i in digits if i < point], [i for i in digits if i > point]
    commas = [i for i, token in enumerate(section) if token == _Token("other", ",") and digits[0] < i]
    last = max(whole, default=-1)
    scaling = [i for i in commas if last < i < point or i > digits[-1]]  # each divides by a thousand
    grouped = any(i < last for i in commas)
    percents = sum(token == _Token("other", "%") for token in section)
    exact = Decimal(repr(float(value))).scaleb(2 * percents - 3 * len(scaling))
    rounded = f"{exact.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP):f}"
    integer, _, fraction = rounded.partition(".")
    places = _integer_places(integer.lstrip("0"), [section[i].text for i in whole], grouped=grouped)
    filled = dict(zip(whole, places, strict=True)) | _decimal_places(fraction, section, decimals)
    shown = []
    for index, token in enumerate(section):
        if token.kind == "digit":
            shown.append(filled[index])
        elif index == point:
            shown.append(("" if whole else integer.lstrip("0")) + "." if decimals or not whole else "")
        elif index not in commas:
            shown.append(_literal(token))
    return "".join(shown)


def _integer_places(integer: str, places: list[str], *, grouped: bool) -> list[str]:
    """Return what each place before the point shows: digits from the right, zeros in places `0`."""
    if not places:
        return []
    needed = max((len(places) - at for at, place in enumerate(places) if place == "0"), default=0)
    digits = integer.rjust(needed, "0")
    filled: list[str] = []
    for distance in range(len(places)):  # from the right
        is_first = distance == len(places) - 1
        left = len(digits) - distance
        part = digits[: max(0, left)] if is_first else digits[max(0, left - 1) : max(0, left)]
        filled.append(part)
    if grouped:
        filled = _with_commas(filled)
    return filled[::-1]


def _with_commas(filled: list[str]) -> list[str]:
    """Put commas between thousands; `filled` has the places from the right."""
    grouped: list[str] = []
    passed = 0
    for part in filled:
        shown = ""
        for digit in reversed(part):
            shown = digit + ("," if passed and passed % 3 == 0 else "") + shown
            passed += 1
        grouped.append(shown)
    return grouped


def _decimal_places(fraction: str, section: tuple[_Token, ...], decimals: list[int]) -> dict[int, str]:
    """Return what each place after the point shows: zeros at the end only in places `0`."""
    filled: dict[int, str] = {}
    for at in range(len(decimals) - 1, -1, -1):
        is_empty = fraction[at] == "0" and section[decimals[at]].text != "0"
        filled[decimals[at]] = "" if is_empty and not any(filled.values()) else fraction[at]
    return filled


def _scientific(value: float, section: tuple[_Token, ...]) -> str:
    at = next(i for i, token in enumerate(section) if token.kind == "exponent")
    point = next((i for i, token in enumerate(section) if token == _Token("other", ".")), at)
    decimals = sum(token.kind == "digit" for token in section[point:at])
    width = sum(token.kind == "digit" for token in section[at:])
    mantissa, _, exponent = f"{value:.{decimals}E}".partition("E")
    sign = "-" if int(exponent) < 0 else "+" if section[at].text.endswith("+") else ""
    return f"{mantissa}E{sign}{abs(int(exponent)):0{width}d}"


def _fraction(value: float, section: tuple[_Token, ...]) -> str:
    slash = section.index(_Token("other", "/"))
    after = (token for token in section[slash + 1 :] if token.kind in ("digit", "other"))
    below = "".join(token.text.strip() for token in after)
    has_whole = any(token == _Token("other", " ") for token in section[:slash])
    whole = int(value) if has_whole else 0
    part = Fraction(value - whole)
    if below.isdigit() and below.strip("0"):
        denominator = int(below)
        numerator = round(part * denominator)
    else:
        nearest = part.limit_denominator(10 ** max(1, len(below)) - 1)
        numerator, denominator = nearest.numerator, nearest.denominator
    if numerator == denominator and has_whole:
        whole, numerator = whole + 1, 0
    if not numerator and has_whole:
        return str(whole)
    return f"{whole} {numerator}/{denominator}" if whole else f"{numerator}/{denominator}"


def _date(value: datetime | date | time | timedelta, section: tuple[_Token, ...]) -> str:
    moment, elapsed = _moment(value)
    has_half_days = any(token.kind == "ampm" for token in section)
    shown: list[str] = []
    fraction = False
    for index, token in enumerate(section):
        if token.kind == "date":
            shown.append(_date_part(moment, section, index, has_half_days=has_half_days))
        elif token.kind == "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[token.text[0].lower()]
            shown.append(f"{int(elapsed.total_seconds() // unit):0{len(token.text)}d}")
        elif token.kind == "ampm":
            halves = ("AM", "PM") if len(token.text) > 3 else ("A", "P")
            shown.append(halves[moment.hour >= 12])
        elif token == _Token("other", ".") and section[index + 1 : index + 2] == (_Token("digit", "0"),):
            places = sum(1 for following in section[index + 1 :] if following == _Token("digit", "0"))
            shown.append(f".{moment.microsecond:06d}"[: places + 1])
            fraction = True
        elif token.kind == "general":
            shown.append(f"{moment:%Y-%m-%d}")
        elif not (fraction and token.kind == "digit") and token != _Token("other", "@"):
            shown.append(_literal(token))
    return "".join(shown)


def _moment(value: datetime | date | time | timedelta) -> tuple[datetime, timedelta]:
    """Return a value as a point in time, and as the time since the first day of spreadsheets."""
    if isinstance(value, timedelta):
        return _EPOCH + value, value
    if isinstance(value, time):
        moment = datetime.combine(_EPOCH, value.replace(tzinfo=None))
    else:
        moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    moment = moment.replace(tzinfo=None)
    return moment, moment - _EPOCH


def _date_part(moment: datetime, section: tuple[_Token, ...], index: int, *, has_half_days: bool) -> str:
    code = section[index].text.lower()
    unit, width = code[0], len(code)
    if unit == "m" and _is_minute(section, index):
        return f"{moment.minute:0{min(2, width)}d}"
    if unit == "y":
        return f"{moment.year:04d}" if width > 2 else f"{moment.year % 100:02d}"
    if unit == "m":
        name = _MONTHS[moment.month - 1]
        return {1: str(moment.month), 2: f"{moment.month:02d}", 3: name[:3], 5: name[0]}.get(width, name)
    if unit == "d":
        name = _DAYS[moment.weekday()]
        return {1: str(moment.day), 2: f"{moment.day:02d}", 3: name[:3]}.get(width, name)
    if unit == "h":
        hour = (moment.hour % 12 or 12) if has_half_days else moment.hour
        return f"{hour:0{min(2, width)}d}"
    return f"{moment.second:0{min(2, width)}d}"


def _is_minute(section: tuple[_Token, ...], index: int) -> bool:
    """Tell whether an `m` means minutes: after hours, or before seconds."""
    units = [(i, token.text[0].lower()) for i, token in enumerate(section) if token.kind in ("date", "elapsed")]
    at = next(position for position, (i, _) in enumerate(units) if i == index)
    before = units[at - 1][1] if at else ""
    after = units[at + 1][1] if at + 1 < len(units) else ""
    return len(section[index].text) <= 2 and (before == "h" or after == "s")
