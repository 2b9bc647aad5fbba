"""A run on disk. A run that was killed resumes where it stopped.

run.json          data set, configuration and its fingerprint, machine, versions, times; `finished` null until done
queries.jsonl     the questions
qrels.tsv         the graded pages; boxes.jsonl: where the evidence lies on them, if that is known
searches.jsonl    a line for each scope, system and question, written as soon as it is known
answers.jsonl     a line for each scope and question; of several the last counts
verdicts.jsonl    a judge's verdicts on the answers, if there was a judge
trec/             a run file for each scope and system, written at the end
scores.json       the tables; scores.jsonl: every measure of every question
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.folder import read_qrels, read_questions, write_qrels, write_questions
from pagelens.evals.datasets.gold_boxes import read_gold_boxes, write_gold_boxes
from pagelens.evals.datasets.line_reader import Faults, read_json
from pagelens.evals.runs.judge import Verdict
from pagelens.evals.runs.records import AnswerRecord, SearchRecord
from pagelens.evals.runs.systems import file_name_part
from pagelens.evals.runs.trec_run import write_run

MANIFEST = "run.json"
VERDICTS = "verdicts.jsonl"


@dataclass(frozen=True, slots=True)
class Run:
    """A run as read from disk: questions, rankings, answers, verdicts."""

    folder: Path
    manifest: Mapping[str, Any]
    data: DataSet
    searches: Mapping[tuple[str, str], Mapping[str, SearchRecord]]  # (scope, system) -> qid -> record
    answers: Mapping[str, Mapping[str, AnswerRecord]]  # scope -> qid -> record
    verdicts: Mapping[str, Mapping[str, Verdict]] = field(default_factory=dict)  # scope -> qid -> verdict

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def scopes(self) -> list[str]:
        """Scopes that were searched, in order."""
        return list(dict.fromkeys(scope for scope, _ in self.searches))

    @property
    def systems(self) -> list[str]:
        """Systems that were searched with, in order."""
        return list(dict.fromkeys(system for _, system in self.searches))

    def rankings(self, scope: str, system: str) -> dict[str, Sequence[PageRef]]:
        """Return each question's pages, best first. Raises UsageError if the run has no such rankings."""
        records = self.searches.get((scope, system))
        if records is None:
            existing = (
                ", ".join(f"{other_scope} {other_system}" for other_scope, other_system in self.searches) or "nothing"
            )
            raise UsageError(f"expected {self.folder} to hold {scope} {system}, found {existing}")
        return {qid: record.ranked for qid, record in records.items()}


class RunFolder:
    """Writes a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, manifest: Mapping[str, Any], data: DataSet) -> dict[str, Any] | None:
        """Start a run or resume it; return the existing manifest, None if the run is new.

        Raises UsageError if the folder holds a run of another configuration.
        """
        path = self.folder / MANIFEST
        if path.exists():
            existing = _read_manifest(path)
            if existing["fingerprint"] != manifest["fingerprint"]:
                changed = _changed(existing["configuration"], manifest["configuration"])
                raise UsageError(
                    f"expected {self.folder} to be a run of this configuration, found another: {changed}. "
                    "Give another folder with --out."
                )
            return existing
        self.folder.mkdir(parents=True, exist_ok=True)
        write_questions(data, self.folder / "queries.jsonl")
        write_qrels(data.qrels, self.folder / "qrels.tsv")
        write_gold_boxes(data, self.folder)
        self.write_manifest(manifest)
        return None

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write run.json atomically."""
        write_atomically(self.folder / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")

    def completed_keys(self) -> set[tuple[str, str, str]]:
        """Return the keys of the finished records, without answers that a model failed to give.

        An incomplete last line is removed from the files.
        """
        searches = [SearchRecord.from_json(row).key for row in _rows(self.folder / "searches.jsonl", mend=True)]
        answers = [AnswerRecord.from_json(row) for row in _rows(self.folder / "answers.jsonl", mend=True)]
        return {*searches, *(answer.key for answer in answers if not answer.problem)}

    def add_rankings(self, records: Sequence[SearchRecord], imported: Mapping[str, Mapping[str, Any]]) -> None:
        """Add rankings that the engine did not make; `imported` says of each of their systems where they come from.

        They replace imported rankings of the same systems and scopes. Raises UsageError for a name that the run gives
        to rankings of the engine.
        """
        manifest = _read_manifest(self.folder / MANIFEST)
        before = manifest.get("imported", {})
        path = self.folder / "searches.jsonl"
        rows = list(_rows(path))
        own = sorted({row["system"] for row in rows if row["system"] in imported} - set(before))
        if own:
            raise UsageError(f"expected a name for the ranking that {self.folder} has not yet, found {own[0]}: --name")
        replaced = {(record.scope, record.system) for record in records}
        kept = [row for row in rows if (row["scope"], row["system"]) not in replaced]
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in [*kept, *(one.as_json() for one in records)]]
        self.write_manifest({**manifest, "imported": {**before, **imported}})
        write_atomically(path, "".join(lines))

    def write_trec(self, run: Run) -> None:
        """Write a TREC run file for each scope and system."""
        for (scope, system), records in run.searches.items():
            rankings = {qid: (record.ranked, record.scores) for qid, record in records.items()}
            write_run(self.folder / "trec" / f"{scope}.{file_name_part(system)}.trec", rankings, f"pagelens-{system}")


def dataset_entry(data: DataSet) -> dict[str, Any]:
    """Return what the manifest says of the data set; the rest lies in the folder's own files."""
    return {
        "name": data.name,
        "folder": str(data.folder),
        "images": str(data.images) if data.images else None,
        "documents": list(data.documents),
        "notices": list(data.notices),
    }


def append_record(file: IO[str], record: SearchRecord | AnswerRecord) -> None:
    """Write a record's line and flush it, so that a kill loses at most the line being written."""
    file.write(json.dumps(record.as_json(), ensure_ascii=False) + "\n")
    file.flush()


def read_run_folder(folder: Path) -> Run:
    """Return a run, finished or not. Raises UsageError if there is none."""
    manifest = _read_manifest(folder / MANIFEST)
    data = _read_data(folder, manifest)
    searches: dict[tuple[str, str], dict[str, SearchRecord]] = {}
    for row in _rows(folder / "searches.jsonl"):
        record = SearchRecord.from_json(row)
        searches.setdefault((record.scope, record.system), {})[record.qid] = record
    answers: dict[str, dict[str, AnswerRecord]] = {}
    for row in _rows(folder / "answers.jsonl"):
        answer = AnswerRecord.from_json(row)
        answers.setdefault(answer.scope, {})[answer.qid] = answer
    verdicts: dict[str, dict[str, Verdict]] = {}
    for row in _rows(folder / VERDICTS):
        verdicts.setdefault(row["scope"], {})[row["qid"]] = Verdict(row["grade"], row["reason"])
    return Run(folder=folder, manifest=manifest, data=data, searches=searches, answers=answers, verdicts=verdicts)


def write_atomically(path: Path, text: str) -> None:
    """Write a file by renaming a complete one, so that it is never seen half written."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise UsageError(f"expected a run at {path.parent}, found no {MANIFEST}. Make one: pagelens eval run DATASET")
    manifest = read_json(path)
    if not isinstance(manifest, dict) or "fingerprint" not in manifest or "configuration" not in manifest:
        raise UsageError(f"{path}: expected the manifest of a run, found something else")
    return manifest


def _read_data(folder: Path, manifest: Mapping[str, Any]) -> DataSet:
    about = manifest["dataset"]
    faults = Faults()
    names = list(about["documents"])
    questions: list[Question]
    questions, _ = read_questions(folder / "queries.jsonl", set(names), faults)
    qrels = read_qrels(folder / "qrels.tsv", {question.qid for question in questions}, set(names), faults)
    gold_boxes = read_gold_boxes(folder, questions, faults)
    faults.raise_any()
    images = Path(about["images"]) if about.get("images") else None
    return DataSet(
        name=about["name"],
        folder=Path(about["folder"]),
        documents=names,
        questions=questions,
        qrels=qrels,
        images=images,
        gold_boxes=gold_boxes,
    )


def _rows(path: Path, *, mend: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of the complete lines; `mend` removes an incomplete last line from the file."""
    if not path.exists():
        return
    whole, _, torn = path.read_text("utf-8", errors="replace").rpartition("\n")
    if torn and mend:
        path.write_text(whole + "\n" if whole else "", "utf-8")
    for line in whole.split("\n"):
        if line:
            yield json.loads(line)


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(sorted(names)) + " differ" if names else "its fingerprint differs"
