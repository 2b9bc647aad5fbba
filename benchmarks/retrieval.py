"""Page retrieval on the development questions: every lane alone, fused, and two baselines outside the engine.

    python -m benchmarks.retrieval [--collection C]

In brackets: 95% intervals over documents. The engine answers as a user would call it: the whole set is a plain search,
"within" is a search with `--path FILE`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bm25s
import numpy as np
import Stemmer

from benchmarks.development_set import COLUMNS, PageId, Question, Run, indexed, questions, score_each
from pagelens.api.engine import wiring
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.protocols import Reranker
from pagelens.core.settings import Settings
from pagelens.core.types import DEFAULT_DEPTH, Depth, Filters, Query
from pagelens.encode.loading import BUILTIN, load_cross_encoder, load_text_encoder
from pagelens.evals.runs.bootstrap import mean_interval
from pagelens.index.layout import Manifest
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.depth import DepthOptions, search_at_depth
from pagelens.retrieve.lanes import Lane
from pagelens.retrieve.query_language import narrowed, parse_query
from pagelens.retrieve.reranking.builtin import BuiltinReranker, read_weights_file
from pagelens.retrieve.search import Fusion, Retriever
from tests.encode.checkpoints import cross_encoder_checkpoint

DEPTH = 50  # pages of each ranking that are scored
WITHIN_AND_WHOLE = (True, False)  # the question's own document, or the whole collection


def main() -> None:
    """Index the development documents if need be, then print the table."""
    with indexed(__doc__) as root:
        development_questions = questions()
        reader = CollectionReader(root)
        with reader.snapshot() as snapshot:
            _print_table(snapshot, development_questions, _rows(reader.manifest, wiring.read_settings()))


def shipped_lanes(manifest: Manifest, settings: Settings) -> list[Lane]:
    """Return all lanes of a collection of the builtin profile."""
    return CollectionModels(choose_profile("builtin", settings).models, analyze, settings).lanes(manifest)[0]


def _rows(manifest: Manifest, settings: Settings) -> dict[str, Retriever]:
    """Return the engine's configurations by the name of their row."""
    lanes = {lane.name: lane for lane in shipped_lanes(manifest, settings)}
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
        "fused": Retriever(list(lanes.values()), analyze),
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
        within, whole = (
            {q.qid: search(snapshot, retriever, q, within=each) for q in development_questions}
            for each in WITHIN_AND_WHOLE
        )
        _print_row(name, within, whole)
    _print_reranked(snapshot, development_questions, rows["fused"], (within, whole))


def _print_row(name: str, within: Run, whole: Run) -> None:
    """Print the measures of a row over the questions with evidence, each with its interval over documents."""
    files = {question.qid: question.file for question in questions()}
    cells = []
    for run, is_within in ((within, True), (whole, False)):
        found = score_each(run, within=is_within)
        units = [files[qid] for qid in found]
        for column in COLUMNS:
            interval = mean_interval([100 * row[column] for row in found.values()], units)
            cells.append(f"{interval.mean:.1f} ({interval.low:.0f} to {interval.high:.0f})")
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _print_reranked(
    snapshot: Snapshot, development_questions: Sequence[Question], fused: Retriever, fused_runs: tuple[Run, Run]
) -> None:
    """Print the rows of rerankers and of thorough searches, and below them their gains over the fused ranking.

    The builtin reranker's cross-validated row scores each question by the weights that were fitted without its
    document; the fitted row, by weights that know the question. PAGELENS_RERANKER names the cross-encoder; without it
    the row is one of random weights, which shows the path and what no reranker may do.
    """
    judged = [question for question in development_questions if question.evidence]
    lines = []

    def add(name: str, runs: Sequence[Run]) -> None:
        _print_row(name, *runs)
        for scope, before, after in zip(WITHIN_AND_WHOLE, fused_runs, runs, strict=True):
            found = gains(judged, before, after, within=scope)
            cells = [
                f"{column} {gain:+.2f} ({low:+.2f} to {high:+.2f})" for column, (_, gain, low, high) in found.items()
            ]
            lines.append(f"{name}, {'within' if scope else 'whole'}: {', '.join(cells)}")

    folds = read_weights_file()["folds"]
    add(
        "+ builtin reranker, cross-validated",
        [cross_validated_run(snapshot, fused, judged, folds, within=scope) for scope in WITHIN_AND_WHOLE],
    )
    reranked = fused.with_reranker(BuiltinReranker())
    add(
        "+ builtin reranker, fitted on these questions",
        [{q.qid: search(snapshot, reranked, q, within=scope) for q in judged} for scope in WITHIN_AND_WHOLE],
    )
    with _cross_encoder() as (name, model):
        with_model = fused.with_reranker(model)
        add(
            f"+ cross-encoder {name}",
            [{q.qid: search(snapshot, with_model, q, within=scope) for q in judged} for scope in WITHIN_AND_WHOLE],
        )
    add(
        "+ depth thorough",
        [
            {q.qid: search(snapshot, fused, q, within=scope, depth="thorough") for q in judged}
            for scope in WITHIN_AND_WHOLE
        ],
    )
    print("\nGains over fused, 95% intervals over documents:\n\n" + "\n".join(lines), flush=True)


@contextmanager
def _cross_encoder() -> Iterator[tuple[str, Reranker]]:
    """Yield the reranker that PAGELENS_RERANKER names, or a tiny cross-encoder of random weights; with its name."""
    settings = wiring.read_settings()
    if settings.reranker != BUILTIN and (model := wiring.load_reranker(settings)) is not None:
        yield model.name, model
        return
    with TemporaryDirectory() as folder:
        checkpoint = cross_encoder_checkpoint(Path(folder), outputs=1)
        yield "of random weights", load_cross_encoder(str(checkpoint), settings)


def cross_validated_run(
    snapshot: Snapshot,
    retriever: Retriever,
    judged: Sequence[Question],
    folds: Sequence[Mapping[str, Any]],
    *,
    within: bool,
) -> Run:
    """Return the pages found for each question with the weights that were fitted without its document."""
    run: dict[str, Sequence[PageId]] = {}
    for fold in folds:
        of_fold = retriever.with_reranker(BuiltinReranker(fold["weights"]))
        questions_of_fold = [question for question in judged if question.file in fold["documents"]]
        run |= {question.qid: search(snapshot, of_fold, question, within=within) for question in questions_of_fold}
    return run


def gains(judged: Sequence[Question], before: Run, after: Run, *, within: bool) -> dict[str, list[float]]:
    """Return each measure of `after` in percent, its gain over `before`, and the gain's 95% interval over documents."""
    old, new = score_each(before, within=within), score_each(after, within=within)
    files = [question.file for question in judged]
    figures = {}
    for column in COLUMNS:
        values = [100 * (new[question.qid][column] - old[question.qid][column]) for question in judged]
        interval = mean_interval(values, files)
        mean = 100 * sum(new[question.qid][column] for question in judged) / len(judged)
        figures[column] = [round(value, 2) for value in (mean, interval.mean, interval.low, interval.high)]
    return figures


def search(
    snapshot: Snapshot, retriever: Retriever, question: Question, *, within: bool, depth: Depth = DEFAULT_DEPTH
) -> list[PageId]:
    """Return the pages found for a question, in its own document or in the whole collection."""
    understood = parse_query(question.text)
    filters = Filters(paths=(question.file,)) if within else Filters()
    query_parts = Query(understood.text, conditions=understood.conditions)
    options = DepthOptions(filters=narrowed(filters, understood))
    hits = search_at_depth(snapshot, retriever, query_parts, depth, k=DEPTH, options=options).hits
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
