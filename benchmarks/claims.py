"""How far `supported` holds: true and false sentences about pages of the development documents, by kind.

    python -m benchmarks.claims --collection DIR [--set first|seen|unseen] [--without-encoder] [--without-parser]

`claims.tsv` (the set "first") has 400 false and 400 true sentences, more than half of them written by hand beside
their pages, the others made by rules and read. `claims_fresh.tsv` has those written later, by hand, before anything was
measured with them: the rules were mended while looking at "seen", and "unseen" was measured once, at the end.
False: a number, year or name changed, a negation added or taken away, roles turned, a cause invented from the page's
words, two sentences crossed. True: another order, passive, synonyms, number formats, splits, merges, shortenings.
Precision is that of equally many true and false sentences: recall / (recall + share of the false ones that are
supported), the kinds alike. Intervals are of 95%, by a bootstrap over documents. Thresholds are chosen on four fifths
of the documents, and the figures given for the fifth.
"""

import argparse
import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.development_set import require_data
from pagelens.core.keys import page_key
from pagelens.core.settings import Settings
from pagelens.encode.loading import load_text_encoder
from pagelens.encode.text.dependency_parser import BuiltinDependencyParser
from pagelens.generate.citations import similarity, statements
from pagelens.generate.citations.checking import CitationChecker
from pagelens.generate.citations.page_words import PageWords
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader

FILES = {"first": "claims.tsv", "seen": "claims_fresh.tsv", "unseen": "claims_fresh.tsv"}
COVERAGES, NEAR_SCORES = (0.75, 0.85, 0.95), (0.8, 1.2, 1.8)
FOLDS, DRAWS = 5, 1000


@dataclass(frozen=True, slots=True)
class MadeClaim:
    """A sentence about a page."""

    true: bool
    kind: str
    document: str
    page: int
    text: str


def main() -> None:
    """Print the tables."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True, help="an index of the development documents")
    parser.add_argument("--set", choices=FILES, action="append", help="all of them if left out")
    parser.add_argument("--without-encoder", action="store_true")
    parser.add_argument("--without-parser", action="store_true")
    parser.add_argument("--cross-validate", action="store_true", help="choose thresholds; takes ten times as long")
    parser.add_argument("--show", help="print what is wrongly judged of a kind")
    arguments = parser.parse_args()
    sets = arguments.set or list(FILES)
    by_set = {name: read_claims(name) for name in sets}
    claims = [claim for group in by_set.values() for claim in group]
    checker = CitationChecker(
        analyze,
        None if arguments.without_encoder else load_text_encoder("builtin", Settings()),
        None if arguments.without_parser else BuiltinDependencyParser.load(),
    )
    pages = _read_pages(arguments.collection, checker, claims)
    shipped = _supported(claims, pages, checker)
    print_table(f"as shipped: {', '.join(sets)}", claims, shipped)
    _print_folds(claims, shipped)
    done = 0
    for name, group in by_set.items() if len(sets) > 1 else ():
        print_table(name, group, shipped[done : done + len(group)])
        done += len(group)
    if arguments.cross_validate:
        _cross_validate(claims, pages, checker)
    for claim, supported in zip(claims, shipped, strict=True):
        if claim.kind == arguments.show and supported != claim.true:
            print(f"{claim.document} p.{claim.page} {'true' if claim.true else 'false'}: {claim.text}")


def read_claims(name: str) -> list[MadeClaim]:
    """Return the sentences of a set, one of `FILES`."""
    with Path(__file__).with_name(FILES[name]).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            MadeClaim(
                true=row["true"] == "yes",
                kind=row["kind"],
                document=row["document"],
                page=int(row["page"]),
                text=row["claim"],
            )
            for row in rows
            if row.get("set", name) == name
        ]


def _read_pages(
    collection: Path, checker: CitationChecker, claims: Iterable[MadeClaim]
) -> dict[tuple[str, int], PageWords]:
    wanted = {(claim.document, claim.page) for claim in claims}
    reader = CollectionReader(collection)
    try:
        with reader.snapshot() as snapshot:
            documents = {Path(row.paths[0]).name: key for key, row in snapshot.documents.items()}
            keys = {(name, number): page_key(documents[name], number) for name, number in wanted}
            rows = snapshot.pages(list(keys.values()))
        return {place: checker.read(rows[key].text) for place, key in keys.items()}
    finally:
        reader.close()


def _supported(
    claims: Sequence[MadeClaim], pages: Mapping[tuple[str, int], PageWords], checker: CitationChecker
) -> list[bool]:
    return [checker.check(claim.text, pages[claim.document, claim.page]).supported for claim in claims]


def _folds(claims: Sequence[MadeClaim]) -> list[set[str]]:
    documents = sorted({claim.document for claim in claims})
    return [set(documents[at::FOLDS]) for at in range(FOLDS)]


def _print_folds(claims: Sequence[MadeClaim], supported: Sequence[bool]) -> None:
    """Print recall and precision of each fold of documents, and of all with an interval."""
    for number, fold in enumerate(_folds(claims), start=1):
        recall, precision = _measure(
            [at for at, claim in enumerate(claims) if claim.document in fold], claims, supported
        )
        print(f"fold {number}: recall {recall:.3f}, precision {precision:.3f}")
    by_document: dict[str, list[int]] = {}
    for at, claim in enumerate(claims):
        by_document.setdefault(claim.document, []).append(at)
    random, groups = np.random.default_rng(0), list(by_document.values())
    drawn = [
        _measure(
            [at for pick in random.integers(len(groups), size=len(groups)) for at in groups[pick]], claims, supported
        )
        for _ in range(DRAWS)
    ]
    low, high = np.percentile(np.array(drawn), [2.5, 97.5], axis=0)
    print(f"95% of draws of documents: recall {low[0]:.3f}..{high[0]:.3f}, precision {low[1]:.3f}..{high[1]:.3f}\n")


def _measure(indexes: Sequence[int], claims: Sequence[MadeClaim], supported: Sequence[bool]) -> tuple[float, float]:
    """Return the recall of true claims, and the precision with the kinds of false ones alike."""
    kinds: dict[str, list[bool]] = {}
    for at in indexes:
        kinds.setdefault("" if claims[at].true else claims[at].kind, []).append(supported[at])
    true = kinds.pop("", [False])
    recall = sum(true) / len(true)
    false = sum(sum(group) / len(group) for group in kinds.values()) / max(1, len(kinds))
    return recall, recall / max(1e-9, recall + false)


def _cross_validate(
    claims: Sequence[MadeClaim], pages: Mapping[tuple[str, int], PageWords], checker: CitationChecker
) -> None:
    """Print the table of all claims, each judged by the thresholds that are best on the other folds of documents."""
    judged: dict[tuple[float, float], list[bool]] = {}
    shipped = statements.MIN_COVERAGE, similarity.MIN_NEAR_SCORE
    for coverage, near in product(COVERAGES, NEAR_SCORES):
        statements.MIN_COVERAGE, similarity.MIN_NEAR_SCORE = coverage, near
        judged[coverage, near] = _supported(claims, pages, checker)
    statements.MIN_COVERAGE, similarity.MIN_NEAR_SCORE = shipped
    result = [False] * len(claims)
    for fold in _folds(claims):
        others = [at for at, claim in enumerate(claims) if claim.document not in fold]
        best = max(judged, key=lambda setting: _merit(claims, judged[setting], others))
        print(f"chosen on {len(others)} sentences: coverage {best[0]}, near score {best[1]}")
        for at, claim in enumerate(claims):
            if claim.document in fold:
                result[at] = judged[best][at]
    print_table("thresholds chosen on the other folds", claims, result)
    _print_folds(claims, result)


def _merit(claims: Sequence[MadeClaim], supported: Sequence[bool], indexes: Sequence[int]) -> float:
    """Return F0.5: precision counts twice as much as recall."""
    true = [supported[at] for at in indexes if claims[at].true]
    false = [supported[at] for at in indexes if not claims[at].true]
    recall = sum(true) / len(true)
    precision = recall / max(1e-9, recall + sum(false) / len(false))
    return 1.25 * precision * recall / max(1e-9, 0.25 * precision + recall)


def print_table(title: str, claims: Sequence[MadeClaim], supported: Sequence[bool]) -> None:
    """Print how many of each kind are supported, and the precision of `supported`."""
    shares: dict[tuple[bool, str], list[bool]] = {}
    for claim, one in zip(claims, supported, strict=True):
        shares.setdefault((claim.true, claim.kind), []).append(one)
    true = [one for (is_true, _), group in shares.items() if is_true for one in group]
    recall = sum(true) / len(true)
    rates = {kind: sum(group) / len(group) for (is_true, kind), group in shares.items() if not is_true}
    print(f"| {title} | n | `supported`, % | precision |\n|---|---|---|---|")
    for (is_true, kind), group in sorted(shares.items()):
        share = sum(group) / len(group)
        precision = "" if is_true else f"{recall / (recall + share):.3f}"
        print(f"| {'true' if is_true else 'false'}, {kind} | {len(group)} | {100 * share:.1f} | {precision} |")
    mean = sum(rates.values()) / len(rates)
    print(f"| all | {len(claims)} | recall {100 * recall:.1f} | {recall / (recall + mean):.3f} |\n")


if __name__ == "__main__":
    main()
