"""Index a folder in a process of its own, and die by SIGKILL at the n-th thing it does to the file system.

    python -m tests.api.indexing_child COLLECTION FILES [N]

Prints how many such things there were when it is not killed. Audit hooks see them from outside: no code is changed.
"""

import os
import signal
import sys
from pathlib import Path

from pagelens.api.engine.indexing import IndexRun, image_side
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.settings import Settings
from pagelens.index.lexical.tantivy_index import analyze
from pagelens.index.writer import CollectionWriter
from pagelens.ingest.pipeline import read

COUNTED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "sqlite3.connect"}
FLUSH_PAGES = 24


def main(collection: Path, files: Path, fatal: int | None) -> None:
    settings = Settings(threads=2)
    models = CollectionModels(choose_profile("builtin", settings).models, analyze, settings)
    done = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal done
        if event not in COUNTED or (event == "open" and not str(arguments[0]).startswith(str(collection))):
            return
        done += 1
        if done == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    with CollectionWriter(collection, flush_pages=FLUSH_PAGES) as writer:
        embedders = models.embedders(writer.manifest)
        run = IndexRun(writer, embedders, files=1, size=1, on_progress=lambda _: None)
        side, count_tokens = image_side(embedders), models.text.count_tokens
        events = read([files], known=run.known, count_tokens=count_tokens, image_side=side, workers=2, patience=0)
        run.consume(events)
        assert not run.report.failed, run.report.failed
    print(done)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
