"""The query language and spelling through the engine and the command line: the same string for both."""

import json
from pathlib import Path

import pytest

import pagelens
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.results import SearchResults, as_json
from pagelens.core.types import Filters, PageRef


def pages(results: SearchResults) -> set[str]:
    return {f"{Path(hit.ref.path).name} {hit.ref.number}" for hit in results.hits}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"timber grew"', {"harbour.pdf 2"}),
        ('"finished in september timber grew"', {"harbour.pdf 2"}),  # across a line end
        ("water -rim", {"harbour.pdf 1", "harbour.pdf 2", "harbour.pdf 3", "tides.pdf 1", "lighthouse at dusk.jpg 1"}),
        ("pilot OR limpet", {"harbour.pdf 3", "tides.pdf 2"}),
        ("limpet -title:tide", {"harbour.pdf 1", "harbour.pdf 2", "harbour.pdf 3", "lighthouse at dusk.jpg 1"}),
        ("path:guides timber", {"tides.pdf 1", "tides.pdf 2"}),
        ('kind:pdf "tide pools"', {"tides.pdf 1", "tides.pdf 2"}),  # in the title
        ("kind:photo", {"lighthouse at dusk.jpg 1"}),  # fields alone: a list of what matches
        ("kind:pdf -limpet", {"harbour.pdf 1", "tides.pdf 1"}),
        ('kind:pdf -"field guide"', {"harbour.pdf 1", "tides.pdf 2"}),
    ],
)
def test_every_lane_ranks_only_pages_that_meet_the_conditions(engine: Engine, query: str, expected: set[str]) -> None:
    assert pages(engine.search(query)) == expected


def test_filters_and_fields_hold_together(engine: Engine) -> None:
    assert pages(engine.search("path:guides tide", filters=Filters(paths=("reports",)))) == set()
    assert pages(engine.search("tide kind:pdf", filters=Filters(paths=("guides",)))) == {"tides.pdf 1", "tides.pdf 2"}


def test_evidence_marks_the_phrase(engine: Engine) -> None:
    [hit] = engine.search('tonnes "timber grew to"').hits
    [evidence] = hit.evidence
    assert "Timber grew to 52,300 tonnes" in evidence.quote
    assert engine.evidence(hit.ref, '"timber grew to"') == list(evidence.boxes)


def test_a_correction_is_searched_for_shown_and_can_be_switched_off(engine: Engine) -> None:
    results = engine.search("timbr breakwatr in 2024")
    assert results.query == "timbr breakwatr in 2024" and results.searched_text == "timber breakwater in 2024"
    assert as_json(results)["corrections"] == [
        {"word": "timbr", "corrected": "timber"},
        {"word": "breakwatr", "corrected": "breakwater"},
    ]
    expected = engine.search("timber breakwater in 2024")
    assert [(hit.ref, hit.score, hit.evidence) for hit in results.hits] == [
        (hit.ref, hit.score, hit.evidence) for hit in expected.hits
    ]
    assert engine.search("timbr breakwatr", lanes=["words"], spelling=False).hits == []


def test_words_that_say_how_to_answer_are_not_corrected(tmp_path: Path) -> None:
    (tmp_path / "clerks.txt").write_text("The numerate clerks of the timber port count the ships.")
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index([tmp_path / "clerks.txt"])
        assert engine.search("Enumerate the ships of the port").corrections == []
        assert [one.corrected for one in engine.search("numerrate clerks").corrections] == ["numerate"]


def test_a_question_is_answered_in_spite_of_its_spelling_and_quotation_marks(engine: Engine) -> None:
    question = 'How many tonnes did timbr grow to, says "the northern breakwater"?'
    answer = engine.ask(question)
    assert answer.question == question and answer.found
    assert answer.citations[0].quote == "Timber grew to 52,300 tonnes in 2024."
    assert "Searched for “timber” instead of “timbr”: no page has the words as they were written." in answer.notes
    elsewhere = engine.ask('What did timber grow to, says "a page that is not there"?')
    assert "no page has “a page that is not there”: searched as words" in elsewhere.notes
    assert PageRef(answer.citations[0].ref.path, 2) in elsewhere.context_pages
    guides = engine.ask("What did timber grow to? path:guides")
    assert {Path(ref.path).name for ref in guides.context_pages} == {"tides.pdf"}


def test_what_is_not_understood_is_a_note_and_no_error(engine: Engine) -> None:
    results = engine.search('colour:red "timber grew')
    assert results.hits and len(results.notes) == 2
    missing = engine.search('"grew timber"')
    assert missing.hits == []
    assert missing.notes == ["no page has “grew timber”; without quotation marks, 1 page has its words"]


def test_the_command_line_shows_corrections_and_notes(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(engine.layout.root)
    assert main(["search", "timbr colour:red -limpet", "-c", root]) == ExitCode.DONE
    printed = capsys.readouterr().out
    assert "Searched for “timber” instead of “timbr”" in printed and "--no-spelling" in printed
    assert "unknown field “colour:”" in printed
    assert main(["search", "timbr", "--lanes", "words", "--no-spelling", "-c", root]) == ExitCode.NOTHING_FOUND
    capsys.readouterr()
    assert main(["search", '"timber grew" timbr', "--json", "-c", root]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert [hit["ref"]["number"] for hit in found["hits"]] == [2]
    assert found["corrections"] == [{"word": "timbr", "corrected": "timber"}]
