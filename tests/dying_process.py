"""Commands that die by SIGKILL at the n-th thing they do: the tests' side, `Child`, and the process's side, `serve`.

Counted are file system operations (by audit hooks: no code is changed), statements sent to a database, and commits.
Each command runs in a fork, which needs no imports.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, event

REPOSITORY = Path(__file__).parents[1]
COUNTED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "sqlite3.connect"}


@dataclass
class Child:
    """A process that runs `serve`."""

    process: subprocess.Popen[str]

    def __call__(self, *command: object, fatal: int = 0) -> tuple[int, int]:
        """Run a command; return its exit code (-9: killed) and the number of things done. 0: it is not killed."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([fatal, *map(str, command)]) + "\n")
        self.process.stdin.flush()
        code, done = json.loads(self.process.stdout.readline())
        return int(code), int(done)


@contextmanager
def started(module: str, *arguments: object) -> Iterator[Child]:
    """Start a module whose main function calls `serve`."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Child(process)
        assert process.stdin is not None
        process.stdin.close()


def serve(run: Callable[[Sequence[str]], int], below: Path | None = None, *, statements: bool = True) -> None:
    """Run the commands of standard input, each in a fork. Files that are opened count if they are `below` a folder, by
    default the one that is a command's first argument. `statements`: those sent to a database count too."""
    for line in sys.stdin:
        fatal, *command = json.loads(line)
        counts, outputs = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(outputs[1], 1)
            os.dup2(outputs[1], 2)
            for end in (counts[0], *outputs):
                os.close(end)
            code = 1
            try:
                done = _count(below or Path(command[1]), fatal, statements)
                code = run(command)
                os.write(counts[1], str(done()).encode())
            except BaseException:  # noqa: BLE001 - printed, and reported by the exit code
                traceback.print_exc()
            os._exit(code)
        os.close(counts[1])
        os.close(outputs[1])
        with os.fdopen(counts[0]) as count, os.fdopen(outputs[0], errors="replace") as output:
            sys.stderr.write(output.read())  # until all processes that the command started have ended too
            done_text = count.read()
        _, status = os.waitpid(child, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), int(done_text or 0)]), flush=True)


def _count(below: Path, fatal: int, statements: bool) -> Callable[[], int]:
    """Count from now on; the process dies at the `fatal`-th thing, before it is done. Return what returns the count."""
    done = 0

    def count(*_: object) -> None:
        nonlocal done
        done += 1
        if done == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        if name in COUNTED and (name != "open" or str(arguments[0]).startswith(str(below))):
            count()

    sys.addaudithook(hook)
    if statements:
        event.listen(Engine, "before_cursor_execute", count)
        event.listen(Engine, "commit", count)
    return lambda: done
