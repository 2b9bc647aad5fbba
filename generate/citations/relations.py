"""Relations between the items of a phrase, from its dependency tree: who does what to whom, what belongs to what.

Function words are taken out of the tree: "a change to the code" relates "change" to "code" by "to". Roles are the same
in both voices: in "the code was approved by the council" the council is the subject and the code the object. A relative
clause, a participle and a verb of a list get the subject that they share. Edges are (head, role, dependent), by the
indexes of the items.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from pagelens.core.protocols import DependencyParser
from pagelens.generate.citations.claims import Token
from pagelens.generate.citations.opposites import NEGATIONS

SUBJECT, OBJECT, MODIFIER, EQUAL = "subj", "obj", "mod", "is"
MAX_STEPS = 10  # up or down the tree, for trees that are no trees

_CONTRACTION = re.compile(r"(.+?)(['’]s|n['’]t|['’](?:re|ve|ll|d|m))$", re.I)
_OBJECTS = frozenset({"nsubjpass", "csubjpass", "dobj", "oprd"})
_SUBJECTS = frozenset({"nsubj", "csubj", "agent"})
_ROLES = {
    **dict.fromkeys(_OBJECTS, OBJECT),
    **dict.fromkeys(_SUBJECTS, SUBJECT),
    **dict.fromkeys(("compound", "amod", "nummod", "nmod", "advmod", "quantmod", "npadvmod"), MODIFIER),
    "poss": "of",
    "appos": EQUAL,
}
_SKIPPED = frozenset({"punct", "det", "aux", "auxpass", "cc", "case", "mark", "prep"})
_PREDICATES = ("attr", "acomp", "xcomp", "dobj", "oprd")
_INSIDE = ("nummod", "prep", "relcl", "acl", "amod", "compound", "nmod", "poss")
_IN_ONE_PHRASE = frozenset({"of", MODIFIER, EQUAL, "for", "in", "conj"})

_NEGATIONS = NEGATIONS | {"n't"}

Edge = tuple[int, str, int]


class Relations:
    """The edges between items. `items` gives the index of the item that begins at a character of the text."""

    def __init__(self, text: str, tokens: Sequence[Token], items: Mapping[int, int], parser: DependencyParser) -> None:
        words = list(_words(text, tokens))
        self._words = [word for word, _, _ in words]
        ends = [start for _, start, _ in words[1:]] + [0]
        self._tree = parser.parse(self._words, [end < begin for (_, _, end), begin in zip(words, ends, strict=True)])
        self._children: dict[int, list[int]] = defaultdict(list)
        for at, word in enumerate(self._tree):
            if word.head != at:
                self._children[word.head].append(at)
        self._items = {at: items[start] for at, (_, start, _) in enumerate(words) if start in items}
        self.edges: frozenset[Edge] = frozenset(
            (head, role, dependent)
            for head, role, dependent in [*self._own_edges(), *self._shared_edges()]
            if head is not None and dependent is not None and head != dependent
        )

    def roles(self, head: int, dependent: int) -> set[str]:
        """Return the roles in which one item depends directly on another."""
        return self._direct.get((head, dependent), set())

    def dependents(self, head: int, role: str) -> list[int]:
        """Return the items that depend on an item in a role."""
        return [item for item in self._neighbours[head] if role in self.roles(head, item)]

    def distance(self, item: int, other: int, limit: int) -> int:
        """Return the number of edges between two items; `limit` + 1 if it is larger."""
        front, seen = {item}, {item}
        for steps in range(1, limit + 1):
            front = {near for one in front for near in self._neighbours[one]} - seen
            if other in front:
                return steps
            seen |= front
        return limit + 1

    def governors(self, dependent: int, role: str) -> list[int]:
        """Return the items on which an item depends in a role."""
        return [item for item in self._neighbours[dependent] if role in self.roles(item, dependent)]

    def core_roles(self, head: int) -> int:
        """Return how many of the roles of subject and object something has at an item."""
        return sum(bool(self.dependents(head, role)) for role in (SUBJECT, OBJECT))

    def equals(self, item: int) -> set[int]:
        """Return the items that an item is said to be, or that are said to be it."""
        return {*self.dependents(item, EQUAL), *self.governors(item, EQUAL)}

    def in_one_phrase(self, item: int, other: int, head: int) -> bool:
        """Return whether two items belong to one noun phrase, at most one item between them, which is not `head`."""
        near = self._of_phrase[item] - {head}
        return other in near or any(other in self._of_phrase[one] for one in near)

    def may_be_name(self, item: int) -> bool:
        """Return whether an item is tagged as a proper noun, or as a noun in the singular, as unknown names are."""
        return self._tags.get(item, "NN") in ("NN", "NNP", "NNPS")

    @cached_property
    def _tags(self) -> Mapping[int, str]:
        return {item: self._tree[at].tag for at, item in self._items.items()}

    @cached_property
    def negated(self) -> Sequence[int | None]:
        """The item that each negation is about, in the order of the text; None where it is about none."""
        return [self._negated_by(at) for at, word in enumerate(self._words) if word.lower() in _NEGATIONS]

    def _negated_by(self, at: int) -> int | None:
        if self._tree[at].tag.startswith(("VB", "IN")) or self._words[at].lower() == "unable":  # "fails to", "without"
            below = self._of(at, ("xcomp", "pobj", "pcomp", "dobj", "prep"))
            return next((item for child in below if (item := self._stands_for(child)) is not None), self._items.get(at))
        for _ in range(MAX_STEPS):
            at = self._tree[at].head
            if (item := self._stands_for(at)) is not None:
                return item
        return None

    @cached_property
    def _direct(self) -> Mapping[tuple[int, int], set[str]]:
        found: dict[tuple[int, int], set[str]] = defaultdict(set)
        for head, role, dependent in self.edges:
            found[head, dependent].add(role)
        return found

    @cached_property
    def _neighbours(self) -> Mapping[int, set[int]]:
        return _both_ways(self.edges)

    @cached_property
    def _of_phrase(self) -> Mapping[int, set[int]]:
        return _both_ways(edge for edge in self.edges if edge[1] in _IN_ONE_PHRASE)

    def _own_edges(self) -> Iterator[tuple[int | None, str, int | None]]:
        """Yield the edge of each word to its head; words of a list have that of the first."""
        for at, word in enumerate(self._tree):
            item = None if word.relation in _SKIPPED else self._stands_for(at)
            if item is None:
                continue
            first = self._first_of_list(at)
            head, relation = self._tree[first].head, self._tree[first].relation
            if head == first or relation in _SKIPPED:
                continue
            role = _ROLES.get(relation, relation)
            if relation in ("pobj", "pcomp"):
                role = SUBJECT if self._tree[head].relation == "agent" else self._words[head].lower()
                while self._tree[head].relation == "prep" and self._tree[self._tree[head].head].relation == "prep":
                    head = self._tree[head].head
                head = self._tree[head].head
            elif role == SUBJECT and head not in self._items and self._of(head, ("attr",)):
                role = EQUAL  # "the code is a law"
            elif role == SUBJECT and head not in self._items and self._is_passive(self._infinitive(head)):
                role = OBJECT  # "the plan has to be approved"
            yield self._stands_for(head), role, item

    def _shared_edges(self) -> Iterator[tuple[int | None, str, int | None]]:
        """Yield the edges of verbs without a subject of their own to the one that they share."""
        for at, word in enumerate(self._tree):
            verb = self._stands_for(at)
            if verb is None or word.relation not in ("relcl", "acl", "xcomp", "advcl", "conj"):
                continue
            if word.relation == "relcl":
                own = [one for one in self._subjects(at) if self._tree[one].tag not in ("WDT", "WP")]
                yield verb, OBJECT if own or self._is_passive(at) else SUBJECT, self._stands_for(word.head)
            elif word.relation == "acl":
                role = {"VBN": OBJECT, "VBG": SUBJECT}.get(word.tag, "acl")
                yield verb, role, self._stands_for(word.head)
            elif word.tag.startswith("VB") and not self._subjects(at):
                role = OBJECT if self._is_passive(at) else SUBJECT
                for subject in self._shared_subjects(at):
                    yield verb, role, self._stands_for(subject)

    def _shared_subjects(self, verb: int) -> list[int]:
        head = self._tree[verb].head
        for _ in range(MAX_STEPS):
            if self._subjects(head) or self._tree[head].relation not in ("conj", "xcomp", "advcl"):
                break
            head = self._tree[head].head
        objects = self._of(head, ("dobj",)) if self._tree[verb].relation == "xcomp" else []
        return objects or self._subjects(head)

    def _subjects(self, verb: int) -> list[int]:
        return self._of(verb, ("nsubj", "nsubjpass"))

    def _infinitive(self, verb: int) -> int:
        return next(iter(self._of(verb, ("xcomp",))), verb)

    def _is_passive(self, verb: int) -> bool:
        """Return whether a verb is in the passive voice, or a participle in a list behind one that is."""
        for _ in range(MAX_STEPS):
            if self._of(verb, ("auxpass", "nsubjpass")):
                return True
            word = self._tree[verb]
            if word.tag not in ("VBN", "VBD") or word.relation != "conj" or self._of(verb, ("aux", "nsubj", "dobj")):
                return False
            verb = word.head
        return False

    def _of(self, head: int, relations: Sequence[str]) -> list[int]:
        return [child for relation in relations for child in self._children[head] if self._relation(child) == relation]

    def _relation(self, at: int) -> str:
        return self._tree[at].relation

    def _first_of_list(self, at: int) -> int:
        for _ in range(MAX_STEPS):
            if self._relation(at) != "conj":
                break
            at = self._tree[at].head
        return at

    def _stands_for(self, at: int, steps: int = MAX_STEPS) -> int | None:
        """Return a word's item; for a form of "be", a preposition or a pronoun the item below it that matters."""
        if at in self._items or not steps:
            return self._items.get(at)
        word = self._tree[at]
        if word.tag.startswith(("VB", "MD")):
            below = [*self._of(at, _PREDICATES), *self._of(at, ("prep",))]
        elif word.relation in ("prep", "agent") or word.tag in ("IN", "TO"):
            below = self._of(at, ("pobj", "pcomp"))
        else:
            below = self._of(at, _INSIDE)
        found = (self._stands_for(child, steps - 1) for child in below)
        return next((item for item in found if item is not None), None)


def _both_ways(edges: Iterable[Edge]) -> Mapping[int, set[int]]:
    near: dict[int, set[int]] = defaultdict(set)
    for head, _, dependent in edges:
        near[head].add(dependent)
        near[dependent].add(head)
    return near


def _words(text: str, tokens: Sequence[Token]) -> Iterator[tuple[str, int, int]]:
    """Yield the words and signs of a text with their spans; a contraction is two words, as treebanks have it."""
    at = tokens[0].start if tokens else 0
    for token in tokens:
        yield from (
            (match.group(), at + match.start(), at + match.end())
            for match in re.finditer(r"\S", text[at : token.start])
        )
        at = token.end
        parts = _CONTRACTION.match(token.text)
        if token.folded == "cannot":
            yield token.text[:3], token.start, token.start + 3
            yield token.text[3:], token.start + 3, token.end
        elif parts:
            middle = token.start + len(parts[1])
            yield parts[1], token.start, middle
            yield parts[2].replace("’", "'"), middle, token.end
        else:
            yield token.text, token.start, token.end
