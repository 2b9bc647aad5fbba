"""Texts are compared as the words lane compares them."""

import unicodedata

import pytest

from pagelens.core.terms import plain_terms
from pagelens.index.lexical.analysis import analyze
from pagelens.index.lexical.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Průhonice", "pruhonice"),
        ("Łódź", "lodz"),
        ("Ørsted", "orsted"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("ﬁn", "fin"),
        ("Ａｂｃ", "abc"),
        ("Ελλάδα", "ελλαδα"),
        ("الإيجَارِ", "الايجار"),
        ("İZMİR", "izmir"),
        ("東京 Tower", "東京 tower"),
        ("a[!b]*?.JPG", "a[!b]*?.jpg"),
        ("", ""),
    ],
)
def test_case_accents_and_unicode_forms_do_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(unicodedata.normalize("NFD", text)) == folded


def test_latin_words_fold_to_what_the_words_lane_indexes() -> None:
    for word in ("Průhonic", "Łódź", "Ørsted", "Müritz"):
        assert plain_terms(analyze(word)) == plain_terms(analyze(fold(word)))
