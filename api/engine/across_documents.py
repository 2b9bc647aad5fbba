"""Answers about many documents: a row for each that meets the question, with its citation, and how completely all were
looked at.

Words are looked up on every page, by the lexical index. Numbers of pages are in the catalog. The year of a document is
the one that its first pages name. A statement is looked for on every page that has its words; a language model, where
one answers, is asked about each document instead. Nothing is guessed of documents that were not looked at.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from pagelens.api.engine.answer_context import shown_page
from pagelens.api.engine.file_names import printable
from pagelens.core.document_lists import Coverage, DocumentList, ListedDocument
from pagelens.core.keys import document_of, page_key
from pagelens.core.query_conditions import PageConditions, Wording
from pagelens.core.terms import WantedTerms, plain_terms
from pagelens.core.types import Answer, Citation, ContextPage, Filters, PageText, Usage
from pagelens.generate.across_question import AcrossQuestion, Wanted, kind_words
from pagelens.generate.answer_text import page_name
from pagelens.generate.citations.marks import disarm_marks
from pagelens.generate.citations.numbers import NUMBER, SCALES, possible_values
from pagelens.generate.extractive.constraints import YEAR
from pagelens.generate.irregular_verbs import VERBS
from pagelens.generate.sentences import split_sentences
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.lexical.folding import fold
from pagelens.index.lexical.phrases import phrase_spans
from pagelens.index.reader import Snapshot
from pagelens.retrieve.search import Retriever

FIRST_PAGES = 2  # in which a document says of which year it is
SHOWN_ROWS = 100  # in the text of an answer; `DocumentList` has all
MIN_SHARED_SHARE = 0.75  # of the words of two statements of the same thing, numbers apart
MIN_SHARED_WORDS = 3

Ask = Callable[[str, DocumentRow], Answer]
"""Answers a question from one document."""

_SAME_SENSE = (
    {"end", "expire", "terminate", "expiry", "expiration", "termination", "lapse"},
    {"begin", "start", "commence", "effective"},
    {"cost", "price"},
)
_DATING = re.compile(
    r"\b(?:for\s+release|releas\w+|publish\w*|dat(?:ed?)|issu\w+|edition|version|arxiv|revis\w+|©|copyright)", re.I
)
_COMPARED = re.compile(r"\b(?:(?P<how>before|after|since|until|from|in|by|during)\s+)?(?P<year>(?:19|20)\d\d)\b", re.I)
_NO = re.compile(r"\W*no\b", re.I)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class _Row:
    """A document that meets the question: the page and the words that show it; None where nothing is to be shown."""

    document: DocumentRow
    page: ContextPage | None = None
    span: tuple[int, int] = (0, 0)
    value: str = ""
    year: str = ""
    citation: Citation | None = None  # where it was made already


@dataclass(frozen=True, slots=True)
class _Found:
    """The rows, and of how many documents only some pages were looked at."""

    rows: Sequence[_Row]
    by_search: int = 0
    notes: Sequence[str] = ()
    usage: Usage | None = None
    without_value: Sequence[str] = ()


def answer_across(
    question: str,
    parsed: AcrossQuestion,
    snapshot: Snapshot,
    retriever: Retriever,
    *,
    filters: Filters,
    ask: Ask,
    asks_model: bool,
) -> Answer:
    """Return the answer to a question about many documents, with its `DocumentList`.

    `ask` answers from one document: for totals, and for statements where it is a language model (`asks_model`).
    """
    lister = _Lister(snapshot, retriever, filters)
    scope, others = lister.scope(parsed)
    question_of_each = question_for_each(parsed, asks_model=asks_model)
    if question_of_each is None:
        found = lister.find(parsed, [*scope, *others])
    elif parsed.rule == "total":
        found = _totalled(parsed, question_of_each, scope, ask, lister)
    else:
        found = _listed_by_model(question_of_each, scope, ask)
    keys = {row.key for row in scope}
    further = [row for row in found.rows if row.document.key not in keys]
    found = replace(found, rows=[row for row in found.rows if row.document.key in keys])
    notes = _kind_notes(parsed, scope, others, further)
    coverage = Coverage(
        documents=len(scope),
        whole=len(scope) - min(found.by_search, len(scope)),
        by_search=min(found.by_search, len(scope)),
        textless_pages=0 if parsed.rule == "pages" else snapshot.count_pages_without_text(keys),
    )
    citations, rows = _cite(found.rows)
    listed = DocumentList(
        form=parsed.form,
        rule=_rule(parsed),
        rows=rows,
        coverage=coverage,
        totals=_sums(rows, by_year=parsed.by_year) if parsed.rule == "total" else {},
        without_value=found.without_value,
        contradictions=_contradictions(citations) if parsed.rule in ("statement", "total") else (),
    )
    nothing = f"none of {_count(len(scope), parsed.noun)} {_rule(parsed)}"
    return Answer(
        question=question,
        text=_text(listed, parsed, citations, found.rows) if rows else f"{_capital(nothing)}. {_coverage(coverage)}",
        found=bool(rows),
        citations=citations,
        context_pages=list(dict.fromkeys(citation.ref for citation in citations)),
        confidence=1.0 if rows and parsed.rule in ("mention", "pages") else 0.5 if rows else 0.0,
        reason=f"every document that {_rule(parsed)} is listed" if rows else nothing,
        notes=[*notes, *found.notes],
        usage=found.usage,
        generation=snapshot.generation,
        documents=listed,
    )


def question_for_each(parsed: AcrossQuestion, *, asks_model: bool) -> str | None:
    """Return what each document is asked, where it is asked anything: its value, or whether a statement is true of it;
    None where documents are found by rules."""
    if parsed.rule == "total":
        return f"What is the {parsed.statement}?"
    if parsed.rule == "statement" and asks_model:
        return (
            f"Is it true of this document that it, or what it is about, {parsed.statement}? Begin with yes or no, then "
            "state what shows it."
        )
    return None


def documents_to_ask(
    parsed: AcrossQuestion, snapshot: Snapshot, retriever: Retriever, filters: Filters
) -> list[DocumentRow]:
    """Return the documents that a question is about."""
    return _Lister(snapshot, retriever, filters).scope(parsed)[0]


class _Lister:
    """Finds the documents of a snapshot that meet a question, by rules."""

    def __init__(self, snapshot: Snapshot, retriever: Retriever, filters: Filters) -> None:
        self._snapshot, self._retriever, self._filters = snapshot, retriever, filters
        self._analyze = retriever.analyze
        self._selection = snapshot.select(filters) if filters else None

    def scope(self, parsed: AcrossQuestion) -> tuple[list[DocumentRow], list[DocumentRow]]:
        """Return the documents that a question is about, and the others that match the filters: of another kind.

        Of a kind are those with its name in their file name, in their title or on their first pages.
        """
        rows = [row for row in self._snapshot.documents.values() if self._selection is None or self._has_page(row)]
        if parsed.is_generic:
            return rows, []
        words = re.compile("|".join(rf"(?<![^\W_]){word}(?![^\W_])" for word in kind_words(parsed.noun)), re.I)
        firsts = self._first_pages(rows)
        of_kind = {
            row.key
            for row in rows
            if words.search(f"{row.path.rpartition('/')[2]}\n{row.document.title}".replace("_", " "))
            or any(words.search(page.text.text) for page in firsts[row.key])
        }
        return [row for row in rows if row.key in of_kind], [row for row in rows if row.key not in of_kind]

    def find(self, parsed: AcrossQuestion, rows: Sequence[DocumentRow]) -> _Found:
        """List those of the documents that meet the question, by its rule."""
        match parsed.rule:
            case "mention":
                return self.mentioning(parsed, rows)
            case "pages":
                return _Found([_Row(row) for row in rows if _within(row.document.page_count, parsed)])
            case "year":
                return self.of_year(parsed, rows)
            case _:
                return self.stating(parsed, rows)

    def mentioning(self, parsed: AcrossQuestion, scope: Sequence[DocumentRow]) -> _Found:
        """List the documents that have the wanted words on any page, and none of those that they shall not have."""
        notes: list[str] = []
        groups = [self._pages_with(group, notes) for group in parsed.mentions]
        absent = {int(key) for key in document_of(self._pages_with(parsed.not_mentioned, notes))}
        documents = [{int(key) for key in document_of(pages)} for pages in groups]
        rows = []
        for row in scope:
            if row.key in absent or any(row.key not in keys for keys in documents):
                continue
            rows.append(self._first_mention(row, parsed.mentions[0], groups[0]) if groups else _Row(row))
        named_only = [row.document.path.rpartition("/")[2] for row in rows if groups and row.page is None]
        if named_only:
            notes.append(
                f"Not listed, since only the file name or title has it: {', '.join(map(printable, named_only))}"
            )
        return _Found([row for row in rows if not groups or row.page is not None], notes=notes)

    def _pages_with(self, alternatives: Sequence[Wanted], notes: list[str]) -> NDArray[np.int64]:
        """Return the sorted keys of all pages that have one of the words."""
        found = [np.zeros(0, np.int64)]
        for wanted in alternatives:
            conditions = PageConditions(required=[[Wording(wanted.text, wanted.exact)]])
            result = self._retriever.apply_conditions(self._snapshot, conditions, self._filters)
            if result.page_count and result.selection is not None and result.selection.pages is not None:
                found.append(result.selection.pages[result.selection.mask(result.selection.pages)])
            notes += [note for note in result.notes if not note.startswith("no page has")]
        return reduce(np.union1d, found)

    def _first_mention(self, row: DocumentRow, wanted: Sequence[Wanted], pages: NDArray[np.int64]) -> _Row:
        """Return a document with the first statement that has one of the words."""
        for page in self._read(row, pages[document_of(pages) == row.key].tolist()):
            if span := self._place(page.text, wanted):
                return _Row(row, page, span)
        return _Row(row)

    def _place(self, text: PageText, wanted: Sequence[Wanted]) -> tuple[int, int] | None:
        """Return the sentence of a page that has one of the words first."""
        spans = sorted(span for item in wanted for span in phrase_spans(text.text, [item.text]))
        sentences = split_sentences(text)
        for start, end in spans:  # a phrase may begin in one line of a list and end in the next
            if held := [one for one in sentences if start < one.end and end > one.start]:
                return held[0].start, held[-1].end
        forms = [WantedTerms.of(self._analyze(item.text)) for item in wanted if not item.exact]
        for sentence in sentences:
            terms = self._analyze(text.text[sentence.start : sentence.end])
            if any(form.plain and form.found_in(terms) == form.plain for form in forms):
                return sentence.start, sentence.end
        return None

    def of_year(self, parsed: AcrossQuestion, scope: Sequence[DocumentRow]) -> _Found:
        """List the documents of a year: the year that their first pages name; of photos, when they were taken.

        A file's own date is often that of a scan or a copy: documents that it alone puts in the year are named in a
        note.
        """
        firsts = self._first_pages(scope)
        rows: list[_Row] = []
        dated: list[_Row] = []
        for row in scope:
            stated, date = stated_year(firsts[row.key]), row.document.date
            if stated is not None:
                rows += [_Row(row, stated[0], stated[1], value=stated[2])] if _within(int(stated[2]), parsed) else []
            elif date is not None and _within(date.year, parsed):
                (rows if row.document.kind == "photo" else dated).append(_Row(row, value=str(date.year)))
        names = _names([row.document for row in dated])
        note = f"Not listed, since only the file's own date says it, which may be that of a copy: {names}."
        return _Found(rows, by_search=len(scope), notes=[note] if dated else [])

    def year_of(self, row: DocumentRow) -> str:
        """Return the year of a document, "" where nothing tells it."""
        stated = stated_year(self._first_pages([row])[row.key])
        date = row.document.date
        return stated[2] if stated else str(date.year) if date else ""

    def stating(self, parsed: AcrossQuestion, scope: Sequence[DocumentRow]) -> _Found:
        """List the documents with a statement that has all words of the question, in any form, and a year that it
        allows; every page with these words is read."""
        low, high, words = _statement_bounds(parsed.statement)
        wanted = [self._senses(word) for word in words if plain_terms(self._analyze(word))]
        notes: list[str] = []
        alternatives = [[Wanted(word, exact=False) for word in sorted(senses)] for senses in wanted]
        pages = [self._pages_with(group, notes) for group in alternatives]
        candidates = reduce(np.intersect1d, pages) if pages else np.zeros(0, np.int64)
        rows = []
        for row in scope:
            for page in self._read(row, candidates[document_of(candidates) == row.key].tolist()):
                if found := self._statement(page.text, wanted, low, high):
                    rows.append(_Row(row, page, found[0], value=found[1]))
                    break
        note = (
            "Without a language model a statement is found by the question's words: other words for it are not known."
        )
        return _Found(rows, notes=[*notes, note])

    def _senses(self, word: str) -> set[str]:
        base = VERBS.get(word.lower(), word.lower())
        return {word.lower(), *(next((group for group in _SAME_SENSE if base in group), set()))}

    def _statement(
        self, text: PageText, wanted: Sequence[set[str]], low: int | None, high: int | None
    ) -> tuple[tuple[int, int], str] | None:
        """Return the first sentence with all the words and a year within the bounds, and the year."""
        forms = [[WantedTerms.of(self._analyze(sense)) for sense in senses] for senses in wanted]
        for sentence in split_sentences(text):
            words = text.text[sentence.start : sentence.end]
            terms = list(self._analyze(words))
            if not all(any(form.found_in(terms) == form.plain for form in group) for group in forms):
                continue
            years = [year for year in YEAR.findall(words) if (low or 0) <= int(year) <= (high or 9_999)]
            if (low, high) == (None, None) or years:
                return (sentence.start, sentence.end), years[0] if years and (low or high) else ""
        return None

    def _read(self, row: DocumentRow, keys: Sequence[int]) -> Iterator[ContextPage]:
        for key in keys:
            yield shown_page(row, self._snapshot.pages([key])[key])

    def _first_pages(self, rows: Sequence[DocumentRow]) -> dict[int, list[ContextPage]]:
        """Return the first pages of documents by key."""
        return {
            row.key: list(
                self._read(row, [page_key(row.key, n) for n in range(1, min(FIRST_PAGES, row.document.page_count) + 1)])
            )
            for row in rows
        }

    def _has_page(self, row: DocumentRow) -> bool:
        assert self._selection is not None
        keys = np.array([page_key(row.key, n) for n in range(1, row.document.page_count + 1)], np.int64)
        return bool(self._selection.mask(keys).any())


def stated_year(pages: Sequence[ContextPage]) -> tuple[ContextPage, tuple[int, int], str] | None:
    """Return the year that a document's first pages say that it is of, with the page and the line that says so: one
    beside a word of publishing, else the only year of its first page."""
    for page in pages:
        lines = [(match.start(), match.end()) for match in re.finditer(r"[^\n]+", page.text.text)]
        for start, end in lines:
            line = page.text.text[start:end]
            if _DATING.search(line) and (years := YEAR.findall(line)):
                return page, (start, end), years[0]
    for page in pages[:1]:
        years = list(YEAR.finditer(page.text.text))
        if years and len({year[0] for year in years}) == 1:
            start = page.text.text.rfind("\n", 0, years[0].start()) + 1
            end = page.text.text.find("\n", years[0].end())
            return page, (start, len(page.text.text) if end < 0 else end), years[0][0]
    return None


def _kind_notes(
    parsed: AcrossQuestion, scope: Sequence[DocumentRow], others: Sequence[DocumentRow], further: Sequence[_Row]
) -> list[str]:
    """Return what is said of the documents that are not of the kind that the question names."""
    if parsed.is_generic:
        return []
    total = len(scope) + len(others)
    note = (
        f"{len(scope)} of {total} documents have “{kind_words(parsed.noun)[0]}” in their name, title or on their first "
    )
    note += f"{FIRST_PAGES} pages: these are taken for {parsed.noun}."
    found = (
        f" {len(further)} further meet the question: {_names([row.document for row in further])}." if further else ""
    )
    return [note + found]


def _names(rows: Sequence[DocumentRow]) -> str:
    return ", ".join(printable(row.path.rpartition("/")[2]) for row in rows)


def _totalled(parsed: AcrossQuestion, question: str, scope: Sequence[DocumentRow], ask: Ask, lister: _Lister) -> _Found:
    """List the value that each document gives, as an answer from it alone says it."""
    rows, usages, without = [], [], []
    for row in scope:
        answer = ask(question, row)
        usages.append(answer.usage)
        cited = next(
            (one for one in answer.citations if answer.found is True and value_in(one.claim) is not None), None
        )
        if cited is None:
            without.append(row.path)
            continue
        year = lister.year_of(row) if parsed.by_year else ""
        rows.append(_Row(row, value=_written_value(cited.claim), year=year, citation=cited))
    return _Found(rows, by_search=len(scope), usage=_summed(usages), without_value=without)


def _listed_by_model(question: str, scope: Sequence[DocumentRow], ask: Ask) -> _Found:
    """List the documents of which a model says, with a citation, that they meet the question."""
    rows, usages, read_whole = [], [], 0
    for row in scope:
        answer = ask(question, row)
        usages.append(answer.usage)
        read_whole += len(answer.context_pages) >= row.document.page_count
        confirmed = [one for one in answer.citations if one.state in ("quoted", "supported", "image-only")]
        if answer.found is True and confirmed and not _NO.match(answer.text):
            rows.append(_Row(row, citation=confirmed[0]))
    return _Found(rows, by_search=len(scope) - read_whole, usage=_summed(usages))


def _summed(usages: Iterable[Usage | None]) -> Usage | None:
    """Return the usage of several answers together."""

    def add(one: Usage, other: Usage) -> Usage:
        def both(first: int | None, second: int | None) -> int | None:
            return None if first is None or second is None else first + second

        return replace(
            one,
            pages=one.pages + other.pages,
            pictures=one.pictures + other.pictures,
            estimated_tokens=one.estimated_tokens + other.estimated_tokens,
            input_tokens=both(one.input_tokens, other.input_tokens),
            output_tokens=both(one.output_tokens, other.output_tokens),
            calls=one.calls + other.calls,
            seconds=one.seconds + other.seconds,
            cost=None if one.cost is None or other.cost is None else one.cost + other.cost,
            prompts=tuple(dict.fromkeys([*one.prompts, *other.prompts])),
        )

    known = [usage for usage in usages if usage is not None]
    return reduce(add, known) if known else None


def _statement_bounds(statement: str) -> tuple[int | None, int | None, list[str]]:
    """Return the years that a statement allows, and its other words: ("end before 2026") is (None, 2025, ["end"])."""
    low = high = None
    for match in _COMPARED.finditer(statement):
        year, how = int(match["year"]), (match["how"] or "in").lower()
        first, last = {"before": (None, year - 1), "after": (year + 1, None)}.get(how, (year, year))
        first, last = {"since": (year, None), "until": (None, year), "by": (None, year)}.get(how, (first, last))
        low = first if low is None else low
        high = last if high is None else high
    return low, high, _WORD.findall(_COMPARED.sub(" ", statement))


def _within(value: int, parsed: AcrossQuestion) -> bool:
    return (parsed.low is None or value >= parsed.low) and (parsed.high is None or value <= parsed.high)


def _numbers(text: str) -> list[re.Match[str]]:
    """Return the numbers of a text that are no years."""
    return [match for match in NUMBER.finditer(text) if not YEAR.fullmatch(match[0])]


def value_in(text: str) -> Decimal | None:
    """Return the last number of a text that is no year, with its scale: that of "Total due: $ 1.2 million"."""
    for match in reversed(_numbers(text)):
        if values := possible_values(match[0]):
            scale = _WORD.match(text[match.end() :].lstrip())
            factor = SCALES.get(scale[0].lower(), Decimal(1)) if scale else Decimal(1)
            return min(values) * factor  # "1.234" has two values
    return None


def _written_value(text: str) -> str:
    value = value_in(text)
    return "" if value is None else f"{value:f}"


def _sums(rows: Sequence[ListedDocument], *, by_year: bool) -> dict[str, str]:
    totals: dict[str, Decimal] = {}
    for row in rows:
        group = row.year if by_year else ""
        totals[group] = totals.get(group, Decimal(0)) + Decimal(row.value)
    return {group: f"{totals[group]:,f}" for group in sorted(totals)}


def _cite(rows: Sequence[_Row]) -> tuple[list[Citation], list[ListedDocument]]:
    """Return a citation for each row that shows something, numbered from 1, and the rows with its index."""
    citations: list[Citation] = []
    listed = []
    for row in rows:
        citation = row.citation or (_citation(row) if row.page else None)
        index = None if citation is None else len(citations)
        if citation is not None:
            citations.append(replace(citation, mark=len(citations) + 1))
        listed.append(ListedDocument(path=row.document.path, citation=index, value=row.value, year=row.year))
    return citations, listed


def _citation(row: _Row) -> Citation:
    page, span = row.page, row.span
    assert page is not None
    quote = printable(" ".join(page.text.text[slice(*span)].split()))
    return Citation(
        mark=1,
        ref=page.ref,
        label=page.label,
        quote=quote,
        boxes=page.text.boxes_of(*span),
        source=page.text.source,
        state="quoted",
        claim=quote,
    )


def _contradictions(citations: Sequence[Citation]) -> list[tuple[int, int]]:
    """Return pairs of citations of different documents whose statements have the same words and other numbers."""
    words = [
        (
            {word for word in _WORD.findall(fold(one.claim)) if not word.isdecimal()},
            {value for match in NUMBER.finditer(one.claim) for value in possible_values(match[0])},
        )
        for one in citations
    ]
    return [
        (first, second)
        for second in range(len(citations))
        for first in range(second)
        if citations[first].ref.path != citations[second].ref.path and _differ(words[first], words[second])
    ]


def _differ(one: tuple[set[str], set[Decimal]], other: tuple[set[str], set[Decimal]]) -> bool:
    shared = len(one[0] & other[0])
    same = shared >= MIN_SHARED_WORDS and shared >= MIN_SHARED_SHARE * max(len(one[0]), len(other[0]))
    return bool(same and one[1] and other[1] and one[1] != other[1])


def _rule(parsed: AcrossQuestion) -> str:
    """Return what a listed document does, in words: "mentions “tide”"."""
    if parsed.rule == "mention":
        parts = [" or ".join(f"“{wanted.text}”" for wanted in group) for group in parsed.mentions]
        has = f"has the words {' and '.join(parts)}" if parts else ""
        lacks = " or ".join(f"“{wanted.text}”" for wanted in parsed.not_mentioned)
        return " and ".join(filter(None, [has, f"has no {lacks}" if lacks else ""]))
    if parsed.rule == "total":
        return f"states the {parsed.statement}"
    if parsed.rule == "statement":
        return f"has a statement “{parsed.statement}”"
    low, high = parsed.low, parsed.high
    span = f"{low}" if low == high else f"{low} or more" if high is None else f"{high} or less"
    if parsed.rule == "pages":
        return f"has {span} pages"
    years = f"{low}" if low == high else f"{low} or later" if high is None else f"{high} or earlier"
    return f"is of {years}"


def _text(listed: DocumentList, parsed: AcrossQuestion, citations: Sequence[Citation], rows: Sequence[_Row]) -> str:
    """Return the answer as text: the number, a line a document, the totals, what contradicts, what was looked at."""
    head = f"{len(listed.rows)} of {_count(listed.coverage.documents, parsed.noun)}: each {listed.rule}."
    lines = [_line(item, citations, row) for item, row in zip(listed.rows[:SHOWN_ROWS], rows, strict=False)]
    if len(listed.rows) > SHOWN_ROWS:
        lines.append(f"- and {len(listed.rows) - SHOWN_ROWS} more, which --json lists")
    totals = [f"Total{f' of {year}' if year else ''}: {total}" for year, total in listed.totals.items()]
    if listed.without_value:
        names = ", ".join(printable(path.rpartition("/")[2]) for path in listed.without_value)
        totals.append(f"No value was found in, and so not added: {names}.")
    disputes = [
        f"These passages contradict each other: [{citations[first].mark}] and [{citations[second].mark}]."
        for first, second in listed.contradictions
    ]
    return "\n".join([head, *lines, *totals, *disputes, _coverage(listed.coverage)])


def _line(item: ListedDocument, citations: Sequence[Citation], row: _Row) -> str:
    name = printable(item.path.rpartition("/")[2])
    if item.citation is None:
        shown = item.value or _count(row.document.document.page_count, "page")
        return f"- {name} ({shown})"
    citation = citations[item.citation]
    value = f" ({', '.join(filter(None, (item.value, item.year)))})" if item.value else ""
    page = page_name(citation.ref, citation.label).lower()
    return f"- {name}{value}, {page}: {disarm_marks(citation.claim)} [{citation.mark}]"


def _coverage(coverage: Coverage) -> str:
    """Return how completely the documents were looked at: "17 of 63 documents looked at whole, 46 by search."."""
    parts = [f"{coverage.whole} of {_count(coverage.documents, 'documents')} looked at whole"]
    parts += [f"{coverage.by_search} by search or their first pages"] if coverage.by_search else []
    textless = f" {_count(coverage.textless_pages, 'pages')} without readable words." if coverage.textless_pages else ""
    return f"{', '.join(parts)}.{textless}"


def _count(number: int, noun: str) -> str:
    plural = noun if noun.endswith("s") else f"{noun}s"
    return f"{number} {kind_words(plural)[0] if number == 1 else plural}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
