import pytest

from pagelens.ingest.text import layer_quality
from pagelens.ingest.text.layer_quality import LAYER_DOUBTFUL, layer_problem, script_with_gaps

HINDI = "कीबोर्ड के लिए कुंजीपटल जिस देश से है वह चुनिए और फिर आगे बढ़ें ताकि सब ठीक हो जाए "
AS_DRAWN = "िकस िजस ेदश "  # as TeX maps the glyphs of किस जिस देश: the signs come first


def test_vowel_signs_before_their_consonant_make_a_layer_doubtful() -> None:
    assert layer_problem(HINDI * 2 + AS_DRAWN) == LAYER_DOUBTFUL
    assert layer_problem("क\ufffdबोडर् \ufffdजस \ufffdनभर्र देश से है") == LAYER_DOUBTFUL
    assert layer_problem("কীবোর্ড েদশ িকেবাডর্ েমেশিন") == LAYER_DOUBTFUL


@pytest.mark.parametrize(
    "text",
    [
        HINDI * 4,
        HINDI + "िक ेद",  # two words may be a slip
        "The signs ि ी े",
        "\ufffd \ufffd \ufffd \ufffd " + HINDI,  # bullets  # single signs are named
        "ตั้งค่าผังแป้นพิมพ์ เ แ โ",
        "keyboard",
    ],
)
def test_other_texts_are_not_doubtful(text: str) -> None:
    assert layer_problem(text) == ""


@pytest.mark.parametrize("text", [HINDI, "キーボードのレイアウトは国によって異なり", "لوحة المفاتيح من دولة إلى أخرى "])
def test_settings_and_paths_among_another_script_are_no_wrong_letters(text: str) -> None:
    names = "XKBLAYOUT XKBVARIANT XKBOPTIONS xkbgrp XKBLAYOUT XKBVARIANT XKBOPTIONS xkbgrp XKBLAYOUT "
    assert layer_problem(names) == LAYER_DOUBTFUL
    assert layer_problem(names + text * 6) == ""


@pytest.mark.parametrize(("words", "problem"), [(57, LAYER_DOUBTFUL), (58, "")])
def test_few_such_words_among_many_are_slips(words: int, problem: str) -> None:
    assert (layer_quality.MIN_LONE_SIGNS, layer_quality.LONE_SIGN_SHARE) == (3, 0.05)
    assert layer_problem("िकस िजस ेदश " + "कुंजी " * words) == problem


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("क\ufffd", "Devanagari"),
        ("Tax অ\ufffdায়ী", "Bengali"),
        ("\ufffdத", "Tamil"),
        ("\ufffd कबोडर्", ""),  # a bullet
        ("e\ufffdcient", ""),
        (HINDI, ""),
        ("keyboard", ""),
    ],
)
def test_the_script_of_words_that_lack_letters(text: str, script: str) -> None:
    assert script_with_gaps(text) == script
