"""What the cells of a table say: the record that stands between tables and the candidates for quotes."""

from collections.abc import Sequence
from dataclasses import dataclass

from pagelens.core.tables.structure import Cell
from pagelens.generate.extractive.constraints import names_number
from pagelens.generate.extractive.tables.operations import OperationKind, find_operations


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReading:
    """Cells of one table with what they say, and what is computed from them."""

    cells: Sequence[Cell]
    text: str  # "Timber, 2024: 52,300 tonnes; Coal, 2024: 9,000 tonnes"
    computed: str = ""  # "difference: 52,300 - 9,000 = 43,300"
    operation: OperationKind | None = None  # by which it is computed
    columns: str = ""  # names of the columns
    heading: str = ""  # what stands above the rows and the table
    table: str = ""  # the labels and values of the table
    share: float = 0.0  # of the question's terms, by weight, in the labels
    fit: float = 0.0  # how much of the labels the question has: 1 if it names row and column in full

    @property
    def statement(self) -> str:
        """The text, and what is computed from it."""
        return f"{self.text} ({self.computed})" if self.computed else self.text

    @property
    def values(self) -> list[str]:
        """The cells' values."""
        return [cell.value.text for cell in self.cells]

    def answers(self, words: str) -> bool:
        """Return whether what is computed is what these words of a question ask for; any, if they ask for none."""
        kinds = {operation.kind for operation in find_operations(words)}
        return not kinds or self.operation in kinds

    def has_number(self, number: str) -> bool:
        """Return whether a number of the question stands in the table, or is what its cells were compared with."""
        return self.operation in ("above", "below") or names_number(number, self.table)
