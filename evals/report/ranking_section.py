"""What the report shows of the rankings: tables of systems, recall by depth, latency, groups of questions.

Each function returns the data of a template, or None where there is nothing to show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pagelens.evals.measures.measure_names import Measure, parse_measure
from pagelens.evals.report.charts import Line, Row, bars, depth_axis, dot_rows, line_chart, percent_axis
from pagelens.evals.report.summary import Summary, SystemFigures
from pagelens.evals.runs.plan import SCOPE_DESCRIPTIONS

COLUMNS = tuple(parse_measure(name) for name in ("R@1", "R@3", "R@5", "R@10", "all@5", "MRR@10", "nDCG@5", "doc.R@1"))
GREY = 7  # the colour of systems that plots do not show
MAX_GROUPS = 14  # groups of a breakdown that are drawn
BREAKDOWNS = {
    "source": "What the evidence is",
    "doc_type": "Kind of document",
    "pages": "Pages that the answer takes",
    "answer": "Format of the answer",
    "query": "Kind of query",
}


@dataclass(frozen=True, slots=True)
class RankingTable:
    """The systems of a scope with their measures."""

    scope: str
    measures: Sequence[Measure]
    systems: Sequence[SystemFigures]

    def is_best(self, system: SystemFigures, measure: Measure) -> bool:
        """Return whether a system has the best value of a measure, unless more than half of the systems have it."""
        values = [other.measures[str(measure)].mean for other in self.systems]
        threshold = max(values) - 1e-9
        singled_out = 2 * sum(value > threshold for value in values) <= len(values)
        return singled_out and system.measures[str(measure)].mean > threshold


@dataclass(frozen=True, slots=True)
class Panel:
    """A titled chart; `legend` names the systems in it."""

    title: str
    chart: Markup
    legend: Sequence[str] = ()


def system_colours(systems: Sequence[str], main: str) -> dict[str, int]:
    """Return a colour for each system that plots show; the main system has the first one.

    There are fewer colours than systems may be: single lanes come before fusion variants, and those before pairs.
    """
    others = [name for name in dict.fromkeys(systems) if name != main]
    drawn = sorted(others, key=lambda name: ("+" in name, ":" in name))[: GREY - 1]
    return {main: 0} | {name: colour for colour, name in enumerate((name for name in others if name in drawn), start=1)}


def plots_note(summary: Summary, colours: Mapping[str, int]) -> str:
    """Return a sentence on systems that the plots leave out; '' where they show all."""
    count = len({system.system for system in summary.systems})
    return "" if count <= len(colours) else f" {len(colours)} of {count} systems are drawn; the tables hold all."


def table_data(summary: Summary, colours: Mapping[str, int]) -> Mapping[str, Any] | None:
    """Return a table of systems for each scope."""
    tables = [RankingTable(scope, COLUMNS, summary.systems_in(scope)) for scope in summary.scopes]
    return {"tables": tables, "colours": colours} if tables else None


def curve_data(summary: Summary, colours: Mapping[str, int]) -> Mapping[str, Any] | None:
    """Return recall by depth for each scope."""
    panels = []
    for scope in summary.scopes:
        drawn = [figures for figures in summary.systems_in(scope) if figures.system in colours]
        ordered = sorted(drawn, key=lambda figures: figures.system == summary.main)  # the main one last, on top
        lines = [
            Line(figures.system, figures.recall, colours[figures.system], figures.system == summary.main)
            for figures in ordered
        ]
        x, y = depth_axis([k for k, _ in lines[0].points], "k, pages looked at"), percent_axis("R@k, %")
        chart = line_chart(lines, x, y, label=f"recall by depth, {scope}")
        panels.append(Panel(SCOPE_DESCRIPTIONS.get(scope, scope), chart, [figures.system for figures in drawn]))
    return _panels(panels, colours)


def breakdown_data(summary: Summary, colours: Mapping[str, int]) -> Mapping[str, Any] | None:
    """Return R@5 on groups of questions, for each breakdown and scope."""
    panels = []
    for breakdown in dict.fromkeys(group.breakdown for group in summary.groups):
        for scope in summary.scopes:
            groups = [group for group in summary.groups if group.breakdown == breakdown and group.scope == scope]
            rows = []
            for value in list(dict.fromkeys(group.value for group in groups))[:MAX_GROUPS]:
                drawn = [group for group in groups if group.value == value and group.system in colours]
                drawn.sort(key=lambda group: -colours[group.system])
                dots = [(group.measures["R@5"], colours[group.system], group.system) for group in drawn]
                rows.append(Row(value, str(drawn[0].count), dots))
            chart = dot_rows(rows, label=f"R@5 by {breakdown}, {scope}", title="R@5, %")
            title = f"{BREAKDOWNS.get(breakdown, breakdown)}, {SCOPE_DESCRIPTIONS.get(scope, scope)}"
            panels.append(Panel(title, chart))
    names = [name for name in dict.fromkeys(figures.system for figures in summary.systems) if name in colours]
    return _panels(panels, colours, legend=names)


def latency_data(summary: Summary, colours: Mapping[str, int]) -> Mapping[str, Any] | None:
    """Return how long searches took in each scope."""
    panels = []
    for scope in summary.scopes:
        rows = [
            (
                figures.system,
                figures.milliseconds["p50"],
                figures.milliseconds["p95"],
                colours.get(figures.system, GREY),
            )
            for figures in summary.systems_in(scope)
            if figures.milliseconds
        ]
        if rows:
            chart = bars(rows, label=f"latency, {scope}", unit="ms")
            panels.append(Panel(SCOPE_DESCRIPTIONS.get(scope, scope), chart))
    return _panels(panels, colours)


def _panels(
    panels: Sequence[Panel], colours: Mapping[str, int], *, legend: Sequence[str] = ()
) -> Mapping[str, Any] | None:
    """Return the data of the template `panels.html`."""
    return {"panels": panels, "colours": colours, "legend": legend} if panels else None
