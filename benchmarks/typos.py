"""Retrieval with spelling errors: the development questions with one random edit in each of their two rarest words.

    python -m benchmarks.typos [--collection C]

Edits are seeded: a letter is left out, inserted, replaced, or exchanged with the next. The rarest words are those of
at least four letters that the fewest pages have. Printed: the rows of the clean questions, of the edited ones without
and with spelling, over three seeds; how many edited words were put right; and what is corrected of the clean questions
and of the same questions in other languages, which should be nothing.
"""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.development_set import COLUMNS, DATA, PageId, Run, indexed, questions, score
from pagelens.api.engine import wiring
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.terms import plain_terms
from pagelens.core.types import Filters, Query
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.search import Retriever

DEPTH = 50
SEEDS = (1, 2, 3)
EDITED = 2  # words of a question
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORD = re.compile(r"(?<![^\W_])[^\W\d_]{4,}(?![^\W_])")


def main() -> None:
    """Index the development documents if need be, then print the rows."""
    with indexed(__doc__) as root:
        reader = CollectionReader(root)
        settings = wiring.read_settings()
        models = CollectionModels(choose_profile("builtin", settings).models, analyze, settings)
        lanes = models.lanes(reader.manifest)[0]
        words = [lane for lane in lanes if lane.name == "words"]
        with reader.snapshot() as snapshot:
            for name, retriever in (("words", Retriever(words, analyze)), ("FUSED", Retriever(lanes, analyze))):
                _print_rows(snapshot, name, retriever)
            _print_needless(snapshot, Retriever(words, analyze))


def _print_rows(snapshot: Snapshot, name: str, retriever: Retriever) -> None:
    clean = {q.qid: q.text for q in questions()}
    _print_row(f"{name}, clean", [_run(snapshot, retriever, clean, spelling=True)])
    edited = [_edit_all(snapshot, clean, seed) for seed in SEEDS]
    for spelling in (False, True):
        runs = [_run(snapshot, retriever, texts, spelling=spelling) for texts in edited]
        _print_row(f"{name}, edited, {'with' if spelling else 'without'} spelling", runs)
    if name == "words":
        _print_corrected(snapshot, retriever, clean, edited)


def _print_row(name: str, runs: Sequence[tuple[Run, Run]]) -> None:
    rows = [[*score(within, within=True).values(), *score(whole, within=False).values()] for within, whole in runs]
    print(f"{name:34}", " ".join(f"{cell:6.1f}" for cell in np.mean(rows, axis=0)), COLUMNS, flush=True)


def _run(snapshot: Snapshot, retriever: Retriever, texts: dict[str, str], *, spelling: bool) -> tuple[Run, Run]:
    """Return the rankings within the questions' documents, and over all."""
    files = {q.qid: q.file for q in questions()}
    within: Run = {
        qid: _search(snapshot, retriever, Query(text, spelling=spelling), Filters(paths=(files[qid],)))
        for qid, text in texts.items()
    }
    whole: Run = {
        qid: _search(snapshot, retriever, Query(text, spelling=spelling), Filters()) for qid, text in texts.items()
    }
    return within, whole


def _search(snapshot: Snapshot, retriever: Retriever, query: Query, filters: Filters) -> list[PageId]:
    hits = retriever.search(snapshot, query, k=DEPTH, filters=filters).hits
    return [(Path(snapshot.documents[hit.page >> 20].path).name, hit.page & (1 << 20) - 1) for hit in hits]


def _edit_all(snapshot: Snapshot, texts: dict[str, str], seed: int) -> dict[str, str]:
    return {qid: edit_rarest(snapshot, text, random.Random(f"{seed} {qid}")) for qid, text in texts.items()}


def edit_rarest(snapshot: Snapshot, text: str, source: random.Random) -> str:
    """Return a question with an edit in each of its two rarest words."""
    places = {match.group(): match for match in WORD.finditer(text)}
    idf = {word: sum(snapshot.idf(plain_terms(analyze(word))).values()) for word in places}
    rarest = sorted(places, key=lambda word: (-idf[word], word))[:EDITED]
    for place in sorted((places[word] for word in rarest), key=lambda place: -place.start()):
        text = text[: place.start()] + edit(place.group(), source) + text[place.end() :]
    return text


def edit(word: str, source: random.Random) -> str:
    """Return a word with one letter left out, inserted, replaced, or exchanged with the next one."""
    while True:
        at, letter = source.randrange(len(word)), source.choice(LETTERS)
        before, here, after = word[:at], word[at], word[at + 1 :]
        exchanged = before + after[:1] + here + after[1:]
        edited = source.choice((before + after, before + letter + here + after, before + letter + after, exchanged))
        if edited != word:
            return edited


def _print_corrected(
    snapshot: Snapshot, retriever: Retriever, clean: dict[str, str], edited: Sequence[dict[str, str]]
) -> None:
    counts: Counter[str] = Counter()
    began = time.process_time()
    for texts in edited:
        for qid, text in texts.items():
            query, _ = retriever.corrected(snapshot, Query(text))
            originals, written, now = (WORD.findall(one) for one in (clean[qid], text, query.text))
            if not len(originals) == len(written) == len(now):
                counts["not compared"] += 1
                continue
            for original, given, corrected in zip(originals, written, now, strict=True):
                if original != given:
                    terms = [plain_terms(analyze(one)) for one in (original, given, corrected)]
                    right = "right" if terms[0] == terms[2] else "left" if given == corrected else "wrong"
                    counts[f"{right}, a word of the collection" if snapshot.known(terms[1]) else right] += 1
                elif given != corrected:
                    counts["a clean word changed"] += 1
    spent = (time.process_time() - began) / sum(map(len, edited))
    print(f"edited words: {dict(counts)}; {1_000 * spent:.2f} CPU-ms a question", flush=True)


def _print_needless(snapshot: Snapshot, retriever: Retriever) -> None:
    texts = {"clean": [q.text for q in questions()]}
    for path in sorted((DATA / "languages").glob("dev.*.jsonl")):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        texts[path.name] = [row["question"] for row in rows]
    for name, queries in texts.items():
        found = [retriever.corrected(snapshot, Query(text))[1] for text in queries]
        pairs = [f"{one.word} > {one.corrected}" for corrections in found for one in corrections]
        print(f"{name}: {sum(map(bool, found))} of {len(queries)} questions corrected: {', '.join(pairs)}", flush=True)


if __name__ == "__main__":
    main()
