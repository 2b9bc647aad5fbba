"""Terms of pieces that are kept are those of the whole text."""

import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from pagelens.index.lexical import piecewise
from pagelens.index.lexical.piecewise import MARK, MAX_PIECE, PiecewiseAnalyzer

ANALYZER = (
    tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(r"\p{Han}|[[\p{L}\p{M}]--\p{Han}]+|\p{N}+"))
    .filter(tantivy.Filter.remove_long(80))
    .filter(tantivy.Filter.lowercase())
    .filter(tantivy.Filter.custom_stopword(["the", "of"]))
    .filter(tantivy.Filter.stemmer("english"))
    .build()
)
WORDS = "the houses of O'Neill 5kg FY2018 “quoted” naïve 東京タワー Straße e-mail 1,000.5 x ـ\u0301 \u00a0 \n\t".split(
    " "
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=12)), max_size=30), st.sampled_from(" -./\n’"))
def test_the_terms_are_those_of_the_analyzer(words: list[str], joint: str) -> None:
    text = joint.join(words).encode("utf-8", "replace").decode()
    of_pieces = PiecewiseAnalyzer(ANALYZER)
    expected = ANALYZER.analyze(text)
    assert of_pieces(text) == expected
    assert of_pieces(text) == expected  # from what was kept


def test_a_text_may_hold_the_mark_itself() -> None:
    text = f"houses {MARK} sold, {MARK.upper()} houses"
    assert PiecewiseAnalyzer(ANALYZER)(text) == ANALYZER.analyze(text)


def test_what_is_kept_is_bounded() -> None:
    of_pieces = PiecewiseAnalyzer(ANALYZER)
    of_pieces("東" * MAX_PIECE + " " + "京" * (MAX_PIECE + 1))
    assert list(of_pieces._known) == ["東" * MAX_PIECE]
    for start in range(0, 3 * piecewise.MAX_PIECES, 10_000):
        of_pieces(" ".join(map(str, range(start, start + 10_000))))
        assert len(of_pieces._known) <= piecewise.MAX_PIECES
