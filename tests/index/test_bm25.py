"""BM25 as an inner product, while the average length moves."""

import pytest

from pagelens.index.lexical.bm25 import Lengths, place_of_term, read_terms, weigh_page, weigh_query


def score(words: int, then: float, now: float) -> float:
    """Of a page of so many words, one of them asked for, at rest since the average was another."""
    text = " ".join(["apple", *(f"word{number}" for number in range(words - 1))])
    weighed_by, average = Lengths(then, then), Lengths(now, now)
    row = weigh_page(read_terms(text), weighed_by)
    weights = dict(zip(row.places, row.values, strict=True))
    asked = weigh_query({place_of_term("appl"): 1.0}, weighed_by, average)
    return sum(weights.get(place, 0.0) * value for place, value in zip(asked.places, asked.values, strict=True))


@pytest.mark.parametrize("now", [10, 100, 250, 300, 900, 30_000])
def test_a_page_that_has_what_is_asked_for_weighs_more_than_nothing_and_a_shorter_one_more(now: float) -> None:
    """However far the average has moved: thousands of photos without words come behind a few long reports."""
    scores = [score(words, 300, now) for words in (5, 300, 3_000, 30_000)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0
