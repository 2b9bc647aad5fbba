"""Compares who does what to whom in a claim and in a statement, by their relations.

A role contradicts where the statement gives it to something else: "the tenant paid the owner" against "the
owner paid the tenant". What merely stands farther apart is no contradiction.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from pagelens.generate.citations.phrase import Phrase
from pagelens.generate.citations.relations import EQUAL, MODIFIER, OBJECT, SUBJECT, Edge, Relations

FAR = 4  # edges beyond which two items have nothing to do with each other
DEPENDENT_FACTOR = 1.1  # a word's own dependents tell more than its head, which a claim may exchange

Similar = Callable[[str, str], bool]
"""Whether two folded words, neither of them a function word, mean the same or nearly so."""


def never_similar(_word: str, _other: str) -> bool:
    """Return false: the comparison where nothing is known of meanings."""
    return False


_CORE = frozenset({SUBJECT, OBJECT})
# Of these a word may have several.
_OPEN = frozenset(
    {MODIFIER, EQUAL, "advcl", "ccomp", "conj", "relcl", "acl", "xcomp", "attr", "acomp", "dep", "pcomp", "parataxis"}
)
_RAISING = frozenset(
    "tend tends tended need needs needed have has had seem seems appear appears continue continues".split()
)


def distinguished(claim: Phrase, statement: Phrase, pairs: Mapping[int, int]) -> dict[int, int]:
    """Return the pairs with each item at the one of several equal words whose neighbours are aligned too."""
    own, theirs = claim.relations, statement.relations
    result = dict(pairs)
    if own is None or theirs is None:
        return result
    near: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for head, _, dependent in own.edges:
        near[head].append((dependent, DEPENDENT_FACTOR))
        near[dependent].append((head, 1.0))
    for _ in range(2):
        for mine in sorted(result):
            equal = statement.by_term.get(statement.items[result[mine]].term, ())
            if len(equal) > 1:
                result[mine] = max(equal, key=lambda at: (_fit(at, near[mine], result, theirs), at == result[mine]))
    return result


def _fit(at: int, near: list[tuple[int, float]], pairs: Mapping[int, int], theirs: Relations) -> float:
    total = 0.0
    for neighbour, factor in near:
        other = pairs.get(neighbour, at)
        if other != at and (theirs.roles(at, other) or theirs.roles(other, at)):
            total += factor
    return total


def of_one_role(
    claim: Phrase, statement: Phrase, pairs: Mapping[int, int], unpaired: Sequence[int], near: Similar
) -> dict[int, int]:
    """Return pairs of words that mean nearly the same and stand in the same role to two that are aligned."""
    own, theirs = claim.relations, statement.relations
    found: dict[int, int] = {}
    if own is None or theirs is None:
        return found
    taken = set(pairs.values())
    for head, role, dependent in sorted(own.edges):
        lacking, known = (dependent, head) if head in pairs else (head, dependent)
        if known not in pairs or lacking not in unpaired or lacking in found:
            continue
        there = (theirs.dependents if known == head else theirs.governors)(pairs[known], role)
        for one in there:
            other = statement.items[one]
            if (
                one not in taken
                and not (other.is_number or other.name)
                and near(claim.items[lacking].folded, other.folded)
            ):
                found[lacking] = one
                taken.add(one)
                break
    return found


def contradicting_roles(claim: Phrase, statement: Phrase, pairs: Mapping[int, int]) -> Iterator[Edge]:
    """Yield the edges of the claim whose role the statement gives to something else.

    The order of the words, or the voice, must have changed too: where both are the same it is a parser's error.
    """
    own, theirs = claim.relations, statement.relations
    if own is None or theirs is None:
        return
    back: dict[int, list[int]] = defaultdict(list)
    for mine, other in pairs.items():
        back[other].append(mine)
    for head, role, dependent in sorted(own.edges):
        if head not in pairs or dependent not in pairs or pairs[head] == pairs[dependent]:
            continue
        if role == EQUAL and (claim.items[head].is_number or claim.items[dependent].is_number):
            continue
        roles = theirs.roles(pairs[head], pairs[dependent])
        if role in roles or (role == SUBJECT and claim.items[head].folded in _RAISING):  # its infinitive is compared
            continue
        if _is_contradicted((head, role, dependent), claim, statement, pairs, back):
            yield head, role, dependent


def _is_contradicted(
    edge: Edge, claim: Phrase, statement: Phrase, pairs: Mapping[int, int], back: Mapping[int, Sequence[int]]
) -> bool:
    """Return whether the statement gives the role of an edge to something else. `back`: the pairs the other way."""
    own, theirs = claim.relations, statement.relations
    assert own is not None and theirs is not None
    head, role, dependent = edge
    if role == EQUAL:
        return _other_is_equal(head, dependent, own, theirs, pairs, back)
    there, item = pairs[head], pairs[dependent]
    roles, moved = theirs.roles(there, item), _moved((head, dependent), (there, item))
    if role in _CORE and roles & _CORE:
        if all(relations.core_roles(at) == 1 for relations, at in ((own, head), (theirs, there))):
            return False  # "the fleet grew", "they grew the fleet"
        return moved or claim.items[head].passive != statement.items[there].passive
    if role in _OPEN:
        return False
    if role not in _CORE and role in theirs.roles(item, there):
        return moved
    others = [one for one in theirs.dependents(there, role) if not theirs.in_one_phrase(item, one, there)]
    for one in others:
        for mine in back.get(one, ()):
            if (head, role, mine) not in own.edges and _moved((head, dependent, mine), (there, item, one)):
                return True
    apart = (moved and role in _CORE) or theirs.distance(there, item, FAR) > FAR
    return bool(others) and not roles and apart


def _other_is_equal(
    first: int,
    second: int,
    own: Relations,
    theirs: Relations,
    pairs: Mapping[int, int],
    back: Mapping[int, Sequence[int]],
) -> bool:
    """Return whether the statement equates one of two items with another word of the claim instead."""
    for item, equal in ((first, second), (second, first)):
        others = theirs.equals(pairs[item]) - {pairs[equal]}
        if pairs[equal] in theirs.equals(pairs[item]) or theirs.in_one_phrase(pairs[item], pairs[equal], -1):
            return False
        moved_there = (
            mine
            for one in others
            for mine in back.get(one, ())
            if mine not in own.equals(item) and _moved((item, equal, mine), (pairs[item], pairs[equal], one))
        )
        if any(True for _ in moved_there):
            return True
    return False


def replaced_words(claim: Phrase, statement: Phrase, pairs: Mapping[int, int], similar: Similar) -> Iterator[Edge]:
    """Yield the edges of the claim to a word that the statement lacks and has another word in the place of."""
    own, theirs = claim.relations, statement.relations
    if own is None or theirs is None:
        return
    taken = set(pairs.values())
    for head, role, dependent in sorted(own.edges):
        if head not in pairs or dependent in pairs or role in _OPEN - {MODIFIER}:
            continue
        word = claim.items[dependent]
        others = [
            statement.items[one]
            for one in theirs.dependents(pairs[head], role)
            if one not in taken and not statement.items[one].is_number
        ]
        if others and not any(similar(word.folded, other.folded) for other in others):
            yield head, role, dependent


def _moved(own: Sequence[int], theirs: Sequence[int]) -> bool:
    """Return whether items stand in another order than those that they are aligned with."""
    return sorted(range(len(own)), key=own.__getitem__) != sorted(range(len(theirs)), key=theirs.__getitem__)
