"""Whether a text is in English, by its script and its pairs of letters."""

import pytest

from pagelens.ingest.text.letter_pairs import MIN_LETTERS, is_english

TEXTS = {
    "en": "All documents of the museum are kept in the cellar, where neither light nor damp can harm them. ",
    "de": "Alle Unterlagen des Museums liegen im Keller, wo ihnen weder Licht noch Feuchtigkeit schaden. ",
    "nl": "Alle stukken van het museum liggen in de kelder, waar licht noch vocht ze kan beschadigen. ",
    "fr": "Tous les documents du musée sont conservés à la cave, à l'abri de la lumière et de l'humidité. ",
    "vi": "Tất cả tài liệu của bảo tàng được cất giữ trong tầng hầm, nơi ánh sáng không thể làm hỏng chúng. ",
    "ru": "Все документы музея хранятся в подвале, где им не повредят ни свет, ни сырость. ",
    "el": "Όλα τα έγγραφα του μουσείου φυλάσσονται στο υπόγειο, μακριά από το φως και την υγρασία. ",
    "zh": "博物馆的所有文件都保存在地下室里，那里光线和潮湿都不会损坏它们。馆员每年检查两次。",
    "th": "เอกสารทั้งหมดของพิพิธภัณฑ์ถูกเก็บไว้ในห้องใต้ดิน ซึ่งแสงและความชื้นไม่สามารถทำลายได้ ",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_of_a_few_lines_is_told_from_english(language: str) -> None:
    assert is_english(TEXTS[language] * 4) is (language == "en")


def test_english_with_some_words_of_another_script_is_english() -> None:
    assert is_english(TEXTS["en"] * 3 + TEXTS["ru"]) is True


def test_a_text_of_few_letters_is_not_judged() -> None:
    letters = "".join(filter(str.isalpha, TEXTS["en"] * 2))[:MIN_LETTERS]
    assert is_english(letters[:-1]) is None
    assert is_english(letters) is not None
    assert is_english("1 2 3 ... 4,500 %" * 100) is None
    assert MIN_LETTERS == 100
