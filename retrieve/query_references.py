"""Hearing what a question names: pages ("on page 12", "slides 3-5", "the last page") and documents.

A page number may mean the printed label or the position in the file: the label is believed first, as readers mean it.
Parsing is pure; which pages and documents exist is the caller's to say.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from pagelens.core.protocols import Analyzer
from pagelens.index.catalog.reads import DocumentRow

LONGEST_RANGE = 100  # "pages 3 to 5000" is a remark, not a request
NAME_TERMS = 3  # at least so many terms of a document's name must stand in the question: two name a topic as often
NAME_SHARE = 0.6  # and at least this share of all its terms

_CARDINALS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_NUMBER_WORDS = {word: number for number, word in enumerate(_CARDINALS, 1)}
_ORDINAL_WORDS = {word: number for number, word in enumerate(_ORDINALS, 1)}

_NUMBER = rf"(?:\d{{1,4}}|[ivxl]{{1,7}}|{'|'.join(sorted(_CARDINALS, key=len, reverse=True))})"
_RANGE = r"-|–|—|\bto\b|\bthrough\b"
_LINK = rf"(?:\s*(?:{_RANGE}|,\s*and|,|&|\band\b)\s*(?:pages?\s+|slides?\s+)?{_NUMBER}\b)"
# "page 12", "pp. 3-5", "slides 2, 4 and 7"; not "web page 2", not "page 3.5 %"
_NAMED = re.compile(
    rf"(?<!\bweb )(?<!\bhome )\b(?:pages?|pp?\.|pgs?\.?|slides?)\s*(?:no\.?\s*|numbers?\s+|\#\s*)?"
    rf"({_NUMBER}\b{_LINK}*)(?!\w|\s*%|[.,]\d)",
    re.IGNORECASE,
)
_ITEM = re.compile(rf"{_NUMBER}\b|{_RANGE}|,|&|\band\b", re.IGNORECASE)
# "the third page", "last two slides"; not "the first page of the appendix"
_ORDINAL = re.compile(
    rf"\b({'|'.join(_ORDINALS)}|\d{{1,3}}(?:st|nd|rd|th)|last|final)(?:\s+({'|'.join(_CARDINALS[:10])}|\d{{1,2}}))?"
    r"\s+(?:page|slide)s?\b(?!\s+of\s+(?:the\s+)?(?:section|chapter|appendix|part)\b)",
    re.IGNORECASE,
)
_BEFORE_LAST = re.compile(
    r"\b(second|third)[\s-]+to[\s-]+last\s+(?:page|slide)\b|\bpenultimate\s+(?:page|slide)\b", re.IGNORECASE
)
_BACK = re.compile(r"\bback\s+(?:cover|page)\b", re.IGNORECASE)
# "the cover page"; not "the front page of the New York Times"
_COVER = re.compile(
    r"(?:\b(?:on|of|in|from)\s+(?:the\s+|its\s+)?cover\b|\bfront\s+cover\b|\b(?:cover|title|front)\s+(?:page|slide)\b)"
    r"(?!\s+of\s+(?:the\s+)?(?-i:[A-Z]))",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")  # "AnnualReport2019"


@dataclass(frozen=True, slots=True)
class PagesNamed:
    """Pages a question names: `printed` labels (or else positions), and `positions` (negative: from the end)."""

    printed: Sequence[str] = ()
    positions: Sequence[int] = ()

    def __bool__(self) -> bool:
        return bool(self.printed or self.positions)

    def numbers(self, page_count: int) -> list[int]:
        """Return the positions meant in a document of `page_count` pages, where no label says otherwise."""
        from_end = [page_count + 1 + position if position < 0 else position for position in self.positions]
        wanted = [int(label) for label in self.printed if label.isdecimal()] + from_end
        return [number for number in dict.fromkeys(wanted) if 1 <= number <= page_count]


def hear_pages(question: str) -> PagesNamed:
    """Return the pages that a question names."""
    printed = [label for found in _NAMED.finditer(question) for label in _expand(found[1])]
    positions = [-3 if (found[1] or "").lower() == "third" else -2 for found in _BEFORE_LAST.finditer(question)]
    if not positions:
        positions = [number for found in _ORDINAL.finditer(question) for number in _ordinals(found[1], found[2])]
    if _BACK.search(question):
        positions.append(-1)
    elif _COVER.search(question):
        positions.append(1)
    return PagesNamed(tuple(dict.fromkeys(printed)), tuple(dict.fromkeys(positions)))


def _expand(listed: str) -> list[str]:
    """Turn "3, 5 to 7 and ix" into labels."""
    labels: list[str] = []
    previous, ranging = 0, False
    for item in _ITEM.findall(listed):
        word = item.lower()
        if re.fullmatch(_RANGE, word):
            ranging = True
            continue
        if word in (",", "&", "and"):
            continue
        number = _NUMBER_WORDS.get(word) or (int(word) if word.isdecimal() else 0)
        if ranging and 0 < previous < number <= previous + LONGEST_RANGE:
            labels.extend(str(between) for between in range(previous + 1, number + 1))
        elif item == "I" and not labels:
            return []  # "the page I saw"
        else:
            labels.append(str(number) if number else word)
        previous, ranging = number, False
    return labels


def _ordinals(word: str, count: str | None) -> list[int]:
    """Turn ("last", "two") into [-1, -2], ("first", "3") into [1, 2, 3], ("third", None) into [3]."""
    many = 1 if count is None else _NUMBER_WORDS.get(count.lower()) or int(count)
    if word.lower() in ("last", "final"):
        return [-number for number in range(1, many + 1)]
    number = _ORDINAL_WORDS.get(word.lower()) or int(word[:-2])
    return list(range(number, number + many)) if word.lower() == "first" else [number]


@dataclass(slots=True)
class DocumentNames:
    """The names of a collection's documents, by the terms in them."""

    sizes: Mapping[int, Sequence[int]] = field(default_factory=dict)  # document -> terms in each of its names
    holders: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)  # term -> (document, name)
    files: Mapping[str, int] = field(default_factory=dict)  # file name, lower case -> document

    @classmethod
    def of(cls, rows: Mapping[int, DocumentRow], analyze: Analyzer) -> "DocumentNames":
        """Gather titles and file names."""
        sizes: dict[int, list[int]] = {}
        holders: dict[str, list[tuple[int, int]]] = {}
        files: dict[str, int] = {}
        for key, row in rows.items():
            names = {row.document.title, *(PurePath(path).stem for path in row.paths)}
            for terms in (set(analyze(_CAMEL.sub(" ", name))) for name in sorted(names)):
                place = len(sizes.setdefault(key, []))
                sizes[key].append(len(terms))
                for term in terms:
                    holders.setdefault(term, []).append((key, place))
            files.update((PurePath(path).name.lower(), key) for path in row.paths)
        return cls(sizes, holders, files)

    def hear(self, question: str, analyze: Analyzer) -> list[int]:
        """Return the documents that a question names: by file name, or by most of the terms of a longer name."""
        written = {word.strip("\"'`()[],;:?!").lower() for word in question.split()}
        exact = [self.files[word] for word in sorted(written) if word in self.files]
        if exact:
            return exact
        shared = Counter(place for term in set(analyze(question)) for place in self.holders.get(term, ()))
        share = {
            place: count / self.sizes[place[0]][place[1]] for place, count in shared.items() if count >= NAME_TERMS
        }
        heard = {place: value for place, value in share.items() if value >= NAME_SHARE}
        if not heard:
            return []
        most = max(shared[place] for place in heard)  # "annual report 2019" over "annual report"
        return sorted({document for document, name in heard if shared[document, name] == most})
