"""Page retrieval on the development questions: every lane alone, fused, and two baselines outside the engine.

    python -m benchmarks.retrieval [--collection C]

The engine answers as a user would call it: the whole set is a plain search, "within" is a search with `--path FILE`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import bm25s
import numpy as np
import Stemmer

from benchmarks.development_set import COLUMNS, PageId, Question, Run, indexed, questions, score
from pagelens.api.engine import wiring
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.settings import Settings
from pagelens.core.types import Filters, Query
from pagelens.encode.loading import load_text_encoder
from pagelens.index.layout import Manifest
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.query_language import narrowed, parse_query
from pagelens.retrieve.search import Fusion, Retriever

DEPTH = 50  # pages of each ranking that are scored


def main() -> None:
    """Index the development documents if need be, then print the table."""
    with indexed(__doc__) as root:
        development_questions = questions()
        reader = CollectionReader(root)
        with reader.snapshot() as snapshot:
            _print_table(snapshot, development_questions, _rows(reader.manifest, wiring.read_settings()))


def _rows(manifest: Manifest, settings: Settings) -> dict[str, Retriever]:
    """Return the engine's configurations by the name of their row."""
    models = CollectionModels(choose_profile("builtin", settings).models, analyze, settings)
    lanes = {lane.name: lane for lane in models.lanes(manifest)[0]}
    alone = {name: [lanes[name]] for name in ("words", "text", "page")}
    both, all_three = [lanes["words"], lanes["text"]], [lanes["words"], lanes["text"], lanes["page"]]
    return {
        **{
            name: Retriever(row_lanes, analyze, fusion=Fusion(query_references=False))
            for name, row_lanes in alone.items()
        },
        **{f"{name}, query references": Retriever(row_lanes, analyze) for name, row_lanes in alone.items()},
        "words + text, query references": Retriever(both, analyze),
        "RRF, equal weights": Retriever(
            all_three, analyze, fusion=Fusion(weights={}, scaled=False, query_references=False)
        ),
        "RRF": Retriever(all_three, analyze, fusion=Fusion(scaled=False, query_references=False)),
        "RRF, query references": Retriever(all_three, analyze, fusion=Fusion(scaled=False)),
        "RRF, scaled": Retriever(all_three, analyze, fusion=Fusion(query_references=False)),
        "FUSED (as shipped)": Retriever(list(lanes.values()), analyze),
    }


def _print_table(snapshot: Snapshot, development_questions: Sequence[Question], rows: dict[str, Retriever]) -> None:
    head = " | ".join(COLUMNS)
    print(
        f"{len(development_questions)} questions, "
        f"{sum(bool(q.evidence) for q in development_questions)} with evidence; percent\n"
    )
    print(f"| row | within: {head} | whole: {head} |")
    print("|---|" + "---|" * (2 * len(COLUMNS)))
    baselines = {"bm25s, outside": _bm25s(snapshot), "MiniLM pages, outside": _minilm_pages(snapshot)}
    for name, ranker in baselines.items():
        run: Run = {q.qid: ranker(q.text) for q in development_questions}
        _print_row(name, run, run)
    for name, retriever in rows.items():
        whole = {q.qid: _search(snapshot, retriever, q.text, Filters()) for q in development_questions}
        within = {q.qid: _search(snapshot, retriever, q.text, Filters(paths=(q.file,))) for q in development_questions}
        _print_row(name, within, whole)


def _print_row(name: str, within: Run, whole: Run) -> None:
    cells = [*score(within, within=True).values(), *score(whole, within=False).values()]
    print(f"| {name} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |", flush=True)


def _search(snapshot: Snapshot, retriever: Retriever, query: str, filters: Filters) -> list[PageId]:
    understood = parse_query(query)
    query_parts = Query(understood.text, conditions=understood.conditions)
    hits = retriever.search(snapshot, query_parts, k=DEPTH, filters=narrowed(filters, understood)).hits
    pages = snapshot.pages([hit.page for hit in hits])
    documents = snapshot.documents
    return [(Path(documents[hit.page >> 20].path).name, pages[hit.page].number) for hit in hits]


def _all_pages(snapshot: Snapshot) -> tuple[list[PageId], list[str]]:
    ids, texts = [], []
    for key, row in snapshot.documents.items():
        keys = [(key << 20) | number for number in range(1, row.document.page_count + 1)]
        for page in snapshot.pages(keys).values():
            ids.append((Path(row.path).name, page.number))
            texts.append(page.text.text)
    return ids, texts


def _bm25s(snapshot: Snapshot) -> Callable[[str], list[PageId]]:
    """bm25s over whole pages: lower case, stemmed, English stop words."""
    ids, texts = _all_pages(snapshot)
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)

    def rank(query: str) -> list[PageId]:
        tokens = bm25s.tokenize([query], stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)[0]
        scores = index.get_scores(tokens) if tokens else np.zeros(len(ids))
        return [ids[row] for row in np.argsort(-scores, kind="stable") if scores[row] > 0]

    return rank


def _minilm_pages(snapshot: Snapshot) -> Callable[[str], list[PageId]]:
    """One MiniLM vector a page, the page cut at 256 tokens, no title."""
    ids, texts = _all_pages(snapshot)
    encoder = load_text_encoder("builtin", wiring.read_settings())
    written = [row for row, text in enumerate(texts) if text]
    vectors = encoder.encode_passages([texts[row] for row in written])

    def rank(query: str) -> list[PageId]:
        scores = vectors @ encoder.encode_queries([query])[0]
        return [ids[written[row]] for row in np.argsort(-scores, kind="stable")]

    return rank


if __name__ == "__main__":
    main()
