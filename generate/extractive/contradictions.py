"""Finds a passage that denies what a quoted one states, or states what it denies."""

from collections.abc import Sequence

from pagelens.generate.extractive.sentence_scoring import CandidateScores, ScoredCandidate

MIN_SHARED_TERMS = 2  # of the question, that both passages have
MIN_SHARED_SHARE = 0.75  # of the shorter passage's terms that the other has too


def contradicting_quote(quotes: Sequence[ScoredCandidate], scores: CandidateScores) -> ScoredCandidate | None:
    """Return the best passage that says the opposite of the first quote, None if there is none."""
    if not quotes:
        return None
    return next((item for item in scores.candidates if _contradict(quotes[0], item)), None)


def _contradict(first: ScoredCandidate, second: ScoredCandidate) -> bool:
    if second.candidate.text.endswith("?"):  # it states nothing
        return False
    if first.denied == second.denied or len(first.terms & second.terms) < MIN_SHARED_TERMS:
        return False
    shared = len(first.all_terms & second.all_terms)
    return shared >= MIN_SHARED_SHARE * min(len(first.all_terms), len(second.all_terms))
