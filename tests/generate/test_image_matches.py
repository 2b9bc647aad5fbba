"""Pages that match a user's image: by words that stand on both, by looks, and the thresholds of both."""

from dataclasses import replace

import numpy as np
import pytest

from pagelens.core.types import ContextPage, UserImage
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.extractive.image_matches import MAX_MATCHES, MAX_QUOTE, match_pages
from tests.generate.pages import analyze, show

PIXELS = np.zeros((8, 8, 3), np.uint8)
MANUAL = show("The machines\n\nKestrel 200 is descaled every month\n\nClean the Kestrel", "manual.pdf", 4)
OTHER = show("Osprey burrs are replaced after a year", "osprey.pdf", 1)
BLANK = show("", "photo.jpg", 1)


def image(text: str = "") -> UserImage:
    return UserImage(PIXELS, text)


def indices(text: str, *pages: ContextPage, idf: dict[str, float] | None = None) -> list[int]:
    return [match.index for match in match_pages(image(text), pages, analyze, idf or {})]


def test_a_page_with_the_words_matches_and_its_best_line_is_quoted() -> None:
    [match] = match_pages(image("KESTREL 200"), [OTHER, MANUAL], analyze, {})
    assert (match.index, match.score, match.quote) == (1, 1.0, "Kestrel 200 is descaled every month")
    start = MANUAL.text.text.index("Kestrel 200")
    assert list(match.boxes) == MANUAL.text.boxes_of(start, start + len(match.quote))


def test_half_of_the_weight_of_the_words_is_enough_and_less_is_not() -> None:
    assert indices("kestrel machines serial number", MANUAL) == [0]
    assert indices("kestrel machines serial number 99", MANUAL) == []
    idf = {"serial": 0.2, "number": 0.2, "99": 0.2, "kestrel": 3.0, "machine": 1.0}
    assert indices("kestrel machines serial number 99", MANUAL, idf=idf) == [0]
    almost = {"kestrel": 0.49, "machine": 0.49, "serial": 0.51, "number": 0.51}
    assert indices("kestrel machines serial number", MANUAL, idf=almost) == []


def test_one_word_of_many_is_not_enough_but_the_only_one_is() -> None:
    assert indices("kestrel serial", MANUAL, idf={"kestrel": 9.0, "serial": 0.1}) == []
    assert indices("kestrel", MANUAL) == [0]
    assert indices("", MANUAL) == []


@pytest.mark.parametrize(("cosine", "found"), [(0.69, []), (0.7, [0]), (None, [])])
def test_photos_match_by_looks_from_a_cosine_of_seven_tenths(cosine: float | None, found: list[int]) -> None:
    assert indices("", replace(BLANK, visual=cosine)) == found


def test_pages_of_text_do_not_match_by_looks() -> None:
    assert indices("Heron ship", replace(OTHER, visual=0.95)) == []  # both hold words, and share none
    assert indices("", replace(show("word " * 20), visual=0.95)) == [0]
    assert indices("", replace(show("word " * 21), visual=0.95)) == []


def test_matches_are_few_and_quotes_short() -> None:
    pages = [show("Kestrel 200 " + "and so on " * 60, f"{number}.pdf") for number in range(5)]
    matches = match_pages(image("Kestrel 200"), pages, analyze, {})
    assert len(matches) == MAX_MATCHES == 3
    assert all(MAX_QUOTE - 10 < len(match.quote) <= MAX_QUOTE == 300 for match in matches)


def test_the_question_is_answered_from_the_pages_that_match_and_marks_go_on() -> None:
    answerer = ExtractiveAnswerer(analyze, threshold=0.2)
    answer = answerer.answer_about_image("When is it descaled?", image("Kestrel 200"), [OTHER, MANUAL])
    assert answer.text == (
        "On your picture (read by OCR): “Kestrel 200”\n\nKestrel 200 is descaled every month [1]\n\n"
        "Matches your picture: manual.pdf, page 4 [1]."
    )
    assert {citation.ref.path for citation in answer.citations} == {"manual.pdf"} and answer.found
    assert answer.context_pages == [OTHER.ref, MANUAL.ref]


def test_words_on_the_picture_do_not_make_a_question_answerable() -> None:
    pages = [replace(MANUAL, bm25=40.0)]  # the search counted the words on the picture
    idf = {"kestrel": 3.0, "200": 3.0, "chess": 4.0, "champion": 4.0, "reykjavik": 4.0, "month": 0.5}
    question = "Who is chess champion of Reykjavik this month?"
    answer = ExtractiveAnswerer(analyze).answer_about_image(question, image("Kestrel 200"), pages, idf=idf)
    assert answer.text.split("\n\n")[1:] == ["Matches your picture: manual.pdf, page 4 [1]."]
