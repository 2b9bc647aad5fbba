"""The answers of a report: their measures, the refusal curves, what they took. Shares are printed as percent."""

from collections.abc import Sequence

from pagelens.evals.measures.measure_names import parse_measure
from pagelens.evals.report.charts import Axis, Line, line_chart, percent_axis
from pagelens.evals.report.parts import panel, percent, reach, scope_words, text
from pagelens.evals.report.summary import AnswerCosts, Summary
from pagelens.evals.runs.bootstrap import Interval
from pagelens.evals.runs.scoring import Refusals


def answers_html(summary: Summary) -> str:
    """Return the measures of the answers, and the refusal curves."""
    if not summary.answers:
        return ""
    scopes = list(dict.fromkeys(answer.scope for answer in summary.answers))
    found = {(answer.scope, answer.measure): answer.interval for answer in summary.answers}
    rows = []
    for measure in dict.fromkeys(answer.measure for answer in summary.answers):
        cells = "".join(_answer_cell(found.get((scope, measure))) for scope in scopes)
        rows.append(
            f"<tr><td>{text(measure)}<small>{text(parse_measure(measure).description)}</small></td>{cells}</tr>"
        )
    heads = "".join(f"<th>{scope_words(scope)}</th>" for scope in scopes)
    table = (
        f'<div class="wide"><table><thead><tr><th></th>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
    refusals = "".join(map(_refusal_panel, summary.refusals))
    return f'{table}<div class="three">{refusals}</div>{_answering(summary.answer_costs)}'


def _answer_cell(interval: Interval | None) -> str:
    if interval is None:
        return "<td></td>"
    return f"<td>{percent(interval.mean)}<small>{reach(interval)}, n {interval.count}</small></td>"


def _refusal_panel(one: Refusals) -> str:
    points = [(point.lost, point.recall) for point in one.curve]
    chance = Line("by chance", [(0.0, 0.0), (1.0, 1.0)], 7)
    curve = Line("refused", points, 0, strong=True)
    shipped = [(one.shipped.lost, one.shipped.recall, "as shipped")] if one.shipped else []
    x = Axis(0, 1, [(step / 5, f"{20 * step}") for step in range(6)], "answerable questions refused, %")
    chart = line_chart(
        [chance, curve], x, percent_axis("rightly refused, %"), label=f"refusals, {one.against}", marks=shipped
    )
    precision = f" As shipped, {percent(one.shipped.precision)}% of the refusals are right." if one.shipped else ""
    said = f"{one.unanswerable} against {one.answerable} answerable: AUROC {one.auroc:.3f}.{precision}"
    return panel(f"Refusing {text(one.against)}", chart + f'<div class="legend">{said}</div>')


def _answering(figures: Sequence[AnswerCosts]) -> str:
    """Return what answering took: times always, the rest where a model was asked."""
    heads = ["what an answer took", "model", "answers", "none", "median s", "95% s", "calls", "pictures"]
    heads += ["tokens read", "written", "cost"]
    rows = [[scope_words(figure.scope), *map(text, cost_cells(figure))] for figure in figures]
    shown = [place for place in range(len(heads)) if any(row[place] for row in rows)]
    head = "".join(f"<th>{heads[place]}</th>" for place in shown)
    body = "".join(f"<tr>{''.join(f'<td>{row[place]}</td>' for place in shown)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def cost_cells(one: AnswerCosts) -> list[str]:
    """Return what answering took in a scope, as text; empty where there is nothing to say."""
    times = [f"{one.milliseconds[name] / 1e3:.2f}" if one.milliseconds else "" for name in ("p50", "p95")]
    counts = [f"{count:,}" if count else "" for count in (one.calls, one.pictures, one.input_tokens, one.output_tokens)]
    cost = f"{one.cost:.4f}" if one.cost is not None else ""
    return [one.model, str(one.answers), str(one.failed or ""), *times, *counts, cost]
