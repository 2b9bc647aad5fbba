"""Workers that are lost with their machine: others do the work again, and it is given up where it ends all of them."""

import math
from pathlib import Path
from zipfile import ZipFile

import pytest

from pagelens.core.errors import ReadError
from pagelens.ingest.events import Failed
from pagelens.ingest.page_processing import ProcessedPage, ProcessingOptions
from pagelens.ingest.pipeline import PipelineSettings, read_documents
from pagelens.ingest.workers import ray_cluster
from pagelens.ingest.workers.member_reader import MemberReader
from pagelens.ingest.workers.messages import CloseFile, PageRange, WorkerMessage, WorkerRequest
from pagelens.ingest.workers.worker_handle import WorkerHandle, WorkerLost
from pagelens.ingest.workers.worker_source import MAX_LOST, WarmWorkers
from tests.ingest.files import numbered_pages, write_pdf
from tests.ingest.test_pipeline import nothing, one_each, windows
from tests.ingest.test_worker_pool import events, in_full


class LossyWorkers(WarmWorkers):
    """Workers that are lost when they are about to deliver page `page` of a file named `stem`, the first `losses`
    times."""

    def __init__(self, stem: str, page: int, losses: int) -> None:
        self.stem, self.page, self.losses = stem, page, losses
        super().__init__(lambda setup: LossyWorker(setup, self))


class LossyWorker(WorkerHandle):
    def __init__(self, setup: bytes, source: LossyWorkers) -> None:
        super().__init__(setup)
        self.source = source
        self.stem = ""

    def send(self, request: WorkerRequest) -> None:
        super().send(request)
        path = request.job.path if isinstance(request, PageRange) else getattr(request, "path", Path())
        self.stem = path.stem

    def receive(self, seconds: float, cpu_seconds: float = math.inf) -> WorkerMessage:
        message = super().receive(seconds, cpu_seconds)
        page = message.page.number if isinstance(message, ProcessedPage) else 0
        if (self.stem, page) == (self.source.stem, self.source.page) and self.source.losses:
            self.source.losses -= 1
            self.kill()
            raise WorkerLost("its node is gone")
        return message


def read(folder: Path, source: LossyWorkers) -> list[object]:
    settings = PipelineSettings(window=4, workers=2, scale_up_after=0)
    found = list(read_documents([folder], next_page=nothing, count_tokens=one_each, settings=settings, source=source))
    source.close()
    return [*found]


@pytest.mark.parametrize("page", [0, 1, 6])
def test_fewer_losses_than_the_limit_change_nothing(tmp_path: Path, page: int) -> None:
    for name in ("a", "bad", "z"):
        write_pdf(tmp_path / f"{name}.pdf", *numbered_pages(11))
        (tmp_path / f"{name}.txt").write_text(name)  # or all would be the same document
    source = LossyWorkers("bad", page, MAX_LOST - 1)
    assert list(map(in_full, read(tmp_path, source))) == list(map(in_full, events(tmp_path, workers=0, window=4)))  # type: ignore[arg-type]
    assert source.losses == 0


def test_a_document_that_ends_worker_after_worker_fails_with_its_reason_and_others_are_read(tmp_path: Path) -> None:
    for name in ("a", "bad", "z"):
        write_pdf(tmp_path / f"{name}.pdf", *[f"{name} {text}" for text in numbered_pages(11)])
    found = read(tmp_path, LossyWorkers("bad", 6, math.inf))  # type: ignore[arg-type]
    [failed] = [event for event in found if isinstance(event, Failed)]
    assert (failed.path.stem, failed.code) == ("bad", "damaged")
    assert failed.reason == (
        "page 6: reading the page lost its worker (its node is gone), 3 times: try again by `pagelens retry`"
    )
    others = [window for window in windows(found) if window.path.stem != "bad"]  # type: ignore[arg-type]
    assert [(window.path.stem, len(window.pages)) for window in others] == [
        (name, pages) for name in ("a", "z") for pages in (4, 4, 3)
    ]


@pytest.mark.parametrize("losses", [MAX_LOST - 1, MAX_LOST])
def test_the_members_of_a_container_are_listed_by_another_worker(tmp_path: Path, losses: int) -> None:
    with ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("one.txt", "one")
    source = LossyWorkers("x", 0, losses)
    reader = MemberReader(source, ProcessingOptions())
    if losses == MAX_LOST:
        with pytest.raises(ReadError, match="its node is gone"):
            reader.list(tmp_path / "x.zip")
    else:
        assert [member.name for member in reader.list(tmp_path / "x.zip")] == ["one.txt"]
    source.close()


def test_a_worker_that_is_killed_while_its_lost_actor_is_replaced_leaves_no_actor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []
    killed: list[object] = []

    def start() -> str:
        started.append(f"actor {len(started)}")
        if len(started) == 2:
            worker.kill()  # as another thread may, before the worker knows the new actor
        return started[-1]

    def is_lost(_: object) -> None:
        raise WorkerLost("its node is gone")

    monkeypatch.setattr(ray_cluster, "_await_start", is_lost)
    monkeypatch.setattr(ray_cluster, "_kill", killed.append)
    worker = ray_cluster.RayWorker(start)
    worker.send(CloseFile())
    assert (started, killed) == (["actor 0", "actor 1"], ["actor 0", "actor 1"])
