"""The known values that documents are made from, drawn by a seeded generator."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

from benchmarks.made_documents.words import (
    BANKS,
    CITIES,
    COMPANIES,
    GOODS,
    JOBS,
    PAYMENTS,
    PEOPLE,
    PRODUCTS,
    STREETS,
    Language,
)

SchemaName = Literal["invoice", "receipt", "bank_statement", "business_card", "form"]
TAX_RATES: dict[Language, float] = {"en": 20.0, "de": 19.0, "fr": 20.0, "es": 21.0}
ABSENT_SHARE = 0.3  # how often a field that documents may lack is missing


@dataclass(slots=True, kw_only=True)
class MadeDocument:
    """A document to draw, and its values: ISO dates, numbers, None for what it does not say."""

    name: str
    schema: SchemaName
    language: Language
    layout: str  # A to F
    scanned: bool
    values: dict[str, Any]
    page_count: int = 1  # as drawn
    item_pages: list[int] = field(default_factory=list)  # the page of each line item or transaction, as drawn
    currency: str = "EUR"
    printed: dict[str, Any] = field(default_factory=dict)  # what is drawn but no value: addresses, tax rate


def invoice_values(rng: random.Random, document: MadeDocument, lines: int) -> None:
    """Give a document the values of an invoice with so many lines."""
    language = document.language
    currency = document.currency = rng.choice(["GBP", "USD"]) if language == "en" else "EUR"
    issued = date(2024, 1, 1) + timedelta(days=rng.randrange(700))
    items = [_item(rng, rng.choice(PRODUCTS[language]), 2, 900) for _ in range(lines)]
    subtotal = round(sum(item["amount"] for item in items), 2)
    rate = TAX_RATES[language]
    tax = round(subtotal * rate / 100, 2)
    seller, buyer = rng.sample(list(COMPANIES[language]), 2)
    if rng.random() < ABSENT_SHARE:
        buyer = rng.choice(PEOPLE[language])
    document.values = {
        "number": rng.choice(["{y}-{n:04d}", "INV{n:06d}", "{n:05d}/{y}", "R{y}{n:03d}"]).format(
            y=issued.year, n=rng.randrange(1, 999)
        ),
        "date": issued.isoformat(),
        "due_date": _sometimes(rng, (issued + timedelta(days=rng.choice([14, 30, 45]))).isoformat()),
        "order_number": _sometimes(rng, f"PO-{rng.randrange(10_000, 99_999)}"),
        "customer_number": _sometimes(rng, str(rng.randrange(10_000, 99_999))),
        "seller": seller,
        "buyer": buyer,
        "currency": currency,
        "subtotal": subtotal,
        "tax": tax,
        "total": round(subtotal + tax, 2),
        "iban": _sometimes(rng, _iban(rng, language)),
        "line_items": items,
    }
    document.printed = {"rate": rate} | {
        f"{who}_{what}": rng.choice(names[language])
        for who in ("seller", "buyer")
        for what, names in (("street", STREETS), ("city", CITIES))
    }


def receipt_values(rng: random.Random, document: MadeDocument) -> None:
    """Give a document the values of a receipt."""
    language = document.language
    document.currency = rng.choice(["GBP", "USD"]) if language == "en" else "EUR"
    items: list[dict[str, Any]] = [
        {"description": name, "quantity": float(quantity), "amount": round(quantity * round(rng.uniform(1, 12), 2), 2)}
        for name in rng.sample(list(GOODS[language]), rng.randrange(3, 8))
        for quantity in [rng.choice([1, 1, 1, 2, 3])]
    ]
    if document.layout in "AD":  # where a single thing has no number
        items = [item | {"quantity": None if item["quantity"] == 1 else item["quantity"]} for item in items]
    total = round(sum(item["amount"] for item in items), 2)
    rate = TAX_RATES[language]
    tax = round(total - total / (1 + rate / 100), 2)
    when = date(2024, 1, 1) + timedelta(days=rng.randrange(700))
    document.values = {
        "merchant": rng.choice(COMPANIES[language]),
        "date": when.isoformat(),
        "time": f"{rng.randrange(8, 21):02d}:{rng.randrange(60):02d}",
        "currency": document.currency,
        "tax": _sometimes(rng, tax),
        "total": total,
        "payment_method": _sometimes(rng, rng.choice(["cash", "card"])),
        "line_items": items,
    }
    document.printed = {"rate": rate, "street": rng.choice(STREETS[language]), "city": rng.choice(CITIES[language])}


def statement_values(rng: random.Random, document: MadeDocument, lines: int) -> None:
    """Give a document the values of a bank statement with so many transactions."""
    language = document.language
    document.currency = rng.choice(["GBP", "USD"]) if language == "en" else "EUR"
    month = date(2024 + rng.randrange(2), rng.randrange(1, 12), 1)
    end = date(month.year, month.month + 1, 1) - timedelta(days=1)
    balance = opening = round(rng.uniform(200, 9_000), 2)
    transactions = []
    for day in sorted(rng.randrange(end.day) for _ in range(lines)):
        amount = round(rng.uniform(5, 900), 2) * rng.choice([-1, -1, 1])
        balance = round(balance + amount, 2)
        transactions.append(
            {
                "date": (month + timedelta(days=day)).isoformat(),
                "description": rng.choice(PAYMENTS[language]),
                "amount": amount,
                "balance": None if document.layout == "F" else balance,  # layout F prints none
            }
        )
    document.values = {
        "bank": rng.choice(BANKS[language]),
        "account_holder": rng.choice(PEOPLE[language]),
        "iban": _sometimes(rng, _iban(rng, language)),
        "period_start": month.isoformat(),
        "period_end": end.isoformat(),
        "currency": document.currency,
        "opening_balance": opening,
        "closing_balance": balance,
        "transactions": transactions,
    }


def card_values(rng: random.Random, document: MadeDocument) -> None:
    """Give a document the values of a business card."""
    language = document.language
    company, person = rng.choice(COMPANIES[language]), rng.choice(PEOPLE[language])
    host = (
        "".join(letter for letter in company.split()[0].lower() if letter.isascii() and letter.isalpha()) + ".example"
    )
    code = {"en": "+44", "de": "+49", "fr": "+33", "es": "+34"}[language]
    document.values = {
        "name": person,
        "job_title": _sometimes(rng, rng.choice(JOBS[language])),
        "company": company,
        "email": f"{person.split()[0][0].lower()}.office@{host}".replace("é", "e"),
        "phone": f"{code} {rng.randrange(20, 99)} {rng.randrange(1_000_000, 9_999_999)}",
        "mobile": _sometimes(rng, f"{code} 7{rng.randrange(10, 99)} {rng.randrange(100_000, 999_999)}"),
        "website": _sometimes(rng, f"www.{host}"),
        "address": f"{rng.choice(STREETS[language])}, {rng.choice(CITIES[language])}",
    }


def form_values(rng: random.Random, document: MadeDocument) -> None:
    """Give a document the values of a form: its fields in order."""
    language = document.language
    document.values = {
        "fields": [
            {"name": "full_name", "label": "Full name", "value": rng.choice(PEOPLE[language])},
            {"name": "street", "label": "Street", "value": rng.choice(STREETS[language])},
            {"name": "city", "label": "City", "value": rng.choice(CITIES[language])},
            {"name": "member", "label": "Member", "value": rng.random() < 0.5},
            {"name": "contact", "label": "Contact by", "value": rng.choice(["mail", "phone"])},
            {"name": "remarks", "label": "Remarks", "value": None},
        ]
    }


def _item(rng: random.Random, name: str, low: float, high: float) -> dict[str, Any]:
    quantity = float(rng.choice([1, 1, 2, 3, 4, 5, 10, 12]))
    price = round(rng.uniform(low, high), 2)
    return {"description": name, "quantity": quantity, "unit_price": price, "amount": round(quantity * price, 2)}


def _sometimes(rng: random.Random, value: Any) -> Any:
    return None if rng.random() < ABSENT_SHARE else value


def _iban(rng: random.Random, language: Language) -> str:
    """Return an IBAN with right check digits (ISO 13616)."""
    country, digits = {"en": ("GB", 18), "de": ("DE", 18), "fr": ("FR", 23), "es": ("ES", 20)}[language]
    bank = "WEST" if country == "GB" else ""
    account = bank + "".join(str(rng.randrange(10)) for _ in range(digits - len(bank)))
    number = int("".join(str(int(letter, 36)) for letter in f"{account}{country}00"))
    return f"{country}{98 - number % 97:02d}{account}"
