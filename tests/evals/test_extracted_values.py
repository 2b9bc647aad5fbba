"""Measures of extracted values, by hand."""

import pytest

from pagelens.evals.measures.extracted_values import count_values, measure_extraction


def test_fields_nulls_and_rows_are_counted_by_hand() -> None:
    expected = {"a": 1, "b": 2, "c": 3, "d": None, "e": None, "rows": [{"x": 1}, {"x": 1}, {"x": 2}]}
    found = {"a": 1, "b": 9, "c": None, "d": None, "e": 5, "rows": [{"x": 1}, {"x": 2}, {"x": 3}, {"x": 4}]}
    counts = count_values(found, expected)
    assert (counts.right, counts.wrong, counts.missed, counts.invented, counts.right_nulls) == (1, 1, 1, 1, 1)
    assert (counts.rows_right, counts.rows_found, counts.rows_expected) == (2, 4, 3)
    measured = {name: share.value for name, share in measure_extraction([counts]).items()}
    assert measured == {
        "field accuracy": pytest.approx(2 / 5),
        "found right": pytest.approx(1 / 3),
        "wrong": pytest.approx(2 / 5),
        "null precision": pytest.approx(1 / 2),
        "null recall": pytest.approx(1 / 2),
        "row F1": pytest.approx(4 / 7),
    }


def test_the_interval_is_over_documents() -> None:
    right, wrong = count_values({"a": 1}, {"a": 1}), count_values({"a": 2}, {"a": 1})
    accuracy = measure_extraction([right] * 5 + [wrong] * 5)["field accuracy"]
    assert accuracy.value == 0.5 and 0.1 < accuracy.low < 0.3 and 0.7 < accuracy.high < 0.9
    sure = measure_extraction([right] * 10)["field accuracy"]
    assert (sure.low, sure.high) == (1.0, 1.0)


def test_what_is_no_object_has_no_value() -> None:
    assert count_values(None, {"a": 1, "rows": [{"x": 1}]}).missed == 1
