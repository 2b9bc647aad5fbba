"""Writes docs/routes.md: every route of the server, and what a key needs for it. Run: python docs/make_routes.py"""

import tempfile
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from pagelens.api.server.app import create_app
from pagelens.api.server.auth.authorization import is_of_collection, key_scope_of
from pagelens.api.server.service import open_service
from pagelens.core.settings import Settings

ROOT = Path(__file__).parents[1]
HEAD = """# Routes of the server

Made by `python docs/make_routes.py` from the app's own routes; a test keeps it current. *Scope*: the smallest scope of
a key (read < write < admin; public: no key). *Collection*: "path" and "default" are checked against the collections
that the key is valid for; "filtered": the endpoint itself leaves out what does not belong to these.
`tests/api/server/test_access.py` requests each route with every scope and spelling of its path.

| method | path | scope | collection |
|---|---|---|---|
"""


def routes(app: FastAPI) -> list[tuple[str, str, str, str]]:
    """Return (method, path, smallest scope, which collection is checked) of every route of an app."""
    rows = []
    for context in iter_route_contexts(app.routes):
        endpoint, path = context.original_route.endpoint, context.path or ""  # type: ignore[attr-defined]
        scope = key_scope_of(endpoint)
        checked = "path" if "{collection}" in path else "default" if is_of_collection(endpoint) else "filtered"
        # the MCP endpoint names no method: it gets every one
        rows += [(method, path, scope, "" if scope == "public" else checked) for method in context.methods or {"any"}]
    return sorted(rows, key=lambda row: (row[1], row[0]))


def routes_page(app: FastAPI) -> str:
    """Return the page as text."""
    lines = (f"| {method} | `{path}` | {scope} | {checked} |" for method, path, scope, checked in routes(app))
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        service = open_service(Path(folder), Settings(), with_worker=False)
        (ROOT / "docs" / "routes.md").write_text(routes_page(create_app(service)), "utf-8")
        service.close()
