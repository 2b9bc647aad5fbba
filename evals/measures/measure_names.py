"""Names of measures as values that print and parse back: `nDCG@5`, `doc.R@10`, `MRR@10`, `EM`.

Conventions, where the literature has several: gains are linear in the grade (trec_eval), the discount is
log2(rank + 1), a page is relevant from grade 1 on, a question missing from a run scores 0. With `doc.`, a document has
the rank of its best page and its best page's grade.
"""

import re
from dataclasses import dataclass
from typing import Literal

from pagelens.core.errors import UsageError

Level = Literal["page", "doc"]

RANKING = {
    "nDCG": "discounted gain of the first k over the best possible",
    "R": "share of the evidence among the first k",
    "P": "share of evidence in the first k",
    "hit": "whether any evidence is among the first k",
    "all": "whether all the evidence is among the first k",
    "MRR": "one over the rank of the first evidence",
    "AP": "mean of the precisions at the ranks of the evidence",
}
ANSWER = {  # in the order of reports
    "answered": "whether there was an answer rather than a refusal",
    "refused": "whether a question without an answer was refused",
    "cite.first": "whether the first citation points to evidence",
    "cite.P": "share of the citations that point to evidence",
    "cite.R": "share of the evidence that is cited",
    "quoted": "share of the citations that are words of their page, which may or may not answer",
    "supported": "share of the citations whose statement the words of their page support",
    "image-only": "share of the citations that only the picture of their page supports, as a model sees it",
    "unconfirmed": "share of the citations that neither supports: lower is better",
    "contains": "the expected answer stands in the answer or in a quote",
    "EM": "the answer is the expected one, but for case, articles and punctuation (SQuAD)",
    "F1": "overlap of the answer's words with the expected ones (SQuAD)",
    "numeric": "the expected number stands in the answer, unit and scale right, within 1%",
    "MMLB": "MMLongBench-Doc's own rule",
    "judge": "a model that sees the page calls the answer correct (1), partly so (0.5) or not",
}
CITATION_STATES = ("quoted", "supported", "image-only", "unconfirmed")  # of citations
LOWER_IS_BETTER = {"unconfirmed"}
NEEDS_K = {"nDCG", "R", "P", "hit", "all"}
SYNONYMS = {"recall": "R", "precision": "P", "success": "hit", "rr": "MRR", "map": "AP"}
_NAMES = {name.lower(): name for name in (*RANKING, *ANSWER)} | SYNONYMS
_FORM = re.compile(r"(?:(?P<level>page|doc)\.)?(?P<name>[A-Za-z][A-Za-z0-9.-]*)(?:@(?P<k>[1-9][0-9]{0,5}))?")


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of each question, from 0 to 1."""

    name: str
    k: int | None = None
    level: Level = "page"

    def __str__(self) -> str:
        depth = f"@{self.k}" if self.k else ""
        return f"{'doc.' if self.level == 'doc' else ''}{self.name}{depth}"

    @property
    def of_ranking(self) -> bool:
        """Whether it measures a ranking rather than an answer."""
        return self.name in RANKING

    @property
    def lower_is_better(self) -> bool:
        """Whether a lower value is better."""
        return self.name in LOWER_IS_BETTER

    @property
    def description(self) -> str:
        """What it measures, in words."""
        return (RANKING | ANSWER)[self.name]


def parse_measure(text: str) -> Measure:
    """Parse a name such as `nDCG@5`. Raises UsageError that lists the measures."""
    match = _FORM.fullmatch(text.strip())
    name = _NAMES.get(match["name"].lower()) if match else None
    if match is None or name is None:
        known = ", ".join(f"{measure}@k" if measure in NEEDS_K else measure for measure in (*RANKING, *ANSWER))
        raise UsageError(f"expected a measure among {known} (doc. before it: per document), found {text!r}")
    k = int(match["k"]) if match["k"] else None
    if name in NEEDS_K and k is None:
        raise UsageError(f"expected a depth, as in {name}@5, found {text!r}")
    if name in ANSWER and (k is not None or match["level"]):
        raise UsageError(f"expected {name} without depth or level, since it measures answers, found {text!r}")
    return Measure(name, k, "doc" if match["level"] == "doc" else "page")
