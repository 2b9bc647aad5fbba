"""The terms of a text: one plain term for each word, other forms beside them."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagelens.core.terms import OtherForm, WantedTerms, plain_terms
from pagelens.index.lexical.analysis import analyze, analyze_page, analyze_query, bigrams
from pagelens.index.lexical.date_forms import find_dates
from pagelens.index.lexical.normalization import normalized
from pagelens.index.lexical.number_forms import join_groups, number_forms
from pagelens.index.lexical.stems import SHORT_TEXT, languages_of


def other_forms(text: str) -> list[str]:
    return [term for term in analyze(text) if isinstance(term, OtherForm)]


def test_an_english_sentence_has_the_stems_of_its_words_and_nothing_else() -> None:
    terms = analyze("The contracts of the tenants were signed by the owners, and the houses are not sold.")
    assert terms == ["contract", "tenant", "sign", "owner", "hous", "not", "sold"]
    assert not any(isinstance(term, OtherForm) for term in terms)


@pytest.mark.parametrize("text", ["", "Öl von 2019", "the contracts of 5.3.24 " * 40])
def test_a_query_has_the_terms_of_its_text_and_each_caller_a_list_of_its_own(text: str) -> None:
    expected = analyze(text)
    found = analyze_query(text)
    assert found == expected and other_forms(text) == [term for term in found if isinstance(term, OtherForm)]
    found.append("changed")
    assert analyze_query(text) == expected


def test_other_forms_make_no_bigrams() -> None:
    assert bigrams(analyze("In the spring the 48 200 litres of fuel were sold")) == [
        *("spring_48", "48_200", "200_litr", "litr_fuel", "fuel_sold")
    ]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("1,043,250", "1043250"),
        ("1.043.250,75", "1043250,75"),
        ("$1,043.50", "$1043.50"),
        ("3'914'002", "3914002"),
        ("10,43,250", "1043250"),
        ("2,345", "2345"),
        ("12.5", "12.5"),
        ("0.125", "0.125"),
        ("1.234.5", "1.234.5"),
        ("192.168.100.20", "192.168.100.20"),
        ("2020, 2021", "2020, 2021"),
        ("12,34", "12,34"),
        ("1,0432", "1,0432"),
    ],
)
def test_separators_of_thousands_are_left_out_and_others_stay(text: str, whole: str) -> None:
    assert join_groups(f"of {text}.") == f"of {whole}."


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("48 200 litres", ["48200"]),
        ("in 2023 250 litres", []),
        ("12,5 % of 3", ["12.5%"]),
        ("12 % of 3", []),
        ("1,234.5 per cent", ["1234.5%"]),
        ("7 percentages", []),
        ("version 2.3.1", ["v2.3.1"]),
        ("2.3", []),
        ("v2.3", ["v2.3"]),
        ("AB-1234/5", ["ab12345"]),
        ("COVID-19", []),
        ("AB-12-C", ["ab12c"]),
        ("a 10-year-old", []),
        ("5kg", []),
        ("978-3-16-148410-0", ["9783161484100"]),
        ("030-123-45", []),
        ("1-2-3-4", []),
    ],
)
def test_numbers_and_codes_have_these_other_forms(text: str, forms: list[str]) -> None:
    assert [form for form, _ in number_forms(text)] == forms


SPELLINGS = [
    "5 March 2024",
    "March 5, 2024",
    "Mar. 5th, 2024",
    "the 5th of March 2024",
    "5. März 2024",
    "5 de marzo de 2024",
    "5 mars 2024",
    "5 марта 2024",
    "5 مارس 2024",
    "٥ مارس ٢٠٢٤",
    "2024-03-05",
    "2024/3/5",
    "05.03.2024",
    "5. 3. 2024",
    "5-Mar-2024",
    "20240305",
    "2024年3月5日",
    "2024년 3월 5일",
    "2024. 3. 5.",
    "令和6年3月5日",
    "民國113年3月5日",
    "ngày 5 tháng 3 năm 2024",
    "५ मार्च २०२४",
    "5 березня 2024",
    "5 Maret 2024",
    "report_2024-03-05.pdf",
    "March 5-7, 2024",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_date_is_one_plain_term_in_every_spelling(spelling: str) -> None:
    terms = analyze(f"x {spelling} y")
    assert "20240305" in plain_terms(terms)
    assert {"--03-05", "2024-03", "2024"} <= set(terms)


def test_a_date_with_two_readings_is_found_by_both() -> None:
    assert {"20240403", "20240304"} <= set(analyze("03/04/2024"))
    assert "20241225" in analyze("12/25/2024") and "20241225" in analyze("25/12/2024")
    assert "20240304" not in analyze("03.04.2024")  # with full stops the day comes first


@pytest.mark.parametrize("text", ["30/02/2024", "chapter 12 of 2023", "may 2, 3 and 4", "5 tickets", "1.2.3", "12:30"])
def test_what_is_no_whole_date_stays_as_it_is(text: str) -> None:
    assert not any(found.plain for found in find_dates(text))


def test_a_date_without_a_year_keeps_its_words() -> None:
    assert plain_terms(analyze("5 March")) == ["5", "march"]
    assert "--03-05" in other_forms("5 March") and "2024-03" in other_forms("March 2024")


def test_acronyms_are_no_stop_words_and_headings_in_capitals_are_no_acronyms() -> None:
    assert plain_terms(analyze("The WHO and the IT desk of the US branch")) == ["who", "it", "desk", "us", "branch"]
    assert plain_terms(analyze("who is it for us")) == []
    assert plain_terms(analyze("WHO IS IT FOR")) == []
    assert plain_terms(analyze("A box of vitamin A")) == ["box", "vitamin", "a"]
    assert plain_terms(analyze("Part I is what I read")) == ["part", "i", "read"]
    assert plain_terms(analyze("the U.S. branch")) == ["us", "branch"]
    assert plain_terms(analyze("IT DESK\nopen daily")) == ["it", "desk", "open", "daili"]


def test_other_unicode_forms_of_a_text_give_the_same_terms() -> None:
    for text in ("Verträge über Häuser", "Самолёты", "Αθήνα", "ガス工事", "계약서를", "أحمد", "İzmir", "ห้องสมุด"):
        assert analyze(unicodedata.normalize("NFD", text)) == analyze(text)
        assert analyze(unicodedata.normalize("NFKD", text)) == analyze(text)


def test_superscripts_and_fractions_do_not_join_the_number_before_them() -> None:
    assert plain_terms(analyze("2023² tickets")) == ["2023", "2", "ticket"]
    assert plain_terms(analyze("1½ litres")) == ["1", "1", "2", "litr"]


def test_the_language_is_the_one_of_the_function_words() -> None:
    assert languages_of("die verträge und die häuser sind von den mietern".split()) == ("german",)
    assert languages_of("the contracts and the houses are in the book".split()) == ()
    assert set(languages_of("det er ikke det som en".split())) >= {"danish", "norwegian"}


def test_a_short_text_without_function_words_has_the_stems_of_every_language_and_a_longer_one_has_none() -> None:
    assert len(languages_of(["vertrag"] * SHORT_TEXT)) == 13
    assert languages_of(["vertrag"] * (SHORT_TEXT + 1)) == ()
    assert "~vertrag" in other_forms("Verträge")


def test_a_short_page_has_stems_only_where_it_is_not_in_plain_letters() -> None:
    assert analyze_page("Ticket prices") == ["ticket", "price"]
    assert "~vertrag" in analyze_page("Verträge liegen bereit")
    assert "~vertrag" in analyze_page("Die Vertrage sind nicht bei den Mietern")


def test_wanted_terms_are_found_by_their_forms_and_all_parts_of_a_number_by_one() -> None:
    wanted = WantedTerms.of(analyze("48 200 Verträge"))
    assert wanted.plain == {"48", "200", "vertrag"}
    assert wanted.found_in(analyze("48200")) == {"48", "200"}
    assert wanted.found_in(["~vertrag"]) == {"vertrag"}
    assert wanted.found_in(["other"]) == frozenset()


def test_the_first_year_of_an_era_has_a_name() -> None:
    assert "20190501" in analyze("令和元年5月1日") and "19890108" in analyze("平成元年1月8日")


def test_words_in_parts_are_one_word_too_and_other_marks_join_nothing() -> None:
    text = "the e-mail and the follow-up by O'Neill, Ph.D., on the well-to-do"
    assert set(other_forms(text)) == {"email", "followup", "welltodo", "oneil", "phd"}
    assert other_forms("the range of 5-10 and A-B, the state-of-the-art-of-it and l'eau of 3.5 on the end.Then") == []


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_analyzed_and_no_term_has_blanks(text: str) -> None:
    for term in analyze(text):
        assert term and not any(character.isspace() for character in term)


@settings(max_examples=200, deadline=None)
@given(st.integers(1_000, 10**12))
def test_a_number_has_the_same_terms_with_and_without_separators(number: int) -> None:
    for separator in (",", ".", "'"):
        assert plain_terms(analyze(f"{number:,}".replace(",", separator))) == plain_terms(analyze(str(number)))
    assert str(number) in analyze(f"{number:,}".replace(",", " "))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_normalization_is_done_once(text: str) -> None:
    assert normalized(normalized(text)) == normalized(text)


@pytest.mark.parametrize(
    ("words", "of_page", "languages"),
    [
        ("het data", False, ("dutch",)),  # one word that only Dutch has
        ("data het", True, ()),  # of a page it takes two
        ("het data met", True, ("dutch",)),
        ("y data y", True, ()),  # one word twice
        ("in data", False, None),  # a word of six languages decides nothing
        ("the het data", False, ()),  # as much English as Dutch
    ],
)
def test_function_words_decide_by_how_many_languages_have_them(
    words: str, of_page: bool, languages: tuple[str, ...] | None
) -> None:
    found = languages_of(words.split(), of_page=of_page)
    assert len(found) == 13 if languages is None else found == languages


def test_a_longer_text_has_a_language_if_a_twenty_fifth_of_its_words_are_function_words() -> None:
    assert languages_of([*"het niet".split(), *["data"] * 48]) == ("dutch",)
    assert languages_of([*"het niet".split(), *["data"] * 49]) == ()


def test_languages_with_two_thirds_of_the_most_function_words_are_likely_too() -> None:
    assert languages_of([*"het niet wordt".split(), "und", "nicht"]) == ("dutch",)
    assert set(languages_of([*"het niet wordt wie".split(), "und", "nicht", "oder"])) == {"dutch", "german"}


def test_long_lines_and_long_words_are_read_in_part() -> None:
    assert plain_terms(analyze("IT IS " * 3_000)) == []
    assert plain_terms(analyze("x" * 300 + " IT " + "y" * 300)) == ["it"]
    assert analyze("Ä" * 100_000) == []


def test_polish_and_czech_are_no_portuguese() -> None:
    polish = "aby nie zgubić pliku na dysku i po co do tego służy o tym jest tu mowa".split()
    assert languages_of(polish, of_page=True) == ()
    assert languages_of("jak se do souboru o síti a na disku".split(), of_page=True) == ()


def test_an_english_page_with_passages_in_another_language_has_its_stems() -> None:
    english = "the of and this for that with his".split() * 20
    finnish = ["kun", "mutta", "voit", "että"]
    assert languages_of(english + finnish, of_page=True) == ("finnish",)
    assert languages_of([*english, "mutta", "kun", "voit", "kun"], of_page=True) == ()  # three different words
    assert languages_of(english + finnish) == ()  # of a query
    filled = [*finnish, *english, *["data"] * 200]
    assert languages_of(filled[:266], of_page=True) == ("finnish",)  # 1.5 percent
    assert languages_of(filled[:267], of_page=True) == ()


def test_decimal_digits_of_every_script_become_ascii_digits() -> None:
    digits = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isdecimal()]
    assert normalized("".join(digits)) == "".join(str(unicodedata.decimal(digit)) for digit in digits)
