"""Other forms of numbers: without separators of thousands, as percentages; of versions and part numbers.

Each spelling, and its form:

    1,043,250  1.043.250  1'043'250  10,43,250                1043250 in their place
    1 043 250                                                 1043250
    12.5%  12,5 %  12.5 percent  12.5 per cent                12.5%
    v2.3.1  version 2.3.1  2.3.1                              v2.3.1
    AB-1234/5  AB1234-5                                       ab12345
    978-3-16-148410-0                                         9783161484100
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain

Found = Iterator[tuple[str, str]]
"""Each other form, and the text that has it."""

# Patterns begin with a class of characters, and what may not stand before it is said after it: so `re` looks only where
# such a character stands, which takes a fifth of the time.
_GROUPED = re.compile(
    r"[1-9](?<![\d.,'][1-9])(?:"
    r"\d{0,2}(?:(?P<separator>[,.'])\d{3})(?:(?P=separator)\d{3})*(?!\d|(?P=separator)\d)"
    r"|\d?(?:,\d\d)+,\d{3}(?![\d,])"  # lakhs and crores
    r")"
)
_SPACED = re.compile(r"[1-9](?<![\d.,'][1-9])(?<!\d [1-9])\d{0,2}(?: \d{3}){1,4}(?! ?\d)")
# With decimals; whole ones are one term already.
_PERCENT = re.compile(
    r"(\d(?<![\d.,]\d)\d*(?:[.,]\d+)+) ?"
    r"(?:%|(?:percent|per ?cent|pct|prozent|pour ?cent|por ?ciento|procent|prosent)(?![^\W_]))",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"[vVrR\d](?<![^\W_][vVrR\d])(?:"
    r"(?i:(?<=v)|(?<=v)er|(?<=v)ersion|(?<=r)elease|(?<=r)el)\.? ?(\d+(?:\.\d+)+)"
    r"|(?<=\d)(?<!\.\d)\d*(?:\.\d+){2,}"
    r")(?![^\W_]|\.\d)"
)
_DATE = re.compile(r"\d\d?\.\d\d?\.\d{4}|\d{4}\.\d\d?\.\d\d?")
# Letters and digits with separators between them, a digit among them; no blanks.
_PART = re.compile(r"(?<![^\W_])(?=[A-Za-z/._-]*[0-9])[A-Za-z0-9]+(?:[-/._][A-Za-z0-9]+)*(?![^\W_])")
_CODE = re.compile(r"[A-Za-z]{1,6}[-/._]?\d[A-Za-z0-9./_-]*|[A-Z0-9./_-]*[A-Z][A-Z0-9./_-]*")
_DIGITS = re.compile(r"\d(?<![\w./-]\d)\d{0,6}(?:[-/]\d{1,7}){2,6}(?![\w/-]|\.\d)")
_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[A-Za-z]")
_RUN = re.compile(r"[A-Za-z]+|[0-9]+")
_MIN_RUNS = 3  # of letters or digits: two are found as terms next to each other ("COVID-19" by "covid19")
_MIN_DIGITS = 2  # of a part number
_MAX_CODE = 40  # characters
_MIN_LONG_NUMBER = 9  # digits: a date has eight


def join_groups(text: str) -> str:
    """Return a text in which numbers have no separators of thousands other than blanks, which may part two numbers."""
    return _GROUPED.sub(lambda match: re.sub(r"\D", "", match.group()), text)


def number_forms(text: str) -> Found:
    """Yield the other forms of the numbers, versions and part numbers of a text."""
    for match in _SPACED.finditer(text):
        yield match.group().replace(" ", ""), match.group()
    for match in _PERCENT.finditer(text):
        yield f"{_decimal(match.group(1))}%", match.group()
    for match in _VERSION.finditer(text):
        number = match.group(1) or match.group()
        if match.group(1) or not (_GROUPED.fullmatch(number) or _DATE.fullmatch(number)):
            yield f"v{number}", match.group()
    tokens = [token for token in text.split() if not token.isalpha() and _DIGIT.search(token)]
    for match in chain.from_iterable(map(_DIGITS.finditer, tokens)):
        if len(number := re.sub(r"\D", "", match.group())) >= _MIN_LONG_NUMBER:
            yield number, match.group()
    yield from _part_numbers(tokens)


def _part_numbers(tokens: Sequence[str]) -> Found:
    for match in chain.from_iterable(map(_PART.finditer, tokens)):
        code = match.group()
        if len(code) > _MAX_CODE or len(_RUN.findall(code)) < _MIN_RUNS:
            continue
        letters, digits = len(_LETTERS.findall(code)), sum(map(str.isdigit, code))
        if letters and digits >= _MIN_DIGITS and _CODE.fullmatch(code) and not _VERSION.fullmatch(code):
            yield re.sub(r"[-/._]", "", code).lower(), code


def _decimal(number: str) -> str:
    """Return a number without separators of thousands and with a decimal point: the last separator, once, is one."""
    whole, separator, decimals = number.rpartition("," if number.rfind(",") > number.rfind(".") else ".")
    if not separator or separator in whole:
        return re.sub(r"[.,]", "", number)
    return f"{re.sub(r'[.,]', '', whole)}.{decimals}"
