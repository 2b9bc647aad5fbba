"""Which page ranges are assigned, in which order, and how many pages at most."""

import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Kind, Page, no_text
from pagelens.ingest.page_processing import ProcessedPage, ReadJob, ReadStage
from pagelens.ingest.page_ranges import MAX_RANGE_PAGES, MIN_RANGE_PAGES, range_end
from pagelens.ingest.workers.reading_plan import SCALE_UP_AFTER, Assignment, ReadingPlan


def job(name: str, first: int = 1, kind: Kind = "pdf") -> ReadJob:
    return ReadJob(Path(name), kind, name, 0, first)


def document(count: int) -> Document:
    return Document(sha256="", kind="pdf", title="", page_count=count, size=0)


def assigned(plan: ReadingPlan, worker: object = None) -> Assignment:
    found = plan.next_assignment(worker)
    assert found is not None
    return found


def span(task: Assignment) -> tuple[str, int, int]:
    return task.file.job.path.name, task.first, task.last


def make(plan: ReadingPlan, task: Assignment, *, problem: str = "") -> None:
    """Complete an assignment as a worker would."""
    assert task.file.opened is not None
    last = min(task.last, task.file.opened.page_count)
    for number in range(task.first, last + 1):
        page = Page(number=number, label=None, width=1.0, height=1.0, text=no_text(), problem=problem)
        plan.add_page(task.file, number, ProcessedPage(page, None))
    plan.complete(task, last + 1)


def test_a_file_is_opened_once_before_its_pages_are_shared() -> None:
    plan = ReadingPlan(budget=100)
    for name in ("a", "b"):
        plan.announce(job(name))
    opening = assigned(plan)
    assert span(opening) == ("a", 1, MIN_RANGE_PAGES)
    assert span(assigned(plan)) == ("b", 1, MIN_RANGE_PAGES)  # while the first is being opened
    plan.file_opened(opening.file, document(3 * MIN_RANGE_PAGES - 1))
    assert span(assigned(plan)) == ("a", MIN_RANGE_PAGES + 1, 2 * MIN_RANGE_PAGES)
    assert span(assigned(plan)) == ("a", 2 * MIN_RANGE_PAGES + 1, 3 * MIN_RANGE_PAGES - 1)


def test_no_more_pages_are_held_than_the_budget_and_those_waited_for_go_first() -> None:
    plan = ReadingPlan(budget=3 * MIN_RANGE_PAGES)
    plan.announce(job("a"))
    first = assigned(plan)
    plan.file_opened(first.file, document(60))
    tasks = [first, assigned(plan), assigned(plan)]
    plan.announce(job("b"))
    for task in tasks:
        make(plan, task)
    assert first.file.held == 3 * MIN_RANGE_PAGES
    assert len(plan.take(first.file, 1, MIN_RANGE_PAGES)) == MIN_RANGE_PAGES
    assert span(assigned(plan)) == ("a", 3 * MIN_RANGE_PAGES + 1, 4 * MIN_RANGE_PAGES)
    assert first.file.held == 3 * MIN_RANGE_PAGES
    closing = threading.Timer(0.1, plan.close)
    closing.start()
    assert plan.next_assignment(None) is None  # it waited until the end: all of the budget is held
    closing.join()


def test_pages_waited_for_are_assigned_even_though_others_hold_all_of_the_budget() -> None:
    plan = ReadingPlan(budget=MIN_RANGE_PAGES)
    plan.announce(job("a"))
    opening = assigned(plan)
    make_all = threading.Thread(target=work, args=(plan, opening, 3 * MIN_RANGE_PAGES))
    make_all.start()
    assert len(plan.take(plan.open(job("a")), 1, 3 * MIN_RANGE_PAGES)) == 3 * MIN_RANGE_PAGES
    plan.close()
    make_all.join()


def work(plan: ReadingPlan, opening: Assignment, count: int) -> None:
    """Do all that is assigned, as a worker would."""
    plan.file_opened(opening.file, document(count))
    task: Assignment | None = opening
    while task is not None:
        make(plan, task)
        task = plan.next_assignment(None)


def test_pages_are_taken_in_order_whichever_worker_is_first() -> None:
    plan = ReadingPlan(budget=100)
    plan.announce(job("a"))
    first = assigned(plan)
    plan.file_opened(first.file, document(2 * MIN_RANGE_PAGES))
    second = assigned(plan)
    make(plan, second)
    make(plan, first)
    pages = plan.take(plan.open(job("a")), 1, 2 * MIN_RANGE_PAGES)
    assert [page.number for page, _ in pages] == list(range(1, 2 * MIN_RANGE_PAGES + 1))


def test_an_error_is_raised_at_its_page_and_nothing_after_it_is_assigned() -> None:
    plan = ReadingPlan(budget=100)
    plan.announce(job("a"))
    plan.announce(job("b"))
    first = assigned(plan)
    plan.file_opened(first.file, document(100))
    second = assigned(plan)
    plan.fail(second.file, second.first + 1, ReadError("damaged", "torn"))
    assert span(assigned(plan))[0] == "b"
    make(plan, first)
    assert len(plan.take(first.file, 1, MIN_RANGE_PAGES)) == MIN_RANGE_PAGES
    plan.add_page(
        second.file,
        second.first,
        ProcessedPage(Page(number=second.first, label=None, width=1, height=1, text=no_text()), None),
    )
    with pytest.raises(ReadError, match="torn"):
        plan.take(first.file, second.first, second.last)


def test_a_file_that_ends_before_its_count_gives_what_there_is() -> None:
    plan = ReadingPlan(budget=100)
    plan.announce(job("a"))
    task = assigned(plan)
    plan.file_opened(task.file, document(MIN_RANGE_PAGES))
    plan.add_page(task.file, 1, ProcessedPage(Page(number=1, label=None, width=1, height=1, text=no_text()), None))
    plan.complete(task, 2)
    assert [page.number for page, _ in plan.take(task.file, 1, MIN_RANGE_PAGES)] == [1]


def test_a_kind_that_is_slow_to_open_is_read_by_one_worker_from_the_first_page_to_the_last() -> None:
    plan = ReadingPlan(budget=100)
    plan.announce(job("a", kind="book"))
    plan.announce(job("b"))
    plan.announce(job("c"))
    opening = assigned(plan, "one")
    plan.file_opened(opening.file, document(3 * MIN_RANGE_PAGES))
    assert span(assigned(plan, "another"))[0] == "b"
    assert span(assigned(plan, "one")) == ("a", MIN_RANGE_PAGES + 1, 2 * MIN_RANGE_PAGES)
    assert span(assigned(plan, "another"))[0] == "c"


def test_a_cancelled_file_is_not_assigned_any_more_and_holds_no_pages() -> None:
    plan = ReadingPlan(budget=MIN_RANGE_PAGES)
    plan.announce(job("a"))
    plan.announce(job("b"))
    opening = assigned(plan)
    plan.file_opened(opening.file, document(100))
    plan.cancel(job("a"))
    assert span(assigned(plan))[0] == "b"
    make(plan, opening)  # results that still arrive are discarded


def test_nothing_is_assigned_by_a_closed_plan() -> None:
    plan = ReadingPlan(budget=100)
    plan.announce(job("a"))
    plan.close()
    assert plan.next_assignment(None) is None


def test_an_error_that_ends_everything_is_raised_for_the_consumer() -> None:
    plan = ReadingPlan(budget=100)
    plan.abort(RuntimeError("no processes"))
    with pytest.raises(RuntimeError, match="no processes"):
        plan.open(job("a"))


@pytest.mark.parametrize("count", [1, 4, 5, 63, 300, 1_600, 100_000])
@pytest.mark.parametrize("first", [1, 33])
def test_ranges_cover_a_file_and_begin_alike_whether_its_pages_are_counted_yet_or_not(count: int, first: int) -> None:
    start, sizes = first, []
    while start <= count:
        end = range_end(job("a", first), start, count)
        sizes.append(end - start + 1)
        start = end + 1
    assert sum(sizes) == max(0, count - first + 1)
    assert all(size <= MAX_RANGE_PAGES for size in sizes)
    if count >= first:
        assert sizes[0] == min(MIN_RANGE_PAGES, count - first + 1)
        assert range_end(job("a", first), first, None) == first + MIN_RANGE_PAGES - 1
    if count == 1_600:
        assert sizes[1] == 1_600 // 64


class Clock:
    """Tells the time it was set to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def starts(*, wanted: int, seconds: float) -> bool:
    """Wait for pages 1 to `wanted`, the first of which comes after so many seconds; tell whether a spare worker starts
    then."""
    clock = Clock()
    waiting = threading.Event()
    plan = ReadingPlan(budget=100, clock=clock, on_wait=lambda *_: waiting.set())
    plan.announce(job("a"))
    task = assigned(plan)
    clock.now += 60.0  # the first worker starts
    plan.file_opened(task.file, document(100))
    page = ProcessedPage(Page(number=1, label=None, width=1.0, height=1.0, text=no_text()), None)
    taking = threading.Thread(target=plan.take, args=(task.file, 1, wanted))
    taking.start()
    assert waiting.wait(10)
    clock.now += seconds
    plan.add_page(task.file, 1, page)
    closing = threading.Timer(0.1, plan.close)
    closing.start()
    started = plan.next_assignment("spare", is_spare=True)
    closing.join()
    for number in range(2, wanted + 1):
        plan.add_page(task.file, number, page)
    taking.join()
    return started is not None


def test_a_spare_worker_starts_when_pages_were_waited_for_as_long_as_its_start_takes() -> None:
    assert starts(wanted=1, seconds=SCALE_UP_AFTER + 0.5)
    assert not starts(wanted=1, seconds=SCALE_UP_AFTER - 0.5)


def test_a_spare_worker_starts_when_pages_will_be_waited_for_so_long() -> None:
    assert starts(wanted=32, seconds=0.5)
    assert not starts(wanted=3, seconds=0.5)


def test_the_consumer_is_told_which_page_it_waits_for_and_its_stage() -> None:
    reports: list[tuple[str, int, ReadStage]] = []
    reported = threading.Event()

    def on_wait(path: Path, number: int, stage: ReadStage) -> None:
        reports.append((path.name, number, stage))
        reported.set()

    plan = ReadingPlan(budget=100, on_wait=on_wait)
    plan.announce(job("scan"))
    task = assigned(plan)
    plan.file_opened(task.file, document(1))
    plan.stage_started(task.file, 1, "recognising")
    taking = threading.Thread(target=plan.take, args=(task.file, 1, 1))
    taking.start()
    assert reported.wait(10)
    make(plan, task)
    taking.join()
    assert set(reports) == {("scan", 1, "recognising")}


class _InterruptionError(Exception):
    """Stands for Ctrl-C."""


def test_an_interruption_at_any_instant_leaves_the_lock_to_the_workers() -> None:
    """Where it stayed with the consumer, `pagelens index` did not end after Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise _InterruptionError

    plan = ReadingPlan(budget=100)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for number in range(400):
            with suppress(_InterruptionError):
                signal.setitimer(signal.ITIMER_REAL, 2e-4 + number * 1e-7)
                while True:
                    plan.cancel(job("nothing"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    worker = threading.Thread(target=plan.close, daemon=True)
    worker.start()
    worker.join(10)
    assert not worker.is_alive()
