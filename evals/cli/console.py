"""What people see in a terminal while a run goes on, and after: progress, tables, verdicts. Decides nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from pagelens.api.cli import terminal
from pagelens.api.engine.file_names import printable
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.report.summary import Summary
from pagelens.evals.runs.comparison import Comparison
from pagelens.evals.runs.plan import SAYS
from pagelens.evals.runs.runner import OnStep
from pagelens.evals.runs.scoring import HEADLINE

CHANGES = 10  # questions listed
ANSWERS = ("answered", "refused", "cite.first", "verified", "contains", "judge")  # measures that are printed

VERDICTS = {"B is better": "green", "B is worse": "red"}


@contextmanager
def progress() -> Iterator[OnStep]:
    """Show how far a run is; one line now and then where there is no terminal."""
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
    """Say in a line what is in a data set."""
    pages = sum(len(data.relevant(one.qid)) for one in data.questions)
    terminal.out.print(
        f"{printable(data.name)}: {len(data.documents)} documents, {len(data.questions)} questions, "
        f"{len(data.with_evidence)} with evidence on {pages} pages, "
        f"{sum(not one.answerable for one in data.questions)} without an answer",
        markup=False,
        soft_wrap=True,
    )


def print_summary(summary: Summary) -> None:
    """Print the ablation table of each scope, then what became of the answers."""
    names = [str(measure) for measure in HEADLINE]
    for scope in dict.fromkeys(one.scope for one in summary.systems):
        table = _table(SAYS.get(scope, scope), ["", *names, "ms"])
        for one in summary.of(scope):
            cells = [f"{100 * one.measures[name].mean:.1f}" for name in names]
            style = "bold" if one.system == summary.main else ""
            table.add_row(Text(one.system), *cells, f"{one.milliseconds.get('p50', 0):.0f}", style=style)
        terminal.out.print(table)
    said = f"percent over {summary.with_evidence} questions with evidence"
    terminal.out.print(Text(said, style="dim"))
    _print_answers(summary)
    for back in summary.reverse:
        hits = ", ".join(f"{name} {100 * hit.mean:.1f}" for name, hit in back.hits.items())
        terminal.out.print(Text(f"photos to captions by {back.lane}: {hits}"))
    for taken in summary.answering:
        if taken.failed:
            said = f"{taken.failed} of {taken.answers} questions got no answer {SAYS[taken.scope]}"
            terminal.out.print(Text(f"{said}: run again to ask them again", style="yellow"))
    for found in summary.refusals:
        terminal.out.print(Text(f"refusing {found.against}: AUROC {found.auroc:.3f}"))


def _print_answers(summary: Summary) -> None:
    """Print how good the answers are in each scope."""
    scopes = list(dict.fromkeys(one.scope for one in summary.answers))
    found = {(one.measure, one.scope): one.interval for one in summary.answers if one.measure in ANSWERS}
    measures = list(dict.fromkeys(measure for measure, _ in found))
    if not measures:
        return
    table = _table("answers", ["", *measures])
    for scope in scopes:
        cells = [found.get((measure, scope)) for measure in measures]
        table.add_row(Text(SAYS[scope]), *(f"{100 * one.mean:.1f}" if one else "" for one in cells))
    terminal.out.print(table)


def print_comparison(found: Comparison) -> None:
    """Print the differences with their intervals, the gates, and the questions that changed, worst first."""
    table = _table(f"A: {found.a}   B: {found.b}", ["", "A", "B", "B - A", "95%", "better", "worse", ""])
    for one in found.differences:
        low, high = 100 * one.interval.low, 100 * one.interval.high
        verdict = Text(one.verdict if one.interval.excludes_zero else "-", style=VERDICTS.get(one.verdict, "dim"))
        table.add_row(
            Text(f"{one.scope} {one.measure}"),
            f"{100 * one.a:.1f}",
            f"{100 * one.b:.1f}",
            f"{100 * one.interval.mean:+.1f}",
            f"{low:+.1f} to {high:+.1f}",
            str(one.better),
            str(one.worse),
            verdict,
        )
    terminal.out.print(table)
    resampled = "documents" if found.by_document else "questions"
    left = f", {found.left_out} left out" if found.left_out else ""
    terminal.out.print(
        Text(f"percent; {found.questions} questions{left}; paired bootstrap over {resampled}", style="dim")
    )
    _print_changes(found)
    for gate in found.gates:
        said, style = ("passed", "green") if gate.held else ("FAILED", "bold red")
        terminal.out.print(Text(f"{said}  {gate.gate}   ({gate.scope}: A {gate.a:.4f}, B {gate.b:.4f})", style=style))


def _print_changes(found: Comparison) -> None:
    one = next((one for one in found.differences if one.changes), None)
    if one is None:
        terminal.out.print("No question changed.")
        return
    shown = one.changes[:CHANGES]
    table = _table(f"changed on {one.scope} {one.measure}, worst first", ["", "A", "B", "rank A", "rank B", "question"])
    for change in shown:
        text = printable(change.question.title)
        ranks = (str(change.rank_a or "-"), str(change.rank_b or "-"))
        table.add_row(Text(change.question.qid), f"{change.a:.2f}", f"{change.b:.2f}", *ranks, Text(text))
    terminal.out.print(table)
    if len(one.changes) > len(shown):
        terminal.out.print(Text(f"and {len(one.changes) - len(shown)} more; --markdown writes them", style="dim"))


def _table(title: str, heads: list[str]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, header_style="dim", pad_edge=False)
    for place, head in enumerate(heads):
        words = place == 0 or head in ("question", "")
        table.add_column(head, justify="left" if words else "right", no_wrap=not words, overflow="fold")
    return table
