"""Questions in other languages over the English development documents: R@5 by language, lane and profile.

    python -m benchmarks.cross_lingual --collection C --multilingual M

C has the profile builtin, M the profile builtin-multilingual; what does not exist is made, M from a copy of C. Read are
`../shared/data/languages/dev.XX.jsonl`: 60 development questions in eight languages, 20 of them in other English words.
The row "en" is over the same 60 questions as they were asked.
"""

import argparse
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pagelens
from benchmarks.development_set import DATA, SET, PageId, questions, require_data, score
from pagelens.api.engine import wiring
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.types import Filters, Query
from pagelens.encode.loading import BUILTIN, MULTILINGUAL
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.search import MIN_DEPTH, Retriever

LANGUAGES = "de fr es pt ru ar zh ja para".split()
ALONE, FUSED = ("words", "text", "page"), "fused"
DEPTH = 10  # pages of each ranking that are scored

Queries = Mapping[str, tuple[str, str]]  # question id -> its text, and the file that it is about


def main() -> None:
    """Print a table for each profile."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--multilingual", type=Path, required=True)
    options = parser.parse_args()
    with pagelens.open(options.collection, create=True, profile=BUILTIN) as engine:
        engine.index(SET / "documents")
    if not options.multilingual.exists():
        shutil.copytree(options.collection, options.multilingual)
        settings = wiring.read_settings()
        wiring.reembed_collection(options.multilingual, choose_profile(MULTILINGUAL, settings), settings)
    queries = translated_questions()
    for profile, root in ((BUILTIN, options.collection), (MULTILINGUAL, options.multilingual)):
        print(f"\n{profile}: R@5 within the document / over all pages, percent")
        print(f"| language | {' | '.join((*ALONE, FUSED))} |\n|---|{'---|' * (len(ALONE) + 1)}")
        for language, cells in language_rows(root, profile, queries):
            print(f"| {language} | {' | '.join(cells)} |", flush=True)


def translated_questions() -> dict[str, Queries]:
    """Return the queries of each language, those in English first."""
    read = {language: _read(DATA / "languages" / f"dev.{language}.jsonl") for language in LANGUAGES}
    same = read[LANGUAGES[0]]
    return {"en": {q.qid: (q.text, q.file) for q in questions() if q.qid in same}, **read}


def language_rows(root: Path, profile: str, queries: Mapping[str, Queries]) -> Iterator[tuple[str, list[str]]]:
    """Yield each language with its cells: each lane alone, then all lanes as a search fuses them."""
    settings = wiring.read_settings()
    reader = CollectionReader(root)
    models = CollectionModels(choose_profile(profile, settings).models, analyze, settings)
    retriever = Retriever(models.lanes(reader.manifest)[0], analyze)
    with reader.snapshot() as snapshot:
        for language, translated in queries.items():
            cells: dict[str, list[str]] = {}
            for within in (True, False):
                runs = {
                    qid: rankings(snapshot, retriever, text, Filters(paths=(file,) if within else ()))
                    for qid, (text, file) in translated.items()
                }
                for name in (*ALONE, FUSED):
                    run = {qid: ranked[name] for qid, ranked in runs.items()}
                    cells.setdefault(name, []).append(f"{score(run, within=within, only=set(translated))['R@5']:.1f}")
            yield language, [" / ".join(cell) for cell in cells.values()]


def rankings(snapshot: Snapshot, retriever: Retriever, query: str, filters: Filters) -> dict[str, list[PageId]]:
    """Return the first pages of each lane and of all lanes fused."""
    hits = retriever.search(snapshot, Query(query), k=MIN_DEPTH, filters=filters).hits
    pages = snapshot.pages([hit.page for hit in hits])
    names = {hit.page: (Path(snapshot.documents[hit.page >> 20].path).name, pages[hit.page].number) for hit in hits}
    found = {FUSED: [names[hit.page] for hit in hits[:DEPTH]]}
    for lane in ALONE:
        ranked = sorted((hit.lanes[lane].rank, hit.page) for hit in hits if lane in hit.lanes)
        found[lane] = [names[page] for _, page in ranked[:DEPTH]]
    return found


def _read(path: Path) -> Queries:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {row["qid"]: (row["question"], row["doc"]) for row in rows}


if __name__ == "__main__":
    main()
