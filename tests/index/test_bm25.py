"""BM25 as an inner product, while the average length changes."""

import pytest

from pagelens.index.lexical.bm25 import Lengths, count_terms, page_vector, query_vector, term_index


def score(words: int, then: float, now: float) -> float:
    """The score of a page of so many words, one of them in the query, written when the average length was `then`."""
    text = " ".join(["apple", *(f"word{number}" for number in range(words - 1))])
    indexed_average, average = Lengths(then, then), Lengths(now, now)
    row = page_vector(count_terms(text), indexed_average)
    weights = dict(zip(row.indices, row.values, strict=True))
    query = query_vector({term_index("appl"): 1.0}, indexed_average, average)
    return sum(weights.get(index, 0.0) * value for index, value in zip(query.indices, query.values, strict=True))


@pytest.mark.parametrize("now", [10, 100, 250, 300, 900, 30_000])
def test_a_page_with_the_query_term_has_a_positive_score_and_a_shorter_page_a_higher_one(now: float) -> None:
    """However far the average has changed: thousands of photos without words are added after a few long reports."""
    scores = [score(words, 300, now) for words in (5, 300, 3_000, 30_000)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0
