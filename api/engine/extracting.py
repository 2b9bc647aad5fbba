"""Extraction of values from documents: which pages are read, and forms, whose fields the file itself names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pagelens.api.engine.answer_context import pages_of_document
from pagelens.core.errors import UsageError
from pagelens.core.protocols import Extractor
from pagelens.core.types import Citation, ContextPage, Extraction, PageRef
from pagelens.generate.extraction.shipped_schemas import shipped_schema
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.reader import Snapshot
from pagelens.ingest.form_fields import FormField
from pagelens.retrieve.search import Retriever

SHORT = 20  # pages of a document that is read as a whole where nobody says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSelection:
    """Which pages are read: all, or the `k` best for the words of the schema.

    With `all_pages` None all pages of a short document are read, and of any where they are read without a model.
    """

    k: int
    all_pages: bool | None = None


@dataclass(frozen=True, slots=True)
class PagesToRead:
    """The pages of a document that values are read from."""

    pages: Sequence[ContextPage]
    all_read: bool


def resolve_schema(schema: object) -> object:
    """Return the schema that a name stands for, or the schema given. Raises UsageError for an unknown name."""
    return shipped_schema(schema) if isinstance(schema, str) else schema


def pages_to_read(
    snapshot: Snapshot,
    load_retriever: Callable[[], Retriever],
    row: DocumentRow,
    extractor: Extractor,
    schema: object,
    selection: PageSelection,
) -> PagesToRead:
    """Return the pages of a document that values of a schema are read from. Raises UsageError for the schema."""
    words, count = extractor.search_text(schema), row.document.page_count
    everything = selection.all_pages
    if everything is None:
        everything = count <= SHORT or extractor.window is None
    pages, all_read = pages_of_document(snapshot, load_retriever, row, words, k=count if everything else selection.k)
    return PagesToRead(pages, all_read)


def extract_form(row: DocumentRow, fields: Sequence[FormField]) -> Extraction:
    """Return the fields of a form as an extraction. Raises UsageError for a document without fields."""
    if not fields:
        raise UsageError(f"expected a PDF form with fields, found none in {Path(row.path).name}")
    citations: dict[str, Citation] = {}
    absent: list[str] = []
    rows: list[dict[str, object]] = []
    for at, field in enumerate(fields):
        value = list(field.value) if isinstance(field.value, tuple) else field.value
        rows.append({"name": field.name, "label": field.label or None, "value": value})
        if value is None:
            absent.append(f"/fields/{at}/value")
        else:
            citations[f"/fields/{at}/value"] = _citation(row, field)
    return Extraction(
        data={"fields": rows},
        citations=citations,
        absent=absent,
        context_pages=[PageRef(row.path, page) for page in dict.fromkeys(field.page for field in fields)],
        notes=["Read from the form's own fields, without a language model."],
    )


def _citation(row: DocumentRow, field: FormField) -> Citation:
    text = ", ".join(field.value) if isinstance(field.value, tuple) else str(field.value)
    return Citation(
        mark=field.page,
        ref=PageRef(row.path, field.page),
        label=None,
        quote=text,
        boxes=[field.box],
        state="quoted",
        claim=text,
    )
