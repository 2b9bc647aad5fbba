"""Aligns the words of a claim with those of one statement of a page."""

from collections import Counter
from collections.abc import Collection, Sequence

from pagelens.generate.citations.alignment import Alignment
from pagelens.generate.citations.numbers import is_rounded
from pagelens.generate.citations.opposites import is_negated_form
from pagelens.generate.citations.phrase import Item, Phrase
from pagelens.generate.citations.roles import Similar, distinguished, of_one_role

STEM_LENGTH, STEM_SHARE = 5, 0.6  # letters that words of one family begin with, at least, and of the longer one


def align(claim: Phrase, statement: Phrase, similar: Similar, near: Similar, misread: Similar) -> Alignment:
    """Align each item of the claim with an equal one of the statement, else find its opposite, else a similar one.

    `near` says whether a word may mean nearly the same as one in the same place; `misread`, whether it may be another
    one that OCR misread.
    """
    pairs: dict[int, int] = {}
    opposite: set[int] = set()
    words = (Counter(statement.words) - Counter(claim.words)).keys() | (statement.by_term.keys() - claim.by_term.keys())
    expected = 0
    for index, item in enumerate(claim.items):
        found = _equal(item, statement)
        if not found and _has_opposite(item, words):
            opposite.add(index)
        elif found := found or _related(item, statement, similar, misread):
            pairs[index] = min(found, key=lambda at: (abs(at - expected), at))
            expected = pairs[index] + 1
    pairs = distinguished(claim, statement, pairs)
    unpaired = [
        at
        for at, item in enumerate(claim.items)
        if at not in pairs and at not in opposite and not (item.is_number or item.name)
    ]
    pairs |= of_one_role(claim, statement, pairs, unpaired, near)
    return Alignment(claim=claim, statement=statement, pairs=pairs, opposite=frozenset(opposite), near=near)


def _has_opposite(item: Item, words: Collection[str]) -> bool:
    """Return whether an item's opposite is among words that the claim lacks."""
    return not item.opposites.isdisjoint(words) or (
        not item.is_number and any(is_negated_form(item.folded, word) for word in words)
    )


def _equal(item: Item, statement: Phrase) -> Sequence[int]:
    if item.is_number:
        found = [at for at, other in enumerate(statement.items) if item.values & other.values]
        if found or not item.rounded:
            return found
        return [
            at
            for at, other in enumerate(statement.items)
            if any(is_rounded(value, exact) for value in item.values for exact in other.values)
        ]
    return statement.by_term.get(item.term, ())


def _related(item: Item, statement: Phrase, similar: Similar, misread: Similar) -> Sequence[int]:
    """Return the items of a statement of the same family as a claim's item, else those that are similar."""
    if item.is_number:
        return ()
    others = [(at, other) for at, other in enumerate(statement.items) if not other.is_number]
    family = [
        at for at, other in others if same_family(item.folded, other.folded) or misread(item.folded, other.folded)
    ]
    if family or item.name:
        return family
    return [at for at, other in others if not other.name and similar(item.folded, other.folded)]


def same_family(word: str, other: str) -> bool:
    """Return whether two words begin alike, as "develop" and "development" do."""
    shared = next(
        (at for at, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other))
    )
    return shared >= STEM_LENGTH and shared >= STEM_SHARE * max(len(word), len(other))
