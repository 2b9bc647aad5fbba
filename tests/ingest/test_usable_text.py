"""Whether a page's text layer can be used."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pagelens.core.types import PageText, no_text
from pagelens.ingest.text.page_text import Word, assemble_text
from pagelens.ingest.text.usable_text import bounding_box, covered_share, is_blank, is_garbage, needed_ocr, paint_over
from tests.ingest.scans import LINES, picture_of

ENGLISH = (
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and "
    "should act towards one another in a spirit of brotherhood. Everyone is entitled to all the rights and freedoms "
    "set forth in this Declaration, without distinction of any kind, such as race, colour, sex, language, religion."
)
LANGUAGES = {
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen "
    "begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni "
    "rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
    "Welsh": "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau. Fe'u cynysgaeddir â rheswm a "
    "chydwybod, a dylai pawb ymddwyn y naill at y llall mewn ysbryd cymodlon.",
    "Turkish": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve "
    "birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler.",
    "Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi. Mọi con người đều "
    "được tạo hóa ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью.",
    "Japanese": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
}


def shifted(text: str, by: int) -> str:
    """Return the text as a font whose glyph numbers are taken for letters gives it."""
    return "".join(char if char.isspace() else chr(max(33, ord(char) + by)) for char in text)


def layer(words: int) -> PageText:
    text = (ENGLISH + " ") * (words // 40 + 1)
    chosen = text.split()[:words]
    return assemble_text([Word(word, 0.1, 0.1, 0.2, 0.2, 0, 0) for word in chosen])


def boxes(*found: tuple[float, float, float, float]) -> NDArray[np.float32]:
    return np.array(found, np.float32).reshape(-1, 4)


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_text_in_a_language_is_no_garbage(name: str) -> None:
    assert not is_garbage(LANGUAGES[name])


def test_english_capitals_numbers_and_dot_leaders_are_no_garbage() -> None:
    assert not is_garbage(ENGLISH)
    assert not is_garbage(ENGLISH.upper())
    assert not is_garbage("1 234.50 17.3% (4,211) " * 30)
    assert not is_garbage("\n".join(f"{word} {'.' * 90} {place}" for place, word in enumerate(ENGLISH.split())))


@pytest.mark.parametrize("by", [-29, -1, 1, 3])
def test_letters_that_were_shifted_are_garbage(by: int) -> None:
    # -29 is what a subset font in glyph order of Times or Arial gives where it has no map to Unicode.
    assert is_garbage(shifted(ENGLISH, by))


def test_characters_without_a_meaning_are_garbage() -> None:
    assert is_garbage("".join(chr(0xE000 + ord(char)) if char != " " else " " for char in ENGLISH))
    assert is_garbage("\ufffd\ufffd\ufffd of \ufffd\ufffd")
    assert not is_garbage(ENGLISH + " \ufffd \ufffd")


def test_too_few_letters_are_not_judged() -> None:
    assert not is_garbage("XKCD-1732 QWFP BCDFG")
    assert not is_garbage("XKCD QWFP BCDFG ZXCV PLMK QAZX WSXE DCRF VTGB YHNU JMIK OLPQ")  # 61 pairs
    assert not is_garbage("AAPL MSFT GOOG AMZN TSLA NVDA BRKB JPM XOM UNH JNJ WMT PG HD CVX MRK KO PEP " * 2)
    assert not is_garbage("")


def test_a_page_without_a_layer_or_with_garbage_is_read_whole() -> None:
    assert needed_ocr(no_text(), boxes()) == "all"
    garbage = assemble_text([Word(word, 0, 0, 1, 1, 0, 0) for word in shifted(ENGLISH, -29).split()])
    assert needed_ocr(garbage, boxes()) == "all"


def test_a_full_layer_is_enough_unless_pictures_stand_beside_it() -> None:
    assert needed_ocr(layer(300), boxes()) == "nothing"
    assert needed_ocr(layer(300), boxes((0.5, 0.5, 0.55, 0.55))) == "nothing"  # an icon
    assert needed_ocr(layer(300), boxes((0.2, 0.2, 0.8, 0.5))) == "rest"


def test_a_page_of_few_words_may_be_drawn() -> None:
    assert needed_ocr(layer(6), boxes()) == "rest"


def test_area_under_two_boxes_counts_once() -> None:
    half = (0.0, 0.0, 1.0, 0.5)
    assert covered_share(boxes()) == 0
    assert covered_share(boxes(half, half, (0.25, 0.25, 0.5, 0.5))) == 0.5
    assert covered_share(boxes((-1, -1, 2, 2))) == 1
    assert bounding_box(boxes((0.25, 0.5, 0.5, 0.75), (-1, 0.625, 0.25, 2))) == (0, 0.5, 0.5, 1)


def test_blank_is_any_single_colour_and_a_word_is_not_blank() -> None:
    for colour in (255, 0, 90):
        assert is_blank(np.full((300, 200, 3), colour, np.uint8))
    assert not is_blank(picture_of("a"))


def test_what_is_painted_over_takes_the_colour_around_it_and_nothing_else_changes() -> None:
    picture = picture_of(*LINES)
    picture = np.where(picture > 128, np.array([250, 240, 200], np.uint8), picture)  # on yellow paper
    height, width = picture.shape[:2]
    second = boxes((0.0, 80 / height, 1.0, 140 / height))
    painted = paint_over(picture, second)
    assert (painted[80:141] == (250, 240, 200)).all()
    np.testing.assert_array_equal(painted[:79], picture[:79])
    np.testing.assert_array_equal(painted[142:], picture[142:])
    assert not is_blank(picture[80:141]) and width == painted.shape[1]
