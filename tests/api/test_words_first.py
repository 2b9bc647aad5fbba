"""Indexing with words first: what is found between the passes, what each lane is said to cover, and what may happen to
documents before the second pass comes to them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pymupdf
import pytest

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine import stored_pages
from pagelens.api.engine.embedding import Embedder, PageBatch
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.indexing import IndexFirst
from pagelens.api.engine.profiles import choose_profile
from pagelens.api.engine.results import Progress, as_json
from pagelens.api.engine.wiring import read_settings, reembed_collection, render_array
from pagelens.core.errors import ReadError
from pagelens.core.keys import page_key
from pagelens.core.tables.outlines import TableOutline, outline_tables
from pagelens.core.types import ImageArray, Kind
from pagelens.index.admin.archive import restore_snapshot, write_snapshot
from pagelens.index.reader import Snapshot
from tests.api.conftest import write_files
from tests.api.files import made_up_pages, write_pdf
from tests.api.test_kill import contents

DENSE = ("text", "page", "visual")


class Stop(KeyboardInterrupt):
    """Ends a run like Ctrl-C."""


def stop_before_vectors(progress: Progress) -> None:
    if progress.second_pass:
        raise Stop


def stop_after_some_vectors(progress: Progress) -> None:
    if progress.second_pass and progress.pages:
        raise Stop


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write_files(tmp_path / "files")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Engine]:
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        yield engine


@pytest.fixture
def between(own: Engine, files: Path) -> Engine:
    """A collection whose indexing was interrupted between its passes."""
    with pytest.raises(Stop):
        own.index([files], on_progress=stop_before_vectors)
    return own


def names(engine: Engine, query: str) -> list[str]:
    return [f"{Path(hit.ref.path).name} p.{hit.ref.number}" for hit in engine.search(query).hits]


def coverage(engine: Engine) -> dict[str, float]:
    return dict(engine.status().coverage)


def test_between_the_passes_every_page_is_found_by_its_words_and_results_say_what_lanes_lack(between: Engine) -> None:
    found = between.search("how much timber")
    assert Path(found.hits[0].ref.path).name == "harbour.pdf"
    assert set(found.hits[0].lanes) == {"words"}
    assert found.hits[0].evidence[0].boxes
    assert found.coverage == {"text": 0.0, "page": 0.0, "image": 0.0}
    assert not found.weak
    note = (
        "Not all pages have their vectors yet (text 0%, image 0%, page 0%): until indexing is complete, the others are "
        "found by their words, photos by their file names."
    )
    assert found.notes == [note]
    assert note in between.ask("How much did timber grow to in 2024?").notes
    assert coverage(between) == {"words": 1.0, "text": 0.0, "image": 0.0, "visual": 0.0, "page": 0.0}
    assert as_json(between.status())["coverage"]["words"] == 1.0
    assert between.check() == []


def test_the_command_line_says_what_lanes_cover(between: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    collection = str(between.layout.root)
    assert main(["status", "-c", collection]) == 0
    assert "not all pages have their vectors yet: text 0%, image 0%, visual 0%, page 0%" in capsys.readouterr().out
    assert main(["search", "timber", "-c", collection]) == 0
    assert "Not all pages have their vectors yet (text 0%" in capsys.readouterr().out
    main(["search", "zeppelin", "-c", collection])
    assert "No page matches yet." in capsys.readouterr().out


def test_the_next_run_makes_the_vectors_and_the_one_after_it_does_nothing(
    between: Engine, files: Path, tmp_path: Path
) -> None:
    report = between.index([files])
    assert (report.documents, report.unchanged, report.embedded) == (0, 3, 6)
    generation = between.status().generation
    assert set(coverage(between).values()) == {1.0}
    found = between.search("how much timber")
    assert (found.coverage, found.notes) == ({}, [])
    again = between.index([files])
    assert (again.embedded, again.words_seconds, between.status().generation) == (0, None, generation)
    with pagelens.open(tmp_path / "at-once", create=True, profile="builtin") as at_once:
        report = at_once.index([files], first="all")
        assert (report.pages, report.embedded) == (6, 0)
        with between.snapshot() as snapshot, at_once.snapshot() as expected:
            assert contents(snapshot) == contents(expected)
            assert sorted(snapshot.perceptual_hashes().values()) == sorted(expected.perceptual_hashes().values())


def tables(snapshot: Snapshot) -> dict[tuple[str, int], Sequence[TableOutline]]:
    """Return the stored tables of all pages with words, which are those of their words."""
    found: dict[tuple[str, int], Sequence[TableOutline]] = {}
    for key, row in snapshot.documents.items():
        keys = [page_key(key, number) for number in range(1, row.document.page_count + 1)]
        for page in snapshot.pages(keys).values():
            if len(page.text.spans):
                assert page.tables == tuple(outline_tables(page.text))
                found[row.document.sha256, page.number] = page.tables
    return found


@pytest.mark.parametrize("first", ["words", "all"])
def test_the_tables_of_pages_are_stored_with_their_vectors_and_pointed_at(
    own: Engine, tmp_path: Path, first: IndexFirst
) -> None:
    pdf = pymupdf.open()
    page = pdf.new_page()
    for row, (label, tonnes) in enumerate([("Timber", "52,300"), ("Grain", "9,700"), ("Coal", "11,000")]):
        page.insert_text((50, 100 + 20 * row), label)
        page.insert_text((250, 100 + 20 * row), tonnes)
    pdf.save(tmp_path / "cargo.pdf")
    own.index([tmp_path / "cargo.pdf"], first=first)
    with own.snapshot() as snapshot:
        [[table]] = tables(snapshot).values()
    assert set(table.labels.split()) == {"Timber", "Grain", "Coal"}
    assert own.search("timber and grain").hits[0].evidence[0].boxes == [table.box]


def test_vectors_can_be_made_without_naming_a_file(between: Engine) -> None:
    assert between.make_vectors().embedded == 6
    assert set(coverage(between).values()) == {1.0}


def test_an_interruption_within_the_second_pass_keeps_the_vectors_that_were_made(own: Engine, tmp_path: Path) -> None:
    write_pdf(tmp_path / "long" / "a.pdf", made_up_pages(12, 1), title="A long document")
    with pytest.raises(Stop):
        own.index([tmp_path / "long"], on_progress=stop_after_some_vectors)
    assert coverage(own)["text"] == pytest.approx(4 / 12)
    assert own.make_vectors().embedded == 8


def test_a_document_removed_between_the_passes_gets_no_vectors(between: Engine, files: Path) -> None:
    between.remove([str(files / "reports" / "harbour.pdf")])
    assert between.make_vectors().embedded == 3
    assert between.check() == []
    with between.snapshot() as snapshot:
        assert {key >> 20 for key in snapshot.tokens("page").keys.tolist()} == set(snapshot.documents)


def test_a_document_that_changed_between_the_passes_is_read_again_and_its_old_pages_get_no_vectors(
    between: Engine, files: Path
) -> None:
    write_pdf(files / "guides" / "tides.pdf", ["A whelk has a spiral shell.", "B", "C"], title="Whelks")
    report = between.index([files])
    assert (report.documents, report.pages, report.embedded) == (1, 3, 7)
    assert between.check() == []
    assert names(between, "spiral shell")[0] == "tides.pdf p.1"


def test_pages_whose_file_is_gone_get_the_vectors_that_need_no_picture_and_the_others_when_it_is_back(
    between: Engine, files: Path, tmp_path: Path
) -> None:
    away = (files / "reports").rename(tmp_path / "away")
    report = between.make_vectors()
    assert [(Path(file.path).name, file.code) for file in report.not_rendered] == [("harbour.pdf", "vanished")]
    assert coverage(between)["text"] == coverage(between)["page"] == 1.0
    assert coverage(between)["visual"] == pytest.approx(0.5)
    assert between.search("timber").coverage == {}, "the lane of pictures is not asked"
    assert between.check() == []
    away.rename(files / "reports")
    report = between.index([files])
    assert (report.embedded, report.not_rendered) == (3, [])
    assert set(coverage(between).values()) == {1.0}
    assert between.check() == []


def test_pages_whose_file_goes_while_it_is_drawn_are_left_to_the_run_that_finds_it_again(
    between: Engine, files: Path, tmp_path: Path
) -> None:
    file, away = files / "reports" / "harbour.pdf", tmp_path / "away.pdf"

    def draw(path: Path, kind: Kind, number: int, side: int) -> ImageArray:
        image = render_array(path, kind, number, side)
        if path == file:
            file.rename(away)
        return image

    with Engine(between.layout.root, replace(between._components, render_array=draw)) as unlucky:
        report = unlucky.make_vectors()
    assert [(Path(left.path), left.code) for left in report.not_rendered] == [(file, "vanished")]
    assert (report.embedded, between.check(), between.status().problem_pages) == (3, [], [])
    away.rename(file)
    assert between.make_vectors().embedded == 3
    assert set(coverage(between).values()) == {1.0}


def test_a_file_whose_encoding_fails_is_left_without_vectors_and_the_others_get_theirs(
    between: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fragile:
        """Loses its worker over the harbour's report, as an embedder on a cluster may."""

        def __init__(self, embedder: Embedder) -> None:
            self._embedder = embedder
            self.lanes, self.image_side = embedder.lanes, embedder.image_side

        def embed(self, batch: PageBatch) -> None:
            if any("timber" in text.text.casefold() for text in batch.texts):
                raise ReadError("damaged", "its worker was lost")
            self._embedder.embed(batch)

    monkeypatch.setattr(stored_pages, "BATCH_PAGES", 1)
    embedders = between._components.load_embedders()
    fragile = replace(between._components, load_embedders=lambda: [Fragile(embedder) for embedder in embedders])
    with Engine(between.layout.root, fragile) as engine:
        report = engine.make_vectors()
        assert {(Path(left.path).name, left.code) for left in report.not_rendered} == {("harbour.pdf", "damaged")}
        assert 3 <= report.embedded < 6
        assert engine.check() == []
    monkeypatch.undo()
    assert between.make_vectors().embedded == 6 - report.embedded
    assert set(coverage(between).values()) == {1.0}


def test_a_snapshot_between_the_passes_keeps_what_lanes_lack(between: Engine, tmp_path: Path) -> None:
    write_snapshot(between.layout.root, tmp_path / "collection.tar")
    restore_snapshot(tmp_path / "collection.tar", tmp_path / "restored")
    with pagelens.open(tmp_path / "restored") as restored:
        assert coverage(restored)["text"] == 0.0
        assert restored.make_vectors().embedded == 6
        assert restored.check() == []


def test_reembedding_between_the_passes_makes_the_new_vectors_and_leaves_the_kept_lanes_to_the_second_pass(
    between: Engine,
) -> None:
    profile = choose_profile("builtin", read_settings(), models={"image": "none"})
    reembed_collection(between.layout.root, profile, read_settings())
    with pagelens.open(between.layout.root) as engine:
        assert "image" not in coverage(engine)
        assert coverage(engine)["text"] == 0.0
        assert engine.make_vectors().embedded == 6
        assert engine.check() == []


def test_metadata_that_is_searched_moves_a_document_with_what_it_lacks(between: Engine, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("file,keywords\nharbour.pdf,quayside\n")
    between.load_metadata(tmp_path / "table.csv", searched=["keywords"])
    assert names(between, "quayside") == ["harbour.pdf p.1"]
    assert coverage(between)["text"] == 0.0
    assert between.make_vectors().embedded == 6
    assert between.check() == []


def test_a_page_without_vectors_is_neither_lost_nor_called_weak_beside_pages_that_have_them(
    own: Engine, files: Path
) -> None:
    own.index([files / "reports"])
    with pytest.raises(Stop):
        own.index([files / "guides"], on_progress=stop_before_vectors)
    assert coverage(own)["text"] == pytest.approx(3 / 5)
    found = own.search("where does the limpet sleep before the tide falls")
    assert f"{Path(found.hits[0].ref.path).name} p.{found.hits[0].ref.number}" == "tides.pdf p.2"
    assert "text" not in found.hits[0].lanes and not found.weak
    other = own.search("how much timber was there in 2024")
    assert Path(other.hits[0].ref.path).name == "harbour.pdf"
    assert set(other.hits[0].lanes) == {"words", "text", "page"}


def test_the_run_says_when_all_was_found_by_its_words(
    own: Engine, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", str(files), "-c", str(own.layout.root)]) == 0
    printed = capsys.readouterr().out
    assert "Found by their words after" in printed and "then 6 pages got their vectors." in printed
    assert main(["index", str(files), "-c", str(own.layout.root), "--first", "all"]) == 0
    assert "Found by their words after" not in capsys.readouterr().out


def test_a_run_that_only_makes_vectors_of_an_earlier_one_says_so(
    between: Engine, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", str(files), "-c", str(between.layout.root)]) == 0
    printed = capsys.readouterr().out
    assert "6 pages of earlier runs got their vectors." in printed and "Found by their words" not in printed


def test_the_second_pass_soon_reports_pages_and_then_takes_many_at_once(own: Engine, tmp_path: Path) -> None:
    seen: list[int] = []

    def note(progress: Progress) -> None:
        if progress.second_pass and progress.pages not in seen:
            seen.append(progress.pages)

    own.index([write_pdf(tmp_path / "long.pdf", [f"Page {number}." for number in range(70)])], on_progress=note)
    assert seen == [0, 4, 4 + 8, 4 + 8 + 16, 4 + 8 + 16 + 32, 70]
