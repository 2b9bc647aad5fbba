"""How sure one may be that the shown pages are about what was asked: three signals, one fixed logistic.

It refuses what is foreign to a collection. It cannot see that a document on the very subject lacks the answer: for that
no score of words and vectors is much better than a coin, and it takes a reader.

Weights and threshold come from 147 questions of MMLongBench-Doc over the text layers of their 23 documents: five pages
each by BM25 from the whole collection, against the same questions with their own document taken away. Cross-validated
by document: AUROC .82 (.92 where a page with the answer is among the five); with the documents of the same kind taken
away too .89 (.96). There, 86% of the foreign questions are refused, and 7% of those whose page is shown.
"""

import math

from generate.scoring import Reading

THRESHOLD = 0.5


def confidence(reading: Reading, *, encoded: bool) -> float:
    """Return 0..1: how likely the pages are about the question rather than foreign to it. `encoded`: with cosines."""
    if not reading.spans:
        return 0.0
    share = max(span.share for span in reading.spans)
    if encoded:
        logit = -4.3 + 2.5 * share + 6.5 * reading.cosine + 2.5 * reading.phrases
    else:
        logit = -2.2 + 3.3 * share + 5.8 * reading.phrases
    return 1 / (1 + math.exp(-logit))
