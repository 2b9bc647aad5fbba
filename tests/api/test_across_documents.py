"""Answers about many documents: a row for each, with its citation, and how completely they were looked at."""

import json
from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest
from PIL import Image

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine.across_documents import value_in
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.core.types import Answer, Filters
from tests.api.files import write_pdf
from tests.generate.model_server import Complete, running

FILES = {
    "alder contract.pdf": ["Contract with Alder Ltd", "The agreement expires on 31 March 2025."],
    "birch contract.pdf": ["Contract with Birch AG", "This contract ends in 2026, not in 2025 as first planned."],
    "cedar contract.pdf": ["Contract with Cedar SA, made in 2025", "It has no end."],
    "oak invoice.pdf": ["Invoice 7 of 12 May 2023\nAmount due: 1,200.50", "Oak boards for the jetty."],
    "elm invoice.pdf": ["Invoice 8 of 3 June 2024\nAmount due: 300.00", "Elm planks."],
    "ash invoice.pdf": ["Invoice 9 of 8 July 2024\nAmount due: 99.50", "Ash handles for the jetty."],
    "harbour.pdf": ["The harbour has 14 berths for sailing boats in all seasons.", "The jetty is made of oak."],
    "harbour, new.pdf": ["The harbour has 15 berths for sailing boats in all seasons."],
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("files")
    for name, pages in FILES.items():
        write_pdf(folder / name, pages, title=Path(name).stem)
    with pymupdf.open(folder / "harbour, new.pdf") as pdf:
        pdf.set_metadata({"title": "harbour, new", "creationDate": "D:20260102030405Z"})
        pdf.saveIncr()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:05:03 10:11:12"  # in the Exif part: DateTimeOriginal
    Image.new("RGB", (64, 48), "navy").save(folder / "pier.jpg", exif=exif)
    engine = pagelens.open(tmp_path_factory.mktemp("across") / "collection", create=True, profile="builtin")
    engine.index([folder])
    yield engine
    engine.close()


def listed(answer: Answer) -> list[str]:
    assert answer.documents is not None
    return [Path(row.path).stem for row in answer.documents.rows]


def test_each_document_that_has_the_word_is_a_row_with_its_statement_cited(engine: Engine) -> None:
    answer = engine.ask("How many documents mention the jetty?")
    assert listed(answer) == ["ash invoice", "harbour", "oak invoice"]
    assert answer.found is True and answer.documents is not None
    assert [row.citation for row in answer.documents.rows] == [0, 1, 2]
    assert [citation.ref.number for citation in answer.citations] == [2, 2, 2]
    assert answer.citations[1].quote == "The jetty is made of oak."
    assert answer.text.startswith("3 of 9 documents")
    coverage = answer.documents.coverage
    assert (coverage.documents, coverage.whole, coverage.by_search, coverage.textless_pages) == (9, 9, 0, 1)


def test_documents_with_one_word_and_without_another_are_listed(engine: Engine) -> None:
    assert listed(engine.ask("Which documents mention the jetty but not harbour?")) == ["ash invoice", "oak invoice"]
    without = engine.ask("Which documents do not mention the jetty?")
    assert listed(without) == [
        "alder contract",
        "birch contract",
        "cedar contract",
        "elm invoice",
        "harbour, new",
        "pier",
    ]
    assert without.citations == []


def test_a_statement_holds_its_words_in_any_sense_and_its_year_in_one_sentence(engine: Engine) -> None:
    answer = engine.ask("List all contracts that end before 2026")
    assert listed(answer) == ["alder contract", "birch contract"]  # "expires"; "not in 2025": the rule cannot tell
    assert answer.citations[0].quote == "The agreement expires on 31 March 2025."
    assert listed(engine.ask("List all contracts that end in 2026")) == ["birch contract"]


def test_documents_of_another_kind_that_meet_the_question_are_named_in_a_note(engine: Engine) -> None:
    answer = engine.ask("Which invoices mention the jetty?")
    assert listed(answer) == ["ash invoice", "oak invoice"]
    assert answer.documents is not None and answer.documents.coverage.documents == 3
    assert "1 further meet the question: harbour.pdf" in answer.notes[0]


def test_values_are_added_by_year_and_what_has_none_is_said(engine: Engine) -> None:
    answer = engine.ask("What is the total amount due of all invoices by year?")
    assert answer.documents is not None
    assert dict(answer.documents.totals) == {"2023": "1,200.5", "2024": "399.5"}
    assert answer.documents.without_value == []
    assert answer.documents.coverage.by_search == 3  # each was asked, none read whole


def test_statements_of_the_same_words_with_other_numbers_are_shown_as_a_contradiction(engine: Engine) -> None:
    answer = engine.ask("List all documents that have berths for sailing boats")
    assert answer.documents is not None
    assert answer.documents.contradictions == [(0, 1)]
    assert "contradict each other: [1] and [2]" in answer.text
    assert {"14" in citation.quote for citation in answer.citations} == {True, False}


def test_a_model_is_asked_about_each_document_and_only_confirmed_statements_count(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as model:
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{model.root}/v1")
        monkeypatch.setenv("PAGELENS_LLM_PICTURES", "no")
        model.replies = [
            Complete(["Yes. The agreement expires on 31 March 2025 [1]."]),
            Complete(["No. This contract ends in 2026 [1]."]),
            Complete(["Yes. It ends on 5 May 2025 [1]."]),  # stands nowhere
        ]
        with pagelens.open(engine.layout.root, llm="gpt-4o") as asking_a_model:
            question = "List all contracts that end in 2025"
            estimate = asking_a_model.estimate_answer(question)
            assert (estimate.calls, len(model.requests)) == (3, 0)
            assert asking_a_model.estimate_answer("How many documents mention tides?").calls == 0
            answer = asking_a_model.ask(question)
    assert listed(answer) == ["alder contract"]
    assert answer.citations[0].state == "supported" and answer.documents is not None
    assert (answer.documents.coverage.whole, answer.documents.coverage.by_search) == (3, 0)
    assert answer.usage is not None and answer.usage.calls >= 3


def test_none_is_an_answer_that_says_how_many_were_looked_at(engine: Engine) -> None:
    answer = engine.ask("How many documents mention dragons?")
    assert answer.found is False and listed(answer) == []
    assert answer.text.startswith("None of 9 documents has the words “dragons”. 9 of 9 documents looked at whole.")


def test_the_year_of_a_document_is_what_its_first_pages_say_and_of_a_photo_when_it_was_taken(engine: Engine) -> None:
    answer = engine.ask("List all documents from 2024 or later")
    assert listed(answer) == ["ash invoice", "cedar contract", "elm invoice", "pier"]
    assert answer.documents is not None
    assert [row.value for row in answer.documents.rows] == ["2024", "2025", "2024", "2024"]
    assert answer.notes == [
        "Not listed, since only the file's own date says it, which may be that of a copy: harbour, new.pdf."
    ]
    assert answer.documents.coverage.whole == 0


def test_filters_narrow_the_documents_and_one_alone_is_answered_from_its_pages(engine: Engine) -> None:
    question = "How many documents mention the jetty?"
    narrowed = engine.ask(question, filters=Filters(paths=["*invoice*"]))
    assert listed(narrowed) == ["ash invoice", "oak invoice"]
    assert engine.ask(question, filters=Filters(paths=["*harbour.pdf"])).documents is None
    assert engine.ask(question, across=False).documents is None


def test_asking_across_with_another_question_says_what_can_be_asked(engine: Engine) -> None:
    with pytest.raises(UsageError, match="These can be asked"):
        engine.ask("What is the jetty made of?", across=True)


def test_the_command_prints_the_list_as_json(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["ask", "Which documents have more than 1 page?", "--across", "-c", str(engine.layout.root), "--json"]
    assert main(command) == 0
    printed = json.loads(capsys.readouterr().out)["documents"]
    assert len(printed["rows"]) == 7
    assert printed["coverage"] == {"documents": 9, "whole": 9, "by_search": 0, "textless_pages": 0}


@pytest.mark.parametrize(
    ("text", "value"), [("Total due: $ 1.2 million", 1_200_000.0), ("Paid 2024: 1,200.50", 1_200.5), ("in 2024", None)]
)
def test_a_value_is_the_last_number_that_is_no_year(text: str, value: float | None) -> None:
    found = value_in(text)
    assert (None if found is None else float(found)) == value
