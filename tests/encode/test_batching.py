import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.encode.batching import encodable, in_batches, stacked, token_batches, unit_rows

lengths = st.lists(st.integers(0, 300), max_size=60)


def test_batches_are_as_wide_as_their_longest_text() -> None:
    # Longest first: 9 alone (2 x 9 > 12), then 6 and 5 (2 x 6 = 12), then 3, 3, 2 (3 x 3 = 9).
    assert token_batches([3, 9, 5, 3, 6, 2], budget=12) == [[1], [4, 2], [0, 3, 5]]


@given(lengths, st.integers(1, 1_000))
def test_every_text_is_in_one_batch_and_no_batch_of_many_exceeds_the_budget(sizes: list[int], budget: int) -> None:
    batches = token_batches(sizes, budget=budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(sizes)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(sizes[index] for index in batch) <= budget


@given(lengths, st.integers(1, 1_000), st.integers(1, 3))
def test_results_come_back_in_the_order_given(sizes: list[int], budget: int, workers: int) -> None:
    results = in_batches(sizes, lambda batch: [index * 10 for index in batch], budget=budget, workers=workers)
    assert results == [index * 10 for index in range(len(sizes))]


def test_a_batch_with_too_few_results_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        in_batches([1, 2, 3], lambda batch: batch[1:], budget=100)


def test_no_rows_stack_to_an_empty_matrix_of_the_right_width() -> None:
    assert stacked([], 7).shape == (0, 7)


def test_unit_rows_have_length_one_and_zero_stays_zero() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, 0.0]], atol=1e-7)
    assert rows.dtype == np.float32


@given(st.text())
def test_making_a_text_encodable_keeps_all_offsets(text: str) -> None:
    (clean,) = encodable([text])
    assert len(clean) == len(text)
    assert clean.encode("utf-8").decode("utf-8") == clean
    assert all(a == b or b == "\ufffd" for a, b in zip(text, clean, strict=True))


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    assert encodable(["a\ud800b"]) == ["a\ufffdb"]
