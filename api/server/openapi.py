"""The OpenAPI page: what FastAPI makes, with the problems that every address may answer and the examples' parts."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from pagelens.api.server import examples
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.middleware.openai_errors import ADDRESSES
from pagelens.api.server.problems import MEDIA
from pagelens.api.server.schemas.openai import ErrorOut
from pagelens.api.server.schemas.responses import ProblemOut

_DESCRIPTION = """Finds the page or photo that answers a question, and answers with citations that can be checked.

Addresses below `/v1/collections/{collection}/` act on that collection; the same without it act on the default one.
Errors are problem details (RFC 9457) with a stable `type`. Listings go on by the `next_cursor` of the answer before."""


router = APIRouter(route_class=AuthorizedRoute, include_in_schema=False)


@router.get("/openapi.json")
@requires_scope("read")
def read_openapi(request: Request) -> JSONResponse:
    """Return the description of every address."""
    return JSONResponse(request.app.openapi())


def install(app: FastAPI) -> None:
    """Let an app describe itself."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    parts = made.setdefault("components", {}).setdefault("schemas", {})
    for model in (ProblemOut, ErrorOut):
        own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.update(own.pop("$defs", {}))
        parts[model.__name__] = own
    for name in ("HTTPValidationError", "ValidationError"):
        parts.pop(name, None)
    made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{}, {"key": []}]
    problem = {"content": {MEDIA: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}}
    openai = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}}}
    for path, operations in made["paths"].items():
        told = openai if path.startswith(ADDRESSES) else problem
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("422", None)
            responses["4XX"] = {"description": "What was wrong with the request.", **told}
            responses["5XX"] = {"description": "What is wrong here.", **told}
            _exemplify(operation)
    return made


def _exemplify(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "Idempotency-Key" and operation["summary"] == "Add documents":
            parameter["examples"] = {"once": {"value": examples.ONCE}}
