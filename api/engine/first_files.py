"""Tells whether the documents of a first run are in English, from the first pages of some of them."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from pagelens.ingest.events import PageWindow
from pagelens.ingest.files.formats import claimed_kind
from pagelens.ingest.files.walk import Source, walk
from pagelens.ingest.pipeline import PipelineSettings, read_documents
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.text.letter_pairs import is_english
from pagelens.ingest.workers.worker_pool import suggested_workers
from pagelens.ingest.workers.worker_source import WorkerSource

FILES, PAGES = 8, 4  # that are looked at, of a file
OTHER_SHARE = 0.25  # of the documents whose language is known, from which the collection is not English


def are_in_english(paths: Sequence[Path], options: ReaderOptions, source: WorkerSource) -> bool | None:
    """Tell whether more than three quarters of the documents are in English; None where none has text to tell by.

    Files are spread over those that a run would read; texts in pictures are not recognised for this. `source` has the
    worker processes.
    """
    found = [item.path for item in walk(paths, options) if isinstance(item, Source)]
    documents = [path for path in found if claimed_kind(path) != "photo"]
    step = max(1, len(documents) / FILES)
    picked = [documents[int(number * step)] for number in range(min(FILES, len(documents)))]
    known = [english for path in picked if (english := is_english(_first_text(path, options, source))) is not None]
    return None if not known else known.count(False) < OTHER_SHARE * len(known)


def _first_text(path: Path, options: ReaderOptions, source: WorkerSource) -> str:
    """Return the text of a file's first pages; "" where it cannot be read."""
    events = read_documents(
        [path],
        next_page=lambda _: 1,
        count_tokens=lambda words: [1] * len(words),
        settings=PipelineSettings(
            window=PAGES, workers=suggested_workers(files=1, size=0, cores=1), reader_options=options
        ),
        source=source,
    )
    with closing(events):
        for event in events:
            if isinstance(event, PageWindow):
                return "\n".join(page.text.text for page in event.pages)
    return ""
