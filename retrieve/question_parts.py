"""Splits a question into parts that can each be searched for, by rules: clauses, comparisons, lists, years, fragments.

"What is the capacity of the tank, and how long is its warranty?" has two questions; "timber and coal in 2022 and 2023"
has four. A part is a question, or words to search by: it need not be a good sentence. A part that leaves its subject to
another one ("its warranty") is given that one's names, or else its words.

The rules are for English; years, and names in capital letters, are split in other languages too. A language model may
split instead: see `pagelens.generate.question_splitter`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

QuestionSplitter = Callable[[str], Sequence[str]]
"""Returns the parts of a question, each to be searched for alone; one or none if it has no parts."""

MAX_PARTS = 6

_QUESTION_WORD = r"(?:how|what|which|who|whom|whose|when|where|why)"
_AUXILIARY = r"(?:is|are|was|were|do|does|did|can|could|will|would|has|have|had|should)"
# ", and how ...", "and who ...", "; is ..."; an auxiliary begins a clause only after a comma: "red and is made of"
_CLAUSE = re.compile(
    rf"\s*,?\s+(?:and|or|but|as\s+well\s+as)\s+(?:also\s+)?(?=(?:(?:in|on|at|of|for|by|to|with|from)\s+)?{_QUESTION_WORD}\b)"
    rf"|\s*,\s+(?:and|or|but)\s+(?={_AUXILIARY}\b)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[?？;；])\s*(?=\S)")
_ASKS = re.compile(rf"(?:\w+\s+)?{_QUESTION_WORD}\b|{_AUXILIARY}\b", re.IGNORECASE)
_FRAGMENT = re.compile(r"^\W*(?:and|or|what\s+about|how\s+about)\b[\s,]*", re.IGNORECASE)
_YEAR = re.compile(r"(?<![\w-])(?:1[5-9]|20)\d\d(?![\w-])")
_YEARS = re.compile(
    rf"(?:\bbetween\s+)?({_YEAR.pattern})\s*(?:,|\band\b|\bor\b|&|\bund\b|\bet\b|\by\b)\s*({_YEAR.pattern})",
    re.IGNORECASE,
)
# not the "it" of "how long does it take"
_PRONOUN = re.compile(
    r"\b(?:it(?!\s+takes?\b)|its|they|their|them|he|his|him|she|her|this|these|that|those|there)\b", re.IGNORECASE
)
_COMPARED = (
    re.compile(r"\bcompare\s+(?!between\b)(.+?)\s+(?:with|to|and|against)\s+(.+)", re.IGNORECASE),
    re.compile(r"\b(?:differences?|distinction|comparison)\s+between\s+(.+?)\s+and\s+(.+)", re.IGNORECASE),
    re.compile(r"(.+?)\s+(?:versus|vs\.?|compared\s+(?:with|to))\s+(.+)", re.IGNORECASE),
    re.compile(
        r"(.+?)\s+(?:differ|compare)s?\s+(?:from|to|with)\s+(?:(?:that|those)\s+(?:of|at|in|on|for)\s+)?(.+)",
        re.IGNORECASE,
    ),
)
_TOKEN = re.compile(r"[^\s,;?？!]+")
_AND = re.compile(r"\b(?:and|or|&|as\s+well\s+as|und|et)\b", re.IGNORECASE)
_PREPOSITIONS = frozenset("of on in at about from by for with to under over during against".split())
_DETERMINERS = frozenset("the a an each every both this that".split())
_FUNCTION_WORDS = frozenset(
    "is are was were be been do does did can could will would has have had should may might must i you we they it he "
    "she me my your our their its his her not no there than then so as if and or but how what which who whom whose "
    "when where why much many long often far old".split()
) | _PREPOSITIONS | _DETERMINERS  # fmt: skip


class _Word(NamedTuple):
    text: str
    start: int
    end: int

    @property
    def lower(self) -> str:
        return self.text.lower()

    @property
    def is_acronym(self) -> bool:
        """Whether it is in capitals: the WHO is no question word."""
        return len(self.text) > 1 and self.text.isupper()

    @property
    def named(self) -> bool:
        """Whether it is written like a name: a capital letter, or letters with digits (WH-1000XM4)."""
        return self.text[0].isupper() or (any(map(str.isdigit, self.text)) and any(map(str.isalpha, self.text)))


def split_question(question: str) -> list[str]:
    """Return the parts of a question by rules, in its order, at most `MAX_PARTS`; itself alone if it has one part."""
    parts: list[str] = []
    for sentence in _SENTENCE.split(question.strip()):
        fragment = _FRAGMENT.match(sentence)
        if parts and fragment:
            sentence = sentence[fragment.end() :]
            if not _ASKS.match(sentence):
                parts.append(_continued(parts[-1], sentence))
                continue
        elif parts and not _ASKS.match(sentence) and not sentence.rstrip().endswith(("?", "？")):
            continue  # how to answer: "Write it as a list."
        for clause in _clauses(sentence):
            parts.append(_with_subject(clause, parts))
    split = [part for clause in parts for part in _coordinated(clause)]
    return list(dict.fromkeys(split))[:MAX_PARTS] or [question]


def names_in(text: str) -> list[str]:
    """Return the names of a question: runs of words written like names, but not its first word for its capital only."""
    words = _words(text)
    first = {word.start for word in words[:1] if not any(map(str.isupper, word.text[1:])) and word.text.isalpha()}
    names: list[str] = []
    end = -2
    for word in words:
        if word.named and word.start not in first and not (word.lower in _FUNCTION_WORDS and not word.is_acronym):
            gap = text[end : word.start]
            if names and gap == " ":
                names[-1] += " " + word.text
            else:
                names.append(word.text)
            end = word.end
    return names


def years_in(text: str) -> list[str]:
    """Return the years that a question names."""
    return _YEAR.findall(text)


def _words(text: str) -> list[_Word]:
    found = ((match[0].strip("\"'“”‘’()[]."), match.start()) for match in _TOKEN.finditer(text))
    return [_Word(word, text.index(word, start), text.index(word, start) + len(word)) for word, start in found if word]


def _content_words(text: str) -> list[str]:
    return [word.text for word in _words(text) if word.lower not in _FUNCTION_WORDS]


def _clauses(sentence: str) -> list[str]:
    """Split at conjunctions before a question word; a clause without words of its own ("and when") is not split off."""
    clauses: list[str] = []
    start = 0
    for match in _CLAUSE.finditer(sentence):
        if _content_words(sentence[start : match.start()]) and _content_words(sentence[match.end() :]):
            clauses.append(sentence[start : match.start()])
            start = match.end()
    return [*clauses, sentence[start:]]


def _with_subject(clause: str, before: Sequence[str]) -> str:
    """Return a clause with what a pronoun in it stands for: the names of the first part, or else its words."""
    if not before or not _PRONOUN.search(clause):
        return clause
    known = {word.lower() for word in _content_words(clause)}
    subject = names_in(before[0]) or _content_words(before[0])
    added = [word for word in subject if word.lower() not in known]
    return " ".join([clause.rstrip(" ?？"), *added])


def _continued(before: str, fragment: str) -> str:
    """Return the question before with the fragment's year or name in place of its own: "in 2022?", "And in 2023?"."""
    if years_in(fragment) and not names_in(fragment) and years_in(before):
        return _YEAR.sub(years_in(fragment)[0], before, count=1)
    first = fragment.split()[0].lower() if fragment.split() else ""
    same = [word.start for word in _words(before)[1:] if word.lower == first and first in _PREPOSITIONS]
    if same:
        return f"{before[: same[-1]]}{fragment}"
    for name in names_in(before):
        before = before.replace(name, " ")
    return " ".join([*before.strip(" ?？").split(), *fragment.split()])


def _coordinated(clause: str) -> list[str]:
    """Return the clause once for each of the things that it compares or lists, in the place of all of them."""
    years = _YEARS.search(clause)
    if years:
        each = [f"{clause[: years.start()]}{year}{clause[years.end() :]}" for year in years.groups()]
        return [part for text in each for part in _coordinated(text)]
    for pattern in _COMPARED:
        compared = pattern.search(clause)
        if compared:
            before = clause[: compared.start()] if _content_words(clause[: compared.start()]) else ""
            return [f"{before}{side}" for side in _sides(compared[1], compared[2])]
    listed = next(_lists(clause), None)
    if listed is None:
        return [clause]
    (first, second), (start, end) = listed
    return [part for item in (first, second) for part in _coordinated(f"{clause[:start]}{item}{clause[end:]}")]


def _sides(first: str, second: str) -> tuple[str, str]:
    """Return two things that are compared; the second gets what it leaves to the first: "profit of A" and "B"."""
    words = _words(first)
    phrases = [word for word in words[1:] if word.lower in _PREPOSITIONS]
    if years_in(second) and years_in(first) and all(word.text in years_in(second) for word in _words(second)):
        return first, _YEAR.sub(years_in(second)[0], first, count=1)
    if phrases and all(word.named or word.lower in _FUNCTION_WORDS for word in _words(second)):
        return first, f"{first[: phrases[-1].end]} {second}"
    return first, second if names_in(f"x {second}") else " ".join([second.rstrip(" ?？."), *names_in(first)])


def _lists(clause: str) -> Iterator[tuple[tuple[str, str], tuple[int, int]]]:
    """Yield two coordinated things, with the place of both: "on X and on Y", "the X and the Y", "Xyz and Abc"."""
    words = _words(clause)
    for conjunction in _AND.finditer(clause):
        before = [word for word in words if word.end <= conjunction.start()]
        after = [word for word in words if word.start >= conjunction.end()]
        if len(before) < 2 or not after:
            continue
        first = _ends_before(before, after[0])
        second = _begins_after(clause, after, first)
        if first and second:
            start, end = first[0].start, second[-1].end
            yield (clause[start : first[-1].end], clause[second[0].start : end]), (start, end)


def _ends_before(before: Sequence[_Word], follower: _Word) -> list[_Word]:
    """Return the words of the first thing of two: from the preposition or determiner that the second begins with too,
    or the names that stand directly before the conjunction."""
    if follower.lower in _PREPOSITIONS | _DETERMINERS:
        same = [row for row, word in enumerate(before) if word.lower == follower.lower]
        if not same and follower.lower in ("a", "an"):
            same = [row for row, word in enumerate(before) if word.lower in ("a", "an")]
        return list(before[same[-1] :]) if same and same[-1] < len(before) - 1 else []
    if not follower.named:
        return []
    run: list[_Word] = []
    for word in reversed(before):
        if not word.named or word.lower in _FUNCTION_WORDS:
            break
        run.insert(0, word)
    return run


def _begins_after(clause: str, after: Sequence[_Word], first: Sequence[_Word]) -> list[_Word]:
    """Return the words of the second thing: to the end if it begins with a preposition, else to the next function word.

    Behind a name stand as many words in small letters as in the first thing ("the Honor watch and the Sony headset").
    """
    if not first:
        return []
    if first[0].lower in _PREPOSITIONS:
        commas = [row for row, (one, next_) in enumerate(pairwise(after), 1) if "," in clause[one.end : next_.start]]
        return list(after[: commas[0]] if commas else after)
    inner = {word.lower for word in first if word.lower in _PREPOSITIONS}
    begins = 1 if first[0].lower in _PREPOSITIONS | _DETERMINERS else 0
    has_names = any(word.named for word in first)
    tail = len(first) - 1 - max((row for row, word in enumerate(first) if word.named), default=len(first) - 1)
    second = list(after[:1])
    small = 0
    for previous, word in pairwise(after):
        ends = word.lower in _FUNCTION_WORDS and word.lower not in inner
        if "," in clause[previous.end : word.start] or (len(second) > begins and ends):
            break
        if has_names and len(second) > begins and not word.named and word.lower not in inner:
            small += 1
            if small > tail:
                break
        second.append(word)
    return second if len(second) > begins else []
