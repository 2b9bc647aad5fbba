"""Whether bundles give the same pages and the same evidence after many documents came and went.

    python -m benchmarks.replay --collection DIR [--bundles 100] [--documents 500]

A copy of the collection keeps its history. Development questions are asked of it without a model, in `ROUNDS` rounds;
in each round further documents are indexed between the questions, made of sentences of the collection's own pages, so
that they get into the rankings. In the end all of them are removed, and some documents of the collection too. Then
every bundle is replayed from its commit, and some are asked again of the newest, to see that they would differ.
"""

import argparse
import random
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

import pagelens
from benchmarks.development_set import questions, require_data
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.evidence.bundle import Bundle, QuestionOptions, make_bundle
from pagelens.api.engine.evidence.replay import replay
from pagelens.core.keys import page_key
from pagelens.core.types import Filters

ROUNDS = 5
NEWEST = 20  # bundles that are asked again of the newest commit
REPLACED = 5  # documents of the collection that are removed before the replay
OPTIONS = QuestionOptions(k=6, filters=Filters(), spelling=True, depth="normal", across=None)


def _ask(engine: Engine, question: str) -> Bundle:
    return make_bundle(engine, engine.ask(question), options=OPTIONS)


def _write_documents(engine: Engine, folder: Path, count: int, seed: int) -> None:
    """Write text files of lines drawn from the collection's pages."""
    draw = random.Random(seed)
    with engine.snapshot() as snapshot:
        keys = [
            page_key(row.key, n) for row in snapshot.documents.values() for n in range(1, row.document.page_count + 1)
        ]
        texts = snapshot.texts(np.array(keys, np.int64))
        lines = [line for _, text, _ in texts for line in text.splitlines() if line]
    folder.mkdir(exist_ok=True)
    for number in range(count):
        text = "\n\n".join(" ".join(draw.sample(lines, 4)) for _ in range(2))
        (folder / f"further {seed}-{number}.txt").write_text(text, "utf-8")


def main() -> None:
    """Print how many bundles are the same."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--bundles", type=int, default=100)
    parser.add_argument("--documents", type=int, default=500)
    arguments = parser.parse_args()
    texts = [question.text for question in questions()][: arguments.bundles]
    with tempfile.TemporaryDirectory() as scratch:
        root, further = Path(scratch) / "collection", Path(scratch) / "further"
        shutil.copytree(arguments.collection, root)
        with pagelens.open(root, llm="extractive") as engine:
            engine.keep_history(90)
            bundles: list[Bundle] = []
            for number in range(ROUNDS):
                bundles += [_ask(engine, question) for question in texts[number::ROUNDS]]
                _write_documents(engine, further, arguments.documents // ROUNDS, number)
                engine.index([further], workers=0)
            with engine.snapshot() as snapshot:
                own = [row.path for row in snapshot.documents.values() if "further" not in row.path]
            shutil.rmtree(further)
            further.mkdir()
            engine.index([further], prune=True, workers=0)
            engine.remove(own[:REPLACED])
            print(f"asked, indexed and removed: {time.process_time():.0f} CPU-s", flush=True)
            _report(engine, bundles)


def _report(engine: Engine, bundles: list[Bundle]) -> None:
    kept = engine.kept_history()
    print(f"history: {len(kept.commits)} commits, {kept.size / 1e6:.1f} MB", flush=True)
    began, same, differ = time.process_time(), 0, 0
    for bundle in sorted(bundles, key=lambda bundle: bundle["collection"]["commit"]):
        found = replay(engine, bundle)
        same += found.holds
        if not found.holds:
            print(f"differs: commit {found.commit}, {bundle['question']!r}: {'; '.join(found.differences)}")
    print(f"replayed: {same} of {len(bundles)} the same, {time.process_time() - began:.0f} CPU-s")
    for bundle in bundles[:NEWEST]:
        now = make_bundle(engine, engine.ask(bundle["question"]), options=OPTIONS)
        differ += now["context"] != bundle["context"]
    print(f"asked of the newest commit: {differ} of the first {NEWEST} have other pages")


if __name__ == "__main__":
    main()
