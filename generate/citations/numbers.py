"""Values of written numbers.

Thousands: 1,234 and 1 234 (non-breaking or thin blank) and 1'234 are 1234. A lone dot or comma before three digits may
separate thousands or decimals, so "1.234" has both values; "3,5" is 3.5. Trailing zeros, signs, currencies and percent
signs are ignored. "2017/18" is 2017 and 2018. Scales multiply (3.2 million, $4.1bn, 5 lakh). English number words count
(twenty-five), except "one", which rarely is a number.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

_GROUP = "[,.\u00a0\u202f\u2009'’]"
NUMBER = re.compile(rf"\d+(?:{_GROUP}\d+)*")
_GROUPED = re.compile(rf"\d{{1,3}}({_GROUP})\d{{3}}(?:\1\d{{3}})*")
_THOUSANDS = re.compile(rf"\d+|{_GROUPED.pattern}")

SCALES: Mapping[str, Decimal] = {
    "hundred": Decimal(100),
    "thousand": Decimal(1_000),
    "k": Decimal(1_000),
    "lakh": Decimal(100_000),
    "lac": Decimal(100_000),
    "lakhs": Decimal(100_000),
    "万": Decimal(10_000),
    "萬": Decimal(10_000),
    "만": Decimal(10_000),
    "亿": Decimal(100_000_000),
    "億": Decimal(100_000_000),
    "억": Decimal(100_000_000),
    "million": Decimal(1_000_000),
    "mn": Decimal(1_000_000),
    "m": Decimal(1_000_000),
    "mio": Decimal(1_000_000),
    "millions": Decimal(1_000_000),
    "crores": Decimal(10_000_000),
    "mrd": Decimal(1_000_000_000),
    "billions": Decimal(1_000_000_000),
    "crore": Decimal(10_000_000),
    "billion": Decimal(1_000_000_000),
    "bn": Decimal(1_000_000_000),
    "b": Decimal(1_000_000_000),
    "trillion": Decimal(1_000_000_000_000),
}
_NEGATIVE = re.compile(r"^\s*(\(.*\)|[-−–]\s?[\d$€£.].*)$")
MIN_ROUNDED_DIGITS = 2  # of a rounded number
_UNIT_BEHIND = re.compile(
    r"\s?(?:(?P<points>percentage[ -]points?\b|pp\b|-?points?\b)|%(?:\s?(?:age )?points?\b)?|per ?cent\b|pct\b)", re.I
)
_YEAR_BEFORE = re.compile(r"(?<!\d)((?:19|20)\d\d)/$")
_CURRENCY = re.compile(r"([$€£¥₹]|\bRs)\.?\s?$")
_CURRENCIES = {"$": "$", "€": "€", "£": "£", "¥": "¥", "₹": "₹", "Rs": "₹"}
_UNITS = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ONES = {"one": 1, **{word: value for value, word in enumerate(_UNITS, start=2)}}
_WORDS = {**_ONES, **{word: 10 * value for value, word in enumerate(_TENS, start=2)}, "dozen": 12}
# Letters that OCR confuses with digits.
_DIGITS = str.maketrans("OoQDIl|iSsBZzG", "00001111558226")
_LETTERS = str.maketrans("015826", "olsbzg")


def possible_values(written: str) -> frozenset[Decimal]:
    """Return the values that digits with separators may have; none if they are no single number ("3.1.2")."""
    separators = [char for char in written if not char.isdecimal()]
    if not separators:
        return frozenset({Decimal(written).normalize()})
    values = set()
    grouped = _GROUPED.fullmatch(written) is not None
    if grouped:
        values.add(Decimal(_digits(written)))
    whole, _, decimals = written.rpartition(separators[-1])
    single = separators[-1] in ".," and separators[-1] not in whole and _THOUSANDS.fullmatch(whole) is not None
    if single and not (grouped and separators[-1] == ","):  # "1,234" is English
        values.add(Decimal(f"{_digits(whole)}.{decimals}"))
    return frozenset(value.normalize() for value in values)


def is_negative(written: str) -> bool:
    """Return whether a number is written with a minus or, as accountants do, in brackets: "-4.2", "(4.2)"."""
    return _NEGATIVE.match(written) is not None


def _digits(written: str) -> str:
    return "".join(filter(str.isdecimal, written))


def second_year(text: str, start: int, end: int) -> frozenset[Decimal]:
    """Return the year that two digits at a span of a text stand for, as in "2017/18": 2018; none if they do not."""
    before = _YEAR_BEFORE.search(text[max(0, start - 6) : start])
    if before is None or text[start:end] != f"{(int(before[1]) + 1) % 100:02}":
        return frozenset()
    return frozenset({Decimal(int(before[1]) + 1).normalize()})


def digit_runs(written: str) -> list[str]:
    """Return the runs of digits of a date, a section number or a list ("12.05.2020", "3.1.2")."""
    return re.findall(r"\d+", written)


def scale_values(values: frozenset[Decimal], scale: str) -> frozenset[Decimal]:
    """Return the values multiplied by a scale, a key of `SCALES`."""
    return frozenset((value * SCALES[scale]).normalize() for value in values)


def unit_of(text: str, start: int, end: int) -> str:
    """Return the unit of the number at a span of a text: "%", "points" (percentage points), a currency, or ""."""
    behind = _UNIT_BEHIND.match(text, end)
    if behind:
        return "points" if behind["points"] else "%"
    before = _CURRENCY.search(text[max(0, start - 4) : start])
    return _CURRENCIES[before[1]] if before else ""


def is_rounded(number: Decimal, exact: Decimal) -> bool:
    """Return whether a number is another one rounded to fewer digits, to two or more: 1200000 for 1234567."""
    digits, all_digits = (len(value.normalize().as_tuple().digits) for value in (number, exact))
    if not MIN_ROUNDED_DIGITS <= digits < all_digits:
        return False
    return exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), ROUND_HALF_UP) == number


def parse_number_words(words: Sequence[str]) -> tuple[Decimal | None, int]:
    """Return the value of the number words at the start, and how many they are; (None, 0) if there are none.

    "one" alone, "hundred" alone and the like are no numbers.
    """
    total, current, word_count = 0, 0, 0
    for word in words:
        if word in _WORDS:
            value = _WORDS[word]
            if current % 100 and not (current % 100 >= 20 and current % 10 == 0 and value < 10):
                break
            current += value
        elif word in ("hundred", "thousand", "million", "billion", "trillion") and word_count:
            scale = int(SCALES[word])
            if scale == 100:
                current *= 100
            else:
                total, current = total + current * scale, 0
        else:
            break
        word_count += 1
    value = total + current
    return (None, 0) if not word_count or value == 1 else (Decimal(value).normalize(), word_count)


def ocr_alternatives(written: str) -> tuple[str, str]:
    """Return a word that mixes letters and digits as digits and as letters: "2O15" may be 2015, "c1osed" closed.

    The less likely of the two is empty; both are for words that are no such mixture.
    """
    digits = sum(map(str.isdecimal, written))
    letters = sum(map(str.isalpha, written))
    if not digits or not letters:
        return "", ""
    return (written.translate(_DIGITS), "") if digits >= letters else ("", written.translate(_LETTERS))
