"""The number in a cell, and its unit and scale from the cell, its header or its caption."""

import re
from collections.abc import Sequence
from decimal import Decimal

from pagelens.core.tables.structure import Cell, Table
from pagelens.generate.citations.numbers import NUMBER, is_negative, possible_values

_UNIT = re.compile(
    r"\b(in|rs\.?|rupees|usd|us\$|eur|gbp|inr)?\s*(in\s+)?(hundred|thousand|million|billion|trillion|crore|lakh|lac)s?\b"
    r"|[%$€£¥₹]|\bper ?cent(age)?\b|\b(usd|eur|gbp|inr|rs)\b|'000|\b(tonnes|kg|km|hours|minutes|days|years)\b",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"[(\[]([^()\[\]]{1,40})[)\]]")


def cell_number(text: str) -> Decimal | None:
    """Return the number of a cell: "(1.9)" is negative, "70.9% (0.9%)" is 70.9; None for a dash or a range."""
    numbers = NUMBER.findall(text)
    if not numbers or (len(numbers) > 1 and "(" not in text and "±" not in text):
        return None
    values = possible_values(numbers[0])
    if not values:
        grouped = numbers[0].replace(",", "")
        return Decimal(grouped) if re.fullmatch(r"\d+(\.\d+)?", grouped) else None
    value = max(values) if "," in numbers[0] else min(values)
    return -value if is_negative(text) and len(numbers) == 1 else value


def unit_of(cell: Cell, table: Table) -> str:
    """Return the unit and scale that a cell's header, its row's label or its table's caption names in words of theirs.

    Empty if the cell has a unit of its own, or none of them names one.
    """
    if _UNIT.search(cell.value.text) or re.search(r"[^\W\d_]{2}", cell.value.text):
        return ""
    if any(_UNIT.search(chunk.text) for chunk in (*cell.column, *cell.row)):
        return ""  # it is told with the label
    return _named_unit([chunk.text for chunk in reversed(table.caption)])


def _named_unit(texts: Sequence[str]) -> str:
    for text in texts:
        for match in _BRACKETS.finditer(text):
            if _UNIT.search(match.group(1)):
                return match.group(1).strip()
        if first := re.match(r"\s*(%|in (?:[A-Z]{2,3}|US)?\W?\s?(?:million|billion|thousand|crore|lakh|lac)s?)", text):
            return first.group(1).strip()
    return ""


def written(value: Decimal, like: Sequence[str]) -> str:
    """Return a computed number with the signs of the cells that it was computed from ("%", "$")."""
    rounded = round(value, 4).normalize()
    number = f"{rounded:,f}"
    for sign in "%":
        if all(sign in text for text in like):
            return number + sign
    currency = {text.strip()[:1] for text in like}
    return f"{currency.pop()}{number}" if len(currency) == 1 and currency <= set("$€£¥₹") else number
