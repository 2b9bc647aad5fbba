"""Rows of a table chosen by the words of their labels: all that are "Non-Executive", for "Who are the non-executive
directors?", and how many they are."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from pagelens.core.protocols import Analyzer
from pagelens.core.tables.chunks import Chunk, Path
from pagelens.core.tables.structure import Table, find_tables
from pagelens.core.types import PageText
from pagelens.generate.answer_text import one_line
from pagelens.generate.extractive.candidates import Candidate, Span
from pagelens.generate.extractive.question_analysis import AnalyzedQuestion

MIN_ROWS = 4  # of a table whose rows differ by words
MIN_CHOSEN = 2  # rows
MAX_CHOSEN = 20


def chosen_rows(question: AnalyzedQuestion, text: PageText, analyze: Analyzer) -> Iterator[Candidate]:
    """Yield the rows of each table whose labels have every word of the question that tells its rows apart."""
    for table in find_tables(text):
        rows = _rows(table)
        if len(rows) < MIN_ROWS:
            continue
        terms = [frozenset(question.terms_in(analyze(_words(row)))) for row in rows]
        telling = frozenset[str]().union(*terms) - frozenset.intersection(*terms)
        chosen = [row for row, named in zip(rows, terms, strict=True) if telling and telling <= named]
        if not MIN_CHOSEN <= len(chosen) <= min(MAX_CHOSEN, len(rows) - 1):
            continue
        heading = one_line(_words([*table.caption, *table.columns[0].cells[0].section]))
        named = question.terms_in(analyze(heading))
        if question.counted and not question.counted <= named | telling:
            continue
        parts = [_span(text, row) for row in chosen]
        if any(first[1] > second[0] for first, second in pairwise(parts)):
            continue
        computed = f"{len(chosen)} of {len(rows)} rows"
        yield Candidate(
            start=parts[0][0],
            end=parts[-1][1],
            text=f"{'; '.join(map(_words, chosen))} ({computed})",
            heading=heading,
            parts=parts,
            computed=computed,
            form="count" if question.counted else "list",
            fit=float(bool(named)),
        )


def _rows(table: Table) -> list[Path]:
    """Return the labels of the rows, from top to bottom."""
    rows = {cell.row[0].first: cell.row for column in table.columns for cell in column.cells if cell.row}
    return [rows[first] for first in sorted(rows)]


def _words(path: Sequence[Chunk]) -> str:
    return " ".join(chunk.text for chunk in path)


def _span(text: PageText, row: Path) -> Span:
    return int(text.spans[row[0].first, 0]), max(int(text.spans[chunk.last - 1, 1]) for chunk in row)
