"""Candidates for quotes from tables: the cell that a question names, or the cells that it computes with.

A cell is named by its row and its column. It is read as "Timber, 2024: 52,300 tonnes".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import combinations

from pagelens.core.protocols import Analyzer
from pagelens.core.tables.chunks import Chunk
from pagelens.core.tables.structure import Cell, Table, find_tables
from pagelens.core.terms import plain_terms
from pagelens.core.types import PageText
from pagelens.generate.answer_text import one_line
from pagelens.generate.citations.numbers import SCALES
from pagelens.generate.extractive.question_analysis import AnalyzedQuestion
from pagelens.generate.extractive.tables.cell_values import cell_number, unit_of, written
from pagelens.generate.extractive.tables.operations import Operation, find_operations
from pagelens.generate.extractive.tables.reading import TableReading

SECTION_TERM = 0.8  # of the weight of a term that stands above the row
CAPTION_TERM = 0.5  # of the weight of a term that stands in the caption
MIN_CELLS = 3  # of an order
MAX_OPERANDS = 6
MAX_COMPARED = 12  # cells above or below a number
HEADER_FIT, UNIT_FIT = 0.5, 0.25  # weights beside that of the row's label
PAIRED_CELLS = 8  # best cells of a line among which two operands are looked for
MAX_CELLS = 3  # named cells of a page that are candidates
MIN_SHARE = 0.2  # of the question's terms, by weight, that a cell's labels must have
Terms = frozenset[str]
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Match:
    cell: Cell
    table: Table
    row: Terms
    column: Terms
    around: Mapping[str, float]  # terms of the section and the caption -> their share
    fit: float  # the share of the row label's terms that the question has
    header_fit: float  # the share of the header's words that the question has, function words too ("All/Most")
    unit_fit: int  # 1: a percentage is asked for and the cell has one; -1: only one of the two

    @property
    def precision(self) -> float:
        """How much of its labels the question has, the row's label counting more, and whether its unit is asked for."""
        return self.fit + HEADER_FIT * self.header_fit + UNIT_FIT * self.unit_fit

    @property
    def names(self) -> Terms:
        """The question's terms in its labels."""
        return self.row | self.column

    def share(self, weights: Mapping[str, float]) -> float:
        """Return the share of the question's terms that name the cell, by weight."""
        named = self.names
        return sum(weight * (1.0 if term in named else self.around.get(term, 0.0)) for term, weight in weights.items())


def read_tables(
    question: AnalyzedQuestion, text: PageText, analyze: Analyzer, idf: Mapping[str, float]
) -> list[TableReading]:
    """Return what the tables of a page say to a question, the best of each kind first."""
    raw = {term: weight * idf.get(term, 1.0) for term, weight in question.terms.items()}
    total = sum(raw.values()) or 1.0
    weights = {term: weight / total for term, weight in raw.items()}
    matches = list(_matches(question, text, analyze))
    if not matches:
        return []
    readings: list[TableReading] = []
    for operation in find_operations(question.text):
        computed = _compute(operation, matches, weights)
        if computed is not None:
            readings.append(replace(computed, operation=operation.kind))
    return readings + _named_cells(matches, weights)


def _matches(question: AnalyzedQuestion, text: PageText, analyze: Analyzer) -> Iterator[_Match]:
    found: dict[str, tuple[Terms, float]] = {}
    words = set(_WORDS.findall(question.text.lower()))

    def terms(chunks: Sequence[Chunk]) -> tuple[Terms, float]:
        line = " ".join(chunk.text for chunk in chunks)
        if line not in found:
            analyzed = analyze(line)
            plain, whole = set(plain_terms(analyzed)), set(_WORDS.findall(line.lower()))
            fit = max(
                len(part & wanted) / max(1, len(part)) for part, wanted in ((plain, question.known), (whole, words))
            )
            found[line] = frozenset(question.terms_in(analyzed)), fit
        return found[line]

    for table in find_tables(text):
        caption, _ = terms(table.caption)
        for column in table.columns:
            of_column, header_fit = terms(column.header)
            for cell in column.cells:
                row, fit = terms(cell.row)
                section, _ = terms(cell.section)
                around = dict.fromkeys(caption, CAPTION_TERM) | dict.fromkeys(section, SECTION_TERM)
                unit_fit = _unit_fit(question, cell)
                yield _Match(
                    cell=cell,
                    table=table,
                    row=row,
                    column=of_column,
                    around=around,
                    fit=fit,
                    header_fit=header_fit,
                    unit_fit=unit_fit,
                )


def _unit_fit(question: AnalyzedQuestion, cell: Cell) -> int:
    has_percent = "%" in cell.value.text or any("%" in chunk.text or "ercent" in chunk.text for chunk in cell.column)
    wants_percent = "percent" in question.answer_types
    counts = "number" in question.answer_types and question.counted
    return 1 if wants_percent and has_percent else -1 if has_percent and counts else 0


def _named_cells(matches: Sequence[_Match], weights: Mapping[str, float]) -> list[TableReading]:
    """Return the cells that row and column determine, best first.

    Where other cells are named as well, none is determined.
    """
    ranked = sorted(matches, key=lambda match: (-match.share(weights), -match.precision))
    readings: list[TableReading] = []
    tables: set[int] = set()
    for match in ranked:
        share = match.share(weights)
        if share < MIN_SHARE or len(readings) == MAX_CELLS:
            break
        if id(match.table) in tables or not match.row:
            continue
        tables.add(id(match.table))
        rivals = [
            other
            for other in matches
            if other.table is match.table
            and other.share(weights) >= share - 1e-9
            and other.precision >= match.precision - 1e-9
        ]
        if len(rivals) == 1:
            readings.append(_reading([match], weights))
    return readings


def _compute(operation: Operation, matches: Sequence[_Match], weights: Mapping[str, float]) -> TableReading | None:
    if operation.is_order:
        return _order(operation, matches, weights)
    if operation.is_comparison:
        return _compare(operation, matches, weights)
    return _combine(operation, matches, weights)


def _compare(operation: Operation, matches: Sequence[_Match], weights: Mapping[str, float]) -> TableReading | None:
    """Return the cells above or below a number in the column or row that the question names, and how many they are."""
    best: TableReading | None = None
    for line, share in _lines(matches, weights):
        numbered = [(cell_number(match.cell.value.text), match) for match in line if not _is_total(match)]
        values = [(value, match) for value, match in numbered if value is not None]
        if len(values) < MIN_CELLS or share < MIN_SHARE or (best is not None and share <= best.share):
            continue
        bound = _bound(operation, [match for _, match in values])
        chosen = [match for value, match in values if operation.holds(value, bound)]
        if 0 < len(chosen) <= MAX_COMPARED and len(chosen) < len(values):
            side = f"{operation.kind} {bound:,f}{' or just that' if operation.has_bound else ''}"
            best = _reading(chosen, weights, f"{len(chosen)} of {len(values)} are {side}", share=share)
    return best


def _bound(operation: Operation, line: Sequence[_Match]) -> Decimal:
    """Return the number that cells are compared with, in their own scale: 250 of "$250M" in a column of millions."""
    if not operation.scale:
        return operation.bound
    value = operation.bound * SCALES[operation.scale]
    around = " ".join(
        chunk.text for match in line for chunk in (match.cell.value, *match.cell.column, *match.table.caption)
    )
    named = next((scale for scale in SCALES if re.search(rf"\b{scale}s?\b", around, re.IGNORECASE)), "")
    return value / SCALES[named] if named else value


def _order(operation: Operation, matches: Sequence[_Match], weights: Mapping[str, float]) -> TableReading | None:
    """Return the cell that comes first (second, ...) in the column or row that the question names."""
    best: TableReading | None = None
    for line, share in _lines(matches, weights):
        numbered = [(cell_number(match.cell.value.text), match) for match in line if not _is_total(match)]
        values = [(value, match) for value, match in numbered if value is not None]
        if len(values) < max(MIN_CELLS, operation.place) or (best is not None and share <= best.share):
            continue
        values.sort(key=lambda item: item[0], reverse=operation.kind == "maximum")
        place = operation.place - 1
        value = values[place][0]
        first = [match for number, match in values if number == value]
        if len(first) > 2 or share < MIN_SHARE:
            continue
        order = "largest" if operation.kind == "maximum" else "smallest"
        nth = {1: "", 2: "second ", 3: "third ", 4: "fourth ", 5: "fifth "}[operation.place]
        best = _reading(first, weights, f"the {nth}{order} of {len(values)}", share=share)
    return best


def _lines(matches: Sequence[_Match], weights: Mapping[str, float]) -> Iterator[tuple[Sequence[_Match], float]]:
    """Yield the columns and the rows of the tables, each with the share of the question's terms that name it."""
    by_column: dict[tuple[int, int], list[_Match]] = {}
    by_row: dict[tuple[int, int], list[_Match]] = {}
    for match in matches:
        column = next(n for n, col in enumerate(match.table.columns) if any(c is match.cell for c in col.cells))
        by_column.setdefault((id(match.table), column), []).append(match)
        if match.cell.row:
            by_row.setdefault((id(match.table), match.cell.row[-1].first), []).append(match)
    for line in by_column.values():
        around: Mapping[str, float] = {term: share for match in line for term, share in match.around.items()}
        named = line[0].column
        yield line, sum(w * (1.0 if t in named else around.get(t, 0.0)) for t, w in weights.items())
    for line in by_row.values():
        named, around = line[0].row, line[0].around
        yield line, sum(w * (1.0 if t in named else around.get(t, 0.0)) for t, w in weights.items()) if named else 0.0


def _is_total(match: _Match) -> bool:
    first = " ".join(chunk.text for chunk in match.cell.row).lower()
    header = " ".join(chunk.text for chunk in match.cell.column).lower()
    return first.startswith(("total", "grand total", "sum", "average", "mean", "all ")) or header.endswith("total")


def _combine(operation: Operation, matches: Sequence[_Match], weights: Mapping[str, float]) -> TableReading | None:
    """Return two or more cells of one column or row that the question names, with their difference, sum or average."""
    best: tuple[tuple[float, float], list[_Match]] | None = None
    for line in _named_lines(matches):
        chosen = _operands(operation, line, weights)
        if chosen is None:
            continue
        rank = _union_share(chosen, weights), sum(match.precision for match in chosen) / len(chosen)
        if best is None or rank > best[0]:
            best = rank, chosen
    if best is None or best[0][0] < MIN_SHARE:
        return None
    (share, _), chosen = best
    return _reading(chosen, weights, _arithmetic(operation, chosen), share=share)


def _named_lines(matches: Sequence[_Match]) -> Iterator[list[_Match]]:
    lines: dict[tuple[int, str, int], list[_Match]] = {}
    for match in matches:
        if cell_number(match.cell.value.text) is None:
            continue
        column = next(n for n, col in enumerate(match.table.columns) if any(c is match.cell for c in col.cells))
        lines.setdefault((id(match.table), "column", column), []).append(match)
        if match.cell.row:
            lines.setdefault((id(match.table), "row", match.cell.row[-1].first), []).append(match)
    yield from (line for line in lines.values() if len(line) > 1)


def _operands(operation: Operation, line: Sequence[_Match], weights: Mapping[str, float]) -> list[_Match] | None:
    """Return the cells of a line that the question tells apart: each has a term that the others lack.

    "A + B compared to A": the cell of A is told apart too, if the question has all of its label and no other cell's.
    """
    common = frozenset.intersection(*(match.row | match.column for match in line))
    named = [match for match in line if match.names - common]
    named.sort(key=lambda match: (-match.share(weights), -match.precision))
    pairs = [
        (first, second)
        for first, second in combinations(named[:PAIRED_CELLS], 2)
        if first.names != second.names
        and ((first.names - second.names and second.names - first.names) or first.fit == second.fit == 1)
    ]
    if not pairs:
        return named if operation.kind != "difference" and _is_group(named) else None
    best = max(pairs, key=lambda pair: (_union_share(pair, weights), pair[0].precision + pair[1].precision))
    chosen = list(best)
    for match in named if operation.kind != "difference" else ():
        known = frozenset[str]().union(*(other.names for other in chosen))
        if match not in chosen and match.names - known and len(chosen) < MAX_OPERANDS:
            chosen.append(match)
    return sorted(chosen, key=lambda match: match.cell.value.first)


def _is_group(named: Sequence[_Match]) -> bool:
    """Return whether cells of a line have the same words of the question, which its others lack: "the Oban yards"."""
    return 1 < len(named) <= MAX_OPERANDS and len({match.names for match in named}) == 1


def _union_share(chosen: Sequence[_Match], weights: Mapping[str, float]) -> float:
    named = frozenset[str]().union(*(match.row | match.column for match in chosen))
    around = chosen[0].around
    return sum(weight * (1.0 if term in named else around.get(term, 0.0)) for term, weight in weights.items())


def _arithmetic(operation: Operation, chosen: Sequence[_Match]) -> str:
    texts = [match.cell.value.text for match in chosen]
    values = [value for text in texts if (value := cell_number(text)) is not None]
    shown = [written(value, [text]) for value, text in zip(values, texts, strict=True)]
    if operation.kind == "difference":
        if values[0] < values[1]:
            values, shown = values[::-1], shown[::-1]
        return f"difference: {shown[0]} − {shown[1]} = {written(values[0] - values[1], texts)}"
    total = sum(values, Decimal(0))
    if operation.kind == "total":
        return f"total: {' + '.join(shown)} = {written(total, texts)}"
    return f"average: ({' + '.join(shown)}) / {len(values)} = {written(total / len(values), texts)}"


def _reading(
    chosen: Sequence[_Match], weights: Mapping[str, float], computed: str = "", *, share: float | None = None
) -> TableReading:
    table = chosen[0].table
    heading = [chunk.text for chunk in (*chosen[0].cell.section, *table.caption)]
    return TableReading(
        cells=[match.cell for match in chosen],
        text="; ".join(cell_text(match.cell, table) for match in chosen),
        computed=computed,
        columns=one_line(" ".join(chunk.text for match in chosen for chunk in match.cell.column)),
        heading=one_line(" ".join(heading)),
        table=one_line(" ".join(_words(table))),
        share=_union_share(chosen, weights) if share is None else share,
        fit=min(match.fit * (0.5 + 0.5 * match.header_fit) * (0.5 if match.unit_fit < 0 else 1) for match in chosen),
    )


def _words(table: Table) -> Iterator[str]:
    for column in table.columns:
        for cell in column.cells:
            yield from (chunk.text for chunk in (*cell.row, *cell.column, cell.value))


def cell_text(cell: Cell, table: Table) -> str:
    """Return a cell in words: its row's label, its column's header, its value and unit ("Timber, 2024: 52,300 t")."""
    labels = [" ".join(chunk.text for chunk in path) for path in (cell.row, cell.column) if path]
    unit = unit_of(cell, table)
    value = cell.value.text if not unit else f"{cell.value.text}{unit}" if unit == "%" else f"{cell.value.text} {unit}"
    return one_line(f"{', '.join(label.strip(' :,;') for label in labels)}: {value}")
