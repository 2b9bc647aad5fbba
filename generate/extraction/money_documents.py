"""The fields of invoices, receipts and bank statements, by labels, columns and arithmetic."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from statistics import median
from typing import Any

from pagelens.core.types import Box
from pagelens.generate.extraction.field_labels import LEGAL_FORMS, all_labels, field_labels, plain_label
from pagelens.generate.extraction.field_values import find_dates, has_cents, parse_amount, parse_quantity, short_date
from pagelens.generate.extraction.key_values import Found, labelled_values
from pagelens.generate.extraction.page_segments import Segment, rows_of
from pagelens.generate.extraction.read_document import ReadDocument, parse_name
from pagelens.generate.extraction.table_rows import FoundRow, FoundTable, find_rows

CENT = 0.011  # sums that differ by less are equal
TOP = 0.25  # of the page, where the sender's name stands
LARGE = 1.15  # times the median height of letters: a name set to be seen

Row = dict[str, Found[Any]]
INVOICE_COLUMNS = ("position", "description", "quantity", "unit", "tax_rate", "unit_price", "amount")
STATEMENT_COLUMNS = ("date", "description", "debit", "credit", "amount", "balance")


def invoice_fields(document: ReadDocument) -> dict[str, Any]:
    """Return the fields of an invoice."""
    table = find_rows(document.segments, INVOICE_COLUMNS, ("amount",))
    rest = document.outside(table)
    items = [_item(document, row) for row in table.rows]
    buyer = rest.name("buyer")
    subtotal, tax, total = _totals(rest, sum(item["amount"].value for item in items if "amount" in item))
    return {
        "number": rest.identifier("number"),
        "date": rest.date("date"),
        "due_date": rest.date("due_date"),
        "order_number": rest.identifier("order_number"),
        "customer_number": rest.identifier("customer_number"),
        "seller": rest.name("seller") or _sender(rest, buyer),
        "buyer": buyer,
        "currency": document.currency(),
        "subtotal": subtotal,
        "tax": tax,
        "total": total,
        "iban": document.iban(),
        "line_items": items,
    }


def receipt_fields(document: ReadDocument) -> dict[str, Any]:
    """Return the fields of a receipt."""
    items, rest = _receipt_items(document)
    certain, uncertain = rest.amounts("total")
    total = _agreed(certain) or _agreed(uncertain)
    paid = {method: rest.amounts(method)[0] for method in ("cash", "card")}
    methods = [method for method, found in paid.items() if found]
    payment = _payment(rest, methods[0]) if len(methods) == 1 else None
    return {
        "merchant": _sender(rest, None),
        "date": rest.date("date") or rest.only_date(),
        "time": rest.time(),
        "currency": document.currency(),
        "tax": rest.amount("tax"),
        "total": total,
        "payment_method": payment,
        "line_items": items,
    }


def statement_fields(document: ReadDocument) -> dict[str, Any]:
    """Return the fields of a bank statement."""
    table = find_rows(document.segments, STATEMENT_COLUMNS, ("debit", "credit", "amount"))
    rest = document.outside(table)
    period = next(iter(labelled_values("period", rest.pages, rest.parse_period)[0]), None)
    if period is not None:
        document = replace(document, notation=replace(document.notation, year=int(period.value[1][:4])))
    holder = rest.name("account_holder")
    return {
        "bank": _sender(rest, holder),
        "account_holder": holder,
        "iban": document.iban(),
        "period_start": _end_of(period, 0),
        "period_end": _end_of(period, 1),
        "currency": document.currency(),
        "opening_balance": rest.amount("opening_balance"),
        "closing_balance": rest.amount("closing_balance"),
        "transactions": [_transaction(document, row) for row in table.rows],
    }


def _end_of(period: Found[tuple[str, str]] | None, at: int) -> Found[str] | None:
    return None if period is None else Found(period.value[at], period.page, period.start, period.end)


def _item(document: ReadDocument, row: FoundRow) -> Row:
    cells = row.cells
    found: dict[str, Found[Any] | None] = {"description": _text(row, "description")}
    if "quantity" in cells:
        found["quantity"] = _number(row, "quantity", parse_quantity(cells["quantity"].text, document.notation))
    for name in ("unit_price", "amount"):
        if name in cells:
            found[name] = _number(row, name, parse_amount(cells[name].text, document.notation))
    return {name: value for name, value in found.items() if value is not None}


def _transaction(document: ReadDocument, row: FoundRow) -> Row:
    cells = row.cells
    found: dict[str, Found[Any] | None] = {"description": _text(row, "description")}
    if "date" in cells:
        dates = find_dates(cells["date"].text, document.notation)
        iso = dates[0][2] if len(dates) == 1 else short_date(cells["date"].text, document.notation)
        found["date"] = _number(row, "date", iso)
    for name, sign in (("debit", -1), ("credit", 1), ("amount", 1)):
        if name in cells and "amount" not in found:
            value = parse_amount(cells[name].text, document.notation)
            if value is not None:
                found["amount"] = _number(row, name, -abs(value) if sign < 0 else value)
    if "balance" in cells:
        found["balance"] = _number(row, "balance", parse_amount(cells["balance"].text, document.notation))
    return {name: value for name, value in found.items() if value is not None}


def _text(row: FoundRow, name: str) -> Found[str] | None:
    cell = row.cells.get(name)
    return None if cell is None else Found(cell.text, row.page, cell.start, cell.end)


def _number(row: FoundRow, name: str, value: Any) -> Found[Any] | None:
    return None if value is None else Found(value, row.page, row.cells[name].start, row.cells[name].end)


def _totals(
    document: ReadDocument, items: float
) -> tuple[Found[float] | None, Found[float] | None, Found[float] | None]:
    """Return subtotal, tax and total: those that add up, else the one amount that a label has.

    An amount without a label that says more than "total" is the total only if it adds up, or if nothing else is there.
    """
    subtotals, taxes, totals = (
        [*found[0], *found[1]] for found in (document.amounts(name) for name in ("subtotal", "tax", "total"))
    )
    for subtotal, tax, total in product(subtotals, taxes, reversed(totals)):
        if subtotal.value and abs(subtotal.value + tax.value - total.value) < CENT:
            return subtotal, tax, total
    only = _agreed(subtotals)
    if only is not None and items and abs(only.value - items) > CENT:
        only = None
    return only, _agreed(taxes), _agreed(document.amounts("total")[0]) or _agreed(totals)


def _agreed(found: Sequence[Found[float]]) -> Found[float] | None:
    """Return an amount that all have; None if they differ or there is none."""
    return found[0] if len({one.value for one in found}) == 1 else None


def _sender(document: ReadDocument, other: Found[str] | None) -> Found[str] | None:
    """Return the name at the top of the first page: the largest, or the only one with a legal form."""
    segments = document.segments[0] if document.segments else []
    if not segments:
        return None
    usual = median(segment.height for segment in segments)
    top = [segment for segment in segments if segment.box.y0 < TOP and _may_be_name(segment)]
    top = [segment for segment in top if other is None or segment.text != other.value]
    large = [segment for segment in top if segment.height > LARGE * usual]
    chosen = max(large, key=lambda segment: segment.height, default=None)
    if chosen is None:
        companies = [segment for segment in top if LEGAL_FORMS.search(segment.text)]
        chosen = companies[0] if len({segment.text for segment in companies}) == 1 else None
    return None if chosen is None else Found(chosen.text, 0, chosen.start, chosen.end)


def _may_be_name(segment: Segment) -> bool:
    is_label = plain_label(segment.text) in all_labels() or segment.begins_with_label
    return not is_label and parse_name(segment) is not None and not any(map(str.isdigit, segment.text))


def _payment(document: ReadDocument, method: str) -> Found[str] | None:
    certain, _ = field_labels(method)
    for page in document.pages:
        for segment in page.segments:
            length = segment.label_length(certain)
            if length:
                return Found(method, page.index, segment.start, segment.words[length - 1].end)
    return None


def _receipt_items(document: ReadDocument) -> tuple[list[Row], ReadDocument]:
    """Return the lines with a text at the left and an amount at the right, above the total; and the rest.

    "2 x 3.50" below a line, or "2 x " or "2 " before its text, says how many.
    """
    items: list[Row] = []
    table = FoundTable()
    for index, segments in enumerate(document.segments):
        used = table.used.setdefault(index, [])
        for row in rows_of(segments):
            if _is_ending(row[0]):
                break
            amount = parse_amount(row[-1].text, document.notation) if len(row) > 1 else None
            if amount is not None and has_cents(row[-1].text) and any(map(str.isalpha, row[0].text)):
                items.append(_receipt_item(document, index, row, amount))
                used += row
            elif items and len(row) == 1 and _multiple(document, row[0]) is not None:
                quantity = _multiple(document, row[0])
                items[-1]["quantity"] = Found(quantity, index, row[0].words[0].start, row[0].words[0].end)
                used += row
    return items, document.outside(table)


def _is_ending(segment: Segment) -> bool:
    names = ("subtotal", "tax", "total", "cash", "card")
    return any(segment.label_length(labels) for name in names for labels in field_labels(name))


def _receipt_item(document: ReadDocument, page: int, row: Sequence[Segment], amount: float) -> Row:
    tokens = [token for segment in row[:-1] for token in segment.words]
    item: Row = {"amount": Found(amount, page, row[-1].start, row[-1].end)}
    count = parse_quantity(tokens[0].text.rstrip("xX×"), document.notation) if len(tokens) > 1 else None
    if count is not None:
        item["quantity"] = Found(count, page, tokens[0].start, tokens[0].end)
        tokens = tokens[2:] if tokens[1].text in ("x", "X", "×") else tokens[1:]
    text = Segment(tokens, Box(0, 0, 1, 1)).text
    return item | {"description": Found(text, page, tokens[0].start, tokens[-1].end)}


def _multiple(document: ReadDocument, segment: Segment) -> float | None:
    """Return the 2 of "2 x 3.50"."""
    words = [token.text for token in segment.words]
    if len(words) < 3 or words[1] not in ("x", "X", "×", "à", "@", "*"):
        return None
    price = parse_amount(" ".join(words[2:]), document.notation)
    return None if price is None else parse_quantity(words[0], document.notation)
