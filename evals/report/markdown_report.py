"""The tables of a run, and of a comparison, as Markdown: for logs and pull requests."""

from collections.abc import Iterable, Sequence

from pagelens.evals.report.answer_section import cost_cells
from pagelens.evals.report.summary import Summary
from pagelens.evals.runs.comparison import Change, Comparison
from pagelens.evals.runs.plan import SCOPE_DESCRIPTIONS
from pagelens.evals.runs.scoring import HEADLINE

CHANGES = 20  # questions listed
LETTERS = 90  # of a question


def markdown_report(summary: Summary) -> str:
    """Return a run's tables."""
    lines = [f"# {_cell(summary.dataset)}", ""]
    lines += [
        f"{summary.questions} questions, {summary.with_evidence} with evidence, {summary.unanswerable} unanswerable; "
        f"percent, 95% intervals; fingerprint `{summary.fingerprint[:16]}`.",
    ]
    names = [str(measure) for measure in HEADLINE]
    for scope in dict.fromkeys(system.scope for system in summary.systems):
        lines += ["", f"## {_scope(scope)}", "", *_table(["system", *names, "ms"])]
        for one in summary.systems_in(scope):
            cells = [
                f"{100 * found.mean:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"
                for found in (one.measures[name] for name in names)
            ]
            lines.append(_row([one.system, *cells, f"{one.milliseconds.get('p50', 0):.0f}"]))
    lines += _answers(summary)
    for back in summary.caption_retrieval:
        hits = ", ".join(f"{name} {100 * hit.mean:.1f}" for name, hit in back.hits.items())
        lines.append(f"- {back.photos} photos to {back.captions} captions by {back.lane}: {hits}")
    for found in summary.refusals:
        lines.append(
            f"- refusing {found.against}: AUROC {found.auroc:.3f} ({found.unanswerable} against {found.answerable})"
        )
    return "\n".join(lines) + "\n"


def markdown_comparison(found: Comparison) -> str:
    """Return a comparison's table, gates, and the questions that changed, worst first."""
    left = f"; {found.left_out} left out" if found.left_out else ""
    lines = [f"# {_cell(found.b)} against {_cell(found.a)}", "", f"{found.questions} questions{left}; percent.", ""]
    lines += _table(["scope", "measure", "A", "B", "B - A (95%)", "better", "worse", "verdict"])
    for difference in found.differences:
        reach = f"{100 * difference.interval.mean:+.1f} ({100 * difference.interval.low:+.1f} to {100 * difference.interval.high:+.1f})"
        values = [
            f"{100 * difference.a:.1f}",
            f"{100 * difference.b:.1f}",
            reach,
            str(difference.better),
            str(difference.worse),
            difference.verdict,
        ]
        lines.append(_row([difference.scope, str(difference.measure), *values]))
    lines += [
        "",
        *(
            f"- {'passed' if gate.held else 'FAILED'}: {gate.gate} ({gate.scope}: A {gate.a:.4f}, B {gate.b:.4f})"
            for gate in found.gates
        ),
    ]
    for difference in found.differences:
        lines += _changes(f"{difference.measure} {_scope(difference.scope)}", difference.changes)
    return "\n".join(lines) + "\n"


def _answers(summary: Summary) -> Iterable[str]:
    if not summary.answers:
        return
    scopes = list(dict.fromkeys(answer.scope for answer in summary.answers))
    found = {(answer.scope, answer.measure): answer.interval for answer in summary.answers}
    yield from ["", "## Answers", "", *_table(["measure", *map(_scope, scopes)])]
    for measure in dict.fromkeys(answer.measure for answer in summary.answers):
        cells = [found.get((scope, measure)) for scope in scopes]
        yield _row([measure, *(f"{100 * cell.mean:.1f} (n {cell.count})" if cell else "" for cell in cells)])
    yield from [
        "",
        *_table(["", "model", "answers", "none", "s", "95% s", "calls", "pictures", "read", "written", "cost"]),
    ]
    for taken in summary.answer_costs:
        yield _row([_scope(taken.scope), *cost_cells(taken)])
    yield ""


def _changes(title: str, changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    lines = ["", f"## Changed: {title}", "", *_table(["question", "A", "B", "rank A", "rank B", ""])]
    worst = changes[: CHANGES // 2]
    best = [one for one in reversed(changes) if one not in worst][: CHANGES // 2]
    for one in [*worst, *reversed(best)]:
        title = one.question.title
        text = title if len(title) <= LETTERS else title[: LETTERS - 1] + "…"
        values = [f"{one.a:.2f}", f"{one.b:.2f}", str(one.rank_a or "-"), str(one.rank_b or "-")]
        lines.append(_row([one.question.qid, *values, text]))
    return lines


def _table(heads: Sequence[str]) -> list[str]:
    return [_row(heads), "|" + "---|" * len(heads)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    """Return a text that stays in its cell: no pipe, no line break, no tag."""
    return " ".join(str(value).replace("|", "\\|").replace("<", "&lt;").split())


def _scope(scope: str) -> str:
    return SCOPE_DESCRIPTIONS.get(scope, scope)
