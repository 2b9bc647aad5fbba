"""Indexes folders with the builtin models: python -m tests.api.indexing_child FILES; see `tests.dying_process`."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pymupdf  # noqa: F401  here, and not in each fork

from pagelens.api.engine.embedding import max_image_side
from pagelens.api.engine.indexing import IndexRun
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.settings import Settings
from pagelens.index.lexical.analysis import analyze
from pagelens.index.writer import CollectionWriter
from pagelens.ingest.pipeline import PipelineSettings, read_documents
from tests.dying_process import serve

WINDOW, FLUSH_PAGES = 10, 8  # pages: each full window is a commit


def main(files: Path) -> None:
    """Serve "index COLLECTION". The models are loaded once: they start no thread before they are used."""
    settings = Settings(threads=2)
    profile = choose_profile("builtin", settings)
    models = CollectionModels(profile.models, analyze, settings)
    for lane in profile.models:
        models.embedder(lane)

    def run(command: Sequence[str]) -> int:
        with CollectionWriter(Path(command[1]), flush_pages=FLUSH_PAGES) as writer:
            embedders = models.embedders(writer.manifest)
            run = IndexRun(writer, embedders, file_count=1, byte_count=1, on_progress=lambda _: None)
            side, count_tokens = max_image_side(embedders), models.text.count_tokens
            events = read_documents(
                [files],
                next_page=run.next_page,
                count_tokens=count_tokens,
                settings=PipelineSettings(window=WINDOW, image_side=side, workers=2, scale_up_after=0),
            )
            run.consume(events)
            assert not run.report.failed, run.report.failed
        return 0

    serve(run, statements=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
