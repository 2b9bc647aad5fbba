"""Index a folder in a process of its own, and die by SIGKILL at the n-th thing it does to the file system.

    python -m tests.api.indexing_child COLLECTION FILES [N]

Prints how many such things there were when it is not killed. Audit hooks see them from outside: no code is changed.
"""

import os
import signal
import sys
from pathlib import Path

from pagelens.api.engine.embedding import max_image_side
from pagelens.api.engine.indexing import IndexRun
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.settings import Settings
from pagelens.index.lexical.analysis import analyze
from pagelens.index.writer import CollectionWriter
from pagelens.ingest.pipeline import PipelineSettings, read_documents

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
        run = IndexRun(writer, embedders, file_count=1, byte_count=1, on_progress=lambda _: None)
        side, count_tokens = max_image_side(embedders), models.text.count_tokens
        events = read_documents(
            [files],
            next_page=run.next_page,
            count_tokens=count_tokens,
            settings=PipelineSettings(image_side=side, workers=2, scale_up_after=0),
        )
        run.consume(events)
        assert not run.report.failed, run.report.failed
    print(done)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
