"""Takes text that is struck out, and so no longer valid, out of Word, PowerPoint and OpenDocument files.

Struck out is what the file draws a line through: by a run's own properties, or by its character or paragraph style.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from pagelens.ingest.readers.office.archive import Element
from pagelens.ingest.readers.office.tracked_changes import W

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_STYLE, _TEXT = f"{{{_OASIS}:style:1.0}}", f"{{{_OASIS}:text:1.0}}"
_MARKS = ("strike", "dstrike")  # of Word: one line, two lines
_WORD_TEXT = tuple(f"{W}{name}" for name in ("t", "sym", "noBreakHyphen", "softHyphen"))
_THROUGH = tuple(f"{_STYLE}text-line-through-{part}" for part in ("style", "type"))

StruckTexts = dict[Element, list[str]]
"""What was taken out, by the paragraph that it stood in."""


def take_out_of_word(root: Element, styles: Element | None) -> StruckTexts:
    """Take struck-out text out of a part of a Word file in place. `styles` is the part with its styles."""
    known = {style.get(f"{W}styleId"): style for style in styles.iter(f"{W}style")} if styles is not None else {}
    taken: StruckTexts = defaultdict(list)
    for run in root.iter(f"{W}r"):
        if any(_is_on(run, mark, known) for mark in _MARKS):
            text = _emptied(run)
            paragraph = next(run.iterancestors(f"{W}p"), None)
            if text.strip() and paragraph is not None:
                taken[paragraph].append(text)
    return taken


def _emptied(run: Element) -> str:
    """Remove the text of a run, and return it."""
    text = ""
    for child in list(run):
        if child.tag in _WORD_TEXT:
            text += child.text or ""
            run.remove(child)
    return text


def _is_on(run: Element, mark: str, styles: Mapping[str | None, Element]) -> bool:
    """Tell whether a mark holds for a run: its own, else where one of its two styles has it (ECMA-376, 17.7.3)."""
    own = _stated(run.find(f"{W}rPr/{W}{mark}"))
    if own is not None:
        return own
    paragraph = next(run.iterancestors(f"{W}p"), None)
    names = (
        run.find(f"{W}rPr/{W}rStyle"),
        paragraph.find(f"{W}pPr/{W}pStyle") if paragraph is not None else None,
    )
    return sum(_is_on_in_style(name.get(f"{W}val"), mark, styles) for name in names if name is not None) == 1


def _is_on_in_style(name: str | None, mark: str, styles: Mapping[str | None, Element]) -> bool:
    seen: set[str | None] = set()
    while name in styles and name not in seen:
        seen.add(name)
        stated = _stated(styles[name].find(f"{W}rPr/{W}{mark}"))
        if stated is not None:
            return stated
        base = styles[name].find(f"{W}basedOn")
        name = base.get(f"{W}val") if base is not None else None
    return False


def _stated(mark: Element | None) -> bool | None:
    return None if mark is None else mark.get(f"{W}val") not in ("0", "false", "off")


def take_out_of_slide(root: Element) -> list[str]:
    """Take struck-out text out of a slide in place; return it."""
    taken: list[str] = []
    for run in root.iter(f"{_A}r"):
        properties, text = run.find(f"{_A}rPr"), run.find(f"{_A}t")
        if properties is not None and text is not None and properties.get("strike", "noStrike") != "noStrike":
            taken.append(text.text or "")
            text.text = ""
    return [text for text in taken if text.strip()]


def take_out_of_opendocument(
    root: Element, styles: Sequence[Element], paragraphs: tuple[str, ...], left_alone: tuple[str, ...]
) -> StruckTexts:
    """Take struck-out text out of a part of an OpenDocument file in place.

    `styles` are the parts that hold styles, `paragraphs` the tags of paragraphs; elements of `left_alone` within them,
    such as comments, are texts of their own.
    """
    known = {style.get(f"{_STYLE}name"): style for part in styles for style in part.iter(f"{_STYLE}style")}
    if not any(
        style.get(name) for part in styles for style in part.iter(f"{_STYLE}text-properties") for name in _THROUGH
    ):
        return {}
    taken: StruckTexts = defaultdict(list)
    for paragraph in root.iter(*paragraphs):
        for owner, is_tail in _struck_places(paragraph, known, left_alone, is_struck=False):
            text = (owner.tail if is_tail else owner.text) or ""
            if is_tail:
                owner.tail = ""
            else:
                owner.text = ""
            if text.strip():
                taken[paragraph].append(text)
    return taken


def _struck_places(
    element: Element, styles: Mapping[str | None, Element], left_alone: tuple[str, ...], *, is_struck: bool
) -> Iterator[tuple[Element, bool]]:
    """Yield the elements whose own text, or (True) the text after them, is struck out."""
    is_struck = _line_through(element.get(f"{_TEXT}style-name"), styles, otherwise=is_struck)
    if is_struck and element.text:
        yield element, False
    for child in element:
        if isinstance(child.tag, str) and child.tag not in left_alone:
            yield from _struck_places(child, styles, left_alone, is_struck=is_struck)
        if is_struck and child.tail:
            yield child, True


def _line_through(name: str | None, styles: Mapping[str | None, Element], *, otherwise: bool) -> bool:
    """Tell whether a style or one that it is based on draws a line through the text."""
    seen: set[str | None] = set()
    while name in styles and name not in seen:
        seen.add(name)
        for properties in styles[name].findall(f"{_STYLE}text-properties"):
            stated = [value for value in map(properties.get, _THROUGH) if value is not None]
            if stated:
                return any(value != "none" for value in stated)
        name = styles[name].get(f"{_STYLE}parent-style-name")
    return otherwise
