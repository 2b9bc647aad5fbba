"""What is wrong with the fields of a request, as sentences: what was expected, what was found."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from fastapi import Request
from pydantic import BaseModel

JSON = "application/json"
MIN_LIKENESS = 0.5  # of two names, from which one is proposed for the other
MAX_SHOWN = 60  # characters of what was found
# Names of other search APIs for our fields.
_OTHER_NAMES = {
    "top_k": "k",
    "limit": "k",
    "n_results": "k",
    "size": "k",
    "q": "query",
    "text": "query",
    "where": "filters",
    "filter": "filters",
    "schema": "json_schema",
}


def describe_errors(errors: Sequence[Mapping[str, Any]], request: Request) -> list[tuple[str, str]]:
    """Return (field, what is wrong with it) for each of pydantic's errors of a request."""
    return [(".".join(map(str, error["loc"])), _sentence(error, request)) for error in errors]


def _sentence(error: Mapping[str, Any], request: Request) -> str:
    kind, context, found = error["type"], error.get("ctx", {}), error.get("input")
    if kind == "missing":
        return "expected a value, found none"
    if kind == "extra_forbidden":
        return _unknown_field(error, request)
    if kind == "json_invalid":
        return f"expected JSON, found something else at character {error['loc'][-1]}"
    if error["loc"] == ("body",) and not request.headers.get("content-type", "").lower().startswith(JSON):
        sent = request.headers.get("content-type") or "none"
        return f"expected a JSON object with the header Content-Type: {JSON}, found the content type {sent}"
    if kind in ("string_too_long", "too_long"):
        count = len(found) if isinstance(found, str | list) else context["actual_length"]
        return f"expected at most {context['max_length']} {_units(kind)}, found {count}"
    if kind in ("string_too_short", "too_short"):
        return f"expected at least {context['min_length']} {_units(kind)}, found {len(found or ())}"
    shown = repr(found) if isinstance(found, str | int | float | None) else type(found).__name__
    return f"{error['msg']}, found {shown[:MAX_SHOWN]}"


def _units(kind: str) -> str:
    return "characters" if kind.startswith("string") else "items"


def _unknown_field(error: Mapping[str, Any], request: Request) -> str:
    """Return that a field is not known, and which one is meant."""
    *path, name = error["loc"]
    known = _fields_at(request, path)
    near = get_close_matches(str(name), known, n=1, cutoff=MIN_LIKENESS)
    meant = _OTHER_NAMES.get(str(name), "")
    proposed = meant if meant in known else next(iter(near), "")
    if proposed:
        return f"expected a known field, found {name}: is {proposed} meant?"
    return (
        f"expected a known field, found {name}. Known are {', '.join(known)}" if known else f"no field {name} is known"
    )


def _fields_at(request: Request, path: Sequence[str | int]) -> list[str]:
    """Return the names of the fields of the model at a path of the request's body; none where it is no model."""
    field = getattr(request.scope.get("route"), "body_field", None)
    annotation: Any = None if field is None else field.field_info.annotation
    for step in path[1:]:
        model = _model_of(annotation)
        if isinstance(step, int) or model is None or step not in model.model_fields:
            continue
        annotation = model.model_fields[step].annotation
    model = _model_of(annotation)
    return list(model.model_fields) if model else []


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model of an annotation: itself, or the one in a list or an optional value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_of(part))), None)
