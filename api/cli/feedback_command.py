"""`pagelens feedback`: what users did with hits and think of answers, as a data set to evaluate and tune on."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer

from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.terminal import count_noun, display_path, err, one_line, out
from pagelens.api.engine import wiring
from pagelens.api.engine.file_names import text_to_path
from pagelens.core.errors import UsageError
from pagelens.core.judgements import Judgement

UP, CLICKED, DOWN = 2, 1, 0  # grades

feedback_app = typer.Typer(
    rich_markup_mode=None,
    help="List what users did with hits and think of answers, write it as a data set, or remove it.",
    no_args_is_help=True,
)

MAX_SHOWN_ANSWER = 80  # characters of a judged answer in the list

Grades = Mapping[str, Mapping[tuple[str, int], int]]
"""Query -> (document's SHA-256, page number) -> grade."""


@feedback_app.command("list")
def list_thumbs(collection: CollectionOption = DEFAULT_COLLECTION) -> int:
    """Print the thumbs, oldest first: time, verdict, question, page or answer, and why."""
    with wiring.open_collection(collection) as engine:
        thumbs = [judgement for judgement in engine.judgements() if judgement.verdict != "click"]
        with engine.snapshot() as snapshot:
            names = {row.document.sha256: Path(row.path).name for row in snapshot.documents.values()}
    if not thumbs:
        err.print("No thumbs are kept. A server keeps them with --feedback.")
        return ExitCode.NOTHING_FOUND
    for thumb in thumbs:
        page = f"{names.get(thumb.document, 'a document that is gone')} p.{thumb.number}"
        judged = f"answer “{shorten(thumb.answer, MAX_SHOWN_ANSWER, placeholder=' …')}”" if thumb.answer else page
        why = f": {thumb.why}" if thumb.why else ""
        line = one_line(f"{thumb.at} {thumb.verdict} “{thumb.query}” {judged}{why}")
        out.print(line, markup=False, soft_wrap=True)
    return ExitCode.DONE


@feedback_app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    clicks: Annotated[
        bool, typer.Option(help="Also pages that were opened and not judged, with a lower grade.")
    ] = False,
) -> int:
    """Write questions and graded pages (qrels) for `pagelens eval`: thumbs, and clicks if asked for. All thumbs, those
    for answers too, and their reasons: thumbs.jsonl."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"expected a new or empty folder, found {folder} in use. Choose another.")
    with wiring.open_collection(collection) as engine:
        judgements = engine.judgements()
        grades = grade(judgements, clicks=clicks)
        with engine.snapshot() as snapshot:
            files = {row.document.sha256: text_to_path(row.path) for row in snapshot.documents.values()}
    files = {sha256: path for sha256, path in files.items() if path.is_file()}
    kept, left_out = _with_files(grades, files)
    if left_out:
        err.print(f"{count_noun(left_out, 'page')} left out: no file of its own, or gone from the collection.")
    answers = sum(bool(judgement.answer) for judgement in judgements)
    if not kept and not answers:
        err.print("Nothing to write: no judgement is kept. A server keeps them with --feedback.")
        return ExitCode.NOTHING_FOUND
    folder.mkdir(parents=True, exist_ok=True)
    names = _write_grades(kept, files, folder) if kept else {}
    _write_thumbs(judgements, names, folder / "thumbs.jsonl")
    if answers:
        out.print(
            f"{count_noun(answers, 'judged answer')} in {display_path(str(folder / 'thumbs.jsonl'))}", markup=False
        )
    if not kept:
        return ExitCode.DONE
    out.print(
        f"{count_noun(len(kept), 'question')} in {display_path(str(folder))}: pagelens eval tune {folder}",
        markup=False,
        soft_wrap=True,
    )
    return ExitCode.DONE


@feedback_app.command()
def forget(collection: CollectionOption = DEFAULT_COLLECTION) -> int:
    """Remove what users did with hits and think of answers."""
    with wiring.open_collection(collection) as engine:
        out.print(f"{count_noun(engine.forget_judgements(), 'judgement')} removed.")
    return ExitCode.DONE


def grade(judgements: Sequence[Judgement], *, clicks: bool) -> Grades:
    """Return the grades of the pages of each query: 2 with more thumbs up than down, 0 with more down, or as many.

    A page without thumbs has grade 1 if it was opened and `clicks` is true, and none otherwise. Queries that differ in
    case or blanks are one. Judged answers are left out.
    """
    votes: dict[str, Counter[tuple[str, int, str]]] = {}
    for judgement in (one for one in judgements if not one.answer):
        query = " ".join(judgement.query.split())
        same = next((known for known in votes if known.lower() == query.lower()), query)
        votes.setdefault(same, Counter())[judgement.document, judgement.number, judgement.verdict] += 1
    grades: dict[str, dict[tuple[str, int], int]] = {}
    for query, counts in votes.items():
        for document, number in dict.fromkeys((document, number) for document, number, _ in counts):
            up, down = counts[document, number, "up"], counts[document, number, "down"]
            if up or down:
                grades.setdefault(query, {})[document, number] = UP if up > down else DOWN
            elif clicks:
                grades.setdefault(query, {})[document, number] = CLICKED
    return grades


def _with_files(grades: Grades, files: Mapping[str, Path]) -> tuple[Grades, int]:
    """Return the grades of pages whose document is a file, and how many others there are."""
    kept = {
        query: {page: value for page, value in pages.items() if page[0] in files} for query, pages in grades.items()
    }
    count = sum(map(len, grades.values())) - sum(map(len, kept.values()))
    return {query: pages for query, pages in kept.items() if pages}, count


def _write_grades(grades: Grades, files: Mapping[str, Path], folder: Path) -> Mapping[str, str]:
    """Write queries.jsonl, qrels.tsv and dataset.json (docs/evals.md); return the names of the documents."""
    judged = sorted({document for pages in grades.values() for document, _ in pages})
    root = Path(os.path.commonpath([files[document].parent for document in judged]))
    names = {document: files[document].relative_to(root).as_posix() for document in judged}
    ids = {query: hashlib.sha256(query.encode()).hexdigest()[:12] for query in grades}
    rows = [json.dumps({"qid": ids[query], "question": query}, ensure_ascii=False) for query in grades]
    lines = [
        f"{ids[query]}\t0\t{names[document]}#{number}\t{value}"
        for query, pages in grades.items()
        for (document, number), value in pages.items()
    ]
    (folder / "queries.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    (folder / "qrels.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    about = {"name": "feedback", "documents": str(root), "files": sorted(names.values())}
    (folder / "dataset.json").write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return names


def _write_thumbs(judgements: Sequence[Judgement], names: Mapping[str, str], path: Path) -> None:
    """Write a line for each thumb for an answer, and for a page of the named documents, with its reason."""
    thumbs = [one for one in judgements if one.verdict != "click" and (one.answer or one.document in names)]
    rows = [
        {
            "question": thumb.query,
            **({"answer": thumb.answer} if thumb.answer else {"page": f"{names[thumb.document]}#{thumb.number}"}),
            "verdict": thumb.verdict,
            "why": thumb.why,
            "at": thumb.at,
        }
        for thumb in thumbs
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
