"""Links in answers: to a page on this server's web page, the quote marked. And file names in Markdown."""

import re
from urllib.parse import quote, urlencode

from starlette.requests import Request

QUOTE = 300  # letters of a quote that a link carries

_MARKDOWN = re.compile(r"([\\`*_\[\]()<>#|~!])")


def page_link(request: Request, collection: str, page: str, marked: str = "") -> str:
    """Return the address that opens a page, `marked` being what is to be seen on it; a key is asked for there.

    It all stands behind the #, which browsers keep to themselves: no quote of a document comes into anybody's log.
    """
    told = {"page": page, "in": collection, "mark": " ".join(marked.split())[:QUOTE]}
    return f"{request.base_url}#{urlencode({name: one for name, one in told.items() if one}, quote_via=quote)}"


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
