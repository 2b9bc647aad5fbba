"""The command group `pagelens eval`: run, compare, report, check, import, init, accept, export.

Exit codes are those of `pagelens`; further, 6: a gate did not hold.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

import pagelens
from api import console as shell
from api import wiring
from api.engine import Engine
from api.names import printable
from api.results import as_json
from core.errors import PageLensError, UsageError
from evals import console, propose
from evals.compare import compare, side
from evals.dataset import DataSet
from evals.export import EXPORTS, export_run
from evals.folder import write_folder
from evals.gate import parse_gate
from evals.measures.names import parse_measure
from evals.names import DocumentNames
from evals.opening import FORMATS, open_dataset
from evals.plan import DEPTH, SCOPES, Plan, Scope, ablation, chosen_systems, configuration, scopes_of, text_lanes
from evals.report.markdown_report import markdown_comparison
from evals.report.writing import write_reports
from evals.reverse import COMPARABLE, REVERSE, is_captioned, photos_to_captions, write_reverse
from evals.run_folder import Run, read_run_folder
from evals.running import OnStep, perform_run
from evals.scoring import HEADLINE
from evals.surroundings import fingerprint

GATE_FAILED = 6

app = typer.Typer(no_args_is_help=True, help="Measure a collection on questions: run, compare, report.")

Collection = Annotated[
    Path, typer.Option("--collection", "-c", envvar="PAGELENS_COLLECTION", help="The collection's folder.")
]
Form = Annotated[str | None, typer.Option("--form", help=f"{', '.join(FORMATS)}; found out if left out.")]
Documents = Annotated[Path | None, typer.Option("--documents", help="Where the set's files are, or are to be written.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]
DEFAULT = Path("my-collection")


@app.command()
def run(
    dataset: Annotated[Path, typer.Argument(help="A data set's folder, or a captions file.")],
    collection: Collection = DEFAULT,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run's folder; eval-runs/... if left out.")
    ] = None,
    form: Form = None,
    documents: Documents = None,
    profile: Annotated[str, typer.Option(help="For a new collection: auto, builtin, cpu, gpu or a model.")] = "auto",
    system: Annotated[
        list[str] | None, typer.Option("--system", "-s", help="words, words+text, fused; may repeat. All if left out.")
    ] = None,
    pairs: Annotated[bool, typer.Option(help="Measure each pair of lanes too.")] = True,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="within, whole; may repeat.")] = None,
    answers: Annotated[bool, typer.Option(help="Ask too: citations, refusals.")] = True,
    reverse: Annotated[bool, typer.Option(help="Captioned photos: the photos look for their captions too.")] = True,
    depth: Annotated[int, typer.Option(min=1, help="Pages of each ranking that are kept.")] = DEPTH,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first questions.")] = None,
    pictures: Annotated[bool, typer.Option(help="Page pictures in the report.")] = True,
    as_data: Json = False,
) -> int:
    """Put every question to the engine, each lane alone and all together, and report. Run again to go on."""
    data = open_dataset(dataset, form=form, documents=documents)
    with _collection_of(data, collection, profile) as engine:
        lanes = text_lanes(engine, data)
        systems = chosen_systems(system, lanes) if system else ablation(lanes, pairs=pairs)
        scopes = _scopes(scope, data)
        plan = Plan(systems, scopes, _answer_scopes(data, scopes) if answers else (), depth, limit)
        target = out or _default_folder(engine, data, plan)
        with console.progress() as tell:
            done = perform_run(engine, data, plan, target, on_step=tell)
            if reverse:
                _look_back(engine, done, tell)
        summary, page = write_reports(done, engine if pictures else None)
    if as_data:
        print(json.dumps(as_json(summary), ensure_ascii=False, indent=2))
        return 0
    console.print_summary(summary)
    shell.out.print(f"run      {printable(str(target))}\nreport   {printable(str(page))}", markup=False, soft_wrap=True)
    return 0


@app.command(name="compare")
def compare_runs(
    a: Annotated[str, typer.Argument(help="The run to compare with, RUN or RUN::SYSTEM.")],
    b: Annotated[str, typer.Argument(help="The run under test.")],
    measure: Annotated[
        list[str] | None, typer.Option("--measure", "-m", help="nDCG@5, doc.R@1, ...; may repeat.")
    ] = None,
    gate: Annotated[
        list[str] | None, typer.Option("--gate", help="'nDCG@5 >= A - 0.01': exit with 6 where it does not hold.")
    ] = None,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="within, whole; may repeat.")] = None,
    by_document: Annotated[
        bool, typer.Option("--by-document", help="Resample documents, not questions: wider, fairer intervals.")
    ] = False,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the comparison here too.")] = None,
    as_data: Json = False,
) -> int:
    """Tell whether B is better than A, with intervals, and which questions changed."""
    measures = [parse_measure(text) for text in measure] if measure else HEADLINE
    gates = [parse_gate(text) for text in gate or ()]
    before, after = (side(*_run_and_system(text)) for text in (a, b))
    found = compare(before, after, measures, gates=gates, scopes=scope or (), by_document=by_document)
    if markdown:
        markdown.write_text(markdown_comparison(found), "utf-8")
    if as_data:
        rows = [
            {"scope": one.scope, "measure": str(one.measure), "a": one.a, "b": one.b, "verdict": one.verdict}
            | as_json(one.interval)
            for one in found.differences
        ]
        passed = [{"gate": str(one.gate), "scope": one.scope, "held": one.held} for one in found.gates]
        print(json.dumps({"differences": rows, "gates": passed, "passed": found.passed}, ensure_ascii=False, indent=2))
    else:
        console.print_comparison(found)
    return 0 if found.passed else GATE_FAILED


@app.command()
def report(
    run_folder: Annotated[Path, typer.Argument(help="A run's folder.")],
    collection: Annotated[
        Path | None, typer.Option("--collection", "-c", help="For page pictures; the one that was run if left out.")
    ] = None,
) -> int:
    """Write a run's reports again."""
    found = read_run_folder(run_folder)
    engine = _engine_for(found, collection)
    summary, page = write_reports(found, engine)
    console.print_summary(summary)
    shell.out.print(f"report   {printable(str(page))}", markup=False, soft_wrap=True)
    return 0


@app.command()
def check(dataset: Path, form: Form = None, documents: Documents = None) -> int:
    """Read a data set and say what is in it, or what is wrong with it, line by line."""
    data = open_dataset(dataset, form=form, documents=documents)
    pages = sum(len(data.relevant(one.qid)) for one in data.questions)
    shell.out.print(
        f"{printable(data.name)}: {len(data.documents)} documents, {len(data.questions)} questions, "
        f"{len(data.with_evidence)} with evidence on {pages} pages, "
        f"{sum(not one.answerable for one in data.questions)} without an answer",
        markup=False,
        soft_wrap=True,
    )
    return 0


@app.command(name="import")
def import_set(dataset: Path, out: Path, form: Form = None, documents: Documents = None) -> int:
    """Write a data set in PageLens's own form; its files stay where they are."""
    target = documents or (out / "documents" if form in ("beir", "vidore") else None)
    data = open_dataset(dataset, form=form, documents=target)
    write_folder(data, out)
    return check(out)


@app.command()
def init(
    out: Annotated[Path, typer.Argument(help="A CSV to be edited; nothing there is written over.")],
    collection: Collection = DEFAULT,
    count: Annotated[int, typer.Option("-n", min=1, help="Questions to propose.")] = 60,
    seed: Annotated[int, typer.Option(help="Which pages are drawn.")] = 0,
) -> int:
    """Propose questions from a collection's own pages, for you to keep, edit or drop in a CSV."""
    with wiring.open_collection(collection) as engine:
        rows = propose.propose(engine, count=count, seed=seed)
    propose.write_csv(rows, out)
    shell.out.print(
        f"{len(rows)} proposals in {printable(str(out))}: put keep or drop under 'keep', edit the questions, then: "
        f"pagelens eval accept {printable(str(out))} MY-SET",
        markup=False,
        soft_wrap=True,
    )
    return 0


@app.command()
def accept(
    proposals: Annotated[Path, typer.Argument(help="The edited CSV.")],
    out: Annotated[Path, typer.Argument(help="The data set's folder.")],
    collection: Collection = DEFAULT,
) -> int:
    """Make a data set of the proposals that were kept."""
    with wiring.open_collection(collection) as engine:
        data = propose.read_csv(proposals, engine.status(), name=out.resolve().name)
    write_folder(data, out)
    return check(out)


@app.command()
def export(
    run_folder: Annotated[Path, typer.Argument(help="A run's folder.")],
    out: Annotated[Path, typer.Argument(help="A folder.")],
    form: Annotated[str, typer.Option("--form", help=" or ".join(EXPORTS))] = "trec_eval",
) -> int:
    """Write a run's rankings and grades as other evaluation tools read them."""
    for path in export_run(read_run_folder(run_folder), out, form):
        shell.out.print(str(path), markup=False, soft_wrap=True)
    return 0


def _collection_of(data: DataSet, root: Path, profile: str) -> Engine:
    """Return the engine on a collection that holds the set's documents: made and filled where it does not."""
    engine = pagelens.open(root, create=True, profile=profile)
    missing = DocumentNames.of(data, engine.status()).missing(data)
    if missing:
        with shell.progress() as tell:
            read = engine.index([data.folder / name for name in missing], on_progress=tell)
        for failure in [*read.failed, *read.failed_before]:
            shell.err.print(f"not read: {printable(failure.path)}: {printable(failure.reason)}", markup=False)
    return engine


def _look_back(engine: Engine, done: Run, tell: OnStep) -> None:
    """Let photos look for their captions, once, by every lane of the run that can."""
    lanes = [system for system in done.systems if system in COMPARABLE]
    if is_captioned(done.data) and lanes and not (done.folder / REVERSE).exists():
        figures = [photos_to_captions(engine, done.data, lane, on_step=tell) for lane in lanes]
        write_reverse(done.folder, figures)


def _scopes(asked: list[str] | None, data: DataSet) -> list[Scope]:
    possible = scopes_of(data)
    strangers = [one for one in asked or () if one not in possible]
    if strangers:
        why = "the questions name no documents" if strangers[0] in SCOPES else f"there are {', '.join(SCOPES)}"
        raise UsageError(f"expected a scope among {', '.join(possible)}, found {strangers[0]!r}: {why}")
    return [one for one in possible if not asked or one in asked]


def _answer_scopes(data: DataSet, scopes: list[Scope]) -> list[Scope]:
    """Return where to ask: as searched; foreign where there are other documents; nowhere where no answer is known."""
    if not any(one.answers or not one.answerable for one in data.questions):
        return []
    foreign: list[Scope] = ["foreign"] if "within" in scopes and len(data.documents) > 1 else []
    return [*scopes, *foreign]


def _default_folder(engine: Engine, data: DataSet, plan: Plan) -> Path:
    mark = fingerprint(configuration(engine, data, plan))[:8]
    return Path("eval-runs") / f"{data.name.replace('/', '_')}-{mark}"


def _run_and_system(text: str) -> tuple[Run, str | None]:
    path, mark, system = text.partition("::")
    return read_run_folder(Path(path)), system if mark else None


def _engine_for(found: Run, collection: Path | None) -> Engine | None:
    root = collection or Path(found.manifest["collection"]["path"])
    try:
        return wiring.open_collection(root)
    except PageLensError as exc:
        shell.err.print(f"no page pictures: {printable(str(exc))}", markup=False, soft_wrap=True)
        return None
