"""Rows as Qdrant's points and back: ids, payloads, filters, and a page's tokens as text. Knows no client.

A point's id is its row's key (`pagelens.core.keys`), so a repeated write changes nothing. Its payload:

    document    the document's key
    number      the page's number
    part        in lanes of vectors: the name of the commit it came with; what the catalog does not name was sent and
                never committed
    gone        when its document was replaced or removed, in Unix seconds; searches that began before still find it
    tokens      in lanes of many vectors: the page's tokens and boxes as they lie at rest, base64

The tokens are there a second time because evidence and exact scores need them to the last bit, and a tenth of the
bytes that numbers in JSON take carries them.
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

INTEGERS, HALVES = b"i", b"f"


def payload_of(page: int, part: str | None = None) -> dict[str, object]:
    """Return what a point says of its page, and of the commit it comes with where the catalog names that."""
    said: dict[str, object] = {"document": document_of(page), "number": number_of(page)}
    return said if part is None else {**said, "part": part}


def selected(selection: Selection | None, live: NDArray[np.int64]) -> models.Filter | None:
    """Return a filter that a selection's points pass, and those of strangers perhaps; None where it says nothing."""
    if selection is None:
        return None
    must: list[models.Condition] = []
    if selection.documents is not None:
        must.append(_documents(selection.documents, live))
    if selection.limits_numbers:
        span = models.Range(gte=selection.first_page, lte=selection.last_page)
        must.append(models.FieldCondition(key="number", range=span))
    return models.Filter(must=must)


def _documents(chosen: NDArray[np.int64], live: NDArray[np.int64]) -> models.FieldCondition:
    """Name the documents, or those that are left out, whichever are fewer."""
    others = np.setdiff1d(live, chosen, assume_unique=True)
    if len(others) < len(chosen):
        return models.FieldCondition(
            key="document", match=models.MatchExcept.model_validate({"except": others.tolist()})
        )
    return of_documents(chosen.tolist())


def of_documents(documents: Sequence[int]) -> models.FieldCondition:
    """Return the condition that a point is of one of some documents."""
    return models.FieldCondition(key="document", match=models.MatchAny(any=list(documents)))


def strangers(known: Sequence[int], after: int | None, until: int | None) -> models.Filter:
    """Return a filter for points of documents beyond `after`, up to `until`, that are not `known` and were not given
    up: a writer that was killed sent them."""
    span = models.Range(gt=after, lte=until)
    bounds: list[models.Condition] = [models.FieldCondition(key="document", range=span)]
    but: list[models.Condition] = [of_documents(known)] if known else []
    limits = bounds if after is not None or until is not None else []
    return models.Filter(must=[not_gone(), *limits], must_not=but or None)


def beyond(document: int, number: int) -> models.Filter:
    """Return a filter for the pages of a document behind a page number."""
    span = models.Range(gt=number)
    return models.Filter(must=[of_documents([document]), models.FieldCondition(key="number", range=span)])


def gone_until(moment: int) -> models.Filter:
    """Return a filter for points that were given up at some moment, in Unix seconds, or before."""
    return models.Filter(must=[models.FieldCondition(key="gone", range=models.Range(lte=moment))])


def not_gone() -> models.Condition:
    """Return the condition that a point was not given up."""
    return models.IsEmptyCondition(is_empty=models.PayloadField(key="gone"))


def pack_page(rows: TokenRows, row: int) -> str:
    """Return one page's tokens and boxes, as they lie at rest, as text."""
    used = rows.tokens.slice(row, row + 1).used
    codes, scales, boxes = rows.tokens.codes[used], rows.tokens.scales, rows.boxes[used]
    kind = HALVES if scales is None else INTEGERS
    numbers = b"" if scales is None else scales[used].astype("<f4").tobytes()
    return base64.b64encode(kind + codes.tobytes() + numbers + boxes.astype("<u2").tobytes()).decode("ascii")


def unpack_page(text: str, dim: int) -> TokenRows:
    """Return one page's tokens and boxes, without a summary. Raises ValueError when `pack_page` did not write it."""
    data = base64.b64decode(text, validate=True)
    halves = data[:1] == HALVES
    count, rest = divmod(len(data) - 1, 2 * dim + 8 if halves else dim + 12)
    if rest or data[:1] not in (HALVES, INTEGERS):
        raise ValueError(f"expected the tokens of a page, found {len(data)} bytes")
    codes = np.frombuffer(data, "<f2" if halves else np.uint8, count * dim, 1).reshape(count, dim)
    scales = None if halves else np.frombuffer(data, "<f4", count, 1 + codes.nbytes)
    boxes = np.frombuffer(data, "<u2", count * 4, len(data) - 8 * count).reshape(count, 4)
    none = np.zeros(2, np.int64)
    return TokenRows(
        RaggedTokens(np.array([0, count], np.int64), codes, scales),
        boxes.astype(np.uint16),
        RaggedTokens(none, np.zeros((0, dim), np.uint8), np.zeros(0, np.float32)),
    )
