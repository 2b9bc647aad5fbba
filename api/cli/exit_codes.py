"""Exit codes of the commands. `pagelens eval` adds 6: a gate failed."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command exits with."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    NOTHING_FOUND = 3
    SOME_FILES_FAILED = 4
    LOCKED = 5
    INTERRUPTED = 130
