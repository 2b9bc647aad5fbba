"""Words of OCR whose blanks were lost: split where the page's own words say so, and nowhere else."""

import numpy as np
import pytest

from pagelens.core.types import ImageArray
from pagelens.ingest.ocr.lost_blanks import MAX_LETTERS, split_glued_words
from pagelens.ingest.ocr.page_ocr import read_image_text
from pagelens.ingest.ocr.recognition import RecognisedWord

PAGE = "Notice is given of the annual report of the council and its members, the annual report and the harbour"


def words(text: str) -> list[RecognisedWord]:
    return [RecognisedWord(part, 0, 0, 10.0 * len(part), 8, 0, at, 0.9) for at, part in enumerate(text.split())]


def split(text: str) -> str:
    """Return how a word is read that stands on a page with other words."""
    return " ".join(word.text for word in split_glued_words(words(f"{PAGE} {text}"))).removeprefix(f"{PAGE} ")


@pytest.mark.parametrize(
    ("glued", "expected"),
    [
        ("Noticeof", "Notice of"),
        ("NoticeOf", "NoticeOf"),  # capitals are of a name
        ("councilthat", "council that"),  # a common word of the language, though not on the page
        ("(harbourand", "(harbour and"),
        ("theharbour,", "the harbour,"),
        ("annualreport.", "annual report."),  # as they stand elsewhere
        ("reportofthe", "report of the"),
        ("inthe", "in the"),
        ("shippingfrom", "shipping from"),  # "shipping" is a common English word
        ("rateof", "rate of"),
        ("Noticeof Noticeof", "Noticeof Noticeof"),  # the page has that word
    ],
)
def test_a_word_of_two_is_split_where_its_parts_stand_on_the_page(glued: str, expected: str) -> None:
    assert split(glued) == expected


@pytest.mark.parametrize(
    "word",
    "therein thereof island another cannot within into format director software husband thousand standby inpatient"
    " itsthat reportof1901 harbourreport membersreport zqxof Grundwasserund".split(),
)
def test_other_words_stay_whole(word: str) -> None:
    assert split(word) == word


@pytest.mark.parametrize("word", ["groundwater", "visitor", "carton", "onsite", "byproduct", "noticeboard"])
def test_compounds_of_words_of_the_page_stay_whole(word: str) -> None:
    page = f"water ground or visit on cart product by site board notice {word}"
    assert " ".join(found.text for found in split_glued_words(words(page))) == page


def test_parts_share_the_box_by_their_characters_and_keep_line_and_confidence() -> None:
    *_, first, second = split_glued_words(words(f"{PAGE} (Noticeof"))
    assert (first.text, first.x0, first.x1) == ("(Notice", 0, 70)
    assert (second.text, second.x0, second.x1) == ("of", 70, 90)
    assert first[5:] == second[5:] == words(f"{PAGE} x")[-1][5:]


def test_a_very_long_word_is_not_searched() -> None:
    assert split("harbour" * 6 + "of") == "harbour" * 6 + "of"
    assert len("harbour" * 6) > MAX_LETTERS
    assert split_glued_words([]) == []


def test_text_read_from_an_image_has_its_blanks_back() -> None:
    class Reads:
        name = "fixed 1"

        def recognise(self, image: ImageArray) -> list[RecognisedWord]:
            return words("Notice of the council Noticeof")

    text = read_image_text(Reads(), np.zeros((20, 400, 3), np.uint8))
    assert text.text.split() == "Notice of the council Notice of".split()
    assert [text.text[start:end] for start, end in text.spans.tolist()] == text.text.split()
    assert text.boxes[-2, 2] == text.boxes[-1, 0]
