"""Pages that show the OpenAPI description: Swagger UI at `/docs`, ReDoc at `/redoc`. Everything comes from this server.

The pages hold no data, so they are public; they fetch the description with the key that the web page keeps. The
programs' files are those of the package fastapi-offline.
"""

import base64
import hashlib
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request, Response

from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope

router = APIRouter(route_class=AuthorizedRoute, include_in_schema=False)

_KEY = 'const key = sessionStorage.getItem("key"); const headers = key ? {Authorization: `Bearer ${key}`} : {};'
_SWAGGER = f"""{_KEY}
SwaggerUIBundle({{url: "openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null,
  requestInterceptor: (request) => Object.assign(request, {{headers: {{...headers, ...request.headers}}}})}});"""
_REDOC = f"""{_KEY}
fetch("openapi.json", {{headers}}).then((answer) => answer.ok ? answer.json() : Promise.reject(answer.status))
  .then((api) => Redoc.init(api, {{disableSearch: true}}, document.querySelector("#api")))
  .catch((status) => {{ document.querySelector("#api").textContent =
    `expected the description of the API, found status ${{status}}: open the page / first and give a key there`; }});"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>PageLens API</title><link rel="icon" href="data:,">{style}</head>
<body><div id="api"></div><script src="docs/files/{program}"></script><script>{script}</script></body></html>
"""
_STYLE = '<link rel="stylesheet" href="docs/files/swagger-ui.css">'
_FOREIGN_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"  # which ReDoc would fetch


@router.get("/docs")
@requires_scope("public")
def swagger_ui() -> Response:
    """Return the page with Swagger UI."""
    return _page("swagger-ui-bundle.js", _SWAGGER, style=_STYLE)


@router.get("/redoc")
@requires_scope("public")
def redoc() -> Response:
    """Return the page with ReDoc."""
    return _page("redoc.standalone.js", _REDOC)


@router.get("/docs/files/redoc.standalone.js")
@router.get("/docs/files/swagger-ui-bundle.js")
@router.get("/docs/files/swagger-ui.css")
@requires_scope("public")
def program_file(request: Request) -> Response:
    """Return a file of Swagger UI or ReDoc."""
    name = request.url.path.rpartition("/")[2]
    content = (_folder() / name).read_bytes().replace(_FOREIGN_LOGO, b"data:,")
    media_type = "text/css" if name.endswith(".css") else "text/javascript"
    return Response(content, media_type=media_type, headers={"Cache-Control": "max-age=86400"})


def _folder() -> Path:
    spec = find_spec("fastapi_offline")  # not imported: it would bring its own application
    assert spec is not None and spec.origin is not None, "a dependency of PageLens"
    return Path(spec.origin).parent / "static"


def _page(program: str, script: str, *, style: str = "") -> Response:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = (
        "default-src 'none'",
        f"script-src 'self' 'sha256-{digest}'",
        "style-src 'self' 'unsafe-inline'",  # both programs write styles
        "img-src 'self' data:",
        "font-src data:",
        "worker-src blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    html = _PAGE.format(style=style, program=program, script=script)
    return Response(html, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": "; ".join(rules)})
