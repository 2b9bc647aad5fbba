"""Draws what each depth of a search costs beside the quality that it buys, as an SVG without scripts or fonts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 420, 260  # of a panel, pixels
LEFT, TOP, RIGHT, BOTTOM = 52, 34, 18, 44  # around its plot
COLOURS = ("#666666", "#1f77b4", "#17a2b8", "#d9534f", "#b8651b")
LINE_HEIGHT = 16


@dataclass(frozen=True, slots=True)
class Point:
    """A depth: CPU-ms of a search, median and 95th percentile, and its two measures, 0 to 1."""

    name: str
    half: float
    most: float
    ndcg: float
    two_part: float


def draw(path: Path, points: Sequence[Point]) -> None:
    """Write the picture: a panel for each measure; a dot is the median cost, its line goes to the 95th percentile."""
    panels = [
        _panel("nDCG@5, all questions, %", points, lambda point: 100 * point.ndcg, 0),
        _panel("all@5, questions of two parts, %", points, lambda point: 100 * point.two_part, WIDTH),
    ]
    legend = "".join(
        f'<rect x="{LEFT}" y="{HEIGHT + LINE_HEIGHT * row}" width="10" height="10" fill="{colour}"/>'
        f'<text x="{LEFT + 16}" y="{HEIGHT + LINE_HEIGHT * row + 9}">{escape(point.name)}: {point.half:.0f} CPU-ms, '
        f"95th percentile {point.most:.0f}; nDCG@5 {100 * point.ndcg:.1f}, all@5 {100 * point.two_part:.1f}</text>"
        for row, (point, colour) in enumerate(zip(points, COLOURS, strict=False))
    )
    height = HEIGHT + LINE_HEIGHT * len(points) + 8
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {height}" width="{2 * WIDTH}" '
        f'height="{height}" font-family="sans-serif" font-size="12" fill="#222222">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(panels)}{legend}</svg>\n',
        "utf-8",
    )


def _panel(title: str, points: Sequence[Point], measure: Callable[[Point], float], left: int) -> str:
    """Return the panel of one measure over CPU-ms, with round ends of both axes."""
    last = 50 * (int(max(point.most for point in points) // 50) + 1)
    values = [measure(point) for point in points]
    low, high = 5 * int(min(values) // 5), 5 * (int(max(values) // 5) + 1)

    def x(milliseconds: float) -> float:
        return left + LEFT + (WIDTH - LEFT - RIGHT) * milliseconds / last

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    parts = [f'<text x="{left + LEFT}" y="20" font-weight="bold">{escape(title)}</text>']
    parts += [
        f'<line x1="{x(0):.0f}" x2="{x(last):.0f}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#dddddd"/>'
        f'<text x="{x(0) - 8:.0f}" y="{y(value) + 4:.1f}" text-anchor="end">{value}</text>'
        for value in range(low, high + 1, 5)
    ]
    parts += [
        f'<text x="{x(milliseconds):.0f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{milliseconds}</text>'
        for milliseconds in range(0, last + 1, max(50, last // 5 // 50 * 50))
    ]
    parts.append(
        f'<text x="{x(last / 2):.0f}" y="{HEIGHT - 10}" text-anchor="middle">CPU-ms of a search: dot median, line to '
        "the 95th percentile</text>"
    )
    for point, colour in zip(points, COLOURS, strict=False):
        at = y(measure(point))
        parts.append(
            f'<line x1="{x(point.half):.1f}" x2="{x(point.most):.1f}" y1="{at:.1f}" y2="{at:.1f}" stroke="{colour}" '
            f'stroke-width="2"/><circle cx="{x(point.half):.1f}" cy="{at:.1f}" r="5" fill="{colour}"/>'
        )
    return "".join(parts)
