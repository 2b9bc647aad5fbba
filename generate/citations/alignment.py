"""A claim aligned with one statement of a page: what the statement lacks, and where the two contradict each other.

The rules of roles are English; elsewhere they find nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from pagelens.generate.citations.claims import FUNCTION_WORDS
from pagelens.generate.citations.opposites import CAUSE_CLAIMS, CAUSES, NEGATIONS, OPPOSITES, ORDINALS, RESTRICTIONS
from pagelens.generate.citations.phrase import Phrase
from pagelens.generate.citations.relations import Relations
from pagelens.generate.citations.roles import Similar, contradicting_roles, replaced_words

ARGUMENT = 2  # content words on each side of a verb that are compared
CAUSE_SHARE = 0.5  # of the items on each side of a word of cause that are aligned
ZONE = 6  # edges of the tree between a number and what it is about
CLAUSE_DISTANCE = 6  # tokens by which a number in another clause is farther away
MIN_VOTES = 2  # words around a number that stand around another number of the statement
PHRASE = 4  # tokens between two words of one noun phrase
NEGATED = 4  # tokens behind a negation that it may negate
NEGATION_REACH = 3  # tokens before the first and after the last aligned word in which a negation counts

_EXCHANGED = frozenset("of from to by with into for than using via against over".split())


@dataclass(frozen=True)
class Alignment:
    """Which item of the statement each item of the claim is aligned with; `opposite`: claim items with an opposite."""

    claim: Phrase
    statement: Phrase
    pairs: Mapping[int, int]
    opposite: frozenset[int]
    near: Similar  # whether a word may stand for another in the same place

    @property
    def coverage(self) -> float:
        """Return the share of the claim's items that are aligned, 0..1."""
        return len(self.pairs) / max(1, len(self.claim.items))

    @property
    def longest_gap(self) -> int:
        """Return the length of the longest run of items of the claim that the statement lacks."""
        longest = run = 0
        for index in range(len(self.claim.items)):
            run = 0 if index in self.pairs else run + 1
            longest = max(longest, run)
        return longest

    def lacks(self, positions: Iterable[int]) -> list[int]:
        """Return the tokens of the claim among `positions` that the statement lacks."""
        aligned = {self.claim.items[index].position for index in self.pairs}
        return [at for at in positions if at not in aligned]

    def contradiction(self) -> str:
        """Return in a word where the two contradict each other; "" if they are not seen to."""
        checks = {
            "negation": self._turned_round,
            "cause": self._invented_cause,
            "restriction": self._invented_restriction,
            "ordinal": self._another_ordinal,
            "unit": self._another_unit,
            "numbers": self._exchanged_numbers,
            **self._role_checks,
        }
        return next((reason for reason, found in checks.items() if found()), "")

    @property
    def _role_checks(self) -> Mapping[str, Callable[[], bool]]:
        """The checks of roles: by the relations of both, where they are known, else by the order of the words."""
        if self.claim.relations is not None and self.statement.relations is not None:
            return {
                "roles": lambda: any(contradicting_roles(self.claim, self.statement, self.pairs)),
                "replaced": lambda: any(replaced_words(self.claim, self.statement, self.pairs, self.near)),
            }
        return {
            "order": self._reordered,
            "prepositions": self._exchanged_prepositions,
            "roles": self._exchanged_roles,
        }

    @cached_property
    def _span(self) -> Sequence[str]:
        """The words of the statement from a little before the first aligned one to a little behind the last."""
        positions = [self.statement.items[at].position for at in self.pairs.values()]
        first, last = min(positions) - NEGATION_REACH, max(positions) + NEGATION_REACH
        return self.statement.words[max(0, first) : last + 1]

    def _turned_round(self) -> bool:
        """Return whether one of the two says the opposite, by a negation or by an opposite word."""
        if "against" in self.claim.words and "against" not in self.statement.words:
            return True
        only_theirs = Counter(self._span) - Counter(self.claim.words)
        opposites = sum(
            word not in self.statement.words and not OPPOSITES[word].isdisjoint(only_theirs)
            for word in FUNCTION_WORDS.intersection(self.claim.words) & OPPOSITES.keys()
        )
        odd = self._negation_is_odd
        if opposites:
            return True
        if self.opposite:
            return len(self.opposite) > 1 or not odd or not self._negates_opposite()
        return odd or self._negates_another()

    @property
    def _negation_is_odd(self) -> bool:
        """Return whether one of the two has a negation more: in the statement those of aligned words count."""
        own, theirs = self.claim.relations, self.statement.relations
        if own is None or theirs is None:
            return (_negations(self.claim.words) - _negations(self._span)) % 2 == 1
        aligned = set(self.pairs.values())
        count = sum(item in aligned for item in theirs.negated)
        return (_negations(self.claim.words) - count) % 2 == 1

    def _negates_opposite(self) -> bool:
        """Return whether a negation stands right before a word of the claim, or of the statement, with its opposite."""
        [index] = self.opposite
        item = self.claim.items[index]
        others = [other.position for other in self.statement.items if {other.folded, other.term} & item.opposites]
        return _negated(self.claim.words, item.position) or any(_negated(self.statement.words, at) for at in others)

    def _negates_another(self) -> bool:
        """Return whether the claim negates a word that the statement has without its "not"."""
        own_relations, relations = self.claim.relations, self.statement.relations
        if own_relations is not None and relations is not None:
            negated = {item for item in relations.negated if item is not None}
            mapped = [self.pairs[item] for item in own_relations.negated if item is not None and item in self.pairs]
            return any(
                all(relations.distance(at, one, 1) > 1 for one in negated - {at}) for at in mapped if at not in negated
            )
        cues = NEGATIONS.intersection([*self.claim.words, *self._span])
        if cues - {"not", "cannot"} or "not" not in self.claim.words:
            return False
        own = [at for at in self.pairs if _negated(self.claim.words, self.claim.items[at].position)]
        return any(not _negated(self.statement.words, self.statement.items[self.pairs[at]].position) for at in own)

    def _invented_cause(self) -> bool:
        """Return whether the claim gives a cause where the statement has none, or another one."""
        at = next((at for at, word in enumerate(self.claim.words) if word in CAUSE_CLAIMS), None)
        if at is None:
            return False
        if not CAUSES.intersection(self.statement.words):
            return True
        sides: tuple[list[bool], list[bool]] = ([], [])
        for index, item in enumerate(self.claim.items):
            sides[item.position > at].append(index in self.pairs)
        return any(sum(side) < CAUSE_SHARE * len(side) for side in sides)

    def _invented_restriction(self) -> bool:
        return bool(RESTRICTIONS.intersection(self.claim.words)) and not (RESTRICTIONS | NEGATIONS).intersection(
            self.statement.words
        )

    def _another_unit(self) -> bool:
        """Return whether a number has another unit than that of the statement: percentage points for percent."""
        units = [
            (self.claim.items[mine].unit, self.statement.items[other].unit) for mine, other in self._unique.items()
        ]
        return any(own != theirs for own, theirs in units if own and theirs)

    def _another_ordinal(self) -> bool:
        """Return whether the claim has an ordinal that the statement lacks in words and in digits."""
        theirs = {*self.statement.words, *(word.lstrip("0") for word in self.statement.words)}
        numbers = {str(value) for item in self.statement.items for value in item.values}
        return any(
            word not in theirs and str(number) not in numbers
            for number, word in enumerate(ORDINALS, start=1)
            if word in self.claim.words
        )

    @cached_property
    def _revoiced(self) -> Sequence[int]:
        """The verbs of the claim that are passive there and active in the statement, or the reverse."""
        revoiced = []
        for mine, other in self.pairs.items():
            own, theirs = self.claim.items[mine], self.statement.items[other]
            if own.passive == theirs.passive:
                continue
            active, agents = (theirs, self._agents(mine)) if own.passive else (own, self._agents_there(other))
            if active.transitive or agents:
                revoiced.append(mine)
        return revoiced

    def _agents(self, verb: int) -> bool:
        """Return whether those behind the "by" of a passive verb of the claim stand before it in the statement."""
        agents = _sides(self.claim, verb)[1]
        return any(self.pairs[at] < self.pairs[verb] for at in agents if at in self.pairs)

    def _agents_there(self, verb: int) -> bool:
        """Return the same of a passive verb of the statement and the claim."""
        back = {other: mine for mine, other in self.pairs.items()}
        agents = _sides(self.statement, verb)[1]
        return any(back[at] < back[verb] for at in agents if at in back)

    def _reordered(self) -> bool:
        """Return whether words stand in another order, without a change of voice or a clause or adjunct that moved."""
        if self._revoiced:
            return False
        ordered = [(mine, other) for mine, other in sorted(self._unique.items()) if not self.claim.items[mine].adverb]
        head_words = [0, *(at for at in range(1, len(ordered)) if ordered[at][1] < ordered[at - 1][1])]
        for before, at in pairwise(head_words):
            first, last = self.claim.items[ordered[at][0]], self.claim.items[ordered[at - 1][0]]
            if (
                first.clause == last.clause
                and not any(self._is_adjunct(*ordered[head]) for head in (before, at))
                and not self._in_one_phrase(ordered[at - 1], ordered[at])
            ):
                return True
        return False

    def _in_one_phrase(self, first: tuple[int, int], second: tuple[int, int]) -> bool:
        """Return whether two items stand close to each other in both, governed by "of" or the like in one of them."""
        sides = [
            (phrase.items[one], phrase.items[other])
            for phrase, one, other in zip((self.claim, self.statement), first, second, strict=True)
        ]
        return all(abs(one.position - other.position) <= PHRASE for one, other in sides) and any(
            item.governor in ("of", "for", "in") for side in sides for item in side
        )

    def _is_adjunct(self, mine: int, other: int) -> bool:
        """Return whether the same preposition governs an item in both."""
        governor = self.claim.items[mine].governor
        return governor != "" and governor == self.statement.items[other].governor

    @cached_property
    def _unique(self) -> Mapping[int, int]:
        """The pairs whose words occur once in the claim and once in the statement."""
        own = Counter(item.term for item in self.claim.items)
        theirs = Counter(item.term for item in self.statement.items)
        return {
            mine: other
            for mine, other in self.pairs.items()
            if own[self.claim.items[mine].term] == 1 and theirs[self.statement.items[other].term] == 1
        }

    def _exchanged_prepositions(self) -> bool:
        """Return whether a preposition has passed from one word to another that stood before it, or the reverse."""
        pairs = list(self._unique.items())
        for first, other_first in pairs:
            governor = self.statement.items[other_first].governor
            if not governor or self.claim.items[first].governor == governor:
                continue
            for second, other_second in pairs:
                if (
                    governor in _EXCHANGED
                    and self.claim.items[second].governor == governor
                    and self.statement.items[other_second].governor != governor
                    and (first < second) != (other_first < other_second)
                ):
                    return True
        return False

    def _exchanged_numbers(self) -> bool:
        """Return whether a number of the claim stands among the words of another number of the statement."""
        if "respectively" in self.statement.words and self._inverted(numbers=True) != self._inverted(numbers=False):
            return "respectively" in self.claim.words
        numbers = [at for at, item in enumerate(self.statement.items) if item.is_number]
        if len(numbers) < 2:
            return False
        own, theirs = _zones(self.claim), _zones(self.statement)
        pairs = self._unique if self.statement.relations is None else self.pairs
        if self._number_beside_another():
            return True
        for mine, other in self.pairs.items():
            if mine not in own.values() or other not in theirs.values():
                continue
            votes: Counter[int] = Counter(
                theirs[pairs[at]] for at, number in own.items() if number == mine and pairs.get(at) in theirs
            )
            best, count = max(votes.items(), key=lambda vote: vote[1], default=(other, 0))
            if best != other and count >= MIN_VOTES and not votes[other]:
                return True
        return False

    def _number_beside_another(self) -> bool:
        """Return whether a word right before a number, as in "Perth (32%)", stands right before another number."""
        own, theirs = _labels_of_numbers(self.claim), _labels_of_numbers(self.statement)
        numbers = {label: number for number, label in theirs.items()}
        return any(
            number in self.pairs
            and self.pairs[number] in theirs
            and numbers.get(self.pairs.get(label, -1), self.pairs[number]) != self.pairs[number]
            for number, label in own.items()
        )

    def _inverted(self, *, numbers: bool) -> bool:
        """Return whether two numbers, or two other items, stand in the other order in the statement."""
        order = [other for mine, other in sorted(self.pairs.items()) if self.claim.items[mine].is_number == numbers]
        return any(second < first for first, second in pairwise(order))

    def _exchanged_roles(self) -> bool:
        """Return whether a verb has changed its voice, and those around it have not changed their sides."""
        for mine in self._revoiced:
            other = self.pairs[mine]
            own_sides = [{self._term(at) for at in side} for side in _sides(self.claim, mine)]
            right, left = (
                {item.term for item in items}
                for items in (self.statement.items[:other], self.statement.items[other + 1 :])
            )
            before, after = own_sides
            wrong_before, wrong_after = before & right - left, after & left - right
            fits = (before & left) | (after & right)
            if (wrong_before and wrong_after) or ((wrong_before or wrong_after) and not fits):
                return True
        return False

    def _term(self, index: int) -> str:
        """Return the term of the item of the statement that an item of the claim is aligned with; else its own."""
        return self.statement.items[self.pairs[index]].term if index in self.pairs else self.claim.items[index].term


def _negated(words: Sequence[str], at: int) -> bool:
    """Return whether a negation stands before a word, with nothing but function words between them."""
    for before in reversed(words[max(0, at - NEGATED) : at]):
        if before in NEGATIONS:
            return True
        if before not in FUNCTION_WORDS:
            return False
    return False


def _negations(words: Sequence[str]) -> int:
    """Return how many negations there are; "neither ... nor" is one."""
    return sum(word in NEGATIONS for word in words if word != "nor" or "neither" not in words)


def _sides(phrase: Phrase, verb: int) -> tuple[set[int], set[int]]:
    """Return the items before and after a verb that no preposition governs; behind a passive, those after "by"."""
    clause, passive = phrase.items[verb].clause, phrase.items[verb].passive
    before = _arguments(phrase, range(verb - 1, -1, -1), clause, "")
    after = _arguments(phrase, range(verb + 1, len(phrase.items)), clause, "by" if passive else "")
    return before, after


def _arguments(phrase: Phrase, indexes: Iterable[int], clause: int, governor: str) -> set[int]:
    """Return the nearest items of the clause that have this governor."""
    found: set[int] = set()
    for index in indexes:
        item = phrase.items[index]
        if item.clause != clause or len(found) == ARGUMENT:
            break
        if item.governor == governor and not item.is_number:
            found.add(index)
    return found


def _zones(phrase: Phrase) -> dict[int, int]:
    """Return the nearest number of each item, by their indexes; none where the phrase has no number.

    Nearest in the tree, where there is one: then an item as near to two numbers has none.
    """
    numbers = [at for at, item in enumerate(phrase.items) if item.is_number]
    if not numbers:
        return {}
    if phrase.relations is not None:
        return _zones_in_tree(phrase, phrase.relations, numbers)

    def distance(at: int, number: int) -> tuple[int, int]:
        one, other = phrase.items[at], phrase.items[number]
        return abs(one.position - other.position) + CLAUSE_DISTANCE * (one.clause != other.clause), at < number

    return {at: min(numbers, key=lambda number: distance(at, number)) for at in range(len(phrase.items))}


def _labels_of_numbers(phrase: Phrase) -> dict[int, int]:
    """Return the item right before each number that stands in brackets."""
    return {
        at: at - 1
        for at, item in enumerate(phrase.items)
        if at and item.is_number and item.in_brackets and not phrase.items[at - 1].is_number
    }


def _zones_in_tree(phrase: Phrase, relations: Relations, numbers: Sequence[int]) -> dict[int, int]:
    zones = {}
    for at in (at for at, item in enumerate(phrase.items) if not item.is_number):
        distances = [relations.distance(at, number, ZONE) for number in numbers]
        nearest = min(distances)
        if nearest <= ZONE and distances.count(nearest) == 1:
            zones[at] = numbers[distances.index(nearest)]
    return zones
