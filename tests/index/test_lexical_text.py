"""The text that the `words` lane indexes for a page: broken words are whole."""

from pagelens.core.terms import plain_terms
from pagelens.index.lexical.analysis import analyze
from pagelens.index.lexical.lexical_index import indexed_text


def test_a_word_broken_at_a_line_end_is_one_term() -> None:
    terms = plain_terms(analyze(indexed_text("a hydro-\ngeologist reports con-\ntamination", "field notes")))
    assert terms == [*plain_terms(analyze("hydrogeologist reports contamination")), "field", "note"]


def test_a_compound_of_two_words_of_the_page_is_found_by_both_forms() -> None:
    terms = analyze(indexed_text("ground under water: ground-\nwater", ""))
    assert terms.count("ground") == 2 and terms.count("water") == 2 and "groundwat" in terms


def test_a_page_without_broken_words_is_indexed_as_it_is() -> None:
    assert indexed_text("a five-star hotel\nof 1901", "caption") == "a five-star hotel\nof 1901\ncaption"
