"""The OpenAPI description: FastAPI's, completed by the error responses, security schemes and header examples."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from pagelens.api.responses import ProblemOut
from pagelens.api.server import examples
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.middleware.openai_errors import PATH_PREFIXES
from pagelens.api.server.problems import MEDIA_TYPE
from pagelens.api.server.schemas.openai import ErrorOut

_DESCRIPTION = """Finds the page or photo that answers a question, and answers with citations that can be checked.

Paths below `/v1/collections/{collection}/` act on that collection, the same paths without it on the default one.
Errors are problem details (RFC 9457) with a stable `type`. `next_cursor` leads to the next page of a listing."""

router = APIRouter(route_class=AuthorizedRoute, include_in_schema=False)


@router.get("/openapi.json")
@requires_scope("read")
def read_openapi(request: Request) -> JSONResponse:
    """Return the OpenAPI description of all endpoints."""
    return JSONResponse(request.app.openapi())


def install_openapi(app: FastAPI) -> None:
    """Replace an app's `openapi` method by one that returns the completed description."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete_openapi(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _complete_openapi(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes)
    parts = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (ProblemOut, ErrorOut):
        own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.update(own.pop("$defs", {}))
        parts[model.__name__] = own
    for name in ("HTTPValidationError", "ValidationError"):
        parts.pop(name, None)
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{}, {"key": []}]
    problem = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}}
    openai = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorOut"}}}}
    for path, operations in document["paths"].items():
        errors = openai if path.startswith(PATH_PREFIXES) else problem
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("422", None)
            responses["4XX"] = {"description": "The request is wrong.", **errors}
            responses["5XX"] = {"description": "The server failed.", **errors}
            _add_header_example(operation)
    return document


def _add_header_example(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "Idempotency-Key" and operation["summary"] == "Add documents":
            parameter["examples"] = {"key": {"value": examples.IDEMPOTENCY_KEY}}
