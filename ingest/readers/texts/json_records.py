"""JSON and JSON lines: each record as a line "name: value; name: value", nested names joined by points."""

import json
from collections.abc import Iterator

MAX_DEPTH = 40  # of nested values; deeper ones are written as they stand in the file
_MAX_LINE = 4_000_000  # characters of a record


def record_lines(text: str) -> tuple[list[str], str]:
    """Return a line for each record, and a problem: "" or what is no JSON. Such lines are returned as they are."""
    whole = _parsed(text)
    if whole is not None:
        records = whole[0] if isinstance(whole[0], list) else [whole[0]]
        return [line for record in records for line in _lines(record, is_only=len(records) == 1)], ""
    lines: list[str] = []
    wrong: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        record = _parsed(line) if len(line) <= _MAX_LINE else None
        if record is None:
            wrong.append(number)
        lines.append(line if record is None else "; ".join(_pairs("", record[0], 0)))
    return lines, f"{len(wrong)} of its lines are no JSON, the first is line {wrong[0]}" if wrong else ""


def _parsed(text: str) -> tuple[object] | None:
    """Return the value in a tuple, since it may be null; None for what is no JSON."""
    try:
        return (json.loads(text),)
    except (ValueError, RecursionError):
        return None


def _lines(record: object, *, is_only: bool) -> list[str]:
    """Return a record as one line, or, where it is the only one, each of its values as a line."""
    pairs = list(_pairs("", record, 0))
    return pairs if is_only else ["; ".join(pairs)]


def _pairs(name: str, value: object, depth: int) -> Iterator[str]:
    if value is None or value in ("", [], {}):
        return
    if isinstance(value, dict) and depth < MAX_DEPTH:
        for key, part in value.items():
            yield from _pairs(f"{name}.{key}" if name else str(key), part, depth + 1)
    elif isinstance(value, list) and depth < MAX_DEPTH:
        if all(not isinstance(part, dict | list) for part in value):
            yield from _pairs(name, ", ".join(map(_text, value)), depth + 1)
        else:
            for number, part in enumerate(value, 1):
                yield from _pairs(f"{name}.{number}" if name else str(number), part, depth + 1)
    else:
        text = _text(value)
        yield f"{name}: {text}" if name else text


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(text.split())
