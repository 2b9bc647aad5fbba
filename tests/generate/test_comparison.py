"""Extracted values beside expected ones."""

from pagelens.generate.extraction.comparison import compare_values, same_value


def test_each_expected_value_matches_differs_or_is_missing() -> None:
    found = {"number": "R-1", "total": 12.0, "tax": None, "iban": "X", "rows": [{"a": 1}, {"a": 2}], "more": 1}
    expected = {"number": "r–1", "total": 12.5, "tax": 2, "iban": None, "rows": [{"a": 1}]}
    states = {line.pointer: line.state for line in compare_values(found, expected)}
    assert states == {
        "/number": "match",
        "/total": "mismatch",
        "/tax": "missing",
        "/iban": "unexpected",
        "/rows/0/a": "match",
        "/rows/1/a": "unexpected",
    }
    assert [line.state for line in compare_values({"rows": []}, {"rows": [{"a": 1}]})] == ["missing"]


def test_numbers_are_equal_by_value_and_texts_by_their_letters() -> None:
    assert same_value(12, 12.001) and not same_value(12, 12.01)
    assert same_value("Müller  GmbH", "müller gmbh") and not same_value("Müller", "Muller")
    assert same_value(None, None) and not same_value(None, "") and not same_value(True, 1) and not same_value("1", 2)
