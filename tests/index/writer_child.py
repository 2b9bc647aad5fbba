"""A writer in a process of its own that dies by SIGKILL at the n-th statement it sends to the catalog.

    python -m tests.index.writer_child ROOT VERSION [N [PID]]

Prints how many there were when it is not killed. PID is killed with it, first: the server's. Commits count too: death
may come right before one.
"""

import os
import signal
import sys
from pathlib import Path

from sqlalchemy import Engine, event

from tests.index.qdrant_child import index


def main(root: Path, version: int, fatal: int | None, with_it: int | None) -> None:
    done = 0

    def count(*_: object) -> None:
        nonlocal done
        done += 1
        if done == fatal:
            if with_it is not None:
                os.kill(with_it, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    index(root, version)
    print(done)


if __name__ == "__main__":
    numbers = [int(one) for one in sys.argv[2:]]
    main(Path(sys.argv[1]), numbers[0], *[*numbers[1:], None, None][:2])
