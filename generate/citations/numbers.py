"""Numbers as they are written, and which of them say the same.

Thousands: 1,234 and 1 234 (non-breaking or thin blank) and 1'234 are 1234. A lone dot or comma before three digits may
part thousands or decimals, so "1.234" is read as both; "3,5" as 3.5. Trailing zeros, signs, currencies and percent
signs say nothing here. Scales multiply (3.2 million, $4.1bn, 5 lakh), number words count (twenty-five), "one" does not:
it rarely is a number. Knows English words only; knows no page.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

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
    "million": Decimal(1_000_000),
    "mn": Decimal(1_000_000),
    "m": Decimal(1_000_000),
    "crore": Decimal(10_000_000),
    "billion": Decimal(1_000_000_000),
    "bn": Decimal(1_000_000_000),
    "b": Decimal(1_000_000_000),
    "trillion": Decimal(1_000_000_000_000),
}
_UNITS = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ONES = {"one": 1, **{word: value for value, word in enumerate(_UNITS, start=2)}}
_WORDS = {**_ONES, **{word: 10 * value for value, word in enumerate(_TENS, start=2)}, "dozen": 12}
# What optical readers take digits for.
_DIGITS = str.maketrans("OoQDIl|iSsBZzG", "00001111558226")
_LETTERS = str.maketrans("015826", "olsbzg")


def readings(written: str) -> frozenset[Decimal]:
    """Return the values that digits with separators may stand for; none for what is no single number ("3.1.2")."""
    marks = [char for char in written if not char.isdecimal()]
    if not marks:
        return frozenset({Decimal(written).normalize()})
    found = set()
    grouped = _GROUPED.fullmatch(written) is not None
    if grouped:
        found.add(Decimal(_digits(written)))
    whole, _, decimals = written.rpartition(marks[-1])
    single = marks[-1] in ".," and marks[-1] not in whole and _THOUSANDS.fullmatch(whole) is not None
    if single and not (grouped and marks[-1] == ","):  # "1,234" is English
        found.add(Decimal(f"{_digits(whole)}.{decimals}"))
    return frozenset(value.normalize() for value in found)


def _digits(written: str) -> str:
    return "".join(filter(str.isdecimal, written))


def parts(written: str) -> list[str]:
    """Return the runs of digits of what is no single number: a date, a section, a list ("12.05.2020", "3.1.2")."""
    return re.findall(r"\d+", written)


def scaled(values: frozenset[Decimal], scale: str) -> frozenset[Decimal]:
    """Return the values times the scale that a word names."""
    return frozenset((value * SCALES[scale]).normalize() for value in values)


def word_number(words: Sequence[str]) -> tuple[Decimal | None, int]:
    """Return the value that the number words at the start stand for, and how many words it takes; None, 0 for none.

    A lone "one", a lone "hundred" and the like are no numbers.
    """
    total, current, taken = 0, 0, 0
    for word in words:
        if word in _WORDS:
            value = _WORDS[word]
            if current % 100 and not (current % 100 >= 20 and current % 10 == 0 and value < 10):
                break
            current += value
        elif word in ("hundred", "thousand", "million", "billion", "trillion") and taken:
            scale = int(SCALES[word])
            if scale == 100:
                current *= 100
            else:
                total, current = total + current * scale, 0
        else:
            break
        taken += 1
    value = total + current
    return (None, 0) if not taken or value == 1 else (Decimal(value).normalize(), taken)


def misread(written: str) -> tuple[str, str]:
    """Return a word of letters and digits as digits and as letters, as it may stand on the page: "2O15" is 2015,
    "c1osed" is closed. Nothing for the one where it is less likely, and for words that are no such mixture."""
    digits = sum(map(str.isdecimal, written))
    letters = sum(map(str.isalpha, written))
    if not digits or not letters:
        return "", ""
    return (written.translate(_DIGITS), "") if digits >= letters else ("", written.translate(_LETTERS))
