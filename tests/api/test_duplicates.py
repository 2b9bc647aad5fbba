"""Duplicates are listed by `status` and folded in results; neighbouring pages are returned on request."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import pagelens
from pagelens.api.cli import terminal
from pagelens.api.cli.main import main
from pagelens.api.cli.search_output import print_results
from pagelens.api.engine.engine import Engine
from pagelens.core.keys import page_key
from pagelens.core.types import Filters, FusedHit, PageRef
from pagelens.retrieve.deduplication import fold_duplicates
from tests.api.files import write_pdf
from tests.ingest.files import noise

INVOICE = "Invoice of the shipyard for the repair of a ferry\nIts keel was scraped and painted.\nTotal {} crowns."
LOGBOOK = ["The first day was calm.", "A gale on the second day.\nThe mast broke.", "On the third day we sailed home."]


def write_files(folder: Path) -> Path:
    write_pdf(folder / "invoice.pdf", [INVOICE.format("4,100")], title="One")
    write_pdf(folder / "invoice copy.pdf", [INVOICE.format("4,100")], title="Two")  # other bytes, the same page
    write_pdf(folder / "invoice of june.pdf", [INVOICE.format("7,900")], title="Three")  # looks the same, is not
    write_pdf(folder / "logbook.pdf", LOGBOOK)
    picture = noise(8, 6).resize((400, 300), Image.Resampling.BICUBIC)
    picture.save(folder / "lighthouse.jpg", quality=92)
    picture.resize((200, 150)).save(folder / "lighthouse small.jpg", quality=40)
    noise(8, 6).rotate(180).resize((400, 300), Image.Resampling.BICUBIC).save(folder / "lighthouse turned.jpg")
    return folder


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("duplicates")
    engine = pagelens.open(folder / "collection", create=True, profile="builtin")
    engine.index([write_files(folder / "files")], workers=0)
    yield engine
    engine.close()


def names(refs: object) -> set[str]:
    assert isinstance(refs, list | tuple)
    return {Path(ref.path).name for ref in refs}


def test_status_tells_what_is_the_same_to_a_reader(engine: Engine) -> None:
    assert [names(group) for group in engine.status().duplicate_groups] == [
        {"invoice copy.pdf", "invoice.pdf"},
        {"lighthouse small.jpg", "lighthouse.jpg"},
    ]


def test_a_copy_stands_behind_the_hit_it_is_like_and_another_amount_is_another_page(engine: Engine) -> None:
    folded = engine.search("invoice for the repair of the ferry", k=2, fold=True, filters=Filters(paths=("inv*",)))
    shown = {Path(hit.ref.path).name: names(hit.duplicates) for hit in folded.hits}
    assert shown.pop("invoice of june.pdf") == set()
    [(first, behind)] = shown.items()
    assert {first} | behind == {"invoice.pdf", "invoice copy.pdf"}
    whole = engine.search("invoice for the repair of the ferry", filters=Filters(paths=("inv*",)))
    assert len(whole.hits) == 3 and not any(hit.duplicates for hit in whole.hits)


def test_an_answer_rests_on_one_of_the_pages_that_are_the_same(engine: Engine) -> None:
    question, invoices = "Invoice for the repair: 4,100 crowns", Filters(paths=("inv*",))
    both = {Path(hit.ref.path).name for hit in engine.search(question, k=2, filters=invoices).hits}
    assert both == {"invoice.pdf", "invoice copy.pdf"}
    answer = engine.ask(question, k=2, filters=invoices)
    shown = {Path(ref.path).name for ref in answer.context_pages}
    assert len(shown) == 2 and "invoice of june.pdf" in shown


def test_photos_that_look_the_same_are_folded_and_turned_ones_are_not(engine: Engine) -> None:
    found = engine.search("lighthouse", fold=True, filters=Filters(kinds=("photo",)))
    assert sorted(len(hit.duplicates) for hit in found.hits) == [0, 1]
    with terminal.out.capture() as printed:
        print_results(found)
    assert "+1 duplicate: " in printed.get()


def test_a_page_that_was_named_stands_for_itself() -> None:
    first, second, third = (page_key(document, 1) for document in (1, 2, 3))
    hits = [FusedHit(first, 3.0, {}), FusedHit(second, 2.0, {}, named=True), FusedHit(third, 1.0, {})]
    found = fold_duplicates(hits, {}, dict.fromkeys((first, second, third), 5), {1, 2, 3}, k=9)
    assert [(one.hit.page, one.duplicates) for one in found] == [(first, [third]), (second, [])]


def test_a_result_brings_the_pages_beside_it(engine: Engine) -> None:
    [middle] = engine.search("the mast broke in a gale", k=1, neighbours=1).hits
    path = middle.ref.path
    assert [page.ref for page in middle.neighbours] == [PageRef(path, 1), PageRef(path, 3)]
    assert [page.text for page in middle.neighbours] == [LOGBOOK[0], LOGBOOK[2]]
    [last] = engine.search("on the third day we sailed home", k=1, neighbours=5).hits
    assert [page.ref.number for page in last.neighbours] == [1, 2]
    assert engine.search("gale", k=1).hits[0].neighbours == []


def test_the_shell_folds_unless_told_not_to(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    query = ["search", "repair of the ferry", "--path", "inv*", "--json", "-c", str(engine.layout.root)]
    counts = []
    for option in ([], ["--no-fold"]):
        assert main([*query, *option]) == 0
        counts.append(len(json.loads(capsys.readouterr().out)["hits"]))
    assert counts == [2, 3]
    assert main(["search", "gale", "--neighbours", "1", "-c", str(engine.layout.root)]) == 0
    assert "logbook.pdf p.3: On the third day" in capsys.readouterr().out


def test_what_pages_look_like_goes_with_them(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files")
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index([files], workers=0)
        (files / "invoice copy.pdf").unlink()
        engine.index([files], workers=0, prune=True)
        assert [names(group) for group in engine.status().duplicate_groups] == [
            {"lighthouse small.jpg", "lighthouse.jpg"}
        ]
