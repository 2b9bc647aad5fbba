"""Charts as SVG without scripts or external files. Every text in them is escaped.

Values from 0 to 1 are drawn as percent. Colours come from the report's style sheet as classes `c0`, `c1`, ...
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from markupsafe import escape as escape_markup

COLOURS = 8
WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 40


def escape(text: str) -> str:
    """Return a text escaped for HTML, with control characters as blanks."""
    return escape_markup("".join(char if char.isprintable() else " " for char in text))


@dataclass(frozen=True, slots=True)
class Line:
    """A named line through points; `colour` is the number of a colour class."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int = 0
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its range, its ticks with their labels, its title, and whether it is logarithmic."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str
    log: bool = False

    def place(self, value: float) -> float:
        """Return the position of a value on the axis, 0 to 1."""
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of dots: its label, a remark beside it, and (value, colour, name) for each dot."""

    text: str
    remark: str
    dots: Sequence[tuple[float, int, str]]


def percent_axis(title: str) -> Axis:
    """Return an axis from 0 to 100%."""
    return Axis(low=0, high=1, ticks=[(step / 5, f"{20 * step}") for step in range(6)], title=title)


def depth_axis(depths: Sequence[float], title: str) -> Axis:
    """Return a logarithmic axis of depths."""
    shown = [k for k in (1, 3, 5, 10, 20, 50, 100) if depths[0] <= k <= depths[-1]]
    return Axis(
        low=depths[0], high=max(depths[-1], depths[0] + 1), ticks=[(k, str(k)) for k in shown], title=title, log=True
    )


def line_chart(
    lines: Sequence[Line], x: Axis, y: Axis, *, label: str, marks: Sequence[tuple[float, float, str]] = ()
) -> Markup:
    """Return a line chart; `marks` are single points (x, y, label)."""
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return LEFT + inner_width * x.place(point[0]), TOP + inner_height * (1 - y.place(point[1]))

    parts = [_open(WIDTH, HEIGHT, label), *_grid(x, y)]
    for line in lines:
        places = [at(point) for point in line.points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        strong = " strong" if line.strong else ""
        parts.append(f'<polyline class="line c{line.colour % COLOURS}{strong}" points="{path}"/>')
        if len(places) <= 15:
            for (a, b), (value, share) in zip(places, line.points, strict=True):
                tip = f"{line.name}: {100 * share:.1f} at {value:g}"
                parts.append(_dot(a, b, line.colour, 3.2 if line.strong else 2.4, tip))
    for value, share, text in marks:
        a, b = at((value, share))
        parts.append(f'<circle class="mark" cx="{a:.1f}" cy="{b:.1f}" r="5"><title>{escape(text)}</title></circle>')
        anchor = "end" if a > WIDTH * 0.6 else "start"
        side = -9 if anchor == "end" else 9
        parts.append(
            f'<text class="label" x="{a + side:.1f}" y="{b + 4:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
        )
    return Markup("".join([*parts, "</svg>"]))  # every text in it is escaped


def dot_rows(rows: Sequence[Row], *, label: str, title: str) -> Markup:
    """Return a dot plot over one axis from 0 to 100%, with the rows' labels at the left."""
    left, step, top = 210, 26, 10
    height = top + step * len(rows) + 36
    width = WIDTH + 90
    span = width - left - 18
    parts = [_open(width, height, label)]
    bottom = top + step * len(rows)
    for tick in range(0, 101, 20):
        a = left + span * tick / 100
        parts.append(f'<line class="grid" x1="{a:.1f}" y1="{top}" x2="{a:.1f}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{a:.1f}" y="{bottom + 15}" text-anchor="middle">{tick}</text>')
    parts.append(
        f'<text class="title" x="{left + span / 2:.1f}" y="{height - 5}" text-anchor="middle">{escape(title)}</text>'
    )
    for index, row in enumerate(rows):
        b = top + step * (index + 0.5)
        text = row.text if len(row.text) <= 26 else row.text[:25] + "…"
        parts.append(f'<text class="name" x="{left - 48}" y="{b + 4:.1f}" text-anchor="end">{escape(text)}</text>')
        parts.append(
            f'<text class="tick" x="{left - 12}" y="{b + 4:.1f}" text-anchor="end">{escape(row.remark)}</text>'
        )
        values = [value for value, _, _ in row.dots]
        if values:
            low, high = (left + span * share for share in (min(values), max(values)))
            parts.append(f'<line class="reach" x1="{low:.1f}" y1="{b:.1f}" x2="{high:.1f}" y2="{b:.1f}"/>')
        for value, colour, name in row.dots:
            tip = f"{row.text}, {name}: {100 * value:.1f}"
            parts.append(_dot(left + span * value, b, colour, 5.2, tip))
    return Markup("".join([*parts, "</svg>"]))  # every text in it is escaped


def bars(rows: Sequence[tuple[str, float, float, int]], *, label: str, unit: str) -> Markup:
    """Return a bar chart of (name, value, whisker, colour): a bar to the value, then a line to the whisker."""
    left, step, top = 120, 26, 6
    height = top + step * len(rows) + 34
    span = WIDTH - left - 78
    maximum = max((max(value, whisker) for _, value, whisker, _ in rows), default=1.0) or 1.0
    parts = [_open(WIDTH, height, label)]
    for index, (name, value, whisker, colour) in enumerate(rows):
        b = top + step * index
        length, whisker_length = span * value / maximum, span * whisker / maximum
        tip = f"{name}: median {value:.0f} {unit}, 95% below {whisker:.0f} {unit}"
        middle = b + step / 2
        parts.append(f'<text class="name" x="{left - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect class="bar c{colour % COLOURS}" x="{left}" y="{b + 5}" width="{length:.1f}" height="{step - 10}"/>'
        )
        parts.append(
            f'<line class="whisker" x1="{left + length:.1f}" y1="{middle:.1f}" x2="{left + whisker_length:.1f}" '
            f'y2="{middle:.1f}"/>'
        )
        values = f"{value:.0f} / {whisker:.0f}"
        parts.append(
            f'<text class="tick" x="{left + whisker_length + 6:.1f}" y="{middle + 4:.1f}">{values}'
            f"<title>{escape(tip)}</title></text>"
        )
    parts.append(
        f'<text class="title" x="{left + span / 2:.1f}" y="{height - 8}" text-anchor="middle">'
        f"{escape(unit)} a search: median / 95th percentile</text>"
    )
    return Markup("".join([*parts, "</svg>"]))  # every text in it is escaped


def _open(width: float, height: float, label: str) -> str:
    return f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'


def _dot(x: float, y: float, colour: int, radius: float, tip: str) -> str:
    position = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius}"'
    return f'<circle class="dot c{colour % COLOURS}" {position}><title>{escape(tip)}</title></circle>'


def _grid(x: Axis, y: Axis) -> list[str]:
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    parts = []
    for value, text in y.ticks:
        b = TOP + inner_height * (1 - y.place(value))
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{b:.1f}" x2="{WIDTH - RIGHT}" y2="{b:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{b + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    for value, text in x.ticks:
        a = LEFT + inner_width * x.place(value)
        parts.append(f'<line class="grid" x1="{a:.1f}" y1="{TOP}" x2="{a:.1f}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(
            f'<text class="tick" x="{a:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{escape(text)}</text>'
        )
    middle = TOP + inner_height / 2
    parts.append(
        f'<text class="title" x="{LEFT + inner_width / 2:.1f}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{escape(x.title)}</text>"
    )
    turned = f'transform="rotate(-90 12 {middle:.1f})"'
    parts.append(f'<text class="title" x="12" y="{middle:.1f}" text-anchor="middle" {turned}>{escape(y.title)}</text>')
    return parts
