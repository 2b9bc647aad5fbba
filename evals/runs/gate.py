"""Quality gates: conditions that a run must meet, such as `nDCG@5 >= A - 0.01`.

The left side is a measure of B, the run under test. The right side is a number, or A's value of the same measure plus
or minus a margin. A scope before the measure restricts the gate to it (`whole R@5 >= 0.45`); otherwise every compared
scope must pass. Values are from 0 to 1.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from pagelens.core.errors import UsageError
from pagelens.evals.measures.measure_names import Measure, parse_measure

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
TOLERANCE = 1e-9  # for rounding errors
_FORM = re.compile(
    r"\s*(?:(?P<scope>within|whole|foreign)\s+)?(?P<measure>[A-Za-z][\w.@]*)\s*(?P<operator>>=|<=|>|<)\s*"
    r"(?:(?P<base>A)\s*(?:(?P<sign>[+-])\s*(?P<margin>\d*\.?\d+))?|(?P<number>\d*\.?\d+))\s*"
)


@dataclass(frozen=True, slots=True)
class QualityGate:
    """A condition on B's value of a measure, given A's."""

    measure: Measure
    operator: str
    against_a: bool
    offset: float  # added to A's value, or the number itself
    scope: str | None = None

    def __str__(self) -> str:
        bound = f"{self.offset:g}"
        if self.against_a:
            sign = "-" if self.offset < 0 else "+"
            bound = f"A {sign} {abs(self.offset):g}" if self.offset else "A"
        return f"{self.scope + ' ' if self.scope else ''}{self.measure} {self.operator} {bound}"

    def bound(self, a: float) -> float:
        """Return the bound for B's value, given A's."""
        return a + self.offset if self.against_a else self.offset

    def holds(self, a: float, b: float) -> bool:
        """Return whether B passes."""
        slack = TOLERANCE if self.operator == ">=" else -TOLERANCE if self.operator == "<=" else 0.0
        return OPERATORS[self.operator](b + slack, self.bound(a))


def parse_gate(text: str) -> QualityGate:
    """Read a gate. Raises UsageError that shows the expected syntax."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"expected a gate like 'nDCG@5 >= A - 0.01' or 'whole R@5 >= 0.45', found {text!r}")
    offset = float(match["number"] or match["margin"] or 0.0)
    return QualityGate(
        parse_measure(match["measure"]),
        match["operator"],
        against_a=match["base"] is not None,
        offset=-offset if match["sign"] == "-" else offset,
        scope=match["scope"],
    )
