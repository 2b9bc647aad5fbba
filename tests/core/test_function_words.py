"""Function words, and the language of a text."""

import pytest

from pagelens.core.function_words import FUNCTION_WORDS, detect_language, is_function_word

QUESTIONS = {
    "en": "What does the map in the report show?",
    "de": "Was zeigt die Karte im Bericht?",
    "nl": "Wat toont de kaart in het rapport?",
    "fr": "Que montre la carte dans le rapport ?",
    "es": "¿Qué muestra el mapa del informe?",
    "pt": "O que mostra o mapa no relatório?",
    "it": "Che cosa mostra la mappa nella relazione?",
    "ru": "Что показано на карте в отчёте?",
    "ar": "ماذا تُظهر الخريطة الواردة في التقرير؟",
    "zh": "报告中的地图显示了什么？",
    "ja": "報告書の地図は何を示していますか？",
    "ko": "보고서의 지도는 무엇을 보여 줍니까?",
}


@pytest.mark.parametrize("language", QUESTIONS)
def test_a_question_is_in_the_language_of_its_function_words_or_script(language: str) -> None:
    assert detect_language(QUESTIONS[language]) == language


def test_every_language_that_is_detected_has_function_words() -> None:
    assert set(FUNCTION_WORDS) == set(QUESTIONS)


@pytest.mark.parametrize("text", ["", "NARL 2017", "zebra"])
def test_a_text_without_function_words_is_in_no_known_language(text: str) -> None:
    assert detect_language(text) is None


def test_a_script_decides_from_three_tenths_of_the_letters() -> None:
    assert detect_language("год reports") == "ru"  # 3 of 10
    assert detect_language("год reporter") is None  # 3 of 11
    assert detect_language("地図 mapping") == "zh"  # two ideographs for four letters of nine


def test_function_words_are_those_of_the_table_and_of_snowball() -> None:
    assert is_function_word("combien", "fr")  # asks: in the table only
    assert is_function_word("более", "ru")  # in Snowball's list only
    assert not is_function_word("отчёт", "ru")
    assert not is_function_word("der", "fr")
