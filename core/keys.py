"""Integer keys: a passage key contains its page key, a page key contains its document key.

    63      32 31          12 11       0
    | document | page number | ordinal |

So grouping passages by page, or filtering rows by document, is a shift of an int64 array without a look-up.
The catalog assigns document keys and never assigns one twice.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

ORDINAL_BITS = 12
NUMBER_BITS = 20
MAX_PASSAGES = 1 << ORDINAL_BITS  # per page
MAX_PAGES = (1 << NUMBER_BITS) - 1  # per document, numbers from 1
MAX_DOCUMENTS = (1 << (63 - NUMBER_BITS - ORDINAL_BITS)) - 1

Keys = TypeVar("Keys", int, NDArray[np.int64])


def page_key(document: int, number: int) -> int:
    """Return the key of page `number` (from 1) of a document."""
    assert 0 < document <= MAX_DOCUMENTS and 0 < number <= MAX_PAGES, (document, number)
    return (document << NUMBER_BITS) | number


def passage_key(page: int, ordinal: int) -> int:
    """Return the key of passage `ordinal` (from 0) of a page."""
    assert 0 <= ordinal < MAX_PASSAGES, ordinal
    return (page << ORDINAL_BITS) | ordinal


def page_of(passage: Keys) -> Keys:
    """Return the page key of a passage key; takes an int or an int64 array."""
    return passage >> ORDINAL_BITS


def document_of(page: Keys) -> Keys:
    """Return the document key of a page key; takes an int or an int64 array."""
    return page >> NUMBER_BITS


def number_of(page: int) -> int:
    """Return the page number (from 1) of a page key."""
    return page & MAX_PAGES


def ordinal_of(passage: int) -> int:
    """Return the ordinal (from 0) of a passage key."""
    return passage & (MAX_PASSAGES - 1)
