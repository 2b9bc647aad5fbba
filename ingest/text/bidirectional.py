"""The Unicode bidirectional algorithm (UAX #9), from what a line shows back to the order in which it is read.

Libraries return the displayed string of a text; here the way back is needed, and which character went where, for the
boxes. So the levels are computed here, without explicit embeddings, which no page shows. A line's characters in the
order displayed are taken for a text (reversed, where the line runs to the left), get their levels by the algorithm, and
runs of higher levels are reversed: ICU's inverse in the mode "like direct".
"""

import re
import unicodedata
from collections.abc import Sequence

OPENING = "([{\u2045\u207d\u208d\u2329\u27e6\u27e8\u27ea\u27ec\u27ee\u3008\u300a\u300c\u300e\u3010\uff08\uff3b\uff5b"
CLOSING = ")]}\u2046\u207e\u208e\u232a\u27e7\u27e9\u27eb\u27ed\u27ef\u3009\u300b\u300d\u300f\u3011\uff09\uff3d\uff5d"
_OTHER_OPENING, _OTHER_CLOSING = (
    "<\u00ab\u2039\u2264\u2266\u2282\u2286\u2208",
    ">\u00bb\u203a\u2265\u2267\u2283\u2287\u220b",
)
_MIRROR = str.maketrans(
    OPENING + CLOSING + _OTHER_OPENING + _OTHER_CLOSING, CLOSING + OPENING + _OTHER_CLOSING + _OTHER_OPENING
)
_MAX_BRACKETS = 63  # open at once; with more the algorithm pairs none (BD16)
_NUMBER_BESIDE_WORD = re.compile(
    r"(?P<number>[)\]]?\d[\d.,:/]*[(\[]?|[(\[]\d[\d.,:/]*[)\]])[ -](?P<word>[A-Za-z\u00c0-\u024f]+)"
)
_UNITS = frozenset(
    "KB MB GB TB kB g kg mg t m km cm mm l ml Hz kHz MHz GHz W kW MW V A C F USD EUR GBP ILS SAR".split()
)
_NEUTRAL = frozenset(("B", "S", "WS", "ON", "BN"))
_STRONG = {"L": "L", "R": "R", "AL": "R", "EN": "R", "AN": "R"}  # of types, for neutrals beside them (N1)


def mirrored(text: str) -> str:
    """Return the text with its brackets and other mirrored characters turned around."""
    return text.translate(_MIRROR)


def is_right_to_left(character: str) -> bool:
    """Tell whether a character is a letter of a script that runs from right to left."""
    return unicodedata.bidirectional(character) in ("R", "AL")


def logical_order(displayed: str, *, leftwards: bool) -> list[tuple[int, int]]:
    """Return the characters of a line in reading order, each as its position in `displayed` and its level.

    `displayed` holds the line's characters from left to right, `leftwards` is the direction of its paragraph.
    Characters of odd level are those in runs to the left, whose brackets are displayed mirrored. Where two texts would
    be displayed alike ("Server 2019 (64-bit)" in an Arabic line), brackets and numbers stay with a run beside them.
    """
    positions = list(range(len(displayed)))
    if leftwards:
        positions.reverse()
    text = _alternating("".join(displayed[at] for at in positions))
    levels = _levels(
        text, _types_for_display(text) if leftwards else _types(text), leftwards=leftwards, look_ahead=True
    )
    return _reordered(list(zip(positions, levels, strict=True)), 2 if leftwards else 1)


def _alternating(text: str) -> str:
    """Return the text with brackets of each kind opening and closing in turn.

    Which way they face is not known at first: files give a bracket in a run to the left as written or as displayed.
    """
    characters = list(text)
    is_open: dict[str, bool] = {}
    for at, character in enumerate(text):
        kind = character if character in OPENING else mirrored(character) if character in CLOSING else ""
        if kind:
            is_open[kind] = not is_open.get(kind, False)
            characters[at] = kind if is_open[kind] else mirrored(kind)
    return "".join(characters)


def embedding_levels(text: str, *, leftwards: bool) -> list[int]:
    """Return each character's level: odd in runs to the left, even in runs to the right."""
    return _levels(text, _types(text), leftwards=leftwards, look_ahead=False)


def _types(text: str) -> list[str]:
    return [unicodedata.bidirectional(character) or "L" for character in text]


def _types_for_display(text: str) -> list[str]:
    """Return the types of a line in the order displayed: a number after letters to the right runs on with them.

    "Windows 10" and "10 GB" in an Arabic line are displayed with the number to the right of the letters, both: here
    units decide.
    """
    types = _types(text)
    for number in _NUMBER_BESIDE_WORD.finditer(text):
        if number["word"][::-1] not in _UNITS and "L" in types[number.start("word") : number.end()]:
            for at in range(number.start("number"), number.end("number")):
                types[at] = "L"
    return types


def _levels(text: str, types: list[str], *, leftwards: bool, look_ahead: bool) -> list[int]:
    """Return the levels of characters of given types.

    `look_ahead` is not in the algorithm: what follows a pair of brackets counts as what precedes it does.
    """
    base = 1 if leftwards else 0
    original = list(types)
    edge = "R" if leftwards else "L"
    _resolve_weak(types, edge)
    _resolve_brackets(text, types, original, edge, look_ahead=look_ahead)
    _resolve_neutral(types, edge)
    levels = [_level(kind, base) for kind in types]
    for at in range(len(text) - 1, -1, -1):  # L1: blanks at the end of the line
        if original[at] not in ("WS", "S", "B", "BN"):
            break
        levels[at] = base
    return levels


def _level(kind: str, base: int) -> int:
    if base == 0:
        return {"L": 0, "R": 1}.get(kind, 2)
    return 1 if kind == "R" else 2


def _reordered(ordered: list[tuple[int, int]], lowest: int) -> list[tuple[int, int]]:
    """Reverse the runs of characters of each level, from the highest to the lowest (L2), in place."""
    for level in range(max((level for _, level in ordered), default=0), lowest - 1, -1):
        start = 0
        for at in range(len(ordered) + 1):
            if at == len(ordered) or ordered[at][1] < level:
                ordered[start:at] = ordered[start:at][::-1]
                start = at + 1
    return ordered


def _resolve_weak(types: list[str], edge: str) -> None:
    """Apply the rules W1 to W7 in place."""
    before = strong = edge
    for at, kind in enumerate(types):  # W1, W2
        if kind == "NSM":
            types[at] = before
        elif kind == "EN" and strong == "AL":
            types[at] = "AN"
        before = types[at]
        strong = kind if kind in ("L", "R", "AL") else strong
    for at in range(1, len(types) - 1):  # W4; AL becomes R (W3) where it matters, in `_STRONG` and below
        neighbours = types[at - 1], types[at + 1]
        if types[at] in ("ES", "CS") and neighbours == ("EN", "EN"):
            types[at] = "EN"
        elif types[at] == "CS" and neighbours == ("AN", "AN"):
            types[at] = "AN"
    _resolve_terminators(types)
    strong = edge
    for at, kind in enumerate(types):
        if kind in ("ES", "ET", "CS"):  # W6
            types[at] = "ON"
        elif kind == "AL":  # W3
            types[at] = strong = "R"
        elif kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":  # W7
            types[at] = "L"


def _resolve_terminators(types: list[str]) -> None:
    """Apply W5: terminators beside a European number belong to it ("50%")."""
    at = 0
    while at < len(types):
        end = at
        while end < len(types) and types[end] in ("ET", "BN"):
            end += 1
        if end > at and "EN" in (types[at - 1] if at else "", types[end] if end < len(types) else ""):
            types[at:end] = ["EN"] * (end - at)
        at = end + 1


def _resolve_brackets(text: str, types: list[str], original: Sequence[str], edge: str, *, look_ahead: bool) -> None:
    """Apply N0: both brackets of a pair get one direction, that of what they enclose or of what precedes them."""
    for first, last in sorted(_bracket_pairs(text, types)):
        inside = {_STRONG[kind] for kind in types[first + 1 : last] if kind in _STRONG}
        if edge in inside:
            direction = edge
        elif inside:
            before = next((_STRONG[kind] for kind in reversed(types[:first]) if kind in _STRONG), edge)
            after = next((_STRONG[kind] for kind in types[last + 1 :] if kind in _STRONG), edge)
            direction = before if before in inside else after if look_ahead and after in inside else edge
        else:
            continue
        for bracket in (first, last):
            types[bracket] = direction
            for at in range(bracket + 1, len(types)):
                if original[at] != "NSM":
                    break
                types[at] = direction


def _bracket_pairs(text: str, types: Sequence[str]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    waiting: list[tuple[str, int]] = []  # the closing brackets awaited, with the places of their opening ones
    for at, character in enumerate(text):
        if types[at] != "ON":
            continue
        if character in OPENING:
            if len(waiting) == _MAX_BRACKETS:
                return []
            waiting.append((CLOSING[OPENING.index(character)], at))
        elif character in CLOSING:
            for depth in range(len(waiting) - 1, -1, -1):
                if waiting[depth][0] == character:
                    pairs.append((waiting[depth][1], at))
                    del waiting[depth:]
                    break
    return pairs


def _resolve_neutral(types: list[str], edge: str) -> None:
    """Apply N1 and N2: neutrals between two of one direction take it, others that of the paragraph."""
    at = 0
    while at < len(types):
        end = at
        while end < len(types) and types[end] in _NEUTRAL:
            end += 1
        if end > at:
            before = _STRONG[types[at - 1]] if at else edge
            after = _STRONG[types[end]] if end < len(types) else edge
            types[at:end] = [before if before == after else edge] * (end - at)
        at = end + 1
