"""The figures of rankings as tables and plots, a function for each section. Shares are printed as percent."""

from collections.abc import Mapping, Sequence

from pagelens.evals.measures.measure_names import parse_measure
from pagelens.evals.report.charts import Line, Row, bars, depth_axis, dot_rows, line_chart, percent_axis
from pagelens.evals.report.parts import legend, panel, percent, reach, scope_words, swatch, text
from pagelens.evals.report.summary import Summary, SystemFigures
from pagelens.evals.runs.systems import FUSED

TABLE = ("R@1", "R@3", "R@5", "R@10", "all@5", "MRR@10", "nDCG@5", "doc.R@1")
GREY = 7  # the colour of what plots do not show
ROWS = 14  # groups of a breakdown that are drawn
BREAKDOWNS = {
    "source": "What the evidence is",
    "doc_type": "Kind of document",
    "pages": "Pages that the answer takes",
    "answer": "Form of the answer",
    "asked": "Asked with",
}


def system_colours(systems: Sequence[str], main: str) -> dict[str, int]:
    """Return a colour for each system that plots show, the first one for the system as shipped.

    A plot of more lines than colours says nothing: single lanes go before ways of fusing, and those before pairs.
    """
    others = [name for name in dict.fromkeys(systems) if name != main]
    shown = sorted(others, key=lambda name: ("+" in name, ":" in name))[: GREY - 1]
    return {main: 0} | {name: place for place, name in enumerate((one for one in others if one in shown), start=1)}


def plots_lead(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return which systems the plots leave out, in words; nothing where they show all."""
    count = len({one.system for one in summary.systems})
    return "" if count <= len(colours) else f" {len(colours)} of {count} systems are drawn; the tables hold all."


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
    best = {name: value for name in TABLE if (value := _best(systems, name)) is not None}
    heads = "".join(f'<th title="{text(parse_measure(name).says)}">{name}</th>' for name in TABLE) + "<th>ms</th>"
    rows = []
    for one in systems:
        cells = "".join(_cell(one, name, best.get(name)) for name in TABLE)
        mark = ' class="main"' if one.system == summary.main else ""
        name = f'{swatch(colours.get(one.system))}<span class="name">{text(one.system)}</span>'
        rows.append(f"<tr{mark}><td>{name}</td>{cells}<td>{one.milliseconds.get('p50', 0):.0f}</td></tr>")
    return (
        f'<div class="wide"><table class="lanes"><thead><tr><th>{scope_words(scope)}</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _best(systems: Sequence[SystemFigures], name: str) -> float | None:
    """Return the best value of a measure, None where most systems have it: then it singles out nothing."""
    values = [one.measures[name].mean for one in systems]
    best = max(values)
    return best if 2 * sum(value > best - 1e-9 for value in values) <= len(values) else None


def _cell(one: SystemFigures, name: str, best: float | None) -> str:
    interval = one.measures[name]
    mark = ' class="best"' if best is not None and interval.mean > best - 1e-9 else ""
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
        drawn = [one for one in summary.of(scope) if one.system in colours]
        systems = sorted(drawn, key=lambda one: one.system == summary.main)  # the main one last, on top
        lines = [Line(one.system, one.recall, colours[one.system], one.system == summary.main) for one in systems]
        depths = [k for k, _ in lines[0].points]
        chart = line_chart(
            lines, depth_axis(depths, "k, pages looked at"), percent_axis("R@k, %"), label=f"recall over depth, {scope}"
        )
        panels.append(panel(scope_words(scope), chart + legend([one.system for one in drawn], colours)))
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
                drawn = [one for one in of_scope if one.value == value and one.system in colours]
                parts = sorted(drawn, key=lambda one: -colours[one.system])
                dots = [(one.measures["R@5"], colours[one.system], one.system) for one in parts]
                rows.append(Row(value, str(parts[0].count), dots))
            chart = dot_rows(rows, label=f"R@5 by {breakdown}, {scope}", title="R@5, %")
            title = f"{text(BREAKDOWNS.get(breakdown, breakdown))}, {scope_words(scope)}"
            panels.append(panel(title, chart))
    names = [name for name in dict.fromkeys(one.system for one in summary.systems) if name in colours]
    return f'{legend(names, colours)}<div class="two">{"".join(panels)}</div>' if panels else ""


def latency(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return how long searches took in each scope."""
    parts = []
    for scope in dict.fromkeys(one.scope for one in summary.systems):
        rows = [
            (one.system, one.milliseconds["p50"], one.milliseconds["p95"], colours.get(one.system, GREY))
            for one in summary.of(scope)
            if one.milliseconds
        ]
        if rows:
            parts.append(panel(scope_words(scope), bars(rows, label=f"latency, {scope}", unit="ms")))
    return f'<div class="two">{"".join(parts)}</div>' if parts else ""
