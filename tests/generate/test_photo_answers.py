"""Photos in answers: where no text answers, the photos that match are cited with how sure that is."""

from collections.abc import Sequence
from dataclasses import replace

from pagelens.core.types import Answer, ContextPage, Guess, PageRef, PhotoMatch, no_text
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.extractive.photo_answers import MAX_PHOTOS
from tests.generate.pages import analyze, show

ANSWERER = ExtractiveAnswerer(analyze)
QUESTION = "Which dog jumps into the water?"


def photo(path: str, facts: str = "", *, bm25: float | None = None, **match: object) -> ContextPage:
    found = PhotoMatch(facts=facts, **match)  # type: ignore[arg-type]
    return ContextPage(ref=PageRef(path, 1), label=None, title="", text=no_text(), photo=found, bm25=bm25)


def final_answer(question: str, pages: Sequence[ContextPage], idf: dict[str, float] | None = None) -> Answer:
    *_, answer = ANSWERER.stream(question, pages, idf=idf or {})
    assert isinstance(answer, Answer)
    return answer


def test_photos_are_cited_with_what_they_look_like_and_no_claim_that_they_answer() -> None:
    guesses = (Guess("Labrador retriever", 0.412), Guess("golden retriever", 0.2), Guess("otter", 0.1))
    pages = [
        photo("/a/IMG_1.jpg", guesses=guesses, similarity=0.1, approximate=True),
        photo("/a/IMG_2.jpg", similarity=0.1, approximate=True),
    ]
    answer = final_answer(QUESTION, pages)
    assert not answer.found
    assert answer.confidence < 0.5
    assert [(citation.mark, citation.ref.path, citation.quote) for citation in answer.citations] == [
        (1, "/a/IMG_1.jpg", ""),
        (2, "/a/IMG_2.jpg", ""),
    ]
    assert answer.citations[0].claim == "looks like Labrador retriever 41% or golden retriever 20% (approximate)"
    assert answer.citations[1].claim == "found by its image only (approximate)"
    assert answer.citations[0].state is None
    assert "IMG_1.jpg [1] (looks like Labrador retriever 41%" in answer.text
    assert "Approximate: the builtin image encoder" in answer.text
    assert "holds text" not in answer.text


def test_with_an_image_encoder_of_its_own_the_similarity_is_named_and_nothing_is_approximate() -> None:
    answer = final_answer(QUESTION, [photo("a.jpg", similarity=0.274)])
    assert answer.citations[0].claim == "found by its image, similarity 0.27"
    assert "pproximate" not in answer.text


def test_photos_whose_facts_cover_the_question_answer_it_and_others_are_left_out() -> None:
    pages = [
        photo("a.jpg", "IMG 1. Lisbon, Portugal. Friday 3 May 2019", bm25=3.0),
        photo("b.jpg", "IMG 2. Rome, Italy", similarity=0.3),
        photo("c.jpg", "IMG 3. lisbon", bm25=2.0),
    ]
    answer = final_answer("Show me photos of Lisbon", pages, {"lisbon": 2.0, "photo": 5.0})
    assert answer.found
    assert answer.confidence >= 0.5
    assert [citation.ref.path for citation in answer.citations] == ["a.jpg", "c.jpg"]
    assert [citation.mark for citation in answer.citations] == [1, 2]
    assert answer.citations[0].claim == "its name, date, place or keywords hold: lisbon"


def test_words_that_cover_little_of_the_question_do_not_answer_it() -> None:
    pages = [photo("a.jpg", "IMG 1. Lisbon", bm25=0.3)]
    answer = final_answer("How old is the cathedral of Lisbon?", pages, {"lisbon": 0.5, "cathedral": 4.0, "old": 3.0})
    assert not answer.found
    assert [citation.ref.path for citation in answer.citations] == ["a.jpg"]


def test_text_that_answers_and_pages_that_are_better_than_photos_come_first() -> None:
    text = show("The dog jumps into the water at nine. It is cold.", "a.pdf")
    assert final_answer(QUESTION, [photo("a.jpg"), text]).citations[0].ref.path == "a.pdf"
    other = show("Tickets cost 12 pounds.", "a.pdf")
    assert final_answer(QUESTION, [other, photo("a.jpg")]).citations == []
    assert final_answer(QUESTION, []).citations == []


def test_at_most_so_many_photos_are_named_and_names_cannot_pass_for_marks() -> None:
    pages = [photo(f"a[{number}].jpg", similarity=0.2) for number in range(9)]
    answer = final_answer(QUESTION, pages)
    assert len(answer.citations) == MAX_PHOTOS == 5
    assert "a[0]" not in answer.text
    assert answer.context_pages == [page.ref for page in pages]


def test_the_same_pages_without_photos_are_refused_as_before() -> None:
    scan = replace(photo("scan.pdf"), photo=None)
    assert "None of them holds text that could be read." in final_answer(QUESTION, [scan]).text
