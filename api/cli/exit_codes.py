"""What every command ends with, and how it prints: for people, or as one JSON object."""

import json
from enum import IntEnum
from typing import Any

from pagelens.api.engine.results import as_json


class ExitCode(IntEnum):
    """What a command ends with."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    NOTHING = 3
    SOME_FAILED = 4
    LOCKED = 5
    INTERRUPTED = 130


def print_result(value: Any, json_output: bool, for_people: Any) -> None:
    """Print a value as one JSON object, or by what prints it for people."""
    if json_output:
        print(json.dumps(as_json(value), ensure_ascii=False, indent=2))
    else:
        for_people(value)
