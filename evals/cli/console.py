"""Terminal output of `pagelens eval`: progress, tables and verdicts."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from pagelens.api.cli import terminal
from pagelens.api.engine.file_names import printable
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.report.summary import Summary
from pagelens.evals.runs.bootstrap import Interval
from pagelens.evals.runs.comparison import Comparison
from pagelens.evals.runs.plan import SCOPE_DESCRIPTIONS
from pagelens.evals.runs.runner import OnStep
from pagelens.evals.runs.scoring import HEADLINE

CHANGES = 10  # questions listed
ANSWERS = ("answered", "refused", "cite.first", "supported", "contains", "judge")  # measures that are printed

VERDICTS = {"B is better": "green", "B is worse": "red"}


@contextmanager
def progress() -> Iterator[OnStep]:
    """Show a progress bar; without a terminal, print a line for every tenth of the work."""
    if not terminal.err.is_terminal:
        yield _log_tenths()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal.err, transient=True) as bar:
        task = bar.add_task("", total=None)

        def step(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total)

        yield step


def _log_tenths() -> OnStep:
    last = -1

    def step(name: str, done: int, total: int) -> None:
        nonlocal last
        tenth = 10 * done // max(1, total)
        if tenth != last:
            last = tenth
            terminal.err.print(f"{10 * tenth:3}%  {done}/{total}, {name}", markup=False)

    return step


def print_dataset(data: DataSet) -> None:
    """Print the size of a data set in one line."""
    pages = sum(len(data.relevant(question.qid)) for question in data.questions)
    terminal.out.print(
        f"{printable(data.name)}: {len(data.documents)} documents, {len(data.questions)} questions, "
        f"{len(data.with_evidence)} with evidence on {pages} pages, "
        f"{sum(not question.answerable for question in data.questions)} without an answer",
        markup=False,
        soft_wrap=True,
    )


def print_notices(data: DataSet) -> None:
    """Print what the import of a data set left out, to the error output."""
    for notice in data.notices:
        terminal.err.print(f"note: {printable(notice)}", markup=False, soft_wrap=True)


def print_summary(summary: Summary, *, intervals: bool = False) -> None:
    """Print the ablation table of each scope, with `intervals` in brackets, then the measures of the answers."""
    names = [str(measure) for measure in HEADLINE]
    for scope in dict.fromkeys(figures.scope for figures in summary.systems):
        table = _table(SCOPE_DESCRIPTIONS.get(scope, scope), ["", *names, "ms"])
        for figures in summary.systems_in(scope):
            cells = [_percent(figures.measures[name], bounds=intervals) for name in names]
            style = "bold" if figures.system == summary.main else ""
            table.add_row(Text(figures.system), *cells, f"{figures.milliseconds.get('p50', 0):.0f}", style=style)
        terminal.out.print(table)
    note = f"percent over {summary.with_evidence} questions with evidence"
    note += "; in brackets 95% intervals over documents" if intervals else ""
    terminal.out.print(Text(note, style="dim"))
    _print_answers(summary)
    for retrieval in summary.caption_retrieval:
        hits = ", ".join(f"{name} {100 * hit.mean:.1f}" for name, hit in retrieval.hits.items())
        terminal.out.print(Text(f"photos to captions by {retrieval.lane}: {hits}"))
    for costs in summary.answer_costs:
        if costs.failed:
            note = f"{costs.failed} of {costs.answers} questions got no answer {SCOPE_DESCRIPTIONS[costs.scope]}"
            terminal.out.print(Text(f"{note}: run again to ask them again", style="yellow"))
    for refusals in summary.refusals:
        terminal.out.print(Text(f"refusing {refusals.against}: AUROC {refusals.auroc:.3f}"))


def _percent(interval: Interval, *, bounds: bool) -> str:
    text = f"{100 * interval.mean:.1f}"
    return f"{text} ({100 * interval.low:.0f}-{100 * interval.high:.0f})" if bounds else text


def _print_answers(summary: Summary) -> None:
    """Print the main measures of the answers in each scope."""
    scopes = list(dict.fromkeys(answer.scope for answer in summary.answers))
    intervals = {
        (answer.measure, answer.scope): answer.interval for answer in summary.answers if answer.measure in ANSWERS
    }
    measures = list(dict.fromkeys(measure for measure, _ in intervals))
    if not measures:
        return
    table = _table("answers", ["", *measures])
    for scope in scopes:
        cells = [intervals.get((measure, scope)) for measure in measures]
        table.add_row(Text(SCOPE_DESCRIPTIONS[scope]), *(f"{100 * cell.mean:.1f}" if cell else "" for cell in cells))
    terminal.out.print(table)


def print_comparison(comparison: Comparison) -> None:
    """Print the differences with their intervals, the gates, and the questions that changed, worst first."""
    table = _table(f"A: {comparison.a}   B: {comparison.b}", ["", "A", "B", "B - A", "95%", "better", "worse", ""])
    for difference in comparison.differences:
        low, high = 100 * difference.interval.low, 100 * difference.interval.high
        verdict = Text(
            difference.verdict if difference.interval.excludes_zero else "-",
            style=VERDICTS.get(difference.verdict, "dim"),
        )
        table.add_row(
            Text(f"{difference.scope} {difference.measure}"),
            f"{100 * difference.a:.1f}",
            f"{100 * difference.b:.1f}",
            f"{100 * difference.interval.mean:+.1f}",
            f"{low:+.1f} to {high:+.1f}",
            str(difference.better),
            str(difference.worse),
            verdict,
        )
    terminal.out.print(table)
    resampled = "documents" if comparison.by_document else "questions"
    left_out = f", {comparison.left_out} left out" if comparison.left_out else ""
    terminal.out.print(
        Text(f"percent; {comparison.questions} questions{left_out}; paired bootstrap over {resampled}", style="dim")
    )
    _print_changes(comparison)
    for gate in comparison.gates:
        outcome, style = ("passed", "green") if gate.held else ("FAILED", "bold red")
        terminal.out.print(
            Text(f"{outcome}  {gate.gate}   ({gate.scope}: A {gate.a:.4f}, B {gate.b:.4f})", style=style)
        )


def _print_changes(comparison: Comparison) -> None:
    difference = next((difference for difference in comparison.differences if difference.changes), None)
    if difference is None:
        terminal.out.print("No question changed.")
        return
    shown = difference.changes[:CHANGES]
    table = _table(
        f"changed on {difference.scope} {difference.measure}, worst first",
        ["", "A", "B", "rank A", "rank B", "question"],
    )
    for change in shown:
        text = printable(change.question.title)
        ranks = (str(change.rank_a or "-"), str(change.rank_b or "-"))
        table.add_row(Text(change.question.qid), f"{change.a:.2f}", f"{change.b:.2f}", *ranks, Text(text))
    terminal.out.print(table)
    if len(difference.changes) > len(shown):
        terminal.out.print(
            Text(f"and {len(difference.changes) - len(shown)} more; --markdown writes them", style="dim")
        )


def _table(title: str, headers: list[str]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, header_style="dim", pad_edge=False)
    for column, header in enumerate(headers):
        is_text = column == 0 or header in ("question", "")
        table.add_column(header, justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold")
    return table
