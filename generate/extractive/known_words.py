"""Whether a word of a question stands on a page: in any form, as a unit's sign, or as the parts of a compound."""

import re
from dataclasses import dataclass

from pagelens.generate.irregular_verbs import VERBS

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
MIN_PART = 4  # letters of a part of a compound
MIN_STEM, MAX_ENDING = 5, 3  # letters of a word, and of an ending that another form of it has
_UNIT_SIGNS = tuple(
    (re.compile(names), re.compile(rf"(?:\d[\s-]?|\(){sign}(?!\w)|{sign}\s?\d"))
    for names, sign in (
        (r"lit(?:re|er|ro)s?|литр\w*|リットル|升", "[lL]"),
        (r"kilomet(?:re|er|ro)s?", "km"),
        (r"met(?:re|er|ro)s?", "m"),
        (r"centimet(?:re|er|ro)s?|centímetros?", "cm"),
        (r"millimet(?:re|er|ro)s?|milímetros?", "mm"),
        (r"kilo(?:gram(?:m?e?)?)?s?", "kg"),
        (r"gram(?:m?e?)?s?", "g"),
        (r"minut(?:e|o|en|i)s?|минут\w*", "min"),
        (r"horse-?powers?|pferdestärken?|chevaux|caballos|cavalli", "(?:b?hp|HP|PS|CV|ch)"),
        (r"hours?|stunden?|heures?|horas?|or[ae]", "h"),
        (r"seconds?|sekunden?|secondes?|segundos?", "s"),
        (r"degrees?|celsius|grad|degrés?|grados?|graus?|gradi", "°[CF]?"),
        (r"percent(?:age)?|prozent|pourcentage|porcentaje", "%"),
        (r"dollars?|dólares", r"\$"),
        (r"rupees?", r"(?:Rs\.?|₹|INR)"),
        (r"euros?", "€"),
        (r"pounds?|pfund|livres|libras?", "£"),
        (r"watts?", "W"),
        (r"kilowatts?", "kW"),
    )
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a question: as it is written, and its terms."""

    text: str
    terms: frozenset[str]


class KnownWords:
    """The words of a page and of its document's title: whether a word stands there, in any form."""

    def __init__(self, text: str, terms: frozenset[str], *, has_compounds: bool) -> None:
        """Take the page's text with the title, and those of the question's terms that it has."""
        self._text = text
        self._terms = terms
        self._has_compounds = has_compounds
        self._known: frozenset[str] = frozenset()
        self._found: dict[Name, bool] = {}

    def __contains__(self, word: Name) -> bool:
        """Return whether it has a word in any form, as a unit's sign, or as the parts of a compound."""
        if word not in self._found:
            self._found[word] = bool(word.terms & self._terms) or self._find(word.text.casefold())
        return self._found[word]

    def _find(self, word: str) -> bool:
        if has_unit_sign(word, self._text):
            return True
        self._known = self._known or frozenset(map(str.casefold, _WORD.findall(self._text)))
        verb = VERBS.get(word, word)
        if any(VERBS.get(other) == verb for other in self._known) or (verb != word and verb in self._known):
            return True
        if len(word) < MIN_STEM:
            return False
        alike = [other for other in self._known if other.startswith(word[:MIN_STEM])]
        if any(_same_stem(word, other) for other in alike):
            return True
        return self._has_compounds and any(
            word[:cut] in self._known and any(other.startswith(word[cut:]) for other in self._known)
            for cut in range(MIN_PART, len(word) - MIN_PART + 1)
        )


def _same_stem(word: str, other: str) -> bool:
    """Return whether two words differ in their endings only."""
    differ = (at for at, (one, two) in enumerate(zip(word, other, strict=False)) if one != two)
    shared = next(differ, min(len(word), len(other)))
    return shared >= MIN_STEM and max(len(word), len(other)) - shared <= MAX_ENDING


def has_unit_sign(word: str, text: str) -> bool:
    """Return whether a text has the sign of the unit that a word in small letters names: "5 kg" for "kilograms"."""
    return any(sign.search(text) for names, sign in _UNIT_SIGNS if names.fullmatch(word))
