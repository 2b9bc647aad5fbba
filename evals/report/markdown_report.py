"""The tables of a run, and of a comparison, as Markdown: for logs and pull requests."""

from collections.abc import Iterable, Sequence

from pagelens.evals.report.answer_section import cost_cells
from pagelens.evals.report.summary import Summary
from pagelens.evals.runs.comparison import Change, Comparison
from pagelens.evals.runs.plan import SCOPE_DESCRIPTIONS
from pagelens.evals.runs.pointing_scores import POINTING_COLUMNS, PointingFigures
from pagelens.evals.runs.scoring import HEADLINE

MAX_CHANGES = 20  # questions listed
MAX_TITLE_LENGTH = 90  # characters of a question


def markdown_report(summary: Summary) -> str:
    """Return a run's tables."""
    lines = [f"# {_cell(summary.dataset)}", ""]
    lines += [
        f"{summary.questions} questions, {summary.with_evidence} with evidence, {summary.unanswerable} unanswerable; "
        f"percent, 95% intervals over documents; fingerprint `{summary.fingerprint[:16]}`.",
    ]
    names = [str(measure) for measure in HEADLINE]
    for scope in dict.fromkeys(system.scope for system in summary.systems):
        lines += ["", f"## {_scope(scope)}", "", *_table(["system", *names, "ms"])]
        for figures in summary.systems_in(scope):
            cells = [
                f"{100 * interval.mean:.1f} ({100 * interval.low:.1f} to {100 * interval.high:.1f})"
                for interval in (figures.measures[name] for name in names)
            ]
            lines.append(_row([figures.system, *cells, f"{figures.milliseconds.get('p50', 0):.0f}"]))
    lines += _answers(summary)
    for retrieval in summary.caption_retrieval:
        hits = ", ".join(f"{name} {100 * hit.mean:.1f}" for name, hit in retrieval.hits.items())
        lines.append(f"- {retrieval.photos} photos to {retrieval.captions} captions by {retrieval.lane}: {hits}")
    for refusal in summary.refusals:
        lines.append(
            f"- refusing {refusal.against}: AUROC {refusal.auroc:.3f} "
            f"({refusal.unanswerable} against {refusal.answerable})"
        )
    lines += [f"- {name}: rankings of {file}, not searched by PageLens" for name, file in summary.imported.items()]
    lines += pointing_table(summary.pointing)
    return "\n".join(lines) + "\n"


def pointing_table(figures: Sequence[PointingFigures]) -> list[str]:
    """Return the lines of the table of where evidence and citations point; none if there are no gold boxes."""
    if not figures:
        return []
    lines = ["", "## Where evidence and citations point", ""]
    lines += _table(["scope", "system", "evidence is", "n", *POINTING_COLUMNS.values()])
    for row in figures:
        intervals = [getattr(row, name) for name in POINTING_COLUMNS]
        cells = [f"{100 * it.mean:.1f} ({100 * it.low:.0f} to {100 * it.high:.0f})" for it in intervals]
        lines.append(_row([_scope(row.scope), row.system, row.source, str(row.page_right.count), *cells]))
    return lines


def markdown_comparison(comparison: Comparison) -> str:
    """Return a comparison's table, gates, and the questions that changed, worst first."""
    left_out = f"; {comparison.left_out} left out" if comparison.left_out else ""
    lines = [
        f"# {_cell(comparison.b)} against {_cell(comparison.a)}",
        "",
        f"{comparison.questions} questions{left_out}; percent.",
        "",
    ]
    lines += _table(["scope", "measure", "A", "B", "B - A (95%)", "better", "worse", "verdict"])
    for difference in comparison.differences:
        interval = difference.interval
        change = f"{100 * interval.mean:+.1f} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"
        values = [
            f"{100 * difference.a:.1f}",
            f"{100 * difference.b:.1f}",
            change,
            str(difference.better),
            str(difference.worse),
            difference.verdict,
        ]
        lines.append(_row([difference.scope, str(difference.measure), *values]))
    lines += [
        "",
        *(
            f"- {'passed' if gate.held else 'FAILED'}: {gate.gate} ({gate.scope}: A {gate.a:.4f}, B {gate.b:.4f})"
            for gate in comparison.gates
        ),
    ]
    for difference in comparison.differences:
        lines += _changes(f"{difference.measure} {_scope(difference.scope)}", difference.changes)
    return "\n".join(lines) + "\n"


def _answers(summary: Summary) -> Iterable[str]:
    if not summary.answers:
        return
    scopes = list(dict.fromkeys(answer.scope for answer in summary.answers))
    intervals = {(answer.scope, answer.measure): answer.interval for answer in summary.answers}
    yield from ["", "## Answers", "", *_table(["measure", *map(_scope, scopes)])]
    for measure in dict.fromkeys(answer.measure for answer in summary.answers):
        cells = [intervals.get((scope, measure)) for scope in scopes]
        yield _row([measure, *(f"{100 * cell.mean:.1f} (n {cell.count})" if cell else "" for cell in cells)])
    yield from [
        "",
        *_table(["", "model", "answers", "none", "s", "95% s", "calls", "pictures", "read", "written", "cost"]),
    ]
    for costs in summary.answer_costs:
        yield _row([_scope(costs.scope), *cost_cells(costs)])
    yield ""


def _changes(title: str, changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    lines = ["", f"## Changed: {title}", "", *_table(["question", "A", "B", "rank A", "rank B", ""])]
    worst = changes[: MAX_CHANGES // 2]
    best = [change for change in reversed(changes) if change not in worst][: MAX_CHANGES // 2]
    for change in [*worst, *reversed(best)]:
        title = change.question.title
        text = title if len(title) <= MAX_TITLE_LENGTH else title[: MAX_TITLE_LENGTH - 1] + "…"
        values = [f"{change.a:.2f}", f"{change.b:.2f}", str(change.rank_a or "-"), str(change.rank_b or "-")]
        lines.append(_row([change.question.qid, *values, text]))
    return lines


def _table(headers: Sequence[str]) -> list[str]:
    return [_row(headers), "|" + "---|" * len(headers)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    """Return a text as a cell of a Markdown table: without pipes, line breaks and tags."""
    return " ".join(str(value).replace("|", "\\|").replace("<", "&lt;").split())


def _scope(scope: str) -> str:
    return SCOPE_DESCRIPTIONS.get(scope, scope)
