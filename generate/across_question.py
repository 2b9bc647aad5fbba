"""Questions about many documents at once: "how many reports mention X?", "list all contracts that end in 2025".

English. A question is one of these only if it begins by asking which, or how many, documents do something; all others
are answered from the best pages.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pagelens.core.document_lists import ListForm

Rule = Literal["mention", "pages", "year", "statement", "total"]
"""By what documents are listed: words that they have, their number of pages, the year they are of, a statement in them,
or a value that each of them gives."""

ACROSS_FORMS = (
    "These can be asked: which, or how many, documents mention something; have more than 20 pages; are of 2024; list "
    "all contracts that end in 2025; the total amount of all invoices by year."
)
GENERIC = frozenset({"document", "file", "pdf"})  # any document is one
_KINDS = (
    "documents?|files?|pdfs?|reports?|contracts?|agreements?|leases?|invoices?|receipts?|papers?|articles?|letters?|"
    "brochures?|manuals?|guides?|handbooks?|presentations?|decks?|polic(?:y|ies)|plans?|stud(?:y|ies)|surveys?|minutes|"
    "memos?|filings?|books?|offers?|certificates?|briefings?"
)
_OPENING = re.compile(
    r"\s*(?:please\s+|can you\s+|could you\s+)?(?:"
    r"(?P<count>(?:in\s+)?how\s+many|count(?:\s+all)?|(?:what\s+is\s+)?the\s+number\s+of)"
    r"|(?P<list>(?:list|name|show|give|find)(?:\s+me)?(?:\s+all)?|(?:in\s+)?(?:which|what)|all))"
    r"(?:\s+(?:of\s+)?(?:the|these|those|our|my|all))*"
    rf"\s+(?P<noun>{_KINDS})\b(?P<rest>.*)",
    re.I | re.S,
)
_TOTAL = re.compile(
    r"\s*(?:(?:what\s+(?:is|was|are|were)|give(?:\s+me)?|show(?:\s+me)?)\s+)?(?:the\s+)?(?:total|sum)(?:\s+of)?(?:\s+the)?\s+"
    rf"(?P<measured>.+?)\s+(?:of|in|over|across|from|for)\s+all(?:\s+the)?\s+(?P<noun>{_KINDS})\b(?P<rest>.*)",
    re.I | re.S,
)
_BY_YEAR = re.compile(r"\b(?:by|per|for\s+each|in\s+each)\s+year\b", re.I)
_MENTION = re.compile(
    r"(?:(?P<denied>do\s+not|don['’]t|does\s+not|doesn['’]t|never|not)\s+(?:once\s+)?)?(?:do\s+|also\s+|even\s+)?"
    r"(?:(?:mention|contain|includ|refer(?:s|ring)?\s+to|referenc|talk(?:s|ing)?\s+about|discuss|cit|speak(?:s|ing)?\s+of)"
    r"(?:e?s|ed|ing|e)?\s+(?:the\s+)?(?:exact\s+)?(?:(?:words?|terms?|phrases?|names?)\s+)?"
    r"|(?:us|hav|say|writ)(?:es?|s|ing)?\s+the\s+(?:exact\s+)?(?:words?|terms?|phrases?|names?)\s+)(?P<what>.+)",
    re.I | re.S,
)
_MENTIONED = re.compile(
    r"(?:is|are|does|do|can)\s+(?:the\s+(?:words?|terms?|phrases?|names?)\s+)?(?P<what>.+?)\s+"
    r"(?:mentioned|named|cited|discussed|contained|used|appears?|occurs?|stands?|be\s+found)\b",
    re.I | re.S,
)
_PAGES = re.compile(
    r"(?:have|has|having|with|of|are)?\s*(?P<how>more\s+than|over|at\s+least|fewer\s+than|less\s+than|under|at\s+most|"
    r"exactly|)\s*(?P<number>\d[\d,]*)\s+(?P<or>or\s+(?:more|fewer|less)\s+)?pages?(?P<or2>\s+or\s+(?:more|fewer|less))?"
    r"(?:\s+long)?",
    re.I,
)
_YEAR = re.compile(
    r"(?:(?:were|was|are|is|have\s+been)\s+)?(?:published|released|issued|dated|written|made|created|printed|from|of)"
    r"(?:\s+(?:in|on|from))?\s+(?:the\s+year\s+)?(?P<how>before|after|since|until|)\s*(?P<year>(?:19|20)\d\d)"
    r"(?:\s+(?P<or>or\s+(?:later|earlier)))?",
    re.I,
)
_LEADING = re.compile(r"^[\s,:]*(?:(?:that|which|who|there|where)\b\s*)?", re.I)
_LISTED, _RELATIVE = (
    re.compile(r"\s*(?:list|name|show|give|find|all)\b", re.I),
    re.compile(r"\s*(?:that|which)\b", re.I),
)
_ARTICLE = re.compile(r"^(?:the|an?)\s+", re.I)
_QUOTED = re.compile(r"[\"“„«]([^\"”»]{1,200})[\"”»]")
_OR, _AND = re.compile(r"\s*,?\s+or\s+", re.I), re.compile(r"\s*,?\s+and\s+(?:also\s+)?", re.I)
_BUT_NOT = re.compile(
    r"\s*,?\s+(?:but|and)\s+(?:do(?:es)?\s+)?(?:not|never)\s+(?:mention\s+|contain\s+|include\s+)?", re.I
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words in a row that a document has; exact where they were in quotation marks."""

    text: str
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossQuestion:
    """A question about many documents."""

    form: ListForm
    rule: Rule
    noun: str  # "reports": the kind of document that it is about, as written; "documents" where it is about all
    mentions: Sequence[Sequence[Wanted]] = ()  # of each item, a document has at least one
    not_mentioned: Sequence[Wanted] = ()  # a document has none of these
    low: int | None = None  # of the number of pages, or the year, inclusive
    high: int | None = None
    statement: str = ""  # what a statement of the document says: "end in 2025"; of a total: the words of the value
    by_year: bool = False
    is_sure: bool = (
        True  # whether it can be about nothing else: "which documents do I need?" may be about their content
    )

    @property
    def is_generic(self) -> bool:
        """Whether it is about all documents, of whatever kind."""
        return _singular(self.noun) in GENERIC


def parse_across(question: str) -> AcrossQuestion | None:
    """Return what a question asks of many documents; None for any other question."""
    question = question.strip().rstrip("?.! ")
    if total := _TOTAL.match(question):
        return AcrossQuestion(
            form="total",
            rule="total",
            noun=total["noun"].lower(),
            statement=total["measured"].strip(),
            by_year=_BY_YEAR.search(total["rest"]) is not None,
        )
    opening = _OPENING.match(question)
    if opening is None:
        return None
    form: ListForm = "count" if opening["count"] else "list"
    found = _with_predicate(form, opening["noun"].lower(), _LEADING.sub("", opening["rest"]).strip())
    lists_all = opening["list"] is not None and _LISTED.match(question) and _RELATIVE.match(opening["rest"])
    if found is None or _singular(found.noun) == found.noun:
        return found and replace(found, is_sure=False)
    return replace(found, is_sure=found.rule != "statement" or bool(lists_all))


def _with_predicate(form: ListForm, noun: str, predicate: str) -> AcrossQuestion | None:
    """Return the question for what documents of a kind do: "mention X", "end in 2025"; None for nothing."""
    if pages := _PAGES.fullmatch(predicate):
        low, high = _bounds(" ".join(filter(None, (pages["how"], pages["or"], pages["or2"]))), pages["number"])
        return AcrossQuestion(form=form, rule="pages", noun=noun, low=low, high=high)
    if year := _YEAR.fullmatch(predicate):
        low, high = _bounds(" ".join(filter(None, (year["how"], year["or"]))), year["year"])
        return AcrossQuestion(form=form, rule="year", noun=noun, low=low, high=high)
    found = _MENTIONED.fullmatch(predicate) or _MENTION.fullmatch(predicate)
    if found and found["what"].strip():
        denied = "denied" in found.re.groupindex and found["denied"]
        return _mention(form, noun, found["what"].strip(), denied=bool(denied))
    has_verb = len(predicate.split()) > 1 and predicate != "are there"
    return AcrossQuestion(form=form, rule="statement", noun=noun, statement=predicate) if has_verb else None


def _mention(form: ListForm, noun: str, what: str, *, denied: bool) -> AcrossQuestion:
    what, *without = _BUT_NOT.split(what, maxsplit=1)
    what = re.sub(r"^(?:both|either|neither)\s+", "", what, flags=re.I)
    excluded = [wanted for text in without for wanted in _alternatives(text)]
    groups = [_alternatives(part) for part in _split(_AND, what)]
    if denied:
        return AcrossQuestion(
            form=form, rule="mention", noun=noun, not_mentioned=[wanted for group in groups for wanted in group]
        )
    return AcrossQuestion(form=form, rule="mention", noun=noun, mentions=groups, not_mentioned=excluded)


def _alternatives(text: str) -> list[Wanted]:
    """Return the words that a part of a question names, divided at "or"."""
    found = []
    for part in _split(re.compile(rf"{_OR.pattern}|\s+nor\s+", re.I), text):
        quoted = _QUOTED.search(part)
        words = quoted[1] if quoted else _ARTICLE.sub("", part.strip(" ,.'’\""))
        if words:
            found.append(Wanted(words, exact=quoted is not None))
    return found


def _split(pattern: re.Pattern[str], text: str) -> list[str]:
    """Split a text where a pattern stands outside quotation marks."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    parts = pattern.split(_QUOTED.sub(keep, text))
    return [re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], part) for part in parts if part.strip()]


def _bounds(how: str, number: str) -> tuple[int | None, int | None]:
    """Return the lowest and highest number that words allow: ("more than", "50") is (51, None)."""
    value, how = int(number.replace(",", "")), " ".join(how.lower().split())
    match how:
        case "more than" | "over" | "after":
            return value + 1, None
        case "at least" | "since" | "or more" | "or later":
            return value, None
        case "fewer than" | "less than" | "under" | "before":
            return None, value - 1
        case "at most" | "until" | "or fewer" | "or less" | "or earlier":
            return None, value
        case _:
            return value, value


def _singular(noun: str) -> str:
    return f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")


def kind_words(noun: str) -> tuple[str, ...]:
    """Return a kind of document in the singular and the plural."""
    one = _singular(noun)
    return one, (f"{one[:-1]}ies" if one.endswith("y") else f"{one}s")
