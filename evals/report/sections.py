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
    return {main: 0} | {
        name: place for place, name in enumerate((other for other in others if other in shown), start=1)
    }


def plots_lead(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return which systems the plots leave out, in words; nothing where they show all."""
    count = len({system.system for system in summary.systems})
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
    scopes = dict.fromkeys(system.scope for system in summary.systems)
    return "".join(_table(summary, scope, colours) for scope in scopes)


def _table(summary: Summary, scope: str, colours: Mapping[str, int]) -> str:
    systems = summary.systems_in(scope)
    best = {name: value for name in TABLE if (value := _best(systems, name)) is not None}
    heads = (
        "".join(f'<th title="{text(parse_measure(name).description)}">{name}</th>' for name in TABLE) + "<th>ms</th>"
    )
    rows = []
    for system in systems:
        cells = "".join(_cell(system, name, best.get(name)) for name in TABLE)
        mark = ' class="main"' if system.system == summary.main else ""
        name = f'{swatch(colours.get(system.system))}<span class="name">{text(system.system)}</span>'
        rows.append(f"<tr{mark}><td>{name}</td>{cells}<td>{system.milliseconds.get('p50', 0):.0f}</td></tr>")
    return (
        f'<div class="wide"><table class="lanes"><thead><tr><th>{scope_words(scope)}</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _best(systems: Sequence[SystemFigures], name: str) -> float | None:
    """Return the best value of a measure, None where most systems have it: then it singles out nothing."""
    values = [system.measures[name].mean for system in systems]
    best = max(values)
    return best if 2 * sum(value > best - 1e-9 for value in values) <= len(values) else None


def _cell(one: SystemFigures, name: str, best: float | None) -> str:
    interval = one.measures[name]
    mark = ' class="best"' if best is not None and interval.mean > best - 1e-9 else ""
    return f"<td{mark}>{percent(interval.mean)}<small>{reach(interval)}</small></td>"


def reverse(summary: Summary) -> str:
    """Return how well photos find their captions, where the set is captioned."""
    if not summary.caption_retrieval:
        return ""
    names = list(summary.caption_retrieval[0].hits)
    rows = []
    for one in summary.caption_retrieval:
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
    for scope in dict.fromkeys(system.scope for system in summary.systems):
        drawn = [one for one in summary.systems_in(scope) if one.system in colours]
        systems = sorted(drawn, key=lambda one: one.system == summary.main)  # the main one last, on top
        lines = [
            Line(system.system, system.recall, colours[system.system], system.system == summary.main)
            for system in systems
        ]
        depths = [k for k, _ in lines[0].points]
        chart = line_chart(
            lines, depth_axis(depths, "k, pages looked at"), percent_axis("R@k, %"), label=f"recall over depth, {scope}"
        )
        panels.append(panel(scope_words(scope), chart + legend([one.system for one in drawn], colours)))
    return f'<div class="two">{"".join(panels)}</div>'


def breakdowns(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return R@5 on groups of questions, for each breakdown and scope."""
    panels = []
    for breakdown in dict.fromkeys(group.breakdown for group in summary.groups):
        for scope in dict.fromkeys(system.scope for system in summary.systems):
            of_scope = [group for group in summary.groups if group.breakdown == breakdown and group.scope == scope]
            values = list(dict.fromkeys(one.value for one in of_scope))[:ROWS]
            rows = []
            for value in values:
                drawn = [one for one in of_scope if one.value == value and one.system in colours]
                parts = sorted(drawn, key=lambda one: -colours[one.system])
                dots = [(part.measures["R@5"], colours[part.system], part.system) for part in parts]
                rows.append(Row(value, str(parts[0].count), dots))
            chart = dot_rows(rows, label=f"R@5 by {breakdown}, {scope}", title="R@5, %")
            title = f"{text(BREAKDOWNS.get(breakdown, breakdown))}, {scope_words(scope)}"
            panels.append(panel(title, chart))
    names = [name for name in dict.fromkeys(system.system for system in summary.systems) if name in colours]
    return f'{legend(names, colours)}<div class="two">{"".join(panels)}</div>' if panels else ""


def latency(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return how long searches took in each scope."""
    parts = []
    for scope in dict.fromkeys(system.scope for system in summary.systems):
        rows = [
            (one.system, one.milliseconds["p50"], one.milliseconds["p95"], colours.get(one.system, GREY))
            for one in summary.systems_in(scope)
            if one.milliseconds
        ]
        if rows:
            parts.append(panel(scope_words(scope), bars(rows, label=f"latency, {scope}", unit="ms")))
    return f'<div class="two">{"".join(parts)}</div>' if parts else ""
