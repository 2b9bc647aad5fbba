"""Reads documents of any length in windows of pages that overlap, and merges what the windows gave.

Single values: the first that stands on its page, else the first; a different one that stands on another page is kept as
a conflict. Lists are concatenated in the order of pages; a row of a page that two windows have is kept once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pagelens.core.protocols import Extractor
from pagelens.core.types import Citation, ContextPage, Extraction, PageRef, Usage, ValueConflict
from pagelens.generate.extraction.comparison import same_value
from pagelens.generate.extraction.schemas import leaf_values, pointer_part

ALIKE = 0.8  # of the rows of a page in two windows, that have half of their values in common
PLACED = 0.6  # of them, that are cited from that page by both: a value may stand on other pages too
OVERLAP = 1  # pages that a window shares with the one before


def extract_all(extractor: Extractor, schema: object, pages: Sequence[ContextPage]) -> Extraction:
    """Return the values of all pages, read in windows of as many as the extractor takes at once. Raises as it does."""
    if extractor.window is None or len(pages) <= 1:
        return extractor.extract(schema, pages)
    parts: list[Extraction] = []
    first = 0
    while True:
        part = extractor.extract(schema, pages[first : first + extractor.window])
        parts.append(part)
        after = first + max(1, len(part.context_pages))  # fewer than the window where they did not fit
        if after >= len(pages):
            return merge(parts) if len(parts) > 1 else part
        first = max(first + 1, after - OVERLAP)


def page_windows(count: int, window: int) -> list[tuple[int, int]]:
    """Return the [first, last) of the windows over so many pages, where all of a window fit."""
    windows = [(0, min(window, count))]
    while windows[-1][1] < count:
        first = max(windows[-1][0] + 1, windows[-1][1] - OVERLAP)
        windows.append((first, min(first + window, count)))
    return windows


@dataclass(frozen=True, slots=True)
class _Part:
    """A value of one window, with the pointer it has there."""

    value: object
    pointer: str
    window: int


@dataclass(slots=True)
class _Merge:
    windows: Sequence[Extraction]
    marks: Mapping[PageRef, int]
    citations: dict[str, Citation] = field(default_factory=dict)
    conflicts: list[ValueConflict] = field(default_factory=list)

    def value(self, parts: Sequence[_Part], pointer: str) -> object:
        """Merge the values of one place."""
        given = [part for part in parts if part.value is not None]
        if not given:
            return None
        if isinstance(given[0].value, Mapping):
            return self._object(given, pointer)
        if isinstance(given[0].value, list):
            rows = self._rows([part for part in given if isinstance(part.value, list)])
            return [self.value([row], f"{pointer}/{at}") for at, row in enumerate(rows)]
        return self._single(given, pointer)

    def _object(self, parts: Sequence[_Part], pointer: str) -> dict[str, object]:
        merged: dict[str, object] = {}
        mappings = [(part, part.value) for part in parts if isinstance(part.value, Mapping)]
        for name in dict.fromkeys(name for _, value in mappings for name in value):
            place = pointer_part(name)
            values = [_Part(value.get(name), f"{part.pointer}/{place}", part.window) for part, value in mappings]
            merged[name] = self.value(values, f"{pointer}/{place}")
        return merged

    def _single(self, parts: Sequence[_Part], pointer: str) -> object:
        chosen = next((part for part in parts if self._confirmed(part)), parts[0])
        citation = self._citation(chosen)
        if citation is not None:
            self.citations[pointer] = citation
        others: list[ValueConflict] = []
        for part in parts:
            known = [chosen.value, *(conflict.value for conflict in others)]
            cited = self._citation(part)
            if cited is not None and not any(same_value(part.value, value) for value in known):
                others.append(ValueConflict(pointer=pointer, value=part.value, citation=cited))
        self.conflicts += others
        return chosen.value

    def _rows(self, lists: Sequence[_Part]) -> list[_Part]:
        """Return the rows of all windows, in order: the last ones of a window are the first ones of the next, as many
        as both have of the page they share. Of two readings of a row the one is kept with fewer values on no page."""
        rows: list[_Part] = []
        for part in lists:
            assert isinstance(part.value, list)
            new = [_Part(value, f"{part.pointer}/{at}", part.window) for at, value in enumerate(part.value)]
            count = self._repeated(rows, new)
            first = len(rows) - count
            for at, row in enumerate(new[:count], start=first):
                if self._doubt(row) < self._doubt(rows[at]):
                    rows[at] = row
            rows += new[count:]
        return rows

    def _repeated(self, rows: Sequence[_Part], new: Sequence[_Part]) -> int:
        """Return how many of the last rows are the first new ones: most are alike, and of the page in both windows."""
        shared = self._shared_pages(new[0].window) if new else set()
        for count in range(min(len(rows), len(new)), 0, -1):
            pairs = list(zip(rows[-count:], new[:count], strict=True))
            alike = sum(are_alike(old.value, row.value) for old, row in pairs)
            placed = sum(self._page(old) in shared and self._page(row) in shared for old, row in pairs)
            if alike >= ALIKE * count and placed >= PLACED * count:
                return count
        return 0

    def _shared_pages(self, window: int) -> set[PageRef]:
        if window == 0:
            return set()
        return set(self.windows[window].context_pages) & set(self.windows[window - 1].context_pages)

    def _page(self, row: _Part) -> PageRef | None:
        """Return the page that most values of a row are cited from."""
        pages = Counter(citation.ref for citation in self._citations_of(row))
        return pages.most_common(1)[0][0] if pages else None

    def _doubt(self, row: _Part) -> int:
        return sum(citation.state == "unconfirmed" for citation in self._citations_of(row))

    def _citations_of(self, row: _Part) -> Iterator[Citation]:
        cited = self.windows[row.window].citations
        for pointer, _ in leaf_values(row.value, row.pointer):
            if pointer in cited:
                yield cited[pointer]

    def _citation(self, part: _Part) -> Citation | None:
        cited = self.windows[part.window].citations.get(part.pointer)
        return None if cited is None else replace(cited, mark=self.marks[cited.ref])

    def _confirmed(self, part: _Part) -> bool:
        cited = self._citation(part)
        return cited is not None and cited.state != "unconfirmed"


def merge(windows: Sequence[Extraction]) -> Extraction:
    """Return one extraction of several windows of a document, in the order of their pages."""
    pages = list(dict.fromkeys(page for window in windows for page in window.context_pages))
    merger = _Merge(windows, {page: mark for mark, page in enumerate(pages, start=1)})
    data = merger.value([_Part(window.data, "", at) for at, window in enumerate(windows)], "")
    by_pointer = dict(leaf_values(data))
    unconfirmed = [pointer for pointer, one in merger.citations.items() if one.state == "unconfirmed"]
    notes = [f"Found in no page's words: {', '.join(unconfirmed)}."] if unconfirmed else []
    notes += [conflict_note(conflict, by_pointer.get(conflict.pointer)) for conflict in merger.conflicts]
    own = ("Found in no page's words", "further pages did not fit")  # said of all pages above
    notes += dict.fromkeys(note for window in windows for note in window.notes if not any(text in note for text in own))
    return Extraction(
        data=data,
        citations=merger.citations,
        absent=[pointer for pointer, value in by_pointer.items() if value is None],
        context_pages=pages,
        notes=notes,
        usage=_total([window.usage for window in windows if window.usage is not None], len(pages)),
        conflicts=merger.conflicts,
    )


def conflict_note(conflict: ValueConflict, kept: object) -> str:
    """Return "/total: 12 was kept, p. 3 says 13.\""""
    return f"{conflict.pointer}: {kept!r} was kept, page {conflict.citation.ref.number} says {conflict.value!r}."


def are_alike(first: object, second: object) -> bool:
    """Tell whether at least half of the values of two rows are equal."""
    one, two = dict(leaf_values(first)), dict(leaf_values(second))
    given = [pointer for pointer in {**one, **two} if one.get(pointer) is not None or two.get(pointer) is not None]
    equal = sum(same_value(one.get(pointer), two.get(pointer)) for pointer in given)
    return 2 * equal >= len(given) > 0


def _total(usages: Sequence[Usage], pages: int) -> Usage | None:
    if not usages:
        return None

    def summed(name: str) -> int | None:
        values = [getattr(usage, name) for usage in usages]
        return None if None in values else sum(values)

    costs = [usage.cost for usage in usages]
    return Usage(
        model=usages[0].model,
        pages=pages,
        pictures=sum(usage.pictures for usage in usages),
        estimated_tokens=sum(usage.estimated_tokens for usage in usages),
        input_tokens=summed("input_tokens"),
        output_tokens=summed("output_tokens"),
        calls=sum(usage.calls for usage in usages),
        seconds=sum(usage.seconds for usage in usages),
        cost=None if None in costs else sum(cost for cost in costs if cost is not None),
        prompts=tuple(dict.fromkeys(prompt for usage in usages for prompt in usage.prompts)),
    )
