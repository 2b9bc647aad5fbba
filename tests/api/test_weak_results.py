"""Results that are as good as noise are said to be: in Python, and on the command line."""

import json
from pathlib import Path

import pytest

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.core.types import Filters
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader
from pagelens.retrieve.page_languages import is_in_language_of_pages

FOREIGN = "Which pharaoh built the pyramid of Giza near the port?"


@pytest.mark.parametrize("query", ["timber 2024", "When was the breakwater finished?", "Do large ships need a pilot?"])
def test_what_the_pages_are_about_is_not_weak_in_a_collection_of_six_pages(engine: Engine, query: str) -> None:
    for lanes in (None, ["words"], ["text"], ["words", "text", "page"]):
        found = engine.search(query, lanes=lanes)
        assert found.hits and not found.weak and not found.nothing_found


def test_a_question_about_something_else_finds_the_nearest_pages_and_says_so(engine: Engine) -> None:
    for lanes in (None, ["words"], ["text"]):
        found = engine.search(FOREIGN, lanes=lanes)
        assert found.hits and found.weak


def test_a_page_that_has_all_of_the_querys_words_is_not_weak(tmp_path: Path) -> None:
    """However far its meaning is: acronyms mean nothing to the encoder."""
    notes = (
        "The WHO published the leaflet that hangs at every sink.",
        "The US branch lends two printers.",
        "Coffee in the kitchen is paid into the tin by the door.",
        "Bandages are counted on Mondays and ordered on Tuesdays.",
        "The old lift is locked from nine until the porter comes.",
        "Parking is for the nurses of the night.",
    )
    for number, note in enumerate(notes):
        (tmp_path / f"{number}.txt").write_text(note)
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index([tmp_path / f"{number}.txt" for number in range(len(notes))])
        assert not engine.search("WHO").weak
        assert not engine.search("US branch").weak
        assert engine.search("WHO pharaoh").weak


def test_with_the_multilingual_encoder_words_count_that_no_page_has_if_they_are_in_the_language_of_pages(
    tmp_path: Path,
) -> None:
    notes = {
        "en": "The timber port was dredged in 2024, and the pilots of the harbour were given a new boat.",
        "de": "Der Hafen wurde im Jahr 2024 ausgebaggert, und die Lotsen haben ein neues Boot bekommen.",
    }
    for language, note in notes.items():
        (tmp_path / f"{language}.txt").write_text(f"{note}\n" * 3)
    for language in notes:
        with pagelens.open(tmp_path / f"c-{language}", create=True, profile="builtin-multilingual") as engine:
            engine.index([tmp_path / f"{language}.txt"])
            with CollectionReader(tmp_path / f"c-{language}").snapshot() as snapshot:
                languages = {
                    name: is_in_language_of_pages(snapshot, query, analyze)
                    for name, query in {
                        "de": "Wann wurde der Kanal vertieft?",
                        "ru": "Когда углубили канал?",
                        "en": "When was the canal deepened?",
                        "": "canal 2024",
                    }.items()
                }
            assert languages == {"de": language == "de", "ru": False, "en": True, "": True}
            assert not engine.search("Wann wurde der Hafen vertieft?").weak
            assert engine.search("Wie viele Saiten hat ein Cello?").weak


@pytest.mark.parametrize("query", ["asdfghjkl qwertyuiop", "zxcvbnm mnbvcxz"])
def test_words_that_no_page_has_find_nothing_and_the_reason_is_said(engine: Engine, query: str) -> None:
    for lanes in (["words", "text", "page"], ["words"]):
        found = engine.search(query, lanes=lanes)
        assert not found.hits and not found.weak
        assert found.nothing_found == "No page has any of the query's words, and none is near them in meaning."
    assert engine.search(query).weak  # photos, which are found without words


@pytest.mark.parametrize("query", ["?! ...", "the of and", "😀 ♠♣", "who is it"])
def test_marks_and_stop_words_alone_find_nothing_and_the_reason_is_said(engine: Engine, query: str) -> None:
    found = engine.search(query)
    assert not found.hits
    assert found.nothing_found == "The query has no word to search for: only stop words, marks or symbols."


def test_a_named_page_and_filters_alone_are_not_weak(engine: Engine) -> None:
    assert not engine.search("the pyramid on page 2 of harbour.pdf").weak
    listed = engine.search("", filters=Filters(paths=("*.pdf",)))
    assert listed.hits and not listed.weak


def test_the_command_line_says_what_json_holds(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    collection = ["-c", str(engine.layout.root)]
    assert main(["search", FOREIGN, *collection]) == 0
    assert "Nothing matches well. The nearest pages are:" in capsys.readouterr().out
    main(["search", "?!", *collection])
    assert "only stop words, marks or symbols" in capsys.readouterr().out
    main(["search", FOREIGN, *collection, "--json"])
    assert json.loads(capsys.readouterr().out)["weak"] is True


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("path:nosuch.pdf timber", "No document or page matches the filters."),
        ("path:nosuch.pdf", "No document or page matches the filters."),
        ('"timber" "zeppelin"', "No page meets all of the query's conditions."),
        ('-"the" path:nosuch.pdf', "No document or page matches the filters."),
    ],
)
def test_where_no_page_is_left_to_be_ranked_the_reason_is_said(
    engine: Engine, query: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = engine.search(query)
    assert (found.hits, found.pages_searched, found.nothing_found) == ([], 0, reason)
    assert main(["search", "-c", str(engine.layout.root), "--", query]) == 3
    assert reason in capsys.readouterr().out


def test_an_answer_without_pages_says_that_the_filters_leave_none(engine: Engine) -> None:
    answer = engine.ask("path:nosuch.pdf how much timber?")
    assert (answer.found, answer.reason) == (False, "no document or page matches the filters")
    assert answer.text.startswith("Not in these documents: no document or page matches the filters.")


def test_pages_that_filters_alone_find_are_not_said_to_hold_no_words(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "kind:pdf", "-c", str(engine.layout.root)]) == 0
    printed = capsys.readouterr().out
    assert "harbour.pdf" in printed and "no words" not in printed


def test_a_query_that_begins_with_a_minus_is_told_how_to_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "-draft report"]) == 2
    assert "stands behind --" in capsys.readouterr().err
