"""Outcomes of answers, verdicts and folds, on cases made here; the made documents of the contrast set."""

from pathlib import Path

import pymupdf
import pytest

from benchmarks import contrast
from benchmarks.answer_contexts import Case, Kind, _restored, _stored
from benchmarks.answer_grading import folds, grade
from benchmarks.answers import quotes_gold, quotes_gold_of_its_page, summarize
from benchmarks.development_set import Question
from pagelens.core.types import Answer, Citation, ContextPage, PageRef, no_text
from pagelens.evals.measures.text_overlap import normalize

FILE = "report.pdf"


def case(qid: str = "q1", kind: Kind = "answerable, whole set", *, file: str = FILE, answer: str = "52300") -> Case:
    question = Question(
        qid=qid,
        text="How many tonnes?",
        file=file,
        answer=answer,
        answerable=kind.startswith("answerable"),
        evidence=(2,),
        sources=("table",),
        answer_format="Int",
    )
    page = ContextPage(ref=PageRef(f"/data/{file}", 2), label=None, title="", text=no_text())
    return Case(kind=kind, question=question, posed=question.text, pages=[page], idf={"tonn": 2.0})


def quoting(*quotes: tuple[int, str], file: str = FILE) -> Answer:
    citations = [
        Citation(mark=1, ref=PageRef(f"/data/{file}", page), label=None, quote=quote, boxes=())
        for page, quote in quotes
    ]
    return Answer(question="", text="", found=bool(citations), citations=citations, context_pages=[], confidence=0.7)


def test_an_answer_is_right_or_wrong_and_a_refusal_is_neither() -> None:
    assert grade(case(), quoting((2, "52,300 tonnes")), {}).label == "right"
    assert grade(case(), quoting((2, "52,400 tonnes")), {}).label == "wrong"
    assert grade(case(), quoting(), {}).label == "refused"


def test_an_answer_to_a_question_without_one_is_wrong_whatever_it_quotes() -> None:
    outcome = grade(case(kind="own document taken away"), quoting((2, "52,300 tonnes"), file="other.pdf"), {})
    assert (outcome.label, outcome.graded_by) == ("wrong", "rule")


def test_a_verdict_holds_for_every_answer_that_quotes_its_words_from_its_page() -> None:
    verdicts = {"q1": [{"qid": "q1", "holds": True, "pages": [3], "words": ["fifty-two", "thousand"]}]}
    spelled = "fifty-two times a thousand"
    assert grade(case(), quoting((3, spelled)), verdicts).label == "right"
    assert grade(case(), quoting((3, "fifty-two"), (3, "a thousand")), verdicts).graded_by == "verdict"
    assert grade(case(), quoting((4, spelled)), verdicts).label == "wrong"
    assert grade(case(), quoting((3, spelled), file="other.pdf"), verdicts).label == "wrong"


def test_a_verdict_against_a_quote_decides_about_its_larger_parts_and_about_no_other_quote() -> None:
    verdicts = {"q1": [{"qid": "q1", "holds": False, "quote": "In all 52,300 people saw it."}]}
    assert grade(case(), quoting((2, "52,300 people")), verdicts).graded_by == "verdict"
    assert grade(case(), quoting((2, "52,300 people")), verdicts).label == "wrong"
    assert grade(case(), quoting((2, "52,300 people"), (2, "52,300 tonnes")), verdicts).label == "right"
    assert grade(case(), quoting((2, "52,300")), verdicts).label == "right"  # too small a part to say the same


def test_a_document_stands_in_one_fold_with_its_questions_of_all_kinds() -> None:
    posed = [case(f"q{number}", kind, file=f"{number % 7}.pdf") for number in range(21) for kind in KINDS_OF_A_FILE]
    parts = folds(posed, 3)
    assert sorted(id(item) for _, held_out in parts for item in held_out) == sorted(map(id, posed))
    for training, held_out in parts:
        assert {item.group for item in held_out}
        assert not {item.group for item in training} & {item.group for item in held_out}


KINDS_OF_A_FILE: tuple[Kind, ...] = ("answerable, whole set", "own document taken away")


def test_trust_is_the_share_of_shown_answers_that_hold() -> None:
    given = [
        grade(case("q1", file="1.pdf"), quoting((2, "52,300"), file="1.pdf"), {}),
        grade(case("q2", file="2.pdf"), quoting((2, "12"), file="2.pdf"), {}),
        grade(case("q3", file="3.pdf"), quoting(), {}),
        grade(case("q4", "unanswerable, whole set", file="4.pdf"), quoting((2, "52,300"), file="4.pdf"), {}),
    ]
    rows = summarize(given)
    assert rows["ALL, whole set"]["trust"]["mean"] == pytest.approx(1 / 3, abs=1e-4)
    assert rows["ALL, whole set"]["shown"] == 3
    assert rows["answerable, whole set"]["refused"]["mean"] == pytest.approx(1 / 3, abs=1e-4)


def test_kept_contexts_are_read_back_and_pages_share_their_words() -> None:
    posed = [case("q1"), case("q2", "foreign")]
    read = _restored(_stored(posed, "signature"))
    assert [(item.kind, item.question, dict(item.idf)) for item in read] == [
        (item.kind, item.question, dict(item.idf)) for item in posed
    ]
    assert [page.ref for page in read[0].pages] == [page.ref for page in posed[0].pages]


def test_the_contrast_set_has_100_pairs_whose_answers_stand_in_its_documents(tmp_path: Path) -> None:
    documents = contrast.made_documents(contrast.DATA.read_text("utf-8"))
    contrast.write_documents(documents, tmp_path)
    assert sum(len(document.pairs) for document in documents) == 100
    for document in documents:
        with pymupdf.open(tmp_path / document.file) as pdf:
            words = normalize(" ".join(page.get_text() for page in pdf))
        missing = [pair.expected for pair in document.pairs if normalize(pair.expected) not in words]
        assert missing == [], document.file
        assert len({pair.question for pair in document.pairs} | {pair.twin for pair in document.pairs}) == 10


@pytest.mark.parametrize(
    ("page", "quote", "anywhere", "whole"),
    [
        (2, "52,300 tonnes", False, False),
        (2, "52300 tonnes", True, True),
        (3, "52300", True, False),
        (2, "152300", True, False),
    ],
)
def test_a_gold_answer_counts_as_whole_words_of_a_page_with_evidence(
    page: int, quote: str, anywhere: bool, whole: bool
) -> None:
    outcome = grade(case(), quoting((page, quote)), {})
    assert (quotes_gold(outcome), quotes_gold_of_its_page(outcome)) == (anywhere, whole)
