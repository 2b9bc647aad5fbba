"""Writes Office formulas (OMML, ECMA-376 part 1, 22.1) in a line: fractions as a/b, powers as x^2, roots as √(x)."""

from pagelens.ingest.readers.office.archive import Element

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MAX_DEPTH = 60


def linear_formula(element: Element, depth: int = 0) -> str:
    """Return a formula, or a part of one, in a line; what is not known is written as its parts one after the other."""
    if depth > _MAX_DEPTH or not isinstance(element.tag, str):
        return ""
    kind = element.tag.rpartition("}")[2]
    if kind == "t":
        return element.text or ""
    if kind.endswith("Pr"):
        return ""
    write = _WRITERS.get(kind)
    return write(element, depth + 1) if write else _children(element, depth + 1)


def _children(element: Element, depth: int) -> str:
    return "".join(linear_formula(child, depth) for child in element)


def _part(element: Element, name: str, depth: int) -> str:
    part = element.find(f"{M}{name}")
    return _children(part, depth) if part is not None else ""


def _property(element: Element, path: str, default: str) -> str:
    """Return the value of a property such as `naryPr/chr`."""
    found = element.find("/".join(f"{M}{name}" for name in path.split("/")))
    return default if found is None else found.get(f"{M}val", "")


def grouped(text: str) -> str:
    """Return a part in brackets unless it is one number or one letter."""
    is_single = len(text) == 1 or text.replace(".", "", 1).isdigit() or (text[:1], text[-1:]) == ("(", ")")
    return text if is_single or not text else f"({text})"


def _fraction(element: Element, depth: int) -> str:
    numerator, denominator = _part(element, "num", depth), _part(element, "den", depth)
    if _property(element, "fPr/type", "bar") == "noBar":
        return f"({numerator} over {denominator})"
    return f"{grouped(numerator)}/{grouped(denominator)}"


def _root(element: Element, depth: int) -> str:
    degree, radicand = _part(element, "deg", depth), _part(element, "e", depth)
    return f"√({radicand})" if not degree else f"√[{degree}]({radicand})"


def _script(element: Element, depth: int) -> str:
    below, above = _part(element, "sub", depth), _part(element, "sup", depth)
    return _grouped_base(_part(element, "e", depth)) + _scripts(below, above)


def _grouped_base(text: str) -> str:
    return text if text.isalnum() or not text else grouped(text)


def _scripts(below: str, above: str) -> str:
    return (f"_{grouped(below)}" if below else "") + (f"^{grouped(above)}" if above else "")


def _before_scripts(element: Element, depth: int) -> str:
    below, above = _part(element, "sub", depth), _part(element, "sup", depth)
    return _scripts(below, above) + _part(element, "e", depth)


def _operator(element: Element, depth: int) -> str:
    sign = _property(element, "naryPr/chr", "∫")
    return f"{sign}{_scripts(_part(element, 'sub', depth), _part(element, 'sup', depth))} {_part(element, 'e', depth)}"


def _delimited(element: Element, depth: int) -> str:
    opening, closing = _property(element, "dPr/begChr", "("), _property(element, "dPr/endChr", ")")
    separator = _property(element, "dPr/sepChr", "|")
    parts = [_children(part, depth) for part in element.findall(f"{M}e")]
    return f"{opening}{separator.join(parts)}{closing}"


def _function(element: Element, depth: int) -> str:
    name, argument = _part(element, "fName", depth), _part(element, "e", depth)
    return f"{name} {argument}" if name[-1:].isalnum() and argument[:1].isalnum() else name + argument


def _limit_below(element: Element, depth: int) -> str:
    return f"{_part(element, 'e', depth)}_{grouped(_part(element, 'lim', depth))}"


def _limit_above(element: Element, depth: int) -> str:
    return f"{_part(element, 'e', depth)}^{grouped(_part(element, 'lim', depth))}"


def _accented(element: Element, depth: int) -> str:
    return _part(element, "e", depth) + _property(element, "accPr/chr", "\u0302")


def _matrix(element: Element, depth: int) -> str:
    rows = ["; ".join(_children(cell, depth) for cell in row.findall(f"{M}e")) for row in element.findall(f"{M}mr")]
    return f"[{' | '.join(rows)}]"


def _lines(element: Element, depth: int) -> str:
    return "; ".join(_children(line, depth) for line in element.findall(f"{M}e"))


def _formulas(element: Element, depth: int) -> str:
    return "; ".join(_children(formula, depth) for formula in element.findall(f"{M}oMath"))


_WRITERS = {
    "oMathPara": _formulas,
    "f": _fraction,
    "rad": _root,
    "sSup": _script,
    "sSub": _script,
    "sSubSup": _script,
    "sPre": _before_scripts,
    "nary": _operator,
    "d": _delimited,
    "func": _function,
    "limLow": _limit_below,
    "limUpp": _limit_above,
    "acc": _accented,
    "m": _matrix,
    "eqArr": _lines,
}
