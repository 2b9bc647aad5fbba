"""How far `supported` holds: 400 false and 400 true sentences about pages of the development documents, by kind.

    python -m benchmarks.claims --collection DIR [--without-encoder] [--show KIND]

`claims.tsv` has the sentences, more than half of them written by hand beside their pages, the others made by rules
and read. False: a number, year or name changed, a negation added or taken away, roles turned, a cause invented from
the page's words, two sentences crossed. True: another order, passive, synonyms, number formats, splits, merges,
shortenings. Precision is that of equally many true and false sentences: recall / (recall + share of the false ones
that are supported). The thresholds of `statements` are chosen on half of the documents, and the figures given for the
other half, both ways.
"""

import argparse
import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from benchmarks.development_set import require_data
from pagelens.core.keys import page_key
from pagelens.core.settings import Settings
from pagelens.encode.loading import load_text_encoder
from pagelens.generate.citations import statements
from pagelens.generate.citations.checking import CitationChecker
from pagelens.generate.citations.page_words import PageWords
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader

CLAIMS = Path(__file__).with_name("claims.tsv")
COVERAGES, GAPS = (0.75, 0.85, 0.95), (1, 2)


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
    parser.add_argument("--without-encoder", action="store_true")
    parser.add_argument("--show", help="print what is wrongly judged of a kind")
    arguments = parser.parse_args()
    claims = read_claims()
    encoder = None if arguments.without_encoder else load_text_encoder("builtin", Settings())
    checker = CitationChecker(analyze, encoder)
    pages = _read_pages(arguments.collection, checker, claims)
    shipped = _supported(claims, pages, checker)
    print_table("as shipped", claims, shipped)
    _cross_validate(claims, pages, checker)
    for claim, supported in zip(claims, shipped, strict=True):
        if claim.kind == arguments.show and supported != claim.true:
            print(f"{claim.document} p.{claim.page} {'true' if claim.true else 'false'}: {claim.text}")


def read_claims() -> list[MadeClaim]:
    """Return the sentences."""
    with CLAIMS.open(encoding="utf-8", newline="") as file:
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


def _cross_validate(
    claims: Sequence[MadeClaim], pages: Mapping[tuple[str, int], PageWords], checker: CitationChecker
) -> None:
    """Print the table of all claims, each judged by the thresholds that are best on the other half of the documents."""
    documents = sorted({claim.document for claim in claims})
    halves = [set(documents[::2]), set(documents[1::2])]
    judged: dict[tuple[float, int], list[bool]] = {}
    shipped = statements.MIN_COVERAGE, statements.MAX_GAP
    for coverage, gap in product(COVERAGES, GAPS):
        statements.MIN_COVERAGE, statements.MAX_GAP = coverage, gap
        judged[coverage, gap] = _supported(claims, pages, checker)
    statements.MIN_COVERAGE, statements.MAX_GAP = shipped
    result = [False] * len(claims)
    for half in halves:
        others = [at for at, claim in enumerate(claims) if claim.document not in half]
        best = max(judged, key=lambda setting: _merit(claims, judged[setting], others))
        print(f"chosen on {len(others)} sentences: coverage {best[0]}, gap {best[1]}")
        for at, claim in enumerate(claims):
            if claim.document in half:
                result[at] = judged[best][at]
    print_table("thresholds chosen on the other half", claims, result)


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
