"""Filters as JSON values, and back: what a bundle says of how its question was asked."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from pagelens.core.types import Filters


def filters_to_json(filters: Filters) -> dict[str, Any]:
    """Return filters as JSON values, without those that are no condition."""
    default = Filters()
    given = {item.name: getattr(filters, item.name) for item in fields(filters)}
    return {name: _to_json(value) for name, value in given.items() if value != getattr(default, name)}


def filters_from_json(data: Mapping[str, Any]) -> Filters:
    """Return the filters that `filters_to_json` wrote."""
    read: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    read |= {name: datetime.fromisoformat(data[name]) for name in ("since", "until") if name in data}
    read |= {name: tuple(map(filters_from_json, data[name])) for name in ("all_of", "none_of") if name in data}
    return Filters(**read)


def _to_json(value: Any) -> Any:
    if isinstance(value, Filters):
        return filters_to_json(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    return [_to_json(item) for item in value] if isinstance(value, list | tuple) else value
