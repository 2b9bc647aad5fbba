"""Proposals: what is asked, what is left alone, and the way through the CSV."""

import csv
from pathlib import Path

import pytest

from core.errors import UsageError
from evals.propose import COLUMNS, Proposal, ask_about, propose, read_csv, write_csv
from tests.evals.conftest import Made


@pytest.mark.parametrize(
    ("sentence", "kind", "question", "answer"),
    [
        (
            "Timber in the port of Sandvik grew to 52,300 tonnes last summer.",
            "count",
            "Timber in the port of Sandvik grew to how many tonnes last summer?",
            "52,300",
        ),
        (
            "The northern breakwater of the harbour was finished in 2019 after two storms.",
            "year",
            "The northern breakwater of the harbour was finished in which year after two storms?",
            "2019",
        ),
        (
            "About 42% of the ships that called at the port needed a pilot.",
            "share",
            "About what percentage of the ships that called at the port needed a pilot?",
            "42%",
        ),
        (
            "The crane on the eastern quay cost the port $1.2 million including its rails.",
            "money",
            "The crane on the eastern quay cost the port how much money including its rails?",
            "$1.2 million",
        ),
        (
            "The Sandvik Register is a list of every ship that has called at the port.",
            "what",
            "What is the Sandvik Register?",
            "a list of every ship that has called at the port",
        ),
    ],
)
def test_a_sentence_that_states_something_is_asked_for_it(sentence: str, kind: str, question: str, answer: str) -> None:
    assert ask_about(sentence) == (kind, question, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "Too short for 12 ships.",
        "this begins in the middle of something that had 12 ships in it yesterday.",
        "Between 12 ships and 14 boats were counted on the morning of that long day.",
        "There was nothing to be counted on that day and so nobody counted anything at all.",
        "A line of a table without an end 12 ships and then some more words to be long",
    ],
)
def test_what_cannot_be_asked_for_plainly_is_left_alone(sentence: str) -> None:
    assert ask_about(sentence) is None


def test_the_same_seed_draws_the_same_and_every_sixth_has_no_answer(made: Made) -> None:
    rows = propose(made.engine, count=4, seed=3)
    assert rows == propose(made.engine, count=4, seed=3)
    assert rows
    for row in rows:
        assert row.document in made.data.documents
        assert row.quote
        assert f"{row.document}#{row.pages}" not in row.hard_negatives


def written(tmp_path: Path, **fields: str) -> Path:
    row = Proposal("keep", "q1", "count", "How many?", "12", "tides.pdf", "2", "ports/harbour.pdf#1 ; 1", "a quote")
    path = tmp_path / "p.csv"
    write_csv([row], path)
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
    rows[0].update(fields)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_kept_row_has_its_page_and_its_hard_negatives(made: Made, tmp_path: Path) -> None:
    data = read_csv(written(tmp_path), made.engine.status(), name="mine")
    [question] = data.questions
    grades = {f"{page.path}#{page.number}": grade for page, grade in data.qrels["q1"].items()}
    assert grades == {"tides.pdf#2": 1, "ports/harbour.pdf#1": 0, "tides.pdf#1": 0}
    assert (question.answers, question.documents, question.answerable) == (("12",), ("tides.pdf",), True)


def test_a_row_without_pages_has_no_answer(made: Made, tmp_path: Path) -> None:
    [question] = read_csv(written(tmp_path, pages=""), made.engine.status(), name="mine").questions
    assert (question.answerable, question.answers) == (False, ())


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("keep", "perhaps", "p.csv:2: expected keep or drop under 'keep', found perhaps"),
        ("pages", "two", "p.csv:2: expected page numbers or FILE#PAGE, separated by ;, under 'pages', found two"),
        ("document", "gone.pdf", "p.csv:2: expected a document of the collection, found gone.pdf"),
        ("question", " ", "p.csv:2: expected a question, found nothing"),
    ],
)
def test_a_malformed_row_is_named(made: Made, tmp_path: Path, field: str, value: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_csv(written(tmp_path, **{field: value}), made.engine.status(), name="mine")
    assert says in str(caught.value)


def test_a_cell_that_would_be_a_formula_is_text(tmp_path: Path) -> None:
    write_csv([Proposal("", "q1", "", '=HYPERLINK("x")', "-5", "a.pdf", "1", "", "@x")], tmp_path / "p.csv")
    [row] = csv.DictReader((tmp_path / "p.csv").open(encoding="utf-8-sig", newline=""))
    assert (row["question"], row["answer"], row["quote"]) == (' =HYPERLINK("x")', " -5", " @x")
