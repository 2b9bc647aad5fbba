"""JSON Schemas of what is to be read from pages: checked, allow_nulls so that anything may be absent, and leaf_values by name.

Follows JSON Schema 2020-12 and RFC 6901 (pointers). References to other documents are refused: nothing is fetched.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from pagelens.core.errors import UsageError

Schema = Mapping[str, Any]

_OF_SCHEMAS = ("$defs", "definitions", "patternProperties", "dependentSchemas")  # name -> schema
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
PROBLEMS = 5  # told of one reply


def read_schema(schema: object) -> Schema:
    """Return a schema that can be asked for. Raises UsageError where it is none, or refers to somewhere else."""
    if not isinstance(schema, Mapping) or not schema:
        raise UsageError(f'expected a JSON Schema, an object like {{"properties": ...}}, found {_short(schema)}')
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as exc:
        raise UsageError(f"expected a JSON Schema, found a fault at {exc.json_path}: {exc.message}") from exc
    far = next((one for one in _references(schema) if not one.startswith("#")), None)
    if far is not None:
        raise UsageError(f"expected references within the schema (#/$defs/...), found {far!r}: nothing is fetched")
    if schema.get("type", "object") not in ("object", "array"):
        raise UsageError(f"expected a schema of an object or an array, found {_short(schema.get('type'))}")
    return schema


def allow_nulls(schema: Any) -> Any:
    """Return the schema with null allowed for every property: what is not on the pages is null."""
    if not isinstance(schema, Mapping):
        return schema
    loose = dict(schema)
    for key in _OF_SCHEMAS:
        if isinstance(loose.get(key), Mapping):
            loose[key] = {name: allow_nulls(one) for name, one in loose[key].items()}
    for key in _LISTS:
        if isinstance(loose.get(key), list):
            loose[key] = [allow_nulls(one) for one in loose[key]]
    for key in _SINGLE:
        if isinstance(loose.get(key), Mapping):
            loose[key] = allow_nulls(loose[key])
    if isinstance(loose.get("properties"), Mapping):
        loose["properties"] = {
            name: {"anyOf": [allow_nulls(one), {"type": "null"}]} for name, one in loose["properties"].items()
        }
    return loose


def problems(data: object, schema: Schema) -> list[str]:
    """Return what is wrong with data, a line each, a few at most; empty where it is valid."""
    validator = Draft202012Validator(allow_nulls(schema), registry=Registry())
    try:
        found = sorted(validator.iter_errors(data), key=lambda error: error.json_path)
    except Unresolvable as exc:
        raise UsageError(f"expected references within the schema that lead somewhere, found {exc.ref!r}") from exc
    except RecursionError as exc:
        raise UsageError("expected a schema whose references end, found one that refers to itself alone") from exc
    return [f"{error.json_path}: {error.message[:200]}" for error in found[:PROBLEMS]]


def leaf_values(data: object, pointer: str = "") -> Iterator[tuple[str, object]]:
    """Yield (pointer, value) of everything that is no object and no array."""
    if isinstance(data, Mapping):
        for name, one in data.items():
            yield from leaf_values(one, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(data, list):
        for index, one in enumerate(data):
            yield from leaf_values(one, f"{pointer}/{index}")
    else:
        yield pointer, data


def schema_words(schema: object) -> str:
    """Return a schema's titles, descriptions and property names: what its pages are searched by."""
    if isinstance(schema, list):
        return " ".join(filter(None, map(schema_words, schema)))
    if not isinstance(schema, Mapping):
        return ""
    said = [str(schema[key]) for key in ("title", "description") if isinstance(schema.get(key), str)]
    for key, value in schema.items():
        if key == "properties" and isinstance(value, Mapping):
            said += [name.replace("_", " ") for name in value]
            said += [schema_words(one) for one in value.values()]
        elif key in _OF_SCHEMAS and isinstance(value, Mapping):
            said += [schema_words(one) for one in value.values()]
        elif key in (*_LISTS, *_SINGLE):
            said.append(schema_words(value))
    return " ".join(filter(None, said))


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for one in schema:
            yield from _references(one)


def _short(value: object) -> str:
    return json.dumps(value, default=str)[:80]
