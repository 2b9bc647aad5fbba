"""Qdrant points: ids, payloads, filters, and a page's tokens as text.

A point's id is the key of its row (`pagelens.core.keys`), so a repeated write changes nothing. Its payload:

    document    the document's key
    number      the page's number
    part        in vector lanes: the name under which the catalog registers the commit that wrote the point; points with
                an unregistered name were never committed
    deleted_at  when its document was replaced or removed, in Unix seconds; searches that began before still find it
    tokens      in multi-vector lanes: the page's tokens and boxes as the local store keeps them, base64

Tokens are stored a second time in the payload because evidence and exact scores need their exact values, in a tenth of
the bytes that numbers in JSON take.
"""

import base64
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from pagelens.core.keys import document_of, number_of
from pagelens.index.late.ragged import RaggedTokens
from pagelens.index.late.token_segments import TokenRows
from pagelens.index.selection import Selection

KINDS = {"int8": b"i", "float16": b"f", "4 bits": b"4", "2 bits": b"2"}  # how tokens are stored: the first byte


def point_payload(page: int, part: str | None = None) -> dict[str, object]:
    """Return the payload of a point of a page; `part` is the name of its commit in lanes that have one."""
    payload: dict[str, object] = {"document": document_of(page), "number": number_of(page)}
    return payload if part is None else {**payload, "part": part}


def selection_filter(selection: Selection | None, live: NDArray[np.int64]) -> models.Filter | None:
    """Return a filter for the selected points, None for all; points of documents that are not live may pass too."""
    if selection is None:
        return None
    must: list[models.Condition] = []
    if selection.documents is not None:
        must.append(_documents_condition(selection.documents, live))
    if selection.limits_numbers:
        numbers = models.Range(gte=selection.first_page, lte=selection.last_page)
        must.append(models.FieldCondition(key="number", range=numbers))
    return models.Filter(must=must)


def _documents_condition(selected: NDArray[np.int64], live: NDArray[np.int64]) -> models.FieldCondition:
    """List the selected documents, or exclude the others, whichever list is shorter."""
    others = np.setdiff1d(live, selected, assume_unique=True)
    if len(others) < len(selected):
        return models.FieldCondition(
            key="document", match=models.MatchExcept.model_validate({"except": others.tolist()})
        )
    return of_documents(selected.tolist())


def of_documents(documents: Sequence[int]) -> models.FieldCondition:
    """Return the condition that a point belongs to one of these documents."""
    return models.FieldCondition(key="document", match=models.MatchAny(any=list(documents)))


def of_unknown_documents(known: Sequence[int], after: int | None, until: int | None) -> models.Filter:
    """Return a filter for points, not marked as deleted, of documents with keys above `after` and up to `until` that
    are not `known`: a writer that was killed sent them."""
    must: list[models.Condition] = [not_deleted()]
    if after is not None or until is not None:
        must.append(models.FieldCondition(key="document", range=models.Range(gt=after, lte=until)))
    must_not: list[models.Condition] | None = [of_documents(known)] if known else None
    return models.Filter(must=must, must_not=must_not)


def pages_after(document: int, number: int) -> models.Filter:
    """Return a filter for the pages of a document after a page number."""
    numbers = models.Range(gt=number)
    return models.Filter(must=[of_documents([document]), models.FieldCondition(key="number", range=numbers)])


def deleted_before(moment: int) -> models.Filter:
    """Return a filter for points that were marked as deleted at a moment, in Unix seconds, or before."""
    return models.Filter(must=[models.FieldCondition(key="deleted_at", range=models.Range(lte=moment))])


def not_deleted() -> models.Condition:
    """Return the condition that a point is not marked as deleted."""
    return models.IsEmptyCondition(is_empty=models.PayloadField(key="deleted_at"))


def pack_page(rows: TokenRows, row: int) -> str:
    """Return one page's tokens and boxes as base64 text."""
    used, boxes = rows.tokens.page_range(row, row + 1).used, rows.box_numbers(row)
    codes, scales, kind = rows.tokens.codes[used], rows.tokens.scales, KINDS[rows.tokens.storage]
    numbers = b"" if scales is None else scales[used].astype("<f2" if rows.tokens.rotated else "<f4").tobytes()
    return base64.b64encode(kind + codes.tobytes() + numbers + boxes.astype("<u2").tobytes()).decode("ascii")


def unpack_page(text: str, dim: int) -> TokenRows:
    """Return one page's tokens and boxes. Raises ValueError for text not written by `pack_page`."""
    data = base64.b64decode(text, validate=True)
    kinds = {byte: storage for storage, byte in KINDS.items()}
    storage = kinds.get(data[:1], "")
    bits = {"": 8, "float16": 16, "int8": 8, "4 bits": 4, "2 bits": 2}[storage]
    scale = np.dtype("<f4" if storage == "int8" else "<f2")
    width, scale_bytes = dim * bits // 8, 0 if storage == "float16" else scale.itemsize
    count, rest = divmod(len(data) - 1, width + scale_bytes + 8)
    if rest or not storage:
        raise ValueError(f"expected the tokens of a page, found {len(data)} bytes")
    columns = width // 2 if storage == "float16" else width
    codes = np.frombuffer(data, "<f2" if storage == "float16" else np.uint8, count * columns, 1).reshape(count, columns)
    scales = np.frombuffer(data, scale, count, 1 + codes.nbytes) if scale_bytes else None
    boxes = np.frombuffer(data, "<u2", count * 4, len(data) - 8 * count).reshape(count, 4)
    tokens = RaggedTokens(np.array([0, count], np.int64), codes, scales, min(bits, 8))
    return TokenRows(tokens, boxes.astype(np.uint16))
