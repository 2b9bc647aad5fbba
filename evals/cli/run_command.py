"""The command `pagelens eval run`: a collection made and filled where it lacks, a run, its reports."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import pagelens
from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption, LanguageModelOption
from pagelens.api.cli.progress_output import show_progress
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.results import as_json
from pagelens.core.errors import UsageError
from pagelens.evals.cli import console
from pagelens.evals.cli.options import Documents, Form
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.datasets.registry import open_dataset
from pagelens.evals.datasets.reverse import COMPARABLE, REVERSE, is_captioned, photos_to_captions, write_reverse
from pagelens.evals.report.writing import write_reports
from pagelens.evals.runs.environment import fingerprint
from pagelens.evals.runs.judge import Judge
from pagelens.evals.runs.judging import judge_run
from pagelens.evals.runs.plan import DEPTH, SCOPES, Plan, Scope, configuration, lanes_for, scopes_of
from pagelens.evals.runs.run_folder import Run
from pagelens.evals.runs.runner import OnStep, perform_run
from pagelens.evals.runs.systems import System, chosen_systems, fusion_ablation, lane_ablation

ABLATIONS = ("lanes", "fusion")


def run(
    dataset: Annotated[Path, typer.Argument(help="A data set's folder, or a captions file.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run's folder; eval-runs/... if left out.")
    ] = None,
    form: Form = None,
    documents: Documents = None,
    profile: Annotated[str, typer.Option(help="For a new collection: auto, builtin, cpu, gpu or a model.")] = "auto",
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
    reverse: Annotated[bool, typer.Option(help="Captioned photos: the photos look for their captions too.")] = True,
    depth: Annotated[int, typer.Option(min=1, help="Pages of each ranking that are kept.")] = DEPTH,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first questions.")] = None,
    pictures: Annotated[bool, typer.Option(help="Page pictures in the report.")] = True,
    json_output: JsonOption = False,
) -> int:
    """Put every question to the engine, each lane alone and all together, and report. Run again to go on."""
    data = open_dataset(dataset, form=form, documents=documents)
    with _collection_of(data, collection, profile, llm) as engine:
        systems = _systems(lanes_for(engine, data), system or (), ablate or (), pairs=pairs)
        scopes = _scopes(scope, data)
        asked = _answer_scopes(data, scopes) if answers else ()
        plan = Plan(systems, scopes, asked, depth, limit, wiring.answerer_name(llm))
        target = out or _default_folder(engine, data, plan)
        grader = _judge(judge, target) if judge else None  # before the run: a wrong name costs nothing then
        with console.progress() as tell:
            done = perform_run(engine, data, plan, target, on_step=tell)
            if reverse and limit is None:  # among some of the captions it would be another figure
                _look_back(engine, done, tell)
            if grader:
                done = _judged(engine, done, grader, tell)
        summary, page = write_reports(done, engine if pictures else None)
    if json_output:
        print(json.dumps(as_json(summary), ensure_ascii=False, indent=2))
        return 0
    console.print_summary(summary)
    terminal.out.print(
        f"run      {printable(str(target))}\nreport   {printable(str(page))}", markup=False, soft_wrap=True
    )
    return 0


def _collection_of(data: DataSet, root: Path, profile: str, llm: str | None) -> Engine:
    """Return the engine on a collection that holds the set's documents: made and filled where it does not."""
    engine = pagelens.open(root, create=True, profile=profile, llm=llm)
    missing = DocumentNames.of(data, engine.status()).missing(data)
    if missing:
        with show_progress() as tell:
            read = engine.index([data.folder / name for name in missing], on_progress=tell)
        for failure in [*read.failed, *read.failed_before]:
            terminal.err.print(f"not read: {printable(failure.path)}: {printable(failure.reason)}", markup=False)
    return engine


def _look_back(engine: Engine, done: Run, tell: OnStep) -> None:
    """Let photos look for their captions, once, by every lane of the run that can."""
    lanes = [system for system in done.systems if system in COMPARABLE]
    if is_captioned(done.data) and lanes and not (done.folder / REVERSE).exists():
        figures = [photos_to_captions(engine, done.data, lane, on_step=tell) for lane in lanes]
        write_reverse(done.folder, figures)


def _judge(name: str, target: Path) -> Judge:
    """Return the judge of that name; its verdicts are kept beside the run, for others to share."""
    model = wiring.load_language_model(name)
    if model is None:
        raise UsageError(f"expected a language model as judge, like openai:NAME, found {name!r}")
    return Judge(model, target.resolve().parent / "judged")


def _judged(engine: Engine, done: Run, judge: Judge, tell: OnStep) -> Run:
    """Have the answers judged, and say how many were not."""
    done, lost = judge_run(engine, done, judge, on_step=tell)
    if lost:
        terminal.err.print(f"{lost} answers got no verdict: run again to ask again", markup=False)
    return done


def _systems(lanes: Sequence[str], named: Sequence[str], ablations: Sequence[str], *, pairs: bool) -> dict[str, System]:
    """Return the systems named, then those of the ablations; each lane alone and together where nothing is asked."""
    strangers = [one for one in ablations if one not in ABLATIONS]
    if strangers:
        raise UsageError(f"expected --ablate among {', '.join(ABLATIONS)}, found {strangers[0]!r}")
    systems = chosen_systems(named, lanes)
    if "lanes" in ablations or not (named or ablations):
        systems |= lane_ablation(lanes, pairs=pairs)
    return systems | fusion_ablation(lanes) if "fusion" in ablations else systems


def _scopes(asked: list[str] | None, data: DataSet) -> list[Scope]:
    possible = scopes_of(data)
    strangers = [one for one in asked or () if one not in possible]
    if strangers:
        why = "the questions name no documents" if strangers[0] in SCOPES else f"there are {', '.join(SCOPES)}"
        raise UsageError(f"expected a scope among {', '.join(possible)}, found {strangers[0]!r}: {why}")
    return [one for one in possible if not asked or one in asked]


def _answer_scopes(data: DataSet, scopes: list[Scope]) -> list[Scope]:
    """Return where to ask: as searched; foreign where there are other documents; nowhere where no answer is known."""
    if not any((one.answers or not one.answerable) and not one.image for one in data.questions):
        return []
    foreign: list[Scope] = ["foreign"] if "within" in scopes and len(data.documents) > 1 else []
    return [*scopes, *foreign]


def _default_folder(engine: Engine, data: DataSet, plan: Plan) -> Path:
    mark = fingerprint(configuration(engine, data, plan))[:8]
    return Path("eval-runs") / f"{data.name.replace('/', '_')}-{mark}"
