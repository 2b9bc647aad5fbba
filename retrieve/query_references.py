"""Finds the pages ("on page 12", "slides 3-5", "the last page") and the documents that a query names.

A page number may mean the printed label or the position in the file: the label is tried first, as readers mean it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from pagelens.core.protocols import Analyzer
from pagelens.core.terms import plain_terms
from pagelens.index.catalog.reads import DocumentRow
from pagelens.retrieve.page_words import find_page_numbers, find_page_positions

MAX_RANGE = 100  # pages; "pages 3 to 5000" names the two ends only
MIN_NAME_TERMS = 3  # terms of a document's name that must stand in the query: two are as often just a topic
MIN_NAME_SHARE = 0.6  # of all terms of the name

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
class PageReferences:
    """The pages that a query names: `labels` (printed, or else positions), and `positions` (negative: from the end)."""

    labels: Sequence[str] = ()
    positions: Sequence[int] = ()

    def __bool__(self) -> bool:
        return bool(self.labels or self.positions)

    def numbers(self, page_count: int) -> list[int]:
        """Return the positions in a document of `page_count` pages; numbers outside it are left out."""
        from_end = [page_count + 1 + position if position < 0 else position for position in self.positions]
        numbers = [int(label) for label in self.labels if label.isdecimal()] + from_end
        return [number for number in dict.fromkeys(numbers) if 1 <= number <= page_count]


def find_page_references(query: str) -> PageReferences:
    """Return the pages that a query names."""
    labels = [label for match in _NAMED.finditer(query) for label in _expand(match[1])] + find_page_numbers(query)
    positions = [-3 if (match[1] or "").lower() == "third" else -2 for match in _BEFORE_LAST.finditer(query)]
    if not positions:
        positions = [number for match in _ORDINAL.finditer(query) for number in _ordinals(match[1], match[2])]
    if _BACK.search(query):
        positions.append(-1)
    elif _COVER.search(query):
        positions.append(1)
    positions += find_page_positions(query)
    return PageReferences(tuple(dict.fromkeys(labels)), tuple(dict.fromkeys(positions)))


def _expand(listed: str) -> list[str]:
    """Turn "3, 5 to 7 and ix" into labels."""
    labels: list[str] = []
    previous, in_range = 0, False
    for item in _ITEM.findall(listed):
        word = item.lower()
        if re.fullmatch(_RANGE, word):
            in_range = True
            continue
        if word in (",", "&", "and"):
            continue
        number = _NUMBER_WORDS.get(word) or (int(word) if word.isdecimal() else 0)
        if in_range and 0 < previous < number <= previous + MAX_RANGE:
            labels.extend(str(between) for between in range(previous + 1, number + 1))
        elif item == "I" and not labels:
            return []  # "the page I saw"
        else:
            labels.append(str(number) if number else word)
        previous, in_range = number, False
    return labels


def _ordinals(word: str, count_word: str | None) -> list[int]:
    """Turn ("last", "two") into [-1, -2], ("first", "3") into [1, 2, 3], ("third", None) into [3]."""
    count = 1 if count_word is None else _NUMBER_WORDS.get(count_word.lower()) or int(count_word)
    if word.lower() in ("last", "final"):
        return [-number for number in range(1, count + 1)]
    number = _ORDINAL_WORDS.get(word.lower()) or int(word[:-2])
    return list(range(number, number + count)) if word.lower() == "first" else [number]


@dataclass(slots=True)
class DocumentNameIndex:
    """The names of a collection's documents (titles and file names), by their terms."""

    term_counts_of: Mapping[int, Sequence[int]] = field(default_factory=dict)  # document -> terms in each of its names
    names_with: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)  # term -> (document, name)
    by_file_name: Mapping[str, int] = field(default_factory=dict)  # lower case -> document

    @classmethod
    def of(cls, rows: Mapping[int, DocumentRow], analyze: Analyzer) -> "DocumentNameIndex":
        """Index the titles and file names of documents, given by key."""
        term_counts_of: dict[int, list[int]] = {}
        names_with: dict[str, list[tuple[int, int]]] = {}
        by_file_name: dict[str, int] = {}
        for key, row in rows.items():
            names = {row.document.title, *(PurePath(path).stem for path in row.paths)}
            for terms in (set(plain_terms(analyze(_CAMEL.sub(" ", name)))) for name in sorted(names)):
                number = len(term_counts_of.setdefault(key, []))
                term_counts_of[key].append(len(terms))
                for term in terms:
                    names_with.setdefault(term, []).append((key, number))
            by_file_name.update((PurePath(path).name.strip().lower(), key) for path in row.paths)
        return cls(term_counts_of, names_with, by_file_name)

    def find_document_references(self, query: str, analyze: Analyzer) -> list[int]:
        """Return the keys of the documents that a query names: by file name, or by most terms of a longer name."""
        words = {word.strip("\"'`()[],;:?!").lower() for word in query.split()}
        exact = [self.by_file_name[word] for word in sorted(words) if word in self.by_file_name]
        if exact:
            return exact
        shared = Counter(name for term in set(plain_terms(analyze(query))) for name in self.names_with.get(term, ()))
        matching = [
            (document, number)
            for (document, number), count in shared.items()
            if count >= MIN_NAME_TERMS and count / self.term_counts_of[document][number] >= MIN_NAME_SHARE
        ]
        most = max((shared[name] for name in matching), default=0)  # "annual report 2019" over "annual report"
        return sorted({document for document, number in matching if shared[document, number] == most})
