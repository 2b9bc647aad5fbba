"""Links in answers: to a page's picture on this server, the quote marked. And file names in Markdown."""

import re
from urllib.parse import quote, urlencode

from starlette.requests import Request

QUOTE = 300  # letters of a quote that a link carries

_MARKDOWN = re.compile(r"([\\`*_\[\]()<>#|~!])")


def page_link(request: Request, collection: str, page: str, marked: str = "") -> str:
    """Return the address of a page's picture, `marked` being what is to be seen on it."""
    query = f"?{urlencode({'highlight': marked[:QUOTE]}, quote_via=quote)}" if marked.strip() else ""
    return f"{request.base_url}v1/collections/{collection}/pages/{page}/image{query}"


def escaped(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
