"""Reads values without a model: by labels and layout, for the schemas that come with PageLens.

A value stands behind its label, right of it or below it; rows of tables are read by their columns; totals are checked
by arithmetic. Every value has its page and box; what is unsure is null.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pagelens.core.errors import GenerationError
from pagelens.core.types import Citation, ContextPage, Extraction
from pagelens.generate.answer_text import printable
from pagelens.generate.extraction.business_cards import card_fields
from pagelens.generate.extraction.key_values import Found
from pagelens.generate.extraction.money_documents import invoice_fields, receipt_fields, statement_fields
from pagelens.generate.extraction.read_document import ReadDocument, read_document
from pagelens.generate.extraction.schemas import leaf_values, read_schema, schema_words
from pagelens.generate.extraction.shipped_schemas import SHIPPED_SCHEMAS, shipped_name

MAX_QUOTE = 200  # characters

Fields = Mapping[str, Found[Any] | list[dict[str, Found[Any]]] | None]
"""Field -> the value found, rows of values, or None."""

_RULES: Mapping[str, Callable[[ReadDocument], Fields]] = {
    "invoice": invoice_fields,
    "receipt": receipt_fields,
    "bank_statement": statement_fields,
    "business_card": card_fields,
}


@dataclass(slots=True)
class _Collected:
    citations: dict[str, Citation] = field(default_factory=dict)
    pages: Sequence[ContextPage] = ()

    def value(self, pointer: str, found: Found[Any] | None) -> object:
        """Return a found value, and note where it stands."""
        if found is None:
            return None
        page = self.pages[found.page]
        self.citations[pointer] = Citation(
            mark=found.page + 1,
            ref=page.ref,
            label=page.label,
            quote=printable(page.text.text[found.start : found.end])[:MAX_QUOTE],
            boxes=page.text.boxes_of(found.start, found.end),
            source=page.text.source,
            state="quoted",
            claim=str(found.value),
        )
        return found.value


class RuleExtractor:
    """Reads the schemas that come with PageLens, by rules. Implements `Extractor`."""

    window: int | None = None

    def search_text(self, schema: object) -> str:
        """Return a schema's names and descriptions. Raises UsageError for an unusable schema."""
        return schema_words(read_schema(schema))

    def extract(self, schema: object, pages: Sequence[ContextPage], *, question: str = "") -> Extraction:
        """Return the values found. Raises GenerationError("no-model") for a schema that does not come with PageLens.

        A question is left out: the rules read a document's own fields.
        """
        del question
        name = shipped_name(read_schema(schema))
        if name is None or name not in _RULES:
            known = ", ".join(SHIPPED_SCHEMAS)
            raise GenerationError(
                "no-model",
                f"expected one of the schemas that are read without a language model ({known}), found another. "
                "Set PAGELENS_LLM_MODEL (and PAGELENS_LLM_URL), or give --model.",
            )
        fields = _RULES[name](read_document([page.text for page in pages]))
        collected = _Collected(pages=pages)
        data: dict[str, object] = {}
        for key in SHIPPED_SCHEMAS[name]["properties"]:
            found = fields.get(key)
            if isinstance(found, list):
                columns = SHIPPED_SCHEMAS[name]["properties"][key]["items"]["properties"]
                data[key] = [
                    {column: collected.value(f"/{key}/{at}/{column}", row.get(column)) for column in columns}
                    for at, row in enumerate(found)
                ]
            else:
                data[key] = collected.value(f"/{key}", found)
        return Extraction(
            data=data,
            citations=collected.citations,
            absent=[pointer for pointer, value in leaf_values(data) if value is None],
            context_pages=[page.ref for page in pages],
            notes=["Read by labels and layout, without a language model: a value that is unsure is null."],
        )
