"""Text layers with wrongly mapped letters: found, decoded where that is possible; layers in any language are not."""

import random
import string

import numpy as np
import pytest

from pagelens.core.types import PageText
from pagelens.ingest.text.layer_quality import (
    LAYER_DOUBTFUL,
    MIN_BLOCK_PAIRS,
    decode_wrong_letters,
    layer_problem,
    same_text,
    worst_line,
    wrong_words,
)
from pagelens.ingest.text.letter_pairs import LIMIT, MIN_PAIRS, SPREAD, PairScore, pair_logs, pair_score
from pagelens.ingest.text.page_text import Word, assemble_text
from pagelens.ingest.text.titles import SizedLine, title_from_largest_type

INVOICE = "Invoice for the glasshouse\nSeven panes replaced in Yarrow Street\nTotal due in crowns"
RUSSIAN = (
    "Отчёт смотрителя маяка\nЛинзу протирали каждое утро и меняли фитиль\nЗапас керосина хранится в каменном сарае"
)
UKRAINIAN = "Всі люди народжуються вільними і рівними у своїй гідності та правах"
BULGARIAN = "Всички хора се раждат свободни и равни по достойнство и права"
GREEK = "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα"
TEXTS = {
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren",
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits, où que ce soit",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności",
    "Czech": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti; příliš žluťoučký kůň úpěl ďábelské ódy",
    "Hungarian": "Minden emberi lény szabadon születik és egyenlő méltósága és joga van; árvíztűrő tükörfúrógép",
    "Turkish": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar; şoför öğüdü",
    "Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi",
    "Icelandic": "Hver maður er borinn frjáls og jafn öðrum að virðingu og réttindum, þótt æðri sé",
    "Welsh": "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau",
    "Maltese": "Il-bnedmin kollha jitwieldu ħielsa u ugwali fid-dinjità u d-drittijiet",
    "Zulu": "Bonke abantu bazalwa bekhululekile belingana ngesithunzi nangamalungelo",
    "Kazakh": "Барлық адамдар тумысынан азат және қадір-қасиеті мен кұқықтары тең болып дүниеге келеді",
    "Russian": RUSSIAN,
    "Greek": GREEK,
    "Japanese": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である",
    "Arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق",
    "chemistry": "2-(4-isobutylphenyl)propanoic acid, N-acetyl-p-aminophenol, poly(vinylpyrrolidone), NaHCO3, CH3COOH",
    "numbers": "1 234.50 17.3% (4,211) Q4 FY2018 EUR 12.00 " * 20,
    "parts": "M8x40 DIN 912 KBR-2231-XA 0815-4711 B12C3 A1 A2 A3 PN16 DN50",
    "addresses": "https://doi.org/10.3389/fpsyg.2023.1125873 https://www.tanbih.org/whatthewikifact jkl@xqz.org",
    "formula": "f(x) = a x y + b z w, p q r s t u v, i j k l m n",
    "program": "for (int i = 0; i < n; i++) { if (a[i] > b[i]) return a[i] - b[i]; } /* compare */ x = y[0] + z[1];",
    "table": "|------|------|\n| name | year |\n|------|------|\n| Oban | 1901 |\n| Mull | 1902 |\n|------|------|",
    "spelled": "D I S C L O S U R E S  A N D  N O T I C E S",
}


def page(text: str) -> PageText:
    """Return a page whose lines are those of the text."""
    lines = enumerate(text.split("\n"))
    return assemble_text([Word(word, 0, 0, 1, 1, 0, row) for row, line in lines for word in line.split()])


def shifted(text: str, by: int) -> str:
    """Return the text as a font whose glyph numbers are taken for letters gives it."""
    return "".join(char if char.isspace() else chr(max(33, ord(char) + by)) for char in text)


def exchanged(text: str, seed: int) -> str:
    """Return the text with every letter exchanged for another one."""
    letters = list(string.ascii_lowercase)
    random.Random(seed).shuffle(letters)
    new = "".join(letters)
    return text.translate(str.maketrans(string.ascii_letters, new + new.upper()))


@pytest.mark.parametrize("name", TEXTS)
def test_a_layer_in_a_language_and_one_of_codes_are_no_junk(name: str) -> None:
    assert layer_problem(TEXTS[name]) == ""
    assert layer_problem(TEXTS[name].upper()) == ""
    assert decode_wrong_letters(page(TEXTS[name])) is None


@pytest.mark.parametrize("by", [-52, -40, -29, -20, -3, 1, 9])
def test_a_short_layer_of_shifted_letters_is_doubtful(by: int) -> None:
    assert layer_problem(shifted(INVOICE, by)) == LAYER_DOUBTFUL


@pytest.mark.parametrize("seed", range(6))
def test_a_short_layer_of_exchanged_letters_is_doubtful(seed: int) -> None:
    assert layer_problem(exchanged(INVOICE, seed)) == LAYER_DOUBTFUL


def test_cyrillic_letters_that_were_exchanged_are_doubtful() -> None:
    assert layer_problem("".join(chr(ord(char) ^ 5) if "а" <= char <= "я" else char for char in RUSSIAN))


def test_a_block_of_junk_beside_sound_text_is_doubtful() -> None:
    sound = "\n\n".join(TEXTS[name] for name in ("German", "French", "Polish"))
    assert layer_problem(sound) == ""
    assert layer_problem(f"{sound}\n\n{shifted(INVOICE, -29)}") == LAYER_DOUBTFUL
    symbols = "AAPL MSFT GOOG AMZN TSLA NVDA BRKB JPM XOM UNH JNJ WMT PG HD CVX MRK KO PEP"
    assert layer_problem(symbols) == LAYER_DOUBTFUL and layer_problem(f"{sound}\n\n{symbols}") == ""
    short = shifted("Invoice for the greenhouse", -29)
    assert pair_score(short).pairs < MIN_BLOCK_PAIRS and layer_problem(f"{sound}\n\n{short}") == ""


@pytest.mark.parametrize(
    ("text", "encoding", "taken_for"),
    [
        (RUSSIAN, "cp1251", "cp1252"),
        (RUSSIAN, "koi8_u", "cp1252"),
        (RUSSIAN, "iso8859_5", "cp1252"),
        (RUSSIAN, "mac_cyrillic", "mac_roman"),
        (UKRAINIAN, "cp1251", "cp1252"),
        (BULGARIAN, "cp1251", "latin_1"),
        (GREEK, "cp1253", "cp1252"),
        (f"Total 318 EUR, see Annex B\n{RUSSIAN} (№ 7, 1901)", "cp1251", "cp1252"),
    ],
)
def test_cyrillic_and_greek_stored_as_latin_letters_are_decoded_in_place(
    text: str, encoding: str, taken_for: str
) -> None:
    wrong = text.encode(encoding).decode(taken_for)
    layer, right = page(wrong), page(text)
    assert layer_problem(wrong) == LAYER_DOUBTFUL
    decoded = decode_wrong_letters(layer)
    assert decoded is not None and decoded.text.text == right.text
    np.testing.assert_array_equal(decoded.text.spans, right.spans)
    assert layer_problem(decoded.text.text) == ""


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם כולם חוננו בתבונה", "cp1255"),
        ("يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا", "cp1256"),
    ],
)
def test_other_scripts_stored_as_latin_letters_are_doubtful_but_not_decoded(text: str, encoding: str) -> None:
    wrong = text.encode(encoding).decode("cp1252")
    assert layer_problem(wrong) == LAYER_DOUBTFUL and decode_wrong_letters(page(wrong)) is None


def test_a_long_page_without_blanks_is_judged_in_a_moment() -> None:
    for unit in ("人人生而自由", "abcdefgh", "x@", "Îòñì", "a\u00ad", "<>"):
        text = unit * (60_000 // len(unit))
        layer_problem(text)
        decode_wrong_letters(page(text))
        assert worst_line(page(text)) == (0, 1)
        same_text(text, text)


def test_a_few_accented_words_are_no_other_script() -> None:
    assert wrong_words("là-bas, été, où ça? ÖÄÜ «ïéà» café ÀÉ ïé¿ ïéàè¿") == ["ÖÄÜ", "ïéà", "ïéàè¿"]
    word = "ÖÄÜÖ"  # four letters
    few, enough = (f"{INVOICE} " + f"{word} " * count for count in (4, 5))
    assert layer_problem(few) == "" and layer_problem(enough) == LAYER_DOUBTFUL


def test_the_limits_of_a_score_are_where_they_are_said_to_be() -> None:
    assert (LIMIT, SPREAD, MIN_PAIRS) == (-6.3, 2.5, 20)  # docs/LOG.md: measured on 984 pages and in 22 languages
    assert not PairScore(-6.54, 100).is_unlikely() and PairScore(-6.56, 100).is_unlikely()
    assert not PairScore(-9, 19).is_unlikely() and not PairScore(-6.56, 100).is_unlikely(margin=0.1)
    assert PairScore(-6.04, 100).is_likely and not PairScore(-6.06, 100).is_likely and not PairScore(-5, 19).is_likely


def test_the_line_that_speaks_most_against_a_layer_is_compared() -> None:
    text = page(f"A sound line of plain English words\n{shifted('Seven panes replaced in Yarrow Street', -29)}\nTotal")
    first, end = worst_line(text)
    assert text.text[text.spans[first, 0] : text.spans[end - 1, 1]].startswith("6HYHQ")
    assert worst_line(page("abcdefg\nb 2")) == (0, 0) and worst_line(page("b 2\nabcdefgh")) == (2, 3)
    text = page(f"A sound line of plain English words\n{RUSSIAN}".encode("cp1251").decode("cp1252"))
    assert worst_line(text) == (10, 17)  # the longest line of wrong words


def test_readings_of_a_line_may_differ_by_errors_of_ocr() -> None:
    assert same_text("Seven panes replaced in Yarrow Street", "Seven pames replaeedin YarrowStreet")
    assert not same_text("6HYHQ SDQHV UHSODFHG LQ <DUURZ", "Seven panes replaced in Yarrow")
    assert same_text("abcde", "abcxy") and not same_text("abcde", "abxyz")  # shares 0.6 and 0.4


def test_a_line_of_junk_is_no_title() -> None:
    lines = [SizedLine(shifted("Invoice for the glasshouse", -29), 24, 0.1), SizedLine("A plain line of text", 18, 0.2)]
    body = [SizedLine("Body text that is long enough to be the size of most characters", 10, 0.5)]
    assert title_from_largest_type([*lines, *body]) == "A plain line of text"


def test_a_text_without_letters_has_no_pairs() -> None:
    for text in ("", "\u0301", "\u094d"):
        assert len(pair_logs(text).logs) == len(pair_logs(text).positions) == 0
