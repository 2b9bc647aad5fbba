"""The web page at `/`: one HTML file with its style and script; a Content-Security-Policy allows no other script.

The page itself contains no data, so it is public. Its script calls the API with the user's key.
"""

import base64
import hashlib
import json
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response

from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope

router = APIRouter(route_class=AuthorizedRoute, include_in_schema=False)

FOLDER = Path(__file__).parents[1] / "page"
SCRIPTS = (
    "texts.js",
    "calls.js",
    "addresses.js",
    "pages.js",
    "viewer.js",
    "searches.js",
    "exports.js",
    "answers.js",
    "facets.js",
    "narrowing.js",
    "uploads.js",
    "documents.js",
    "photos.js",
    "review.js",
    "welcome.js",
    "main.js",
)
TABLES = (("TEXTS", "texts.json"), ("WORLD", "world.json"))  # constants of the script


@router.get("/")
@requires_scope("public")
def page() -> Response:
    """Return the web page."""
    html, policy = _assemble()
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-cache"}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


@cache
def _assemble() -> tuple[str, str]:
    """Return the page, and the policy that allows its style and script by their hashes."""
    style = _read("page.css")
    tables = [f"const {name} = {json.dumps(json.loads(_read(file)), ensure_ascii=False)};" for name, file in TABLES]
    script = "\n".join(['"use strict";', *tables, *map(_read, SCRIPTS)])
    html = _read("page.html").replace("/*STYLE*/", style).replace("/*SCRIPT*/", script)
    rules = (
        "default-src 'none'",
        f"script-src {_hash(script)}",
        f"style-src {_hash(style)}",
        "img-src blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
    return html, "; ".join(rules)


def _read(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
