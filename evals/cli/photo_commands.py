"""`pagelens eval labels` and `pagelens eval objects`: measures on judged photos of a collection."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption, LanguageModelOption
from pagelens.api.cli.terminal import print_result
from pagelens.api.engine import language_models, wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import printable
from pagelens.core.errors import GenerationError, UsageError
from pagelens.core.labels import LabelCriterion, LabelSet, read_label_set
from pagelens.core.types import ImageArray, PageRef
from pagelens.evals.cli import console
from pagelens.evals.datasets.judged_photos import Judgements, read_judged_photos
from pagelens.evals.measures.label_thresholds import FOLDS, LabelQuality, label_quality, photo_folds
from pagelens.evals.measures.object_presence import (
    PER_PICTURE,
    SAMPLINGS,
    PresenceScores,
    presence_questions,
    presence_scores,
)
from pagelens.evals.runs.presence_runs import LONGEST, ask_model, ask_second_look
from pagelens.index.lexical.folding import fold

JudgedArgument = Annotated[
    Path, typer.Argument(help='JSON lines: {"photo": NAME, "labels": [...]}, or "captions" that hold the labels.')
]
LabelsOption = Annotated[Path, typer.Option("--labels", "-l", help="The label set: a class a line, or JSON.")]


def labels(
    judged: JudgedArgument,
    label_file: LabelsOption,
    collection: CollectionOption = DEFAULT_COLLECTION,
    recall: Annotated[
        float | None, typer.Option(min=0, max=1, help="Fit the highest threshold with this recall; the best F1 if not.")
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Parts of the photos for cross-validation.")] = FOLDS,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the label set with its fitted thresholds here (JSON).")
    ] = None,
    json_output: JsonOption = False,
) -> int:
    """Fit the thresholds of labels to judged photos; print precision and recall on photos not fitted to."""
    label_set = read_label_set(label_file)
    judgements = read_judged_photos(judged, label_set.rules)
    engine = wiring.open_collection(collection)
    qualities, space = measure_labels(engine, label_set, judgements, recall=recall, folds=folds)
    if out is not None:
        fitted = with_fitted_thresholds(label_set, qualities, space)
        out.write_text(json.dumps(fitted.as_json(), ensure_ascii=False, indent=2) + "\n", "utf-8")
    print_result({"labels": qualities}, json_output, lambda _: print_qualities(qualities))
    return 0


def objects(
    judged: JudgedArgument,
    label_file: LabelsOption,
    collection: CollectionOption = DEFAULT_COLLECTION,
    llm: LanguageModelOption = None,
    sampling: Annotated[list[str] | None, typer.Option(help=f"{', '.join(SAMPLINGS)}; all if left out.")] = None,
    second_look: Annotated[
        bool, typer.Option("--second-look", help="Measure the check of citations by pictures, not the model alone.")
    ] = False,
    per_picture: Annotated[int, typer.Option(min=1, help="Present objects asked for of each photo.")] = PER_PICTURE,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many photos.")] = None,
    json_output: JsonOption = False,
) -> int:
    """Ask a vision model for objects that are in photos and for ones that are not: accuracy, yes-rate, F1 (POPE)."""
    rules = read_label_set(label_file).rules
    if unknown := sorted(set(sampling or ()) - set(SAMPLINGS)):
        raise UsageError(f"expected --sampling among {', '.join(SAMPLINGS)}, found {', '.join(unknown)}")
    judgements = read_judged_photos(judged, rules)
    model = language_models.load_language_model(llm)
    if model is None:
        raise GenerationError(
            "no-model", "expected a vision model to ask, found none. Give --model, or set PAGELENS_LLM_MODEL."
        )
    if not model.accepts_images:
        raise UsageError(f"expected a model that accepts images, found {model.name}")
    engine = wiring.open_collection(collection, llm=llm)
    refs = photo_refs(engine, judgements)
    chosen = {photo: judgements[photo] for photo in sorted(refs)[:limit]}
    found = objects_of(chosen, rules)
    ask = ask_second_look if second_look else ask_model
    scores: dict[str, PresenceScores] = {}
    with console.progress() as step:
        for one in SAMPLINGS:
            if sampling is None or one in sampling:
                questions = presence_questions(found, [rule.name for rule in rules], one, per_picture=per_picture)
                replies = ask(model, questions, picture_loader(engine, refs), on_step=step)
                scores[one] = presence_scores(questions, replies)
    print_result({"model": model.name, "scores": scores}, json_output, lambda _: print_scores(scores))
    return 0


def measure_labels(
    engine: Engine, label_set: LabelSet, judgements: Judgements, *, recall: float | None, folds: int
) -> tuple[list[LabelQuality], str]:
    """Return the quality of each label on the judged photos of a collection, and the vectors' space.

    Raises UsageError where the collection has none of the photos.
    """
    probabilities = engine.label_probabilities(label_set)
    rows = {ref: row for row, ref in enumerate(probabilities.refs)}
    refs = {photo: ref for photo, ref in photo_refs(engine, judgements).items() if ref in rows}
    photos = sorted(refs)
    values = probabilities.values[[rows[refs[photo]] for photo in photos]]
    parts = photo_folds(photos, folds)
    qualities = []
    for column, rule in enumerate(label_set.rules):
        truth = np.array([fold(rule.name) in judgements[photo] for photo in photos], np.bool_)
        qualities.append(label_quality(rule.label, values[:, column], truth, parts, recall=recall))
    return qualities, probabilities.space


def photo_refs(engine: Engine, judgements: Judgements) -> dict[str, PageRef]:
    """Return the page of each judged photo that the collection has under one name. Raises UsageError for none."""
    with engine.snapshot() as snapshot:
        paths = [path for row in snapshot.documents.values() for path in row.paths]
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(path.rpartition("/")[2], []).append(path)
    refs = {}
    for photo in judgements:
        found = [path for path in by_name.get(photo.rpartition("/")[2], ()) if f"/{path}".endswith(f"/{photo}")]
        if len(found) == 1:
            refs[photo] = PageRef(found[0], 1)
    if not refs:
        raise UsageError("expected judged photos that the collection has, found none: index them first")
    return refs


def with_fitted_thresholds(label_set: LabelSet, qualities: list[LabelQuality], space: str) -> LabelSet:
    """Return the label set with fitted thresholds."""
    fitted = zip(label_set.rules, qualities, strict=True)
    rules = [replace(rule, threshold=quality.threshold) for rule, quality in fitted]
    return replace(label_set, rules=rules, fitted_to=space)


def objects_of(judgements: Judgements, rules: Sequence[LabelCriterion]) -> dict[str, list[str]]:
    """Return the names of the rules that each photo is judged to hold."""
    return {photo: [rule.name for rule in rules if fold(rule.name) in held] for photo, held in judgements.items()}


def picture_loader(engine: Engine, refs: Mapping[str, PageRef]) -> Callable[[str], ImageArray]:
    """Return the function that renders a photo; the last ones are kept, since several questions follow on one."""

    @lru_cache(maxsize=4)
    def load(photo: str) -> ImageArray:
        return engine.page_image_array(refs[photo], LONGEST)

    return load


def print_qualities(qualities: list[LabelQuality]) -> None:
    """Print a row for each label, and the means."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    headers = ("label", "photos", "threshold", "precision", "recall", "F1", "AP", "always yes")
    for number, header in enumerate(headers):
        table.add_column(header, justify="right" if number else "left")
    for one in qualities:
        shares = (one.precision, one.recall, one.f1, one.average_precision, one.always_yes)
        cells = [f"{one.threshold:.3f}", *(f"{100 * share:.1f}" for share in shares)]
        table.add_row(Text(printable(one.label)), str(one.positives), *cells)
    terminal.out.print(table)
    note = f"percent, cross-validated over {qualities[0].photos} photos; always yes: the precision of labelling all"
    terminal.out.print(Text(note, style="dim"), soft_wrap=True)


def print_scores(scores: Mapping[str, PresenceScores]) -> None:
    """Print a row for each way of choosing absent objects."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for header in ("absent objects", "questions", "accuracy", "precision", "recall", "F1", "yes-rate", "unclear"):
        table.add_column(header, justify="left" if header.startswith("absent") else "right")
    for sampling, one in scores.items():
        shares = [f"{100 * value:.1f}" for name, value in asdict(one).items() if name not in ("questions", "unclear")]
        table.add_row(sampling, str(one.questions), *shares, str(one.unclear))
    terminal.out.print(table)
    note = "percent; saying yes to everything has accuracy 50, F1 66.7 and yes-rate 100"
    terminal.out.print(Text(note, style="dim"), soft_wrap=True)
