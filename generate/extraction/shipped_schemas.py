"""The schemas that come with PageLens: invoice, receipt, bank statement, business card, form."""

from collections.abc import Mapping
from typing import Any

from pagelens.core.errors import UsageError

Property = dict[str, Any]


def _text(description: str, *examples: str) -> Property:
    return {"type": "string", "description": description, "examples": list(examples)}


def _amount(description: str, *examples: float) -> Property:
    return {"type": "number", "description": description, "examples": list(examples)}


def _date(description: str) -> Property:
    note = f"{description}, as YYYY-MM-DD: from 12.03.2025, 12 mars 2025, 3/12/2025 of an American document"
    return {"type": "string", "format": "date", "description": note, "examples": ["2025-03-12"]}


def _rows(description: str, properties: Mapping[str, Property]) -> Property:
    item = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {"type": "array", "description": description, "items": item}


def _schema(title: str, properties: Mapping[str, Property]) -> dict[str, Any]:
    return {"title": title, "type": "object", "properties": dict(properties), "additionalProperties": False}


_CURRENCY = _text("ISO 4217 code", "EUR", "USD")
_IBAN = _text("account to pay to, without blanks", "DE89370400440532013000")

SHIPPED_SCHEMAS: Mapping[str, dict[str, Any]] = {
    "invoice": _schema(
        "Invoice",
        {
            "number": _text("the invoice's number", "2025-0042", "RE-10023"),
            "date": _date("date of issue"),
            "due_date": _date("date by which to pay"),
            "order_number": _text("the buyer's order", "PO-88213"),
            "customer_number": _text("the buyer's number at the seller", "10442"),
            "seller": _text("name of who sends the invoice", "Lindner Werkzeuge GmbH"),
            "buyer": _text("name of who has to pay", "Harrow & Finch Ltd"),
            "currency": _CURRENCY,
            "subtotal": _amount("sum before tax: 1.234,50 and 1,234.50 are 1234.5", 1234.5),
            "tax": _amount("sum of the tax", 234.56),
            "total": _amount("sum to pay, tax included", 1469.06),
            "iban": _IBAN,
            "line_items": _rows(
                "what is charged, a row a line",
                {
                    "description": _text("what it is", "Oak shelf 80 cm"),
                    "quantity": _amount("how many", 3),
                    "unit_price": _amount("price of one", 19.9),
                    "amount": _amount("price of all", 59.7),
                },
            ),
        },
    ),
    "receipt": _schema(
        "Receipt",
        {
            "merchant": _text("name of the shop", "Bäckerei Sommerfeld"),
            "date": _date("date of purchase"),
            "time": _text("time of purchase, HH:MM", "14:05"),
            "currency": _CURRENCY,
            "tax": _amount("tax in the total", 1.14),
            "total": _amount("sum paid", 17.3),
            "payment_method": {"enum": ["cash", "card"], "description": "how it was paid", "examples": ["card"]},
            "line_items": _rows(
                "what was bought, a row a line",
                {
                    "description": _text("what it is", "Milk 1 l"),
                    "quantity": _amount("how many, where it is said", 2),
                    "amount": _amount("price of all", 2.38),
                },
            ),
        },
    ),
    "bank_statement": _schema(
        "Bank statement",
        {
            "bank": _text("name of the bank", "Severn Valley Bank"),
            "account_holder": _text("whose account it is", "Annika Vogel"),
            "iban": _text("the account, without blanks", "FR7630006000011234567890189"),
            "period_start": _date("first day"),
            "period_end": _date("last day"),
            "currency": _CURRENCY,
            "opening_balance": _amount("balance before the first transaction", 1204.1),
            "closing_balance": _amount("balance after the last transaction", 980.55),
            "transactions": _rows(
                "movements, a row each",
                {
                    "date": _date("day it was booked"),
                    "description": _text("what it was for", "Rent"),
                    "amount": _amount("negative where money left the account", -850),
                    "balance": _amount("balance after it, where it is said", 354.1),
                },
            ),
        },
    ),
    "business_card": _schema(
        "Business card",
        {
            "name": _text("the person's name", "Camille Fournier"),
            "job_title": _text("what the person is", "Directrice commerciale"),
            "company": _text("who the person works for", "Dubois Matériaux SARL"),
            "email": _text("e-mail address", "c.fournier@dubois.example"),
            "phone": _text("telephone, as printed", "+33 4 1234567"),
            "mobile": _text("mobile telephone, as printed", "+33 712 345678"),
            "website": _text("web address, as printed", "www.dubois.example"),
            "address": _text("street and place, parted by a comma", "12 rue des Lilas, 69002 Lyon"),
        },
    ),
    "form": _schema(
        "Form",
        {
            "fields": _rows(
                "the form's own fields, in order",
                {
                    "name": _text("name of the field in the file", "full_name"),
                    "label": _text("what people read beside it", "Full name"),
                    "value": {
                        "anyOf": [
                            {"type": "string"},
                            {"type": "boolean"},
                            {"type": "array", "items": {"type": "string"}},
                        ],
                        "description": "what is filled in; true or false of a box to tick",
                        "examples": ["Priya Nair", True],
                    },
                },
            )
        },
    ),
}


def shipped_schema(name: str) -> Mapping[str, Any]:
    """Return a schema that comes with PageLens. Raises UsageError for another name."""
    if name not in SHIPPED_SCHEMAS:
        known = ", ".join(SHIPPED_SCHEMAS)
        raise UsageError(
            f"expected a JSON Schema or the name of one that comes with PageLens ({known}), found {name!r}"
        )
    return SHIPPED_SCHEMAS[name]


def shipped_name(schema: object) -> str | None:
    """Return the name of a schema that comes with PageLens; None for any other."""
    return next((name for name, shipped in SHIPPED_SCHEMAS.items() if shipped == schema), None)
