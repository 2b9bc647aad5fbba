"""Whatever is broken: no error reaches the caller, every bad file has its reason, no good neighbour is missing."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from pagelens.core.types import MEMBER_SEPARATOR
from pagelens.ingest.events import Event, Failed, MembersListed, PageWindow, Skipped, Unchanged
from pagelens.ingest.pipeline import PipelineSettings, read_documents
from tests.ingest.broken_files import broken_file, good_files
from tests.ingest.files import write_pdf

TOGETHER = 25  # broken files in a folder
NEIGHBOURS = ("000-good.pdf", "012-good.pdf", "999-good.pdf")

Files = Sequence[tuple[str, bytes]]
numbers = st.lists(st.integers(0, 2**64 - 1), min_size=TOGETHER, max_size=TOGETHER, unique=True)
folders = numbers.map(lambda drawn: [broken_file(number) for number in drawn])


def one_each(texts: Sequence[str]) -> list[int]:
    return [1] * len(texts)


def read_folder(files: Files) -> list[Event]:
    """Return what is yielded of a folder of broken files among good ones."""
    with tempfile.TemporaryDirectory() as name:
        for number, (kind, content) in enumerate(files, 1):
            (Path(name) / f"{number:03}-{kind}").write_bytes(content)
        for number, neighbour in enumerate(NEIGHBOURS):
            write_pdf(Path(name) / neighbour, f"neighbour {number}")
        settings = PipelineSettings(image_side=200)
        run = read_documents([Path(name)], next_page=lambda _: None, count_tokens=one_each, settings=settings)
        return list(run)


def check(files: Files) -> Counter[str]:
    """See that each file has its event and each neighbour its pages; return how many ended in which way."""
    events_of: dict[str, list[Event]] = {}
    for event in read_folder(files):
        if MEMBER_SEPARATOR not in str(event.path) and not isinstance(event, MembersListed):
            events_of.setdefault(event.path.name, []).append(event)
    names = {f"{number:03}-{kind}" for number, (kind, _) in enumerate(files, 1)}
    assert set(events_of) == names | set(NEIGHBOURS)
    for number, neighbour in enumerate(NEIGHBOURS):
        (window,) = events_of[neighbour]
        assert isinstance(window, PageWindow) and window.pages[0].text.text == f"neighbour {number}"
    return Counter(_outcome(events_of[name]) for name in names)


def _outcome(events: Sequence[Event]) -> str:
    *before, last = events
    assert all(isinstance(event, PageWindow) and not event.last for event in before)
    if isinstance(last, PageWindow):
        assert last.last and last.pages[-1].number == last.document.page_count
        return "read in part" if any(page.problem for page in last.pages) else "read"
    if isinstance(last, Failed | Skipped):
        assert last.reason and "Traceback" not in last.reason
        return last.code if isinstance(last, Failed) else "skipped"
    assert isinstance(last, Unchanged)
    return "same bytes"


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@seed(20_261_121)
@settings(max_examples=6, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=QUIET)
@given(folders)
def test_150_broken_files_cost_nobody_else_anything(files: Files) -> None:
    check(files)


@pytest.mark.slow
def test_2000_broken_files_cost_nobody_else_anything() -> None:
    outcomes: Counter[str] = Counter()
    seen: set[str] = set()

    @seed(2_000)
    @settings(max_examples=80, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=QUIET)
    @given(folders)
    def run(files: Files) -> None:
        seen.update(hashlib.sha256(content).hexdigest() for _, content in files)
        outcomes.update(check(files))

    run()
    assert outcomes.total() >= 2_000 and len(seen) > 1_500
    assert {"read", "read in part", "damaged", "mislabelled"} <= set(outcomes)  # it breaks much, and not everything


def test_the_good_files_are_good() -> None:
    assert set(check(list(good_files().items()))) == {"read"}
