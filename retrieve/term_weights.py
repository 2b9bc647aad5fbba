"""How much the terms of a question weigh in the `words` lane: words that ask say little of what it is about.

"List", "how many" and "shown" stand on pages about anything. Left out, they were missed (docs/LOG.md): a page that
lists is the likelier answer to "list the ports". So they weigh `GENERIC_WEIGHT`. What only says in which form to answer
is left out ("Write the answer in list format."), and so is "in this document". English only; queries that are no
questions, such as "state budget report", are searched for as they are.
"""

from collections.abc import Mapping, Sequence

from pagelens.core.protocols import Analyzer
from pagelens.core.question_form import without_instructions
from pagelens.core.terms import plain_terms

GENERIC_WEIGHT = 0.3  # ten folds by document chose 0.25 to 0.35: docs/LOG.md
MIN_QUESTION = 6  # words of a question without a question mark
MIN_SUBJECT = 2  # other terms of a question whose generic words weigh less

# Words that ask for a kind of answer, verbs of a document that says or shows, words for documents and their parts.
_GENERIC_WORDS = """
    many much number total amount list name give show tell state identify describe explain enumerate find mention
    specify provide indicate type kind different difference various respectively example
    mentioned shown given listed described illustrated presented included introduced displayed depicted discussed stated
    according based following appear contain
    whole entire document report paper page slide article text
"""


class TermWeights:
    """Finds the terms of a query that weigh less than others."""

    def __init__(self, analyze: Analyzer) -> None:
        self._analyze = analyze
        self._generic = frozenset(plain_terms(analyze(_GENERIC_WORDS)))

    def searched_terms(self, query: str) -> list[str]:
        """Return the analyzed terms of a query that are searched for."""
        return self._analyze(without_instructions(query) if is_question(query) else query)

    def weights(self, query: str, terms: Sequence[str]) -> dict[str, float]:
        """Return the weights of those `terms` of a query that do not weigh 1."""
        generic = self._generic.intersection(terms)
        if not generic or not is_question(query) or len(set(plain_terms(terms)) - generic) < MIN_SUBJECT:
            return {}
        return dict.fromkeys(sorted(generic), GENERIC_WEIGHT)

    def weighted_idf(self, query: str, idf: Mapping[str, float]) -> dict[str, float]:
        """Return the inverse document frequency of each plain term that is searched for, times its weight.

        `idf` has the terms of the whole query.
        """
        terms = self.searched_terms(query)
        weights = self.weights(query, terms)
        return {term: idf[term] * weights.get(term, 1.0) for term in plain_terms(terms) if term in idf}


def is_question(query: str) -> bool:
    """Return whether a query is a question or a request in a sentence, and no list of words."""
    return "?" in query or len(query.split()) >= MIN_QUESTION
