"""Where the expected answer of a development question is lost on its way into the quotes.

    python -m benchmarks.answer_funnel --collection C [--contexts FILE]

Of the answerable questions with evidence, over the whole set: in how many the words of the expected answer stand
together, as whole words, on a page that answers the question; on such a page among those given to the answerer; in one
of its candidates for quotes; in the best candidates; in the quotes. By the form of the answer and by source. Beside it
the same without regard to pages and borders of words: "3" in "2013" counts too, so much of it is chance.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.answer_contexts import Case, cases, load_encoder
from benchmarks.answer_grading import outcomes
from benchmarks.answers import has_gold, has_gold_of_its_page, quotes_of
from benchmarks.development_set import Question, require_data
from pagelens.core.keys import page_key
from pagelens.core.protocols import TextEncoder
from pagelens.generate.extractive.answerer import ExtractiveAnswerer
from pagelens.generate.extractive.question_analysis import QuestionAnalyzer
from pagelens.generate.extractive.sentence_scoring import CandidateScorer
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot

KIND = "answerable, whole set"
PAGES, CANDIDATES = (1, 3, 6), (1, 3, 6, 12, 24)
GROUPS = ("all", "Int", "Float", "Str", "List", "text", "table", "chart", "layout", "figure")

Text = tuple[bool, str]
"""Whether it is of a page that answers the question, and its words."""
Stages = Mapping[str, Sequence[Sequence[Text]]]
"""Of each stage the alternatives: the answer stands there if it stands in the texts of one of them."""


def main() -> None:
    """Print a table for each group of questions."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True, help="holds the development documents")
    parser.add_argument("--contexts", type=Path, help="kept searches; by default beside the collection")
    arguments = parser.parse_args()
    posed = [case for case in cases(arguments.collection, arguments.contexts) if case.kind == KIND]
    posed = [case for case in posed if case.question.evidence]
    encoder = load_encoder(arguments.collection)
    given = outcomes(ExtractiveAnswerer(analyze, encoder), posed)
    reader = CollectionReader(arguments.collection)
    rows = []
    with reader.snapshot() as snapshot:
        for outcome in given:
            stages = {**stages_of(outcome.case, snapshot, encoder), "quotes": [quotes_of(outcome)]}
            rows.append((outcome.case.question, stages))
    reader.close()
    for group in GROUPS:
        print_group(group, [row for row in rows if group in ("all", row[0].answer_format, *row[0].sources)])


def is_gold(case: Case, path: str, number: int) -> bool:
    """Return whether a page answers the question."""
    return Path(path).name == case.question.file and number in case.question.evidence


def stages_of(case: Case, snapshot: Snapshot, encoder: TextEncoder) -> dict[str, list[list[Text]]]:
    """Return the stages before the quotes."""
    question = case.question
    document = next(key for key, row in snapshot.documents.items() if Path(row.paths[0]).name == question.file)
    gold = snapshot.pages([page_key(document, number) for number in question.evidence])
    stages = {"its pages": [[(True, page.text.text) for page in gold.values()]]}
    shown = [(is_gold(case, page.ref.path, page.ref.number), page.text.text) for page in case.pages]
    stages |= {f"first {count} pages": [shown[:count]] for count in PAGES}
    analysis = QuestionAnalyzer(analyze).analyze(case.posed)
    scores = CandidateScorer(analysis, case.pages, analyze, encoder=encoder, idf=case.idf).score()
    found = [(shown[item.page][0], item.candidate.text) for item in scores.candidates]
    stages["one candidate"] = [[text] for text in found]
    return stages | {f"best {count} candidates": [found[:count]] for count in CANDIDATES}


def print_group(group: str, rows: Sequence[tuple[Question, Stages]]) -> None:
    """Print in how many of the questions the answer stands at each stage, in percent."""
    print(f"| {group}, {len(rows)} questions | from its pages | anywhere |\n|---|---|---|")
    for stage in rows[0][1] if rows else ():
        found = [(question, texts) for question, stages in rows for texts in [stages[stage]]]
        strict = np.mean([any(has_gold_of_its_page(question, one) for one in texts) for question, texts in found])
        loose = np.mean(
            [any(has_gold(question, [text for _, text in one]) for one in texts) for question, texts in found]
        )
        print(f"| {stage} | {100 * strict:.1f} | {100 * loose:.1f} |")
    print()


if __name__ == "__main__":
    main()
