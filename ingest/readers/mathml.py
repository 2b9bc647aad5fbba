"""Writes MathML formulas of web pages in a line, as those of Office files are: a/b, x^2, x_1, √(x)."""

from lxml import etree

from pagelens.ingest.readers.office.archive import Element
from pagelens.ingest.readers.office.formulas import grouped

_MAX_DEPTH = 60
_LEFT_OUT = ("annotation", "annotation-xml", "mphantom", "none", "mprescripts")
_BRACES = "\u23de\u23df\ufe37\ufe38\u23b4\u23b5"  # drawn above or below a part, no text of their own
_AFTER = {"msub": "", "munder": " ", "msubsup": "", "munderover": " "}  # a sum with its limits has a blank after it
# Beside these signs a formula has no blank, which is all that a page shows of them.
_INVISIBLE = str.maketrans("", "", "\u2061\u2062\u2063\u2064")


def linear_mathml(source: str) -> str:
    """Return a formula in a line, without elements marked `hidden`; what is not known is written as its parts one after
    the other."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(source.encode(), parser)
    return " ".join(_linear(root, 0).translate(_INVISIBLE).split()) if root is not None else ""


def _linear(element: Element, depth: int) -> str:
    if depth > _MAX_DEPTH or not isinstance(element.tag, str) or element.tag in _LEFT_OUT or "hidden" in element.attrib:
        return ""
    parts = [_linear(child, depth + 1) for child in element]
    match element.tag, parts:
        case "semantics", [shown, *_]:
            return shown
        case "mfrac", [above, below]:
            return f"{grouped(above)}/{grouped(below)}"
        case "msqrt", _:
            return f"√({''.join(parts)})"
        case "mroot", [radicand, degree]:
            return f"√[{degree}]({radicand})"
        case "msup", [base, above]:
            return _with_scripts(base, "", above)
        case "msub" | "munder", [base, below]:
            return _with_scripts(base, below, "") + _AFTER[element.tag]
        case "msubsup" | "munderover", [base, below, above]:
            return _with_scripts(base, below, above) + _AFTER[element.tag]
        case "mover", [base, above]:
            return base + above if len(above) == 1 and not above.isalnum() else _with_scripts(base, "", above)
        case "mtable", _:
            return f"[{' | '.join(parts)}]"
        case "mtr", _:
            return "; ".join(parts)
    return f"{(element.text or '').strip()}{''.join(parts)}"


def _with_scripts(base: str, below: str, above: str) -> str:
    scripts = "".join(
        f"{mark}{grouped(script)}" for mark, script in (("_", below), ("^", above)) if script.strip(_BRACES)
    )
    return (base if base.isalnum() else grouped(base)) + scripts
