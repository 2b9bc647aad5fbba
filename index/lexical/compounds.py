"""Forms of words written together and apart: e-mail is email, O'Neill is ONeill, Ph.D. is PhD, Müller is Mueller.

Each spelling, and its form:

    e-mail, follow-up, on-line      email, followup, online
    O'Neill, D'Arcy                 oneill, darcy
    Ph.D., e.g.                     phd, eg
    words with zero-width joiners   without them (Persian)
    Müller, in German               mueller
"""

import re
from collections.abc import Iterator

_HYPHENATED = re.compile(
    r"(?<![^\W_])(?<!-)[^\W\d_]{1,12}(?:[-\u2010\u2011][^\W\d_]{2,12}){1,2}(?![^\W_]|[-\u2010\u2011])"
)
_NAME = re.compile(r"(?<![^\W_])[A-Z]'[A-Z][^\W\d_]+")
_ABBREVIATION = re.compile(r"(?<![^\W_])(?<!\.)[A-Za-z]{1,2}(?:\.[A-Za-z]){1,3}(?![^\W_])")
_COMPOUND = re.compile("(?<![^\\W_])[^\\W_]++(?:\u200c[^\\W_]++)+")
_JOINT = re.compile("[-'.\u200c\u2010\u2011]")
_PATTERNS = tuple(  # with what stands in every word that they match
    (pattern, re.compile(joint))
    for pattern, joint in (
        (_HYPHENATED, "[-\u2010\u2011]"),
        (_NAME, "'"),
        (_ABBREVIATION, r"\."),
        (_COMPOUND, "\u200c"),
    )
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def compound_words(text: str) -> Iterator[tuple[str, str]]:
    """Yield words that are written in parts: as one word in small letters, and as they stand in the text."""
    tokens = [token for token in text.split() if not token.isalpha()]  # no pattern has a blank
    for pattern, joint in _PATTERNS:
        for token in tokens:
            if joint.search(token):
                for match in pattern.finditer(token):
                    yield _JOINT.sub("", match.group()).lower(), match.group()


def without_umlauts(word: str) -> str:
    """Return a German word in small letters with ae, oe and ue; itself if it has no umlaut."""
    return word.translate(_UMLAUTS)
