"""The pipeline: windows of pages with passages, and what could not be read."""

import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from pagelens.core.errors import UsageError
from pagelens.core.types import Page, Passage
from pagelens.ingest.events import Event, Failed, PageWindow, Skipped, Unchanged
from pagelens.ingest.ocr.engines import Ocr, OcrSettings, load_recogniser
from pagelens.ingest.pipeline import NextPage, PipelineSettings, read_documents
from pagelens.ingest.readers.mupdf import pymupdf
from tests.ingest.files import hand_written_pdf, new_pdf, noise, numbered_pages, write_pdf
from tests.ingest.readers.photo_files import exif, write_photo, xmp
from tests.ingest.scans import LINES, picture_of, scan


def one_each(texts: Sequence[str]) -> list[int]:
    return [1] * len(texts)


def nothing(sha256: str) -> int | None:
    return None


def events(*paths: Path, next_page: NextPage = nothing, window: int = 32, workers: int = 0) -> list[Event]:
    settings = PipelineSettings(window=window, workers=workers, scale_up_after=0)
    return list(read_documents(paths, next_page=next_page, count_tokens=one_each, settings=settings))


def windows(found: Sequence[Event]) -> list[PageWindow]:
    return [event for event in found if isinstance(event, PageWindow)]


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_windows_follow_one_grid_whatever_page_reading_continues_from(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "x.pdf", *numbered_pages(10))
    grid = {
        None: [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]],
        1: [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]],
        5: [[5, 6, 7, 8], [9, 10]],
        9: [[9, 10]],
        6: [[6, 7, 8], [9, 10]],
    }
    for first, expected in grid.items():
        found = windows(events(path, next_page=lambda _, first=first: first, window=4))  # type: ignore[misc]
        assert [[page.number for page in window.pages] for window in found] == expected
        assert [window.last for window in found] == [False] * (len(found) - 1) + [True]
        assert {window.document.sha256 for window in found} == {sha256_of(path)}
    assert found[0].document.page_count == 10


def test_continuing_gives_the_same_windows_as_reading_without_a_break(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "x.pdf", *numbered_pages(9))
    whole = windows(events(path, window=4))
    rest = windows(events(path, next_page=lambda _: 5, window=4))
    for one, other in zip(whole[1:], rest, strict=True):
        assert (one.passages, one.inputs, one.document) == (other.passages, other.inputs, other.document)
        assert [page.text.text for page in one.pages] == [page.text.text for page in other.pages]


def test_passages_and_their_inputs_are_given_page_by_page(tmp_path: Path) -> None:
    (tmp_path / "a_file.pdf").write_bytes(new_pdf("Some words. " * 80, "", "Other words.").tobytes())
    (window,) = windows(
        list(
            read_documents(
                [tmp_path],
                next_page=nothing,
                count_tokens=one_each,
                settings=PipelineSettings(passage_size=50, passage_overlap=10),
            )
        )
    )
    assert [len(passages) for passages in window.passages] == [len(inputs) for inputs in window.inputs]
    assert len(window.passages[0]) > 3 and window.passages[1] == () and len(window.passages[2]) == 1
    for page, passages, inputs in zip(window.pages, window.passages, window.inputs, strict=True):
        for passage, text in zip(passages, inputs, strict=True):
            assert text == f"a file\n{page.text.text[passage.start : passage.end]}"


def test_what_a_person_wrote_of_a_photo_is_a_passage_and_its_file_name_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "Pictures"  # a name that says nothing about a photo
    folder.mkdir()
    write_photo(folder / "blue_door.jpg")
    write_photo(folder / "IMG_0002.jpg", exif=exif(caption="A blue door in Alfama"))
    captioned, named = windows(events(folder))
    assert captioned.passages == ((Passage(0, 0, 0),),) and captioned.inputs == (("A blue door in Alfama",),)
    assert named.document.kind == "photo" and named.last
    assert named.passages == ((),) and named.inputs == ((),)
    assert named.pages[0].caption.startswith("blue door")


def test_what_is_written_beside_a_photo_is_read_with_it_and_tells_it_apart(tmp_path: Path) -> None:
    write_photo(tmp_path / "door.jpg")
    (alone,) = windows(events(tmp_path))
    (tmp_path / "door.jpg.xmp").write_bytes(xmp(caption="A blue door"))
    first, *_ = windows(events(tmp_path))
    (tmp_path / "door.jpg.xmp").write_bytes(xmp(caption="A green door"))
    second, *_ = windows(events(tmp_path))
    assert len({one.document.sha256 for one in (alone, first, second)}) == 1
    assert len({one.document.path_facts for one in (alone, first, second)}) == 3
    assert [one.inputs for one in (alone, first, second)] == [((),), (("A blue door",),), (("A green door",),)]


def test_a_photo_of_text_is_found_by_its_caption_and_by_its_text(tmp_path: Path) -> None:
    write_photo(
        tmp_path / "pier_sign.png",
        Image.fromarray(picture_of(*LINES)),
        form="PNG",
        exif=exif(caption="A sign on the pier"),
    )
    ocr = Ocr(OcrSettings(), load_recogniser)
    (window,) = windows(list(read_documents([tmp_path], next_page=nothing, count_tokens=one_each, ocr=ocr)))
    (page,) = window.pages
    assert page.text.text.split() == " ".join(LINES).split() and page.text.source == "ocr"
    assert window.passages == ((Passage(0, 0, 0), Passage(1, 0, len(page.text.text))),)
    assert window.inputs == (("A sign on the pier", f"{window.document.title}\n{page.text.text}"),)


def test_scans_get_passages_and_nothing_is_read_without_ocr_settings(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(scan(picture_of(*LINES)))
    (plain,) = windows(events(tmp_path))
    assert plain.pages[0].text.source == "none" and plain.passages == ((),)
    ocr = Ocr(OcrSettings(), load_recogniser)
    (found,) = windows(list(read_documents([tmp_path], next_page=nothing, count_tokens=one_each, ocr=ocr)))
    (passage,) = found.passages[0]
    assert found.pages[0].text.text[passage.start : passage.end].startswith(LINES[0])


def test_an_engine_that_cannot_be_loaded_stops_the_run_instead_of_blaming_files(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(scan(picture_of(*LINES)))
    ocr = Ocr(OcrSettings(languages=("ru",)), load_recogniser)
    with pytest.raises(UsageError, match="RapidOCR"):
        list(read_documents([tmp_path], next_page=nothing, count_tokens=one_each, ocr=ocr))


def test_what_the_catalog_has_is_unchanged_and_costs_a_hash_only(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(b"%PDF-1.4 and nothing that could be opened")
    assert events(path, next_page=lambda _: 0) == [Unchanged(path, sha256_of(path))]


def test_the_same_bytes_under_another_path_are_unchanged_even_before_a_commit(tmp_path: Path) -> None:
    content = write_pdf(tmp_path / "a.pdf", "hello").read_bytes()
    (tmp_path / "b.pdf").write_bytes(content)
    (tmp_path / "c.pdf").symlink_to("a.pdf")
    first, *others = events(tmp_path)
    assert isinstance(first, PageWindow)
    assert others == [Unchanged(tmp_path / name, sha256_of(tmp_path / "a.pdf")) for name in ("b.pdf", "c.pdf")]


def test_the_next_page_is_looked_up_when_a_files_turn_comes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_pdf(tmp_path / f"{name}.pdf", name)
    looked_up: list[str] = []

    def known(sha256: str) -> int | None:
        looked_up.append(sha256)
        return None

    run = read_documents([tmp_path], next_page=known, count_tokens=one_each)
    assert looked_up == []
    next(run)
    assert looked_up == [sha256_of(tmp_path / "a.pdf")]


def hard_files(folder: Path) -> None:
    """Write one of each kind of trouble, and a good file before, between and after them."""
    for name in ("a-good", "m-good", "z-good"):
        write_pdf(folder / f"{name}.pdf", name)
    whole = new_pdf(*numbered_pages(4)).tobytes()
    locked = new_pdf("x").tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="u", owner_pw="o")
    zero = hand_written_pdf(["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>"])
    noise(90, 90).save(folder / "cut.png")
    contents = {
        "truncated.pdf": whole[: len(whole) // 40],
        "locked.pdf": locked,
        "zero.pdf": zero,
        "empty.pdf": b"",
        "page.pdf": b"<html>not found</html>",
        "sheet.png": b"PK\x03\x04 xl/workbook.xml",
        "cut.png": (folder / "cut.png").read_bytes()[:2000],
        "notes.xyz": b"notes",
        "letter.xyz": b"PK\x03\x04 word/document.xml",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "itself").symlink_to("itself")
    (folder / "dangling.pdf").symlink_to("nowhere.pdf")


def test_each_bad_file_has_its_reason_and_no_neighbour_is_lost(tmp_path: Path) -> None:
    hard_files(tmp_path)
    found = events(tmp_path)
    assert [window.path.stem for window in windows(found)] == ["a-good", "m-good", "z-good"]
    failures = {event.path.name: event for event in found if isinstance(event, Failed)}
    assert {name: failure.code for name, failure in failures.items()} == {
        "truncated.pdf": "damaged",
        "locked.pdf": "encrypted",
        "zero.pdf": "no-pages",
        "empty.pdf": "empty",
        "page.pdf": "mislabelled",
        "sheet.png": "mislabelled",
        "cut.png": "damaged",
        "dangling.pdf": "vanished",
    }
    assert all(failure.reason for failure in failures.values())
    assert {name for name, failure in failures.items() if failure.sha256 is None} == {"dangling.pdf"}
    assert failures["page.pdf"].sha256 == sha256_of(tmp_path / "page.pdf")
    assert {event.path.name for event in found if isinstance(event, Skipped)} == {"notes.xyz", "letter.xyz", "itself"}


def test_a_file_that_was_named_is_never_skipped(tmp_path: Path) -> None:
    hard_files(tmp_path)
    (failure,) = events(tmp_path / "notes.xyz")
    assert isinstance(failure, Failed)
    assert failure.code == "unsupported"


def touched(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"%")


def replaced(path: Path) -> None:
    status = path.stat()
    (path.parent / "new").write_bytes(path.read_bytes())
    os.utime(path.parent / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (path.parent / "new").replace(path)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("change", [touched, grown, replaced, emptied])
def test_a_file_that_changes_while_it_is_read_is_a_failure_that_says_changed(
    tmp_path: Path, change: Callable[[Path], None], workers: int
) -> None:
    path = write_pdf(tmp_path / "x.pdf", *numbered_pages(6))
    sha256 = sha256_of(path)
    other = write_pdf(tmp_path / "y.pdf", "neighbour")
    run = read_documents(
        [path, other],
        next_page=nothing,
        count_tokens=one_each,
        settings=PipelineSettings(window=2, workers=workers, scale_up_after=0),
    )
    assert isinstance(next(run), PageWindow)
    change(path)
    failure, neighbour = run
    assert isinstance(failure, Failed)
    assert (failure.path, failure.code, failure.sha256) == (path, "changed", sha256)
    assert isinstance(neighbour, PageWindow)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_changes_before_its_turn_is_read_as_it_is_then(tmp_path: Path, workers: int) -> None:
    first = write_pdf(tmp_path / "a.pdf", "first")
    second = write_pdf(tmp_path / "b.pdf", "old")
    run = read_documents(
        [first, second],
        next_page=nothing,
        count_tokens=one_each,
        settings=PipelineSettings(workers=workers, scale_up_after=0),
    )
    next(run)
    write_pdf(second, "new")
    (window,) = run
    assert isinstance(window, PageWindow)
    assert window.pages[0].text.text == "new" and window.document.sha256 == sha256_of(second)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_known_when_a_files_turn_comes_counts(tmp_path: Path, workers: int) -> None:
    for name in ("a", "b", "c"):
        write_pdf(tmp_path / f"{name}.pdf", *numbered_pages(2), name)
    learnt: dict[str, int] = {}
    run = read_documents(
        [tmp_path],
        next_page=learnt.get,
        count_tokens=one_each,
        settings=PipelineSettings(workers=workers, scale_up_after=0),
    )
    next(run)
    learnt[sha256_of(tmp_path / "b.pdf")] = 0
    learnt[sha256_of(tmp_path / "c.pdf")] = 3
    unchanged, window = run
    assert unchanged == Unchanged(tmp_path / "b.pdf", sha256_of(tmp_path / "b.pdf"))
    assert isinstance(window, PageWindow) and [page.number for page in window.pages] == [3]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_vanishes_while_it_is_read_is_a_failure(tmp_path: Path, workers: int) -> None:
    path = write_pdf(tmp_path / "x.pdf", *numbered_pages(6))
    run = read_documents(
        [path],
        next_page=nothing,
        count_tokens=one_each,
        settings=PipelineSettings(window=2, workers=workers, scale_up_after=0),
    )
    next(run)
    path.unlink()
    (failure,) = run
    assert isinstance(failure, Failed)
    assert failure.code == "vanished"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_document_that_fails_is_tried_again_under_its_other_path(tmp_path: Path, workers: int) -> None:
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-1.4 broken")
    assert [type(event) for event in events(tmp_path, workers=workers)] == [Failed, Failed]


@pytest.mark.parametrize("workers", [0, 2])
def test_continuing_beyond_the_last_page_is_a_failure_not_a_silent_end(tmp_path: Path, workers: int) -> None:
    path = write_pdf(tmp_path / "x.pdf", "one page")
    (failure,) = events(path, next_page=lambda _: 33, workers=workers)
    assert isinstance(failure, Failed)
    assert "33" in failure.reason


def test_an_error_of_the_encoder_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    write_pdf(tmp_path / "x.pdf", "hello")

    def broken(texts: Sequence[str]) -> list[int]:
        raise RuntimeError("no model")

    with pytest.raises(RuntimeError, match="no model"):
        list(read_documents([tmp_path], next_page=nothing, count_tokens=broken))


def test_a_window_or_passage_that_cannot_be_is_refused_at_once() -> None:
    with pytest.raises(UsageError):
        read_documents([], next_page=nothing, count_tokens=one_each, settings=PipelineSettings(window=0))
    with pytest.raises(UsageError):
        read_documents(
            [], next_page=nothing, count_tokens=one_each, settings=PipelineSettings(passage_size=10, passage_overlap=10)
        )


def test_ten_thousand_tiny_files_are_walked(tmp_path: Path) -> None:
    for thousand in range(10):
        folder = tmp_path / f"{thousand}"
        folder.mkdir()
        for number in range(1000):
            (folder / f"{number}.xyz").touch()
    write_pdf(tmp_path / "5" / "5000.pdf", "found")
    found = events(tmp_path)
    assert len(windows(found)) == 1
    assert sum(isinstance(event, Skipped) for event in found) == 10_000


def test_only_a_window_of_pages_is_held_at_a_time(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "x.pdf", *numbered_pages(40))
    most = 0
    gc.collect()
    gc.freeze()  # what other tests have left is not looked through for each page
    try:
        for _ in read_documents([path], next_page=nothing, count_tokens=one_each, settings=PipelineSettings(window=8)):
            gc.collect()
            most = max(most, sum(isinstance(thing, Page) for thing in gc.get_objects()))
    finally:
        gc.unfreeze()
    assert 8 <= most <= 24


GROWTH = """
import os, sys
from pathlib import Path
from pagelens.ingest.readers.pdf.pdf_reader import open_document

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

sizes = []
with open_document(Path(sys.argv[1]), sha256="", size=0) as opened:
    for page in opened.pages(1):
        sizes.append(resident())
print(sizes[-1] - sizes[9])
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the process's memory from /proc")
def test_memory_does_not_grow_with_the_pages_read(tmp_path: Path) -> None:
    pdf = new_pdf(*numbered_pages(50))
    for number, page in enumerate(pdf):
        noise(600, 600, seed=number).save(tmp_path / "noise.jpg", quality=95)
        page.insert_image(page.rect, filename=tmp_path / "noise.jpg")
    pdf.save(tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").stat().st_size > 20_000_000
    ran = subprocess.run([sys.executable, "-c", GROWTH, tmp_path / "x.pdf"], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 8_000_000


def test_names_of_any_bytes_are_read_to_the_end(tmp_path: Path) -> None:
    names = ["日本語.pdf", "עברית.pdf", "a\nb.pdf"]
    try:
        write_pdf(tmp_path / os.fsdecode(b"\xff\xfe.pdf"), "bytes")
        names.append(os.fsdecode(b"\xff\xfe.pdf"))
    except OSError:
        pass  # this file system wants Unicode
    for name in names:
        write_pdf(tmp_path / name, name.encode(errors="replace").hex())
    found = windows(events(tmp_path))
    assert sorted(window.path.name for window in found) == sorted(names)
    for window in found:
        window.document.title.encode()


def test_every_document_of_the_development_set_is_read_without_a_problem() -> None:
    documents = Path(__file__).parents[2] / ".." / "shared" / "data" / "mmlongbench-dev" / "documents"
    if not documents.is_dir():
        pytest.skip("the development documents are not here")
    paths = sorted(documents.glob("*.pdf"))[:6]
    found = events(*paths)
    assert {type(event) for event in found} == {PageWindow}
    assert len({window.path for window in windows(found)}) == len(paths)
    for window in windows(found):
        # a remark on words that cannot be seen is none on the reading
        assert not [page.problem for page in window.pages if page.problem and "hidden word" not in page.problem]
        for page in window.pages:
            cut = [page.text.text[start:end] for start, end in page.text.spans.tolist()]
            assert cut == page.text.text.split()
