"""Measures of extracted values: field accuracy, precision and recall of nulls, F1 of rows; with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from pagelens.generate.extraction.comparison import same_value

RESAMPLES = 2_000
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionCounts:
    """What became of the values of one document, or of many together. Fields are those outside lists."""

    right: int = 0  # fields that the document has, found as they are
    wrong: int = 0  # found otherwise
    missed: int = 0  # null, though the document has them
    invented: int = 0  # a value, though the document has none
    right_nulls: int = 0  # null, as the document has none
    rows_right: int = 0  # rows of lists with all values right
    rows_found: int = 0
    rows_expected: int = 0

    def __add__(self, other: "ExtractionCounts") -> "ExtractionCounts":
        return ExtractionCounts(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(ExtractionCounts)}
        )


def count_values(found: object, expected: Mapping[str, object]) -> ExtractionCounts:
    """Count what became of the values of a document. Rows are compared without regard to their order."""
    total = ExtractionCounts()
    values = found if isinstance(found, Mapping) else {}
    for name, want in expected.items():
        got = values.get(name)
        if isinstance(want, list):
            rows = got if isinstance(got, list) else []
            total += ExtractionCounts(rows_right=_equal_rows(rows, want), rows_found=len(rows), rows_expected=len(want))
        elif want is None:
            total += ExtractionCounts(right_nulls=1) if got is None else ExtractionCounts(invented=1)
        elif got is None:
            total += ExtractionCounts(missed=1)
        else:
            total += ExtractionCounts(right=1) if same_value(got, want) else ExtractionCounts(wrong=1)
    return total


def _equal_rows(found: Sequence[object], expected: Sequence[object]) -> int:
    left = list(found)
    equal = 0
    for want in expected:
        match = next((at for at, row in enumerate(left) if _equal_row(row, want)), None)
        if match is not None:
            del left[match]
            equal += 1
    return equal


def _equal_row(found: object, expected: object) -> bool:
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        return all(same_value(found.get(name), value) for name, value in expected.items())
    return same_value(found, expected)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


EXTRACTION_MEASURES: Mapping[str, Callable[[ExtractionCounts], float]] = {
    # of all fields, those that are right: as in the document, null where it has none
    "field accuracy": lambda n: _share(
        n.right + n.right_nulls, n.right + n.wrong + n.missed + n.invented + n.right_nulls
    ),
    "found right": lambda n: _share(n.right, n.right + n.wrong + n.missed),  # of the fields that the document has
    "wrong": lambda n: _share(n.wrong + n.invented, n.right + n.wrong + n.missed + n.invented + n.right_nulls),
    "null precision": lambda n: _share(n.right_nulls, n.right_nulls + n.missed),
    "null recall": lambda n: _share(n.right_nulls, n.right_nulls + n.invented),
    "row F1": lambda n: _share(2 * n.rows_right, n.rows_found + n.rows_expected),
}
"""Name -> the measure over the counts of all documents together. NaN where nothing was to be measured."""


@dataclass(frozen=True, slots=True)
class MeasuredShare:
    """A share with its 95% interval; documents are resampled."""

    value: float
    low: float
    high: float


def measure_extraction(counts: Sequence[ExtractionCounts]) -> dict[str, MeasuredShare]:
    """Return every measure over documents, with its interval."""
    rows = np.array([[getattr(one, name.name) for name in fields(ExtractionCounts)] for one in counts])
    names = [name.name for name in fields(ExtractionCounts)]
    draws = np.random.default_rng(SEED).integers(0, len(counts), (RESAMPLES, len(counts)))
    sums = rows[draws].sum(axis=1)  # (resamples, counts)
    sampled = [ExtractionCounts(**dict(zip(names, row.tolist(), strict=True))) for row in sums]
    whole = sum(counts, ExtractionCounts())
    measured = {}
    for name, measure in EXTRACTION_MEASURES.items():
        values = np.array([measure(one) for one in sampled])
        values = values[~np.isnan(values)]
        low, high = np.quantile(values, [0.025, 0.975]) if len(values) else (float("nan"),) * 2
        measured[name] = MeasuredShare(measure(whole), float(low), float(high))
    return measured
