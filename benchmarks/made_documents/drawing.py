"""Draws made documents as PDF, in six layouts each, digital or scanned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pymupdf
from PIL import Image, ImageFilter

from benchmarks.made_documents.notation import write_amount, write_date, write_number
from benchmarks.made_documents.values import MadeDocument
from benchmarks.made_documents.words import LAYOUTS, label

FONTS = Path("/usr/share/fonts/truetype")
_FACES = {  # of the packages fonts-liberation, fonts-dejavu and fonts-lato
    "A": ("liberation/LiberationSans-Regular.ttf", "liberation/LiberationSans-Bold.ttf"),
    "B": ("liberation/LiberationSerif-Regular.ttf", "liberation/LiberationSerif-Bold.ttf"),
    "C": ("dejavu/DejaVuSans.ttf", "dejavu/DejaVuSans-Bold.ttf"),
    "D": ("lato/Lato-Regular.ttf", "lato/Lato-Bold.ttf"),
    "E": ("dejavu/DejaVuSerif.ttf", "dejavu/DejaVuSerif-Bold.ttf"),
    "F": ("liberation/LiberationMono-Regular.ttf", "liberation/LiberationMono-Bold.ttf"),
}
A4 = (595.0, 842.0)
RECEIPT = (226.0, 560.0)
CARD = (241.0, 156.0)
MARGIN = 50.0
SCAN_DPI = 150

Align = Literal["left", "right", "center"]


@dataclass(slots=True)
class Canvas:
    """Pages that text is written on, from top to bottom."""

    layout: str
    size: tuple[float, float]
    file: Any = field(default_factory=pymupdf.open)
    y: float = MARGIN
    page: Any = None
    fonts: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fonts = [pymupdf.Font(fontfile=str(FONTS / name)) for name in _FACES[self.layout]]
        self.new_page()

    def new_page(self) -> None:
        """Start the next page."""
        self.page = self.file.new_page(width=self.size[0], height=self.size[1])
        self.y = MARGIN if self.size == A4 else 20.0

    def write(self, x: float, text: str, *, y: float | None = None, size: float = 9.0, bold: bool = False,
              align: Align = "left") -> float:  # fmt: skip
        """Write a text at (x, y), y its base line; return its right edge."""
        font = self.fonts[bold]
        width = font.text_length(text, size)
        left = x - (width if align == "right" else width / 2 if align == "center" else 0)
        writer = pymupdf.TextWriter(self.page.rect)
        writer.append((left, self.y if y is None else y), text, font=font, fontsize=size)
        writer.write_text(self.page)
        return float(left + width)

    def rule(self, y: float, x0: float = MARGIN, x1: float = A4[0] - MARGIN) -> None:
        """Draw a line across."""
        self.page.draw_line((x0, y), (x1, y), width=0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column of a table: its header, where it stands, and the text of its cells."""

    header: str
    x: float
    align: Align
    cell: Callable[[int, Any], str]  # number from 0, and the row's values


def draw(document: MadeDocument) -> bytes:
    """Return the document as PDF; its number of pages and those of its items are noted in it."""
    size = {"receipt": RECEIPT, "business_card": CARD}.get(document.schema, A4)
    canvas = Canvas(document.layout, size)
    _DRAW[document.schema](canvas, document)
    document.page_count = canvas.file.page_count
    if size == A4 and document.page_count > 1:
        for number, page in enumerate(canvas.file, start=1):
            canvas.page = page
            text = f"{label(document.language, 'page', document.layout)} {number}/{document.page_count}"
            canvas.write(A4[0] - MARGIN, text, y=A4[1] - 24, size=8, align="right")
    if document.scanned:
        return scan(canvas.file, seed=document.name)
    data: bytes = canvas.file.tobytes(garbage=3, deflate=True)
    return data


def scan(file: Any, *, seed: str) -> bytes:
    """Return a PDF of pictures: the pages rendered, turned a little, noisy and blurred."""
    rng = np.random.default_rng(sum(seed.encode()))
    scanned = pymupdf.open()
    for page in file:
        pixels = page.get_pixmap(dpi=SCAN_DPI)
        image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples)
        image = image.rotate(float(rng.uniform(-0.6, 0.6)), Image.Resampling.BICUBIC, fillcolor="white")
        noisy = np.asarray(image.filter(ImageFilter.GaussianBlur(0.6)), np.float32)
        noisy = noisy + rng.normal(0, 14, noisy.shape).astype(np.float32)
        buffer = BytesIO()
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=60)
        target = scanned.new_page(width=page.rect.width, height=page.rect.height)
        target.insert_image(target.rect, stream=buffer.getvalue())
    data: bytes = scanned.tobytes()
    return data


# Invoices


def _invoice(canvas: Canvas, document: MadeDocument) -> None:
    keys = [
        (say(document, name), value)
        for name, value in (
            ("number", document.values["number"]),
            ("date", _date(document, "date")),
            ("due", _date(document, "due_date")),
            ("order", document.values["order_number"]),
            ("customer", document.values["customer_number"]),
        )
        if value is not None
    ]
    if not _shows_currency(document):
        keys.append((say(document, "currency"), document.currency))
    _HEADS[document.layout](canvas, document, keys)
    _draw_table(canvas, document, document.values["line_items"], _item_columns(document))
    _totals(canvas, document)
    _footer(canvas, document)


def _head_a(canvas: Canvas, document: MadeDocument, keys: Sequence[tuple[str, str]]) -> None:
    """Seller at the top left, "Label: value" at the right, the buyer below."""
    canvas.write(MARGIN, document.values["seller"], size=16, bold=True)
    _lines(canvas, MARGIN, canvas.y + 14, _address(document, "seller"), size=8)
    canvas.write(A4[0] - MARGIN, say(document, "invoice"), size=18, bold=True, align="right")
    for row, (name, value) in enumerate(keys):
        canvas.write(370, f"{name}: {value}", y=canvas.y + 30 + 14 * row)
    canvas.write(MARGIN, f"{say(document, 'to')}:", y=150, bold=True)
    _lines(canvas, MARGIN, 164, [document.values["buyer"], *_address(document, "buyer")])
    canvas.y = 230


def _head_b(canvas: Canvas, document: MadeDocument, keys: Sequence[tuple[str, str]]) -> None:
    """A letterhead in the middle; keys in a row of boxes, each label above its value."""
    canvas.write(A4[0] / 2, document.values["seller"], size=18, bold=True, align="center")
    canvas.write(A4[0] / 2, " · ".join(_address(document, "seller")), y=canvas.y + 14, size=8, align="center")
    canvas.write(MARGIN, say(document, "invoice"), y=110, size=15, bold=True)
    canvas.write(MARGIN, say(document, "to"), y=136, size=8)
    _lines(canvas, MARGIN, 149, [document.values["buyer"], *_address(document, "buyer")], size=10)
    width = (A4[0] - 2 * MARGIN) / len(keys)
    for column, (name, value) in enumerate(keys):
        x = MARGIN + column * width
        canvas.page.draw_rect((x, 200, x + width, 232), width=0.5)
        canvas.write(x + 4, name, y=212, size=7)
        canvas.write(x + 4, value, y=226, size=10)
    canvas.y = 262


def _head_c(canvas: Canvas, document: MadeDocument, keys: Sequence[tuple[str, str]]) -> None:
    """Title, then buyer and seller side by side, and a block of keys whose values end at the right margin."""
    canvas.write(MARGIN, say(document, "invoice"), size=20, bold=True)
    for x, who, name in ((MARGIN, "seller", "from"), (230.0, "buyer", "to")):
        canvas.write(x, say(document, name), y=90, bold=True, size=8)
        _lines(canvas, x, 104, [document.values[who], *_address(document, who)])
    for row, (name, value) in enumerate(keys):
        canvas.write(400, name, y=90 + 15 * row, size=8, bold=True)
        canvas.write(A4[0] - MARGIN, value, y=90 + 15 * row, size=9, align="right")
    canvas.y = 200


def _head_d(canvas: Canvas, document: MadeDocument, keys: Sequence[tuple[str, str]]) -> None:
    """A window for the address under a line of the sender; labels and values in two columns, without a colon."""
    canvas.write(A4[0] - MARGIN, document.values["seller"], size=14, bold=True, align="right")
    sender = ", ".join([document.values["seller"], *_address(document, "seller")])
    canvas.write(MARGIN, sender, y=110, size=6.5)
    canvas.rule(113, MARGIN, 290)
    canvas.write(MARGIN, say(document, "to"), y=126, size=7)
    _lines(canvas, MARGIN, 140, [document.values["buyer"], *_address(document, "buyer")], size=10)
    canvas.write(MARGIN, say(document, "invoice"), y=225, size=15, bold=True)
    for row, (name, value) in enumerate(keys):
        canvas.write(360, name, y=126 + 14 * row, size=8.5)
        canvas.write(465, value, y=126 + 14 * row, size=8.5)
    canvas.y = 255


def _head_e(canvas: Canvas, document: MadeDocument, keys: Sequence[tuple[str, str]]) -> None:
    """A bar at the right with labels above values, one below the other; the seller is named at the left."""
    canvas.write(MARGIN, say(document, "invoice"), size=22, bold=True)
    canvas.write(MARGIN, say(document, "from"), y=86, size=7)
    _lines(canvas, MARGIN, 99, [document.values["seller"], *_address(document, "seller")])
    canvas.write(MARGIN, say(document, "to"), y=152, size=7)
    _lines(canvas, MARGIN, 165, [document.values["buyer"], *_address(document, "buyer")])
    for row, (name, value) in enumerate(keys):
        canvas.write(430, name, y=60 + 27 * row, size=7)
        canvas.write(430, value, y=71 + 27 * row, size=10, bold=True)
    canvas.y = 230


def _head_f(canvas: Canvas, document: MadeDocument, keys: Sequence[tuple[str, str]]) -> None:
    """Typewritten: keys in lines of two, parted by a bar."""
    canvas.write(MARGIN, document.values["seller"], size=13, bold=True)
    _lines(canvas, MARGIN, canvas.y + 13, _address(document, "seller"), size=8)
    canvas.write(MARGIN, say(document, "invoice"), y=120, size=13, bold=True)
    for row in range(0, len(keys), 2):
        text = " | ".join(f"{name}: {value}" for name, value in keys[row : row + 2])
        canvas.write(MARGIN, text, y=140 + 7 * row, size=8.5)
    canvas.write(MARGIN, f"{say(document, 'to')}:", y=195, size=8.5, bold=True)
    _lines(canvas, MARGIN, 207, [document.values["buyer"], *_address(document, "buyer")], size=8.5)
    canvas.y = 262


_HEADS = {"A": _head_a, "B": _head_b, "C": _head_c, "D": _head_d, "E": _head_e, "F": _head_f}


def _item_columns(document: MadeDocument) -> list[TableColumn]:
    description = _column(document, "description", MARGIN, lambda row, item: item["description"], "left")
    quantity = _column(document, "quantity", 370, lambda row, item: _plain(document, item["quantity"]))
    price = _column(document, "price", 455, lambda row, item: write_number(item["unit_price"], document.language))
    amount = _column(document, "amount", A4[0] - MARGIN, lambda row, item: _money(document, item["amount"]))
    if document.layout == "B":  # the quantity first
        return [
            _column(document, "quantity", MARGIN, lambda row, item: _plain(document, item["quantity"]), "left"),
            _column(document, "description", 110, lambda row, item: item["description"], "left"),
            price,
            amount,
        ]
    if document.layout == "D":  # numbered lines, and the tax rate in a column
        number = TableColumn(header="#", x=MARGIN, align="left", cell=lambda row, item: str(row + 1))
        shifted = _column(document, "description", MARGIN + 25, lambda row, item: item["description"], "left")
        rate = f"{document.printed['rate']:.0f}%"
        tax = TableColumn(header="%", x=400, align="right", cell=lambda row, item: rate)
        quantity = _column(document, "quantity", 350, lambda row, item: _plain(document, item["quantity"]))
        return [number, shifted, quantity, tax, price, amount]
    if document.layout == "E":  # the price before the quantity
        return [
            description,
            _column(document, "price", 370, lambda row, item: write_number(item["unit_price"], document.language)),
            _column(document, "quantity", 450, lambda row, item: _plain(document, item["quantity"])),
            amount,
        ]
    return [description, quantity, price, amount]


def _totals(canvas: Canvas, document: MadeDocument) -> None:
    if canvas.y > A4[1] - 170:
        canvas.new_page()
    values, layout = document.values, document.layout
    rate = f"{document.printed['rate']:.0f}%"
    tax = say(document, "tax") if layout in "CE" else f"{say(document, 'tax')} {rate}"
    total = say(document, "total") + ("" if _shows_currency(document) or layout == "F" else f" ({document.currency})")
    rows = [(say(document, "subtotal"), values["subtotal"]), (tax, values["tax"]), (total, values["total"])]
    canvas.y += 10
    for name, value in rows:
        bold = value is rows[-1][1]
        canvas.y += 15
        if layout == "F":  # at the left, "label: value"
            canvas.write(MARGIN, f"{name}: {_money(document, value)}", size=9, bold=bold)
            continue
        canvas.write(
            360 if layout != "C" else 450, name, size=10, bold=bold, align="right" if layout == "C" else "left"
        )
        canvas.write(A4[0] - MARGIN, _money(document, value), size=10, bold=bold, align="right")
    canvas.y += 30


def _footer(canvas: Canvas, document: MadeDocument) -> None:
    canvas.write(MARGIN, say(document, "thanks"), size=8)
    iban = document.values["iban"]
    if iban is not None:
        spaced = " ".join(iban[at : at + 4] for at in range(0, len(iban), 4)) if document.layout in "ACDF" else iban
        canvas.write(MARGIN, f"IBAN{':' if document.layout in 'ABF' else ''} {spaced}", y=canvas.y + 16, size=8)


# Receipts


def _receipt(canvas: Canvas, document: MadeDocument) -> None:
    values, layout, width = document.values, document.layout, RECEIPT[0]
    right = width - 14
    x = width / 2 if layout in "ABDF" else 14.0
    align: Align = "center" if layout in "ABDF" else "left"
    for size, text in ((12.0, values["merchant"]), (7.5, document.printed["street"]), (7.5, document.printed["city"])):
        canvas.y += size + 3
        canvas.write(x, text, size=size, bold=size > 8, align=align)
    canvas.y += 18
    canvas.write(14, say(document, "receipt"), size=9, bold=True)
    canvas.y += 13
    when = _date(document, "date")
    if layout in "BE":  # without labels
        canvas.write(14, f"{when}  {values['time']}", size=8)
    else:
        canvas.write(14, f"{say(document, 'date')}: {when}", size=8)
        canvas.y += 12
        canvas.write(14, f"{say(document, 'time')}: {values['time']}", size=8)
    canvas.y += 8
    for item in values["line_items"]:
        canvas.y += 12
        quantity = item["quantity"] or 1.0
        count = _plain(document, quantity)
        canvas.write(right, write_number(item["amount"], document.language), size=8, align="right")
        if layout in "AD":
            canvas.write(14, item["description"], size=8)
            if quantity != 1:
                canvas.y += 10
                each = write_number(item["amount"] / quantity, document.language)
                canvas.write(22, f"{count} x {each}", size=7)
        else:
            canvas.write(14, f"{count} {'x ' if layout in 'CF' else ''}{item['description']}", size=8)
        document.item_pages.append(1)
    canvas.y += 20
    canvas.rule(canvas.y - 12, 14, right)
    rows = [(say(document, "total"), values["total"])]
    if values["tax"] is not None:
        rows.insert(
            len(rows) if layout in "ACE" else 0,
            (f"{say(document, 'tax')} {document.printed['rate']:.0f}%", values["tax"]),
        )
    if values["payment_method"] is not None:
        rows.append((say(document, values["payment_method"]), values["total"]))
    for name, value in rows:
        bold = name == say(document, "total")
        canvas.write(14, name, size=10 if bold else 8, bold=bold)
        text = write_amount(value, document.language, document.currency, "A" if bold else "B")
        canvas.write(right, text, size=10 if bold else 8, bold=bold, align="right")
        canvas.y += 14


# Bank statements


def _statement(canvas: Canvas, document: MadeDocument) -> None:
    values, layout = document.values, document.layout
    canvas.write(MARGIN, values["bank"], size=15, bold=True)
    canvas.write(MARGIN, say(document, "statement"), y=80, size=13, bold=layout in "ACE")
    between = {"en": "to", "de": "bis", "fr": "au", "es": "al"}[document.language] if layout in "ACE" else "–"
    keys = [
        (say(document, "holder"), values["account_holder"]),
        ("IBAN", values["iban"]),
        (say(document, "period"), f"{_date(document, 'period_start')} {between} {_date(document, 'period_end')}"),
        (say(document, "currency"), document.currency),
    ]
    balances = [(say(document, name), _money(document, values[f"{name}_balance"])) for name in ("opening", "closing")]
    if layout in "AC":
        keys += balances
    for row, (name, value) in enumerate((name, value) for name, value in keys if value is not None):
        if layout in "BE":  # labels above values, two a row
            x, y = MARGIN + 250 * (row % 2), 105 + 30 * (row // 2)
            canvas.write(x, name, y=y, size=7)
            canvas.write(x, value, y=y + 12, size=10)
        else:
            y = 105 + 14 * row
            canvas.write(MARGIN, name + (":" if layout in "AF" else ""), y=y, size=9)
            canvas.write(190, value, y=y, size=9)
    canvas.y = 105 + 14 * 7 + 10
    if layout in "BDEF":
        _balance_line(canvas, *balances[0])
    _draw_table(canvas, document, values["transactions"], _transaction_columns(document))
    if layout in "BDEF":
        canvas.y += 8
        _balance_line(canvas, *balances[1])


def _balance_line(canvas: Canvas, name: str, value: str) -> None:
    canvas.write(MARGIN, name, size=9, bold=True)
    canvas.write(A4[0] - MARGIN, value, size=9, bold=True, align="right")
    canvas.y += 20


def _transaction_columns(document: MadeDocument) -> list[TableColumn]:
    def side(sign: int) -> Callable[[int, Any], str]:
        return lambda row, item: (
            write_number(abs(item["amount"]), document.language) if item["amount"] * sign > 0 else ""
        )

    def signed(row: int, item: Any) -> str:
        text = write_number(abs(item["amount"]), document.language)
        if document.layout == "E":
            return text + ("-" if item["amount"] < 0 else "+")
        return ("-" if item["amount"] < 0 else "+" if document.layout == "C" else "") + text

    def booked(row: int, item: Any) -> str:
        return write_date(date.fromisoformat(item["date"]), document.language, document.currency, document.layout)

    first = _column(document, "booked", MARGIN, booked, "left")
    details = _column(document, "details", 165, lambda row, item: item["description"], "left")
    balance = _column(
        document, "balance", A4[0] - MARGIN, lambda row, item: write_number(item["balance"], document.language)
    )
    if document.layout in "AD":
        return [
            first,
            details,
            _column(document, "debit", 380, side(-1)),
            _column(document, "credit", 460, side(1)),
            balance,
        ]
    if document.layout == "F":  # no balances
        return [
            first,
            details,
            _column(document, "debit", 430, side(-1)),
            _column(document, "credit", A4[0] - MARGIN, side(1)),
        ]
    return [first, details, _column(document, "moved", 430, signed), balance]


# Business cards and forms


def _card(canvas: Canvas, document: MadeDocument) -> None:
    values, layout = document.values, document.layout
    align: Align = "center" if layout in "BE" else "right" if layout == "D" else "left"
    x = {"center": CARD[0] / 2, "right": CARD[0] - 14, "left": 14.0}[align]
    company_first = layout in "ACE"
    rows = [(13.0, values["name"]), (8.0, values["job_title"]), (10.0, values["company"])]
    if company_first:
        rows = [rows[2], *rows[:2]]
    labels = {"A": "Tel. |Mobile |", "B": "T |M |E ", "C": "Phone: |Mobile: |Email: ", "D": "Tel: |Mob: |E-mail: "}
    names = [*labels.get(layout, "|Cell |").split("|"), ""]
    details = list(zip(names, (values[name] for name in ("phone", "mobile", "email", "website")), strict=True))
    street, _, city = values["address"].partition(", ")
    for size, text in [
        *rows,
        *((7.0, f"{name}{value}") for name, value in details if value),
        (7.0, street),
        (7.0, city),
    ]:
        if text:
            canvas.y += size + 2
            canvas.write(x, text, size=size, bold=size > 9, align=align)


def _form(canvas: Canvas, document: MadeDocument) -> None:
    canvas.write(MARGIN, "Registration", size=16, bold=True)
    for row, entry in enumerate(document.values["fields"]):
        y = 100 + 34 * row
        canvas.write(MARGIN, entry["label"], y=y)
        widget = pymupdf.Widget()
        widget.field_name, widget.field_label = entry["name"], entry["label"]
        widget.rect = pymupdf.Rect(180, y - 14, 420, y + 6)
        if isinstance(entry["value"], bool):
            widget.field_type = pymupdf.PDF_WIDGET_TYPE_CHECKBOX
            widget.rect = pymupdf.Rect(180, y - 12, 196, y + 4)
            widget.field_value = entry["value"]
        elif entry["name"] == "contact":
            widget.field_type = pymupdf.PDF_WIDGET_TYPE_COMBOBOX
            widget.choice_values = ["mail", "phone"]
            widget.field_value = entry["value"]
        else:
            widget.field_type = pymupdf.PDF_WIDGET_TYPE_TEXT
            widget.field_value = entry["value"] or ""
        canvas.page.add_widget(widget)


_DRAW: dict[str, Callable[[Canvas, MadeDocument], None]] = {
    "invoice": _invoice, "receipt": _receipt, "bank_statement": _statement, "business_card": _card, "form": _form,
}  # fmt: skip


# Parts


def _draw_table(canvas: Canvas, document: MadeDocument, rows: Sequence[Any], columns: Sequence[TableColumn]) -> None:
    """Draw a table over as many pages as it takes; the header is repeated, in layouts A and D with a carried sum."""
    layout = document.layout

    def header() -> None:
        for column in columns:
            canvas.write(column.x, column.header, size=8, bold=True, align=column.align)
        if layout in "ABD":
            canvas.rule(canvas.y + 4)
        canvas.y += 17

    header()
    for row, item in enumerate(rows):
        if canvas.y > A4[1] - 70:
            if layout in "AD":
                canvas.write(MARGIN, say(document, "carry"), size=8)
                so_far = sum(other.get("amount", 0.0) for other in rows[:row])
                canvas.write(A4[0] - MARGIN, _money(document, so_far), size=8, align="right")
            canvas.new_page()
            header()
        for column in columns:
            text = column.cell(row, item)
            if text:
                canvas.write(column.x, text, size=9, align=column.align)
        document.item_pages.append(canvas.file.page_count)
        canvas.y += 16 + 4 * (layout == "C")


def _column(
    document: MadeDocument, name: str, x: float, cell: Callable[[int, Any], str], align: Align = "right"
) -> TableColumn:
    return TableColumn(header=say(document, name), x=x, align=align, cell=cell)


def _lines(canvas: Canvas, x: float, y: float, lines: Sequence[str], size: float = 9.0) -> None:
    for row, line in enumerate(lines):
        canvas.write(x, line, y=y + row * (size + 3), size=size)


def _address(document: MadeDocument, who: str) -> list[str]:
    return [document.printed[f"{who}_street"], document.printed[f"{who}_city"]]


def say(document: MadeDocument, name: str) -> str:
    """Return a field's label in the document's language and layout."""
    return label(document.language, name, document.layout)


def _date(document: MadeDocument, name: str) -> str | None:
    value = document.values[name]
    if value is None:
        return None
    return write_date(date.fromisoformat(value), document.language, document.currency, document.layout)


def _money(document: MadeDocument, value: float) -> str:
    return write_amount(value, document.language, document.currency, document.layout)


def _shows_currency(document: MadeDocument) -> bool:
    return LAYOUTS.index(document.layout) % 3 != 1


def _plain(document: MadeDocument, value: float) -> str:
    return write_number(value, document.language, 0 if document.layout in "ABCF" or value >= 1_000 else 2)
