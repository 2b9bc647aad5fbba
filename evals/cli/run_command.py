"""The command `pagelens eval run`: indexes the data set if needed, runs its questions, writes the reports."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import pagelens
from pagelens.api.cli import terminal
from pagelens.api.cli.answer_output import print_estimate
from pagelens.api.cli.command_options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    DepthOption,
    EstimateOption,
    JsonOption,
    LanguageModelOption,
)
from pagelens.api.cli.progress_output import show_progress
from pagelens.api.engine import language_models
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.results import as_json
from pagelens.core.errors import UsageError
from pagelens.core.types import DEFAULT_DEPTH
from pagelens.evals.cli import console
from pagelens.evals.cli.options import DocumentsOption, FormatOption
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.datasets.registry import open_dataset
from pagelens.evals.report.writing import write_reports
from pagelens.evals.runs.caption_retrieval import (
    COMPARABLE,
    FILE_NAME,
    is_captioned,
    photos_to_captions,
    write_caption_retrieval,
)
from pagelens.evals.runs.environment import fingerprint
from pagelens.evals.runs.estimating import estimate_answers
from pagelens.evals.runs.judge import Judge
from pagelens.evals.runs.judging import judge_run
from pagelens.evals.runs.plan import DEPTH, SCOPES, Plan, Scope, configuration, lanes_for, scopes_of
from pagelens.evals.runs.run_folder import Run
from pagelens.evals.runs.runner import OnStep, perform_run
from pagelens.evals.runs.systems import FUSED, System, chosen_systems, fusion_ablation, lane_ablation

ABLATIONS = ("lanes", "fusion")


def run(
    dataset: Annotated[Path, typer.Argument(help="A data set's folder, or a captions file.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run's folder; eval-runs/... if left out.")
    ] = None,
    dataset_format: FormatOption = None,
    documents: DocumentsOption = None,
    profile: Annotated[
        str, typer.Option(help="For a new collection: auto, builtin, builtin-multilingual, cpu, gpu or a model.")
    ] = "auto",
    system: Annotated[
        list[str] | None, typer.Option("--system", "-s", help="words, words+text, fused, fused:plain; may repeat.")
    ] = None,
    ablate: Annotated[
        list[str] | None, typer.Option(help="lanes, fusion; may repeat. Lanes if neither this nor --system is given.")
    ] = None,
    pairs: Annotated[bool, typer.Option(help="Of lanes: each pair too.")] = True,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="within, whole; may repeat.")] = None,
    answers: Annotated[bool, typer.Option(help="Ask too: citations, refusals.")] = True,
    llm: LanguageModelOption = None,
    judge: Annotated[str | None, typer.Option(help="A model that sees grades the answers: openai:NAME, ...")] = None,
    caption_retrieval: Annotated[bool, typer.Option(help="For captioned photos: rank captions for photos too.")] = True,
    depth: DepthOption = DEFAULT_DEPTH,
    k: Annotated[int, typer.Option("-k", min=1, help="Pages of each ranking that are kept.")] = DEPTH,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first questions.")] = None,
    pictures: Annotated[bool, typer.Option(help="Page pictures in the report.")] = True,
    estimate: EstimateOption = False,
    json_output: JsonOption = False,
) -> int:
    """Put every question to the engine, each lane alone and all together, and report. Run again to resume."""
    data = open_dataset(dataset, dataset_format=dataset_format, documents=documents)
    console.print_notices(data)
    with _collection_of(data, collection, profile, llm) as engine:
        systems = _systems(lanes_for(engine, data), system or (), ablate or (), pairs=pairs)
        if depth != DEFAULT_DEPTH:
            systems |= chosen_systems([f"{FUSED}:{depth}"], ())
        scopes = _scopes(scope, data)
        answer_scopes = _answer_scopes(data, scopes) if answers else ()
        plan = Plan(
            systems=systems,
            scopes=scopes,
            answer_scopes=answer_scopes,
            depth=k,
            limit=limit,
            answer_depth=depth,
            answerer=language_models.answerer_name(llm),
        )
        if estimate:
            terminal.print_result(estimate_answers(engine, data, plan), json_output, print_estimate)
            return 0
        target = out or _default_folder(engine, data, plan)
        grader = _judge(judge, target) if judge else None  # before the run: a wrong name costs nothing then
        with console.progress() as on_step:
            run_result = perform_run(engine, data, plan, target, on_step=on_step)
            if caption_retrieval and limit is None:  # with fewer captions the figure would not be comparable
                _retrieve_captions(engine, run_result, on_step)
            if grader:
                run_result = _judged(engine, run_result, grader, on_step)
        summary, page = write_reports(run_result, engine if pictures else None)
    if json_output:
        print(json.dumps(as_json(summary), ensure_ascii=False, indent=2))
        return 0
    console.print_summary(summary)
    terminal.out.print(
        f"run      {printable(str(target))}\nreport   {printable(str(page))}", markup=False, soft_wrap=True
    )
    return 0


def _collection_of(data: DataSet, root: Path, profile: str, llm: str | None) -> Engine:
    """Return the engine on a collection that holds the set's documents: it is created and indexed if needed."""
    engine = pagelens.open(root, create=True, profile=profile, llm=llm)
    missing = DocumentNames.of(data, engine.status()).missing(data)
    if missing:
        with show_progress() as on_progress:
            report = engine.index([data.folder / name for name in missing], on_progress=on_progress)
        for failure in [*report.failed, *report.failed_before]:
            terminal.err.print(f"not read: {printable(failure.path)}: {printable(failure.reason)}", markup=False)
    return engine


def _retrieve_captions(engine: Engine, run: Run, on_step: OnStep) -> None:
    """Measure caption retrieval by every lane of the run that allows it, unless it was measured before."""
    lanes = [system for system in run.systems if system in COMPARABLE]
    if is_captioned(run.data) and lanes and not (run.folder / FILE_NAME).exists():
        figures = [photos_to_captions(engine, run.data, lane, on_step=on_step) for lane in lanes]
        write_caption_retrieval(run.folder, figures)


def _judge(name: str, target: Path) -> Judge:
    """Return the judge of that name; its verdicts are kept beside the run's folder, shared by all runs there."""
    model = language_models.load_language_model(name)
    if model is None:
        raise UsageError(f"expected a language model as judge, like openai:NAME, found {name!r}")
    return Judge(model, target.resolve().parent / "judged")


def _judged(engine: Engine, run: Run, judge: Judge, on_step: OnStep) -> Run:
    """Have the answers judged, and print how many got no verdict."""
    run, failed = judge_run(engine, run, judge, on_step=on_step)
    if failed:
        terminal.err.print(f"{failed} answers got no verdict: run again to ask again", markup=False)
    return run


def _systems(lanes: Sequence[str], named: Sequence[str], ablations: Sequence[str], *, pairs: bool) -> dict[str, System]:
    """Return the systems named, then those of the ablations; by default the lane ablation."""
    unknown = [ablation for ablation in ablations if ablation not in ABLATIONS]
    if unknown:
        raise UsageError(f"expected --ablate among {', '.join(ABLATIONS)}, found {unknown[0]!r}")
    systems = chosen_systems(named, lanes)
    if "lanes" in ablations or not (named or ablations):
        systems |= lane_ablation(lanes, pairs=pairs)
    return systems | fusion_ablation(lanes) if "fusion" in ablations else systems


def _scopes(requested: list[str] | None, data: DataSet) -> list[Scope]:
    possible = scopes_of(data)
    unknown = [scope for scope in requested or () if scope not in possible]
    if unknown:
        why = "the questions name no documents" if unknown[0] in SCOPES else f"there are {', '.join(SCOPES)}"
        raise UsageError(f"expected a scope among {', '.join(possible)}, found {unknown[0]!r}: {why}")
    return [scope for scope in possible if not requested or scope in requested]


def _answer_scopes(data: DataSet, scopes: list[Scope]) -> list[Scope]:
    """Return the scopes of the answers: those searched, and `foreign` if there are other documents.

    None at all if no question has a known answer.
    """
    if not any((question.answers or not question.answerable) and not question.image for question in data.questions):
        return []
    foreign: list[Scope] = ["foreign"] if "within" in scopes and len(data.documents) > 1 else []
    return [*scopes, *foreign]


def _default_folder(engine: Engine, data: DataSet, plan: Plan) -> Path:
    mark = fingerprint(configuration(engine, data, plan))[:8]
    return Path("eval-runs") / f"{data.name.replace('/', '_')}-{mark}"
