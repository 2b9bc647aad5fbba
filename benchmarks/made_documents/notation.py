"""How amounts and dates are written in four languages, in six ways."""

from datetime import date

from benchmarks.made_documents.words import LAYOUTS, Language

MONTHS: dict[Language, str] = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
_DATES: dict[tuple[Language, str], str] = {  # d, m, y: two, two and four digits; D: day, M: month's name, B: its start
    ("en", "GBP"): "D M y|d/m/y|y-m-d|D B y|d/m/y|D-B-y",
    ("en", "USD"): "M D, y|m/d/y|y-m-d|B D, y|m/d/y|D-B-y",
    ("de", "EUR"): "d.m.y|d.m.y|D. M y|d.m.y|d.m.Y|d.m.y",
    ("fr", "EUR"): "d/m/y|D M y|d/m/y|d.m.y|d/m/Y|D M y",
    ("es", "EUR"): "d/m/y|D de M de y|d-m-y|d/m/y|D B y|d.m.y",
}
_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$"}


def write_date(day: date, language: Language, currency: str, layout: str) -> str:
    """Return a date as documents of a layout write it."""
    month = MONTHS[language].split()[day.month - 1]
    pattern = _DATES[language, currency].split("|")[LAYOUTS.index(layout)]
    parts = {
        "d": f"{day.day:02d}", "m": f"{day.month:02d}", "y": str(day.year), "Y": f"{day.year % 100:02d}",
        "D": str(day.day), "M": month, "B": month[:3],
    }  # fmt: skip
    words = pattern.replace("de", "\0")
    return "".join(parts.get(letter, letter) for letter in words).replace("\0", "de")


def write_number(value: float, language: Language, decimals: int = 2) -> str:
    """Return "1,234.56" in the language's notation."""
    text = f"{value:,.{decimals}f}"
    if language == "en":
        return text
    return text.translate(str.maketrans(",.", "\xa0," if language == "fr" else ".,"))


def write_amount(value: float, language: Language, currency: str, layout: str) -> str:
    """Return an amount with its currency: a symbol before or after it, a code, or nothing."""
    number = write_number(value, language)
    style = LAYOUTS.index(layout) % 3
    if style == 1:
        return number  # the currency is said elsewhere
    if style == 2:
        return f"{number} {currency}"
    symbol = _SYMBOLS[currency]
    return f"{symbol}{number}" if language == "en" else f"{number} {symbol}"
