"""Reads text files line by line and collects faults by file and line: what was expected, what was found.

A reader raises once, with all faults, so that a data set can be corrected in one go.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pagelens.core.errors import UsageError

MAX_FAULTS_SHOWN = 20  # in one message
MAX_FOUND_LENGTH = 80  # characters of a faulty line that are shown
MAX_GRADE = 1_000_000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Faults:
    """Collects the faults in files."""

    def __init__(self, what: str = "the data set") -> None:
        """`what` the files hold, for the message."""
        self._what = what
        self._messages: list[str] = []

    def add(self, path: Path, line: int, expected: str, found: object) -> None:
        """Add a fault; `line` counts from 1, 0 stands for the whole file."""
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)
        excerpt = text if len(text) <= MAX_FOUND_LENGTH else text[: MAX_FOUND_LENGTH - 1] + "…"
        location = f"{path}:{line}" if line else str(path)
        self._messages.append(f"{location}: expected {expected}, found {excerpt or 'nothing'}")

    def __bool__(self) -> bool:
        return bool(self._messages)

    def raise_any(self) -> None:
        """Raise UsageError that lists the faults, if there are any."""
        if not self._messages:
            return
        more = len(self._messages) - MAX_FAULTS_SHOWN
        listed = self._messages[:MAX_FAULTS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        raise UsageError(f"{self._what} cannot be read:\n" + "\n".join(listed))


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers from 1. Raises UsageError if they cannot be read."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as exc:
        raise UsageError(f"expected a file that can be read at {path}, found {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path}: expected UTF-8 text, found the byte 0x{exc.object[exc.start]:02x}") from exc
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if line.strip():
            yield number, line


def read_json_lines(path: Path, faults: Faults) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a JSON Lines file with their line numbers; other lines are added to `faults`."""
    for number, line in read_lines(path):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as exc:
            faults.add(path, number, f"a JSON object ({exc.msg} at column {exc.colno})", line)
            continue
        if not isinstance(row, dict):
            faults.add(path, number, "a JSON object", line)
            continue
        yield number, row


def read_json(path: Path) -> Any:
    """Return the value of a JSON file. Raises UsageError with the position of the fault."""
    text = "\n".join(line for _, line in read_lines(path))
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        raise UsageError(f"{path}: expected JSON, found {exc.msg} at character {exc.pos}") from exc


def whole_number(text: str) -> int | None:
    """Return a whole number, also one written as 1.0 or 1e0; None for any other text."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= MAX_GRADE else None


def text_of(row: dict[str, Any], *names: str) -> str:
    """Return the first field with a non-blank text or number, as stripped text; '' if there is none."""
    for name in names:
        value = row.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip().encode("utf-8", "replace").decode()  # JSON may hold half a letter
    return ""
