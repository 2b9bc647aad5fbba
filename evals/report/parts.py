"""Pieces of HTML that several sections use. Everything that comes from outside goes through `text`."""

from collections.abc import Mapping, Sequence
from html import escape

from pagelens.evals.runs.bootstrap import Interval
from pagelens.evals.runs.plan import SCOPE_DESCRIPTIONS


def text(value: object) -> str:
    """Return a value as text that HTML shows and does not read, control characters as blanks."""
    shown = "".join(char if char.isprintable() or char in "\n\t" else " " for char in str(value))
    return escape(shown, quote=True)


def percent(value: float) -> str:
    """Return a share as percent with one decimal."""
    return f"{100 * value:.1f}"


def reach(interval: Interval) -> str:
    """Return an interval's ends as percent."""
    return f"{percent(interval.low)} to {percent(interval.high)}"


def scope_words(scope: str) -> str:
    """Return a scope in words."""
    return text(SCOPE_DESCRIPTIONS.get(scope, scope))


def swatch(colour: int | None) -> str:
    """Return a small square of a colour; an empty one for None."""
    return f'<span class="swatch{"" if colour is None else f" c{colour}"}"></span>'


def legend(names: Sequence[str], colours: Mapping[str, int]) -> str:
    """Return which colour is which system."""
    spans = "".join(f"<span>{swatch(colours[name])}{text(name)}</span>" for name in names)
    return f'<div class="legend">{spans}</div>'


def panel(title: str, body: str) -> str:
    """Return a titled box."""
    return f'<div class="panel"><h3>{title}</h3>{body}</div>'


def section(anchor: str, title: str, lead: str, body: str) -> str:
    """Return a section; nothing where it has no body."""
    return f'<section id="{anchor}"><h2>{title}</h2><p class="lead">{lead}</p>{body}</section>' if body else ""
