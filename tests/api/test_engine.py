"""The engine as Python users have it: what is found, shown, replaced, forgotten."""

import gc
import os
import shutil
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from onnxruntime import InferenceSession
from PIL import Image

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import CollectionMismatch, CollectionNotFound, NotFound, UsageError
from pagelens.core.types import Filters, ImageArray, PageRef
from pagelens.encode.text.minilm import BuiltinTextEncoder
from pagelens.ingest.ocr.engines import OcrSettings
from pagelens.ingest.ocr.recognition import RecognisedWord
from tests.api.conftest import HARBOUR, TIDES, write_files
from tests.api.files import write_pdf


def names(engine: Engine, query: str, **filters: object) -> list[str]:
    found = engine.search(query, filters=Filters(**filters))  # type: ignore[arg-type]
    return [f"{Path(hit.ref.path).name} p.{hit.ref.number}" for hit in found.hits]


@pytest.fixture
def own(tmp_path: Path) -> Engine:
    """A collection of one's own, to change."""
    return pagelens.open(tmp_path / "collection", create=True, profile="builtin")


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("how much timber", "harbour.pdf p.2"),
        ("when does a ship need a pilot", "harbour.pdf p.3"),
        ("shellfish that come back to their place on the rock", "tides.pdf p.2"),
        ("lighthouse photo", "lighthouse at dusk.jpg p.1"),
        ("kestrel x1", "lighthouse at dusk.jpg p.1"),
    ],
)
def test_the_page_that_answers_comes_first(engine: Engine, query: str, page: str) -> None:
    assert names(engine, query)[0] == page


def test_a_hit_tells_its_place_in_each_lane_and_fusion_adds_them_up(engine: Engine) -> None:
    [first, *_] = engine.search("limpet tide").hits
    assert first.lanes["words"].rank == first.lanes["text"].rank == 1
    assert first.lanes["text"].score == pytest.approx(0.6, abs=0.3)
    assert first.lanes["page"].rank == 1
    assert first.score == pytest.approx(4.5 / 61)  # best in all three lanes: weights 2, 1 and 1.5, k = 60


def test_evidence_is_quoted_exactly_with_boxes_where_pymupdf_finds_the_words(engine: Engine, files: Path) -> None:
    [first, *_] = engine.search("timber tonnes").hits
    [evidence] = first.evidence
    assert "Timber grew to 52,300 tonnes in 2024." in evidence.quote
    with pymupdf.open(files / "reports" / "harbour.pdf") as pdf:
        page = pdf[1]
        [place] = page.search_for("Timber grew to 52,300 tonnes in 2024.")
        width, height = page.rect.width, page.rect.height
    line = evidence.boxes[-1]
    assert line.x0 * width == pytest.approx(place.x0, abs=1)
    assert line.x1 * width == pytest.approx(place.x1, abs=1)
    assert (line.y0 * height + line.y1 * height) / 2 == pytest.approx((place.y0 + place.y1) / 2, abs=3)


def test_filters_leave_only_what_they_say(engine: Engine) -> None:
    assert {name.split(" p.")[0] for name in names(engine, "the year", paths=("guides/*",))} == {"tides.pdf"}
    assert names(engine, "tide", kinds=("photo",)) == ["lighthouse at dusk.jpg p.1"]
    assert names(engine, "ships", first_page=3, last_page=3) == ["harbour.pdf p.3"]
    assert names(engine, "dusk", since=datetime(2019, 1, 1), until=datetime(2019, 12, 31)) == [
        "lighthouse at dusk.jpg p.1"
    ]
    assert names(engine, "tide", metadata={"camera": "kestrel x1"}) == ["lighthouse at dusk.jpg p.1"]
    assert names(engine, "tide", paths=("nothing/*",)) == []


def test_lanes_can_be_picked_and_an_unknown_one_is_refused_with_the_known(engine: Engine) -> None:
    [first, *_] = engine.search("limpet", lanes=["words"]).hits
    assert set(first.lanes) == {"words"}
    with pytest.raises(UsageError, match=r"words, text.*found colour"):
        engine.search("limpet", lanes=["colour"])


def test_a_page_that_is_named_comes_first_in_its_document(engine: Engine) -> None:
    found = engine.search("what does page 3 say about timber", filters=Filters(paths=("harbour.pdf",)))
    assert found.query_references == ["page 3"]
    assert (found.hits[0].ref.number, found.hits[0].named) == (3, True)


def test_a_document_that_is_named_comes_first(engine: Engine) -> None:
    assert names(engine, "the tide")[0].startswith("tides.pdf")
    assert sorted(names(engine, "the tide, in harbour.pdf")[:3]) == [f"harbour.pdf p.{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(("query", "k"), [("", 5), ("   ", 5), ("tide", 0)])
def test_an_empty_query_or_no_k_is_a_usage_error(engine: Engine, query: str, k: int) -> None:
    with pytest.raises(UsageError):
        engine.search(query, k=k)


@pytest.mark.parametrize("query", ['"', "a AND (", "text:x", "*", "🦀", "x" * 5_000, "\x00\x1b[31m", "the of and"])
def test_no_query_is_an_error_because_of_its_characters(engine: Engine, query: str) -> None:
    engine.search(query)


def test_a_picture_marks_the_boxes_and_only_them(engine: Engine) -> None:
    ref = engine.resolve("harbour.pdf p.2")
    [first, *_] = engine.search("timber tonnes").hits
    boxes = [box for one in first.evidence for box in one.boxes]
    plain, marked = (
        np.asarray(Image.open(BytesIO(engine.page_image(ref, boxes=some, longest=800))).convert("RGB")).astype(int)
        for some in ((), boxes)
    )
    assert max(plain.shape) == 800
    height, width = plain.shape[:2]
    changed = np.abs(plain - marked).sum(axis=2) > 60
    ys, xs = np.nonzero(changed)
    assert ys.min() / height == pytest.approx(min(box.y0 for box in boxes), abs=0.01)
    assert ys.max() / height == pytest.approx(max(box.y1 for box in boxes), abs=0.01)
    assert xs.max() / width == pytest.approx(max(box.x1 for box in boxes), abs=0.01)


def test_pages_are_found_by_file_name_and_ambiguity_is_told(own: Engine, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_pdf(tmp_path / folder / "same.pdf", [f"Text of {folder}."])
    own.index([tmp_path / "one", tmp_path / "two"])
    with pytest.raises(NotFound, match=r"2 documents.*Give more of the path"):
        own.resolve("same.pdf p.1")
    assert own.resolve("two/same.pdf p.1").path == str(tmp_path / "two" / "same.pdf")
    with pytest.raises(NotFound, match="from 1 to 1"):
        own.resolve("two/same.pdf p.2")
    with pytest.raises(NotFound, match="pagelens status"):
        own.resolve("other.pdf#1")
    assert own.resolve("two/same.pdf").number == 1  # it has no other page


def test_running_again_does_nothing_and_a_changed_file_replaces_its_old_version(own: Engine, tmp_path: Path) -> None:
    files = write_files(tmp_path / "files")
    own.index([files])
    again = own.index([files])
    assert (again.documents, again.unchanged, again.failed) == (0, 3, [])
    write_pdf(files / "guides" / "tides.pdf", ["Everything about lichens."])
    changed = own.index([files])
    assert (changed.documents, changed.unchanged) == (1, 2)
    assert names(own, "lichens")[0] == "tides.pdf p.1"
    assert "tides.pdf p.2" not in names(own, "limpet home scar")


def test_a_renamed_file_is_not_read_again_and_prune_forgets_the_old_path(own: Engine, tmp_path: Path) -> None:
    files = write_files(tmp_path / "files")
    own.index([files])
    (files / "guides" / "tides.pdf").rename(files / "guides" / "pools.pdf")
    report = own.index([files], prune=True)
    assert (report.documents, report.linked, [Path(p).name for p in report.forgotten]) == (0, 1, ["tides.pdf"])
    assert names(own, "limpet")[0] == "pools.pdf p.2"


def test_prune_forgets_what_is_gone_but_not_below_a_root_that_is_itself_gone(own: Engine, tmp_path: Path) -> None:
    files = write_files(tmp_path / "files")
    own.index([files])
    (files / "lighthouse at dusk.jpg").unlink()
    assert [Path(p).name for p in own.index([files], prune=True).forgotten] == ["lighthouse at dusk.jpg"]
    shutil.rmtree(files)
    report = own.index([files], prune=True)
    assert report.forgotten == []
    assert [one.code for one in report.failed] == ["vanished"]
    assert names(own, "limpet")[0] == "tides.pdf p.2"


def test_bad_files_are_recorded_and_the_rest_goes_on_and_retry_reads_them_when_mended(
    own: Engine, tmp_path: Path
) -> None:
    files = write_files(tmp_path / "files")
    good = (files / "guides" / "tides.pdf").read_bytes()
    (files / "empty.pdf").touch()
    (files / "cut.pdf").write_bytes(good[: len(good) // 10])
    (files / "page.pdf").write_text("<html><body>not a PDF</body></html>")
    (files / "notes.xyz").write_text("no kind we read")
    report = own.index([files])
    assert report.documents == 3
    assert {Path(one.path).name: one.code for one in report.failed} == {
        "empty.pdf": "empty",
        "cut.pdf": "damaged",
        "page.pdf": "mislabelled",
    }
    assert [Path(one.path).name for one in report.skipped] == ["notes.xyz"]
    assert len(own.status().failures) == 3
    write_pdf(files / "cut.pdf", ["Mended at last."])
    assert own.retry([files / "cut.pdf"]).documents == 1
    assert names(own, "mended")[0] == "cut.pdf p.1"
    assert {Path(one.path).name for one in own.status().failures} == {"empty.pdf", "page.pdf"}


def test_removed_documents_are_gone_and_their_files_stay(own: Engine, tmp_path: Path) -> None:
    files = write_files(tmp_path / "files")
    own.index([files])
    assert own.remove(["tides.pdf"]) == [str(files / "guides" / "tides.pdf")]
    assert all(not name.startswith("tides.pdf") for name in names(own, "limpet"))
    assert (files / "guides" / "tides.pdf").exists()
    assert own.check() == []
    with pytest.raises(NotFound):
        own.remove(["tides.pdf"])


def test_the_picture_of_a_changed_or_vanished_file_is_refused_with_the_next_step(own: Engine, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", HARBOUR)
    own.index([path])
    ref = PageRef(str(path), 1)
    write_pdf(path, TIDES)
    with pytest.raises(NotFound, match="Index it again"):
        own.page_image(ref)
    path.unlink()
    with pytest.raises(NotFound, match="prune"):
        own.page_image(ref)


def test_names_in_any_script_and_bytes_that_are_no_unicode_come_through(own: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "имена 名前"
    folder.mkdir()
    with pymupdf.open() as pdf:
        pdf.new_page().insert_htmlbox((72, 72, 300, 200), "Ветер с моря.")
        pdf.save(folder / "отчёт.pdf")
    odd = os.fsencode(folder) + b"/caf\xe9.pdf"
    shutil.copyfile(write_pdf(tmp_path / "plain.pdf", ["Coffee by the harbour."]), odd)
    report = own.index([folder])
    assert (report.documents, report.failed) == (2, [])
    assert names(own, "ветер")[0] == "отчёт.pdf p.1"
    [first, *_] = own.search("coffee").hits
    assert first.ref.path.endswith("caf\\xe9.pdf")
    assert own.page_image(first.ref)
    assert own.index([folder]).unchanged == 2


def test_one_path_as_a_string_is_one_path_and_not_its_letters(own: Engine, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "a.pdf", HARBOUR)
    assert own.index(str(path)).documents == 1
    assert own.remove(str(path)) == [str(path)]
    assert own.retry(str(path)).documents == 0


def test_a_filter_that_no_document_meets_is_told_apart_from_a_query_that_finds_nothing(engine: Engine) -> None:
    assert engine.search("tide", filters=Filters(paths=("nosuch",))).pages_searched == 0
    assert engine.search("tide", filters=Filters(paths=("guides",))).pages_searched == 2
    assert engine.search("tide", filters=Filters(paths=("guides/",), first_page=2)).pages_searched == 1


def test_opening_nothing_or_with_another_profile_is_an_error_that_says_so(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFound, match="pagelens index"):
        pagelens.open(tmp_path / "nothing")
    with pytest.raises(CollectionMismatch, match=r"'builtin'.*'gpu'"):
        pagelens.open(engine.layout.root, profile="gpu")


def test_an_engine_that_is_let_go_takes_its_models_with_it(
    own: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGELENS_THREADS", "3")  # models of its own: others are shared by what is open in this process
    own.index([write_pdf(tmp_path / "limpet.pdf", ["A limpet returns to its home scar."])])
    own.close()
    gc.collect()
    before = models_in_memory()
    gc.disable()  # what only the collector frees stays for a long while beside heavy models
    try:
        with pagelens.open(tmp_path / "collection") as engine:
            assert engine.search("limpet").hits and engine.ask("Where does a limpet return to?").found
            assert models_in_memory() > before
        del engine
        assert models_in_memory() == before
    finally:
        gc.enable()


def models_in_memory() -> int:
    return sum(type(thing) in (InferenceSession, BuiltinTextEncoder) for thing in gc.get_objects())


def test_the_ocr_engine_is_loaded_once_for_runs_with_the_same_settings(own: Engine, tmp_path: Path) -> None:
    loaded: list[OcrSettings] = []

    class Blind:
        """Reads nothing."""

        name = "blind 1"

        def recognise(self, _: ImageArray) -> list[RecognisedWord]:
            return []

    def load(settings: OcrSettings) -> Blind:
        loaded.append(settings)
        return Blind()

    with Engine(own.layout.root, replace(own._components, load_recogniser=load)) as engine:
        for number, languages in enumerate([(), (), ("de",), ("de",)]):
            Image.new("RGB", (40, 40 + number), "green").save(tmp_path / f"{number}.png")
            engine.index([tmp_path / f"{number}.png"], ocr=OcrSettings(languages=languages), workers=0)
    assert [settings.languages for settings in loaded] == [(), ("de",)]
