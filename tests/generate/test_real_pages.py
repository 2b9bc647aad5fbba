"""Real pages: a handbook as a PDF reader finds it."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pymupdf
import pytest

from pagelens.core.types import ContextPage, PageRef, PageText, no_text
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.sentences import MAX_WORDS, split_sentences
from tests.generate.pages import TermEncoder, analyze

HANDBOOK = (
    Path(__file__).parents[2]
    / ".."
    / "shared"
    / "data"
    / "mmlongbench-dev"
    / "documents"
    / "ISEP_student_handbook_2020.pdf"
)
pytestmark = pytest.mark.skipif(not HANDBOOK.exists(), reason="the development data is not here")


@cache
def handbook() -> list[ContextPage]:
    with pymupdf.open(HANDBOOK) as pdf:
        return [
            ContextPage(ref=PageRef(HANDBOOK.name, page.number + 1), label=None, title="", text=_text(page))
            for page in pdf
        ]


def _text(page: pymupdf.Page) -> PageText:
    words = page.get_text("words")  # x0 y0 x1 y1 word block line ordinal
    if not words:
        return no_text()
    text, spans, place = "", [], (words[0][5], words[0][6])
    for word in words:
        if text:
            text += " " if (word[5], word[6]) == place else "\n" if word[5] == place[0] else "\n\n"
        place = (word[5], word[6])
        spans.append((len(text), len(text) + len(word[4])))
        text += word[4]
    size = np.array([page.rect.width, page.rect.height] * 2)
    return PageText(
        text=text, spans=np.array(spans, np.int32), boxes=np.array([word[:4] for word in words] / size, np.float32)
    )


def test_every_word_of_a_handbook_is_in_one_sentence_of_at_most_sixty_words() -> None:
    assert sum(len(page.text.spans) for page in handbook()) > 5_000
    for page in handbook():
        assert list(_words_once(page.text)) == [1] * len(page.text.spans)


def _words_once(text: PageText) -> Iterator[int]:
    sentences = split_sentences(text)
    assert all(len(text.text[item.start : item.end].split()) <= MAX_WORDS for item in sentences)
    for start, end in text.spans:
        yield sum(item.start <= start and end <= item.end for item in sentences)


@pytest.mark.parametrize(
    ("question", "quote", "page"),
    [
        (
            "How many hours of teaching duties do Singaporean ISEP students have to fulfil?",
            "ISEP students who are Singaporeans and Singapore PRs have to fulfil a total of 40 hours of teaching "
            "duties.",
            9,
        ),
        (
            "When does a student get the 'IC' grade?",
            "The ‘IC’ grade is assigned when a student’s work is of passing quality but is incomplete for good reasons "
            "(e.g., illness during the official examination period).",
            9,
        ),
    ],
)
def test_a_question_about_the_handbook_is_answered_from_its_page(question: str, quote: str, page: int) -> None:
    answer = ExtractiveAnswerer(analyze, TermEncoder()).answer(question, handbook()[6:12])
    assert answer.citations[0].quote == quote
    assert answer.citations[0].ref.number == page
    assert answer.citations[0].boxes


@pytest.mark.parametrize("question", ["Who painted the Mona Lisa?", "How deep is the Baltic Sea?"])
def test_a_question_foreign_to_the_handbook_is_refused(question: str) -> None:
    assert not ExtractiveAnswerer(analyze, TermEncoder()).answer(question, handbook()[6:12]).found
