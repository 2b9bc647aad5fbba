"""JSON Schemas for extraction: checked, with null allowed everywhere, and the leaf values of data by JSON pointer.

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

_SCHEMA_MAPS = ("$defs", "definitions", "patternProperties", "dependentSchemas")  # name -> schema
_SCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE_SCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
MAX_ERRORS = 5  # reported for one reply


def read_schema(schema: object) -> Schema:
    """Return the schema. Raises UsageError if it is not a JSON Schema, or refers to other documents."""
    if not isinstance(schema, Mapping) or not schema:
        raise UsageError(f'expected a JSON Schema, an object like {{"properties": ...}}, found {_short(schema)}')
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as exc:
        raise UsageError(f"expected a JSON Schema, found a fault at {exc.json_path}: {exc.message}") from exc
    external = next((reference for reference in _references(schema) if not reference.startswith("#")), None)
    if external is not None:
        raise UsageError(f"expected references within the schema (#/$defs/...), found {external!r}: nothing is fetched")
    if schema.get("type", "object") not in ("object", "array"):
        raise UsageError(f"expected a schema of an object or an array, found {_short(schema.get('type'))}")
    return schema


def allow_nulls(schema: Any) -> Any:
    """Return the schema with null allowed for every property: values that are not on the pages are null."""
    if not isinstance(schema, Mapping):
        return schema
    nullable = dict(schema)
    for key in _SCHEMA_MAPS:
        if isinstance(nullable.get(key), Mapping):
            nullable[key] = {name: allow_nulls(value) for name, value in nullable[key].items()}
    for key in _SCHEMA_LISTS:
        if isinstance(nullable.get(key), list):
            nullable[key] = [allow_nulls(value) for value in nullable[key]]
    for key in _SINGLE_SCHEMAS:
        if isinstance(nullable.get(key), Mapping):
            nullable[key] = allow_nulls(nullable[key])
    if isinstance(nullable.get("properties"), Mapping):
        nullable["properties"] = {
            name: {"anyOf": [allow_nulls(value), {"type": "null"}]} for name, value in nullable["properties"].items()
        }
    return nullable


def validation_errors(data: object, schema: Schema, *, nullable: bool = True) -> list[str]:
    """Return what is invalid in the data, one line each, at most `MAX_ERRORS`; empty if it is valid.

    `nullable`: every property may be null. Raises UsageError for references within the schema that cannot be resolved.
    """
    validator = Draft202012Validator(allow_nulls(schema) if nullable else schema, registry=Registry())
    try:
        errors = sorted(validator.iter_errors(data), key=lambda error: error.json_path)
    except Unresolvable as exc:
        raise UsageError(f"expected references within the schema that lead somewhere, found {exc.ref!r}") from exc
    except RecursionError as exc:
        raise UsageError("expected a schema whose references end, found one that refers to itself alone") from exc
    return [f"{error.json_path}: {error.message[:200]}" for error in errors[:MAX_ERRORS]]


def leaf_values(data: object, pointer: str = "") -> Iterator[tuple[str, object]]:
    """Yield (JSON pointer, value) of everything that is neither an object nor an array."""
    if isinstance(data, Mapping):
        for name, value in data.items():
            yield from leaf_values(value, f"{pointer}/{pointer_part(name)}")
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaf_values(value, f"{pointer}/{index}")
    else:
        yield pointer, data


def pointer_part(name: object) -> str:
    """Return a property's name as a part of a JSON pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")


def schema_words(schema: object) -> str:
    """Return a schema's titles, descriptions and property names, to search pages with."""
    if isinstance(schema, list):
        return " ".join(filter(None, map(schema_words, schema)))
    if not isinstance(schema, Mapping):
        return ""
    words = [str(schema[key]) for key in ("title", "description") if isinstance(schema.get(key), str)]
    for key, value in schema.items():
        if key == "properties" and isinstance(value, Mapping):
            words += [name.replace("_", " ") for name in value]
            words += [schema_words(item) for item in value.values()]
        elif key in _SCHEMA_MAPS and isinstance(value, Mapping):
            words += [schema_words(item) for item in value.values()]
        elif key in (*_SCHEMA_LISTS, *_SINGLE_SCHEMAS):
            words.append(schema_words(value))
    return " ".join(filter(None, words))


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def _short(value: object) -> str:
    return json.dumps(value, default=str)[:80]
