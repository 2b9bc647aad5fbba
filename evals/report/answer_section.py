"""What the report shows of the answers: their measures, the refusal curves, and what answering took."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pagelens.evals.measures.measure_names import parse_measure
from pagelens.evals.report.charts import Axis, Line, line_chart, percent_axis
from pagelens.evals.report.summary import AnswerCosts, Summary
from pagelens.evals.runs.plan import SCOPE_DESCRIPTIONS
from pagelens.evals.runs.scoring import Refusals

COST_HEADERS = (
    "what an answer took",
    "model",
    "answers",
    "none",
    "median s",
    "95% s",
    "calls",
    "pictures",
    "tokens read",
    "written",
    "cost",
)


def answer_data(summary: Summary) -> Mapping[str, Any] | None:
    """Return the data of the template `answers.html`; None where nothing was answered."""
    if not summary.answers:
        return None
    scopes = list(dict.fromkeys(answer.scope for answer in summary.answers))
    intervals = {(answer.scope, answer.measure): answer.interval for answer in summary.answers}
    names = dict.fromkeys(answer.measure for answer in summary.answers)
    return {
        "scopes": scopes,
        "rows": [(parse_measure(name), [intervals.get((scope, name)) for scope in scopes]) for name in names],
        "refusals": [(refusals, _refusal_chart(refusals)) for refusals in summary.refusals],
        "costs": _cost_table(summary.answer_costs),
    }


def _refusal_chart(refusals: Refusals) -> Markup:
    curve = Line("refused", [(point.lost, point.recall) for point in refusals.curve], 0, strong=True)
    chance = Line("by chance", [(0.0, 0.0), (1.0, 1.0)], 7)
    shipped = [(refusals.shipped.lost, refusals.shipped.recall, "as shipped")] if refusals.shipped else []
    ticks = [(step / 5, f"{20 * step}") for step in range(6)]
    x = Axis(low=0, high=1, ticks=ticks, title="answerable questions refused, %")
    y = percent_axis("rightly refused, %")
    return line_chart([chance, curve], x, y, label=f"refusals, {refusals.against}", marks=shipped)


def _cost_table(costs: Sequence[AnswerCosts]) -> Mapping[str, Any]:
    """Return headers and rows; columns that are empty in every row are left out."""
    rows = [[SCOPE_DESCRIPTIONS[row.scope], *cost_cells(row)] for row in costs]
    filled = [column for column in range(len(COST_HEADERS)) if any(row[column] for row in rows)]
    return {
        "headers": [COST_HEADERS[column] for column in filled],
        "rows": [[row[column] for column in filled] for row in rows],
    }


def cost_cells(costs: AnswerCosts) -> list[str]:
    """Return what answering took in a scope as text, in the order of `COST_HEADERS` after the first; '' if unknown."""
    times = [f"{costs.milliseconds[name] / 1e3:.2f}" if costs.milliseconds else "" for name in ("p50", "p95")]
    counts = (costs.calls, costs.pictures, costs.input_tokens, costs.output_tokens)
    cost = f"{costs.cost:.4f}" if costs.cost is not None else ""
    return [
        costs.model,
        str(costs.answers),
        str(costs.failed or ""),
        *times,
        *(f"{count:,}" if count else "" for count in counts),
        cost,
    ]
