"""The figures of rankings as tables and plots, a function for each section. Shares are printed as percent."""

from collections.abc import Mapping, Sequence

from evals.measures.names import parse_measure
from evals.report.charts import Line, Row, bars, depth_axis, dot_rows, line_chart, percent_axis
from evals.report.parts import legend, panel, percent, reach, scope_words, swatch, text
from evals.report.summary import Summary, SystemFigures
from evals.systems import FUSED

TABLE = ("R@1", "R@3", "R@5", "R@10", "all@5", "MRR@10", "nDCG@5", "doc.R@1")
ROWS = 14  # groups of a breakdown that are drawn
BREAKDOWNS = {
    "source": "What the evidence is",
    "doc_type": "Kind of document",
    "pages": "Pages that the answer takes",
    "answer": "Form of the answer",
    "asked": "Asked with",
}


def system_colours(systems: Sequence[str], main: str) -> dict[str, int]:
    """Return a colour for each system, the first one for the system as shipped."""
    others = [name for name in dict.fromkeys(systems) if name != main]
    return {main: 0} | {name: place for place, name in enumerate(others, start=1)}


def lanes_lead(summary: Summary) -> str:
    """Return what the tables of lanes show, in words."""
    shipped = ", the system as shipped" if summary.main == FUSED else ""
    return (
        f"Percent over {summary.with_evidence} questions with evidence; below each figure where it lies with 95% "
        f"confidence. Coloured: {text(summary.main)}{shipped}. Bold: the best of a column."
    )


def tables(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return a table of systems for each scope."""
    scopes = dict.fromkeys(one.scope for one in summary.systems)
    return "".join(_table(summary, scope, colours) for scope in scopes)


def _table(summary: Summary, scope: str, colours: Mapping[str, int]) -> str:
    systems = summary.of(scope)
    best = {name: max(one.measures[name].mean for one in systems) for name in TABLE}
    heads = "".join(f'<th title="{text(parse_measure(name).says)}">{name}</th>' for name in TABLE)
    rows = []
    for one in systems:
        cells = "".join(_cell(one, name, best[name], len(systems)) for name in TABLE)
        mark = ' class="main"' if one.system == summary.main else ""
        rows.append(
            f"<tr{mark}><td>{swatch(colours[one.system])}{text(one.system)}</td>{cells}"
            f"<td>{one.milliseconds.get('p50', 0):.0f}</td></tr>"
        )
    return (
        f'<div class="wide"><table><thead><tr><th>{scope_words(scope)}</th>{heads}<th>ms</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(one: SystemFigures, name: str, best: float, rivals: int) -> str:
    interval = one.measures[name]
    mark = ' class="best"' if rivals > 1 and interval.mean > best - 1e-9 else ""
    return f"<td{mark}>{percent(interval.mean)}<small>{reach(interval)}</small></td>"


def reverse(summary: Summary) -> str:
    """Return how well photos find their captions, where the set is captioned."""
    if not summary.reverse:
        return ""
    names = list(summary.reverse[0].hits)
    rows = []
    for one in summary.reverse:
        cells = "".join(
            f"<td>{percent(one.hits[name].mean)}<small>{reach(one.hits[name])}</small></td>" for name in names
        )
        rows.append(f"<tr><td>{text(one.lane)}</td>{cells}</tr>")
    heads = "".join(f"<th>{text(name)}</th>" for name in names)
    head = f"<thead><tr><th>lane</th>{heads}</tr></thead>"
    return f'<div class="wide"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


def curves(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return recall over depth for each scope."""
    panels = []
    for scope in dict.fromkeys(one.scope for one in summary.systems):
        systems = sorted(summary.of(scope), key=lambda one: one.system == summary.main)  # drawn last, on top
        lines = [Line(one.system, one.recall, colours[one.system], one.system == summary.main) for one in systems]
        depths = [k for k, _ in lines[0].points]
        chart = line_chart(
            lines, depth_axis(depths, "k, pages looked at"), percent_axis("R@k, %"), label=f"recall over depth, {scope}"
        )
        panels.append(
            panel(scope_words(scope), chart + legend([one.system for one in summary.of(scope)], dict(colours)))
        )
    return f'<div class="two">{"".join(panels)}</div>'


def breakdowns(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return R@5 on groups of questions, for each breakdown and scope."""
    panels = []
    for breakdown in dict.fromkeys(one.breakdown for one in summary.groups):
        for scope in dict.fromkeys(one.scope for one in summary.systems):
            of_scope = [one for one in summary.groups if one.breakdown == breakdown and one.scope == scope]
            values = list(dict.fromkeys(one.value for one in of_scope))[:ROWS]
            rows = []
            for value in values:
                parts = sorted((one for one in of_scope if one.value == value), key=lambda one: -colours[one.system])
                dots = [(one.measures["R@5"], colours[one.system], one.system) for one in parts]
                rows.append(Row(value, str(parts[0].count), dots))
            chart = dot_rows(rows, label=f"R@5 by {breakdown}, {scope}", title="R@5, %")
            title = f"{text(BREAKDOWNS.get(breakdown, breakdown))}, {scope_words(scope)}"
            names = list(dict.fromkeys(one.system for one in summary.systems))
            panels.append(panel(title, chart + legend(names, dict(colours))))
    return f'<div class="two">{"".join(panels)}</div>' if panels else ""


def latency(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return how long searches took in each scope."""
    parts = []
    for scope in dict.fromkeys(one.scope for one in summary.systems):
        rows = [
            (one.system, one.milliseconds["p50"], one.milliseconds["p95"], colours[one.system])
            for one in summary.of(scope)
            if one.milliseconds
        ]
        if rows:
            parts.append(panel(scope_words(scope), bars(rows, label=f"latency, {scope}", unit="ms")))
    return f'<div class="two">{"".join(parts)}</div>' if parts else ""
