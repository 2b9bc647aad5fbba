"""The command line: `pagelens index|search|ask|show|status|remove|retry|reembed|copy|snapshot|restore|serve|mcp|keys|
models|doctor|demo`.

People read tables and pictures, programs read `--json`. Exit codes:
0 done; 1 an error, said on standard error; 2 the command line or a value in it was wrong; 3 nothing found, or not in
these documents; 4 indexed, but some files could not be read; 5 another process is writing; 6 a gate of
`pagelens eval` did not hold; 130 interrupted.
"""

import json
import os
import sys
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import IntEnum
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from api import console, wiring
from api.archiving import restore, snapshot
from api.copying import copy
from api.engine import READ_SCANS, Engine
from api.marks import from_jpeg
from api.mcp_stdio import mcp
from api.names import absolute_path, picture_name, printable
from api.options import (
    DEFAULT,
    Collection,
    EngineChoice,
    Json,
    Kinds,
    LanguageModel,
    Meta,
    OcrChoice,
    PageRange,
    Paths,
    Pictures,
    Since,
    Until,
    listed,
    pairs,
    read_filters,
)
from api.placing import (
    Catalog,
    Prefix,
    QuantizationKind,
    Quantized,
    Replicas,
    Shards,
    Store,
    StoreKind,
    Url,
    read_places,
)
from api.profiles import choose_profile
from api.results import IndexReport, as_json
from api.serving import keys_app, serve
from api.watching import watch
from core.errors import CollectionLocked, NotFound, PageLensError, UsageError
from core.types import Box, PageRef
from ingest.known_digests import KnownDigests

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Index documents and photos, find the page that answers, get answers with citations that can be checked.",
    epilog=__doc__.split("Exit codes:")[1].strip() if __doc__ else None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.out.print(f"pagelens {metadata.version('pagelens')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Options before any command."""


class Exit(IntEnum):
    """What a command ends with."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    NOTHING = 3
    SOME_FAILED = 4
    LOCKED = 5
    INTERRUPTED = 130


@app.command()
def index(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    collection: Collection = DEFAULT,
    profile: Annotated[str, typer.Option(help="auto, builtin, cpu, gpu, or a text model's name or folder.")] = "auto",
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Another model for a lane: image=NAME, page=none. May repeat.")
    ] = None,
    ocr: Annotated[OcrChoice, typer.Option(help="Read text from pictures: where the file has none, all, or none.")] = (
        OcrChoice.AUTO
    ),
    ocr_engine: Annotated[EngineChoice, typer.Option(help="tesseract is faster and reads worse.")] = (
        EngineChoice.RAPIDOCR
    ),
    language: Annotated[
        list[str] | None, typer.Option(help="What scans are written in: en, de, ... May repeat.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes that read files; 0: none but this one.", show_default="by cores"),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Forget indexed files below PATHS that are gone.")] = False,
    watching: Annotated[
        bool, typer.Option("--watch", help="Stay, and index what changes below PATHS until Ctrl-C.")
    ] = False,
    store: Store = StoreKind.FOLDER,
    url: Url = "",
    prefix: Prefix = "",
    quantization: Quantized = QuantizationKind.NONE,
    shards: Shards = None,
    replicas: Replicas = None,
    catalog: Catalog = "",
    as_data: Json = False,
) -> int:
    """Index files and folders. Run again at any time: unchanged files cost a hash."""
    missing = [str(path) for path in paths if not path.exists() and not path.is_symlink()]
    if missing:
        raise UsageError(f"expected files and folders that exist, found none at: {', '.join(missing)}")
    settings = wiring.read_settings()
    if not wiring.collection_exists(collection):
        chosen = choose_profile(profile, settings, models=pairs("--model", model))
        places = read_places(collection, store, url, prefix, quantization, shards, replicas, catalog)
        left_out = wiring.create_collection(collection, chosen, settings, places=places)
        console.err.print(f"New collection {console.shown(str(collection))}, profile {chosen.name}: {chosen.why}.")
        for lane, reason in left_out.items():
            console.err.print(printable(f"Without the {lane} lane: {reason}"), markup=False, soft_wrap=True)
    elif model:
        raise UsageError("expected --model with a new collection only. To change a model: pagelens reembed")
    elif store is not StoreKind.FOLDER or url or catalog:
        raise UsageError("expected --store, --url and --catalog with a new collection only. To move one: pagelens copy")
    engine = wiring.open_collection(collection, settings, profile=profile if model is None else None)
    reading = replace(READ_SCANS, mode=ocr.value, engine=ocr_engine.value, languages=tuple(listed(language) or ()))

    digest = KnownDigests()  # what has not changed since the last look is not hashed again

    def run() -> IndexReport:
        with console.progress() as tell:
            report = engine.index(paths, prune=prune, ocr=reading, workers=workers, digest=digest, on_progress=tell)
        _print(report, as_data, console.print_report)
        return report

    if watching:
        return _watch(paths, run)
    report = run()
    return Exit.SOME_FAILED if report.failed or report.failed_before else Exit.DONE


def _watch(paths: Sequence[Path], run: Callable[[], IndexReport]) -> int:
    """Index now and at each change until Ctrl-C, which is how this ends."""
    try:
        for _ in watch([absolute_path(path) for path in paths], run):
            sys.stdout.flush()
            console.err.print("Watching. Ctrl-C ends it.")
    except KeyboardInterrupt:
        console.err.print("No longer watching.")
    return Exit.DONE


@app.command()
def reembed(
    profile: Annotated[str, typer.Option(help="auto, builtin, cpu, gpu, or a text model's name or folder.")],
    collection: Collection = DEFAULT,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Another model for a lane: image=NAME, page=none. May repeat.")
    ] = None,
    as_data: Json = False,
) -> int:
    """Move a collection to other models. What is there serves until the end; run it again after an interruption."""
    settings = wiring.read_settings()
    chosen = choose_profile(profile, settings, models=pairs("--model", model))
    with console.progress() as tell:
        report = wiring.reembed_collection(
            collection, chosen, settings, on_progress=tell, on_unpictured=console.tell_unpictured
        )
    _print(report, as_data, console.print_reembedding)
    return Exit.SOME_FAILED if report.unpictured else Exit.DONE


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="Words, or a question; what to change, with --image.")] = "",
    collection: Collection = DEFAULT,
    image: Annotated[
        Path | None, typer.Option("--image", "-i", help="Find pages and photos like this picture.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many pages.")] = 10,
    lane: Annotated[
        list[str] | None, typer.Option("--lane", "--lanes", help="Only these: words, text, page, image, looks.")
    ] = None,
    path: Paths = None,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    pages: PageRange = None,
    meta: Meta = None,
    neighbours: Annotated[int, typer.Option(min=0, help="Bring so many pages before and behind each.")] = 0,
    fold: Annotated[bool, typer.Option(help="Show one of the pages and photos that are the same to a reader.")] = True,
    pictures: Pictures = None,
    as_data: Json = False,
) -> int:
    """Find the pages that have to do with a query, best first."""
    if not query.strip() and image is None:
        raise UsageError("expected a query, or a picture with --image, found neither")
    engine = wiring.open_collection(collection)
    filters = read_filters(path, kind, since, until, pages, meta)
    found = engine.search(
        query, image=image, k=k, filters=filters, lanes=listed(lane), fold=fold, neighbours=neighbours
    )
    _print(found, as_data, console.print_results)
    if pictures:
        marked = [(hit.ref, [box for one in hit.evidence for box in one.boxes]) for hit in found.hits]
        _write_pictures(engine, pictures, marked, quiet=as_data)
    return Exit.DONE if found.hits else Exit.NOTHING


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question.")] = "",
    collection: Collection = DEFAULT,
    llm: LanguageModel = None,
    chat: Annotated[bool, typer.Option("--chat", help="Go on asking: one question a line; an empty one ends.")] = False,
    k: Annotated[int, typer.Option("-k", min=1, help="How many pages the answer may rest on.")] = 6,
    path: Paths = None,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    pages: PageRange = None,
    meta: Meta = None,
    pictures: Pictures = None,
    as_data: Json = False,
) -> int:
    """Answer a question from the documents, each sentence with its page; or say that they do not answer it."""
    if not chat and not question.strip():
        raise UsageError("expected a question, or --chat to ask one after the other, found neither")
    filters = read_filters(path, kind, since, until, pages, meta)
    engine = wiring.open_collection(collection, llm=llm)
    history: list[tuple[str, str]] = []
    answer = None
    for asked in console.questions(question) if chat else [question]:
        with console.answering() as show_text:
            answer = show_text(engine.ask_stream(asked, k=k, filters=filters, history=history))
        history.append((asked, answer.text))
        _print(answer, as_data, console.print_answer)
        if pictures:
            marked = [
                (ref, [box for one in citations for box in one.boxes])
                for ref, citations in console.citations_of(answer).items()
            ]
            _write_pictures(engine, pictures, marked, quiet=as_data)
    return Exit.DONE if answer is None or answer.found else Exit.NOTHING


@app.command()
def extract(
    document: Annotated[str, typer.Argument(help="A document of the collection: its path or unique file name.")],
    schema: Annotated[Path, typer.Option("--schema", "-s", help="A file with the JSON Schema of what is wanted.")],
    collection: Collection = DEFAULT,
    llm: LanguageModel = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many pages are read, at most.")] = 6,
    as_data: Json = False,
) -> int:
    """Read a document into JSON of a given shape, each value with its page. Needs a language model."""
    try:
        wanted = json.loads(schema.read_bytes())
    except (OSError, ValueError) as exc:
        raise UsageError(f"expected a JSON Schema in {schema}, found: {exc}") from exc
    extraction = wiring.open_collection(collection, llm=llm).extract(document, wanted, k=k)
    _print(extraction, as_data, console.print_extraction)
    return Exit.DONE if extraction.citations else Exit.NOTHING


@app.command()
def show(
    page: Annotated[str, typer.Argument(help="A page: 'report.pdf p.12' or report.pdf#12.")],
    collection: Collection = DEFAULT,
    query: Annotated[str | None, typer.Option("--query", "-q", help="Mark the words of this query.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The JPEG to write; a name is made up if left out.")
    ] = None,
    heat: Annotated[bool, typer.Option("--heat", help="Show where the page lane looks for the query.")] = False,
    view: Annotated[bool, typer.Option("--open", help="Open the picture.")] = False,
) -> int:
    """Write a page's picture, with the evidence for a query marked."""
    engine = wiring.open_collection(collection)
    ref = engine.resolve(page)
    if heat and not query:
        raise UsageError("expected --query with --heat: heat is where the page lane looks for it")
    boxes = engine.evidence(ref, query) if query and not heat else []
    if query and not heat and not boxes:
        console.err.print("None of these words stands on the page: nothing is marked.")
    target = out or Path(picture_name(ref))
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = engine.heated(ref, query) if query and heat else engine.picture(ref, boxes=boxes)
    if target.suffix.lower() not in ("", ".jpg", ".jpeg"):
        from_jpeg(picture).save(target)  # the format that the name asks for
    else:
        target.write_bytes(picture)
    console.out.print(str(target), soft_wrap=True, markup=False)
    if view:
        webbrowser.open(target.absolute().as_uri())
    return Exit.DONE


@app.command()
def status(collection: Collection = DEFAULT, as_data: Json = False) -> int:
    """Tell what the collection holds, and what could not be read and why."""
    _print(wiring.open_collection(collection).status(), as_data, console.print_status)
    return Exit.DONE


@app.command()
def remove(
    documents: Annotated[list[str], typer.Argument(help="Paths, unique file names or SHA-256 of documents.")],
    collection: Collection = DEFAULT,
    as_data: Json = False,
) -> int:
    """Forget documents. The files themselves stay where they are."""
    removed = wiring.open_collection(collection).remove(documents)
    _print({"removed": removed}, as_data, lambda _: console.print_removed(removed))
    return Exit.DONE


@app.command()
def retry(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files that failed; all of them if left out.")] = None,
    collection: Collection = DEFAULT,
    as_data: Json = False,
) -> int:
    """Read again the files that could not be read."""
    engine = wiring.open_collection(collection)
    with console.progress() as tell:
        report = engine.retry(paths or (), on_progress=tell)
    _print(report, as_data, console.print_report)
    return Exit.SOME_FAILED if report.failed else Exit.DONE


app.command()(serve)
app.command()(mcp)
app.add_typer(keys_app, name="keys")
app.command()(copy)
app.command()(snapshot)
app.command()(restore)

models_app = typer.Typer(help="List the models of each lane, where their weights are, how to get them.")
app.add_typer(models_app, name="models")


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context, collection: Collection = DEFAULT, as_data: Json = False) -> int:
    """List the models of each lane, where their weights are, how to get them."""
    if context.invoked_subcommand is not None:
        return Exit.DONE
    from api.model_report import print_models, report_models

    _print(report_models(wiring.read_settings(), collection), as_data, print_models)
    return Exit.DONE


@models_app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Models, or profiles: cpu, gpu.")],
    as_data: Json = False,
) -> int:
    """Bring models' weights from the hub into its cache, an adapter's base too. What is here is not fetched again."""
    from api.model_report import fetch_models, print_fetched

    def tell(name: str, size: str) -> None:
        console.err.print(printable(f"Fetching {name}{f' ({size})' if size else ''} ..."), markup=False, soft_wrap=True)

    _print(fetch_models(names, wiring.read_settings(), tell=tell), as_data, print_fetched)
    return Exit.DONE


@app.command()
def doctor(
    collection: Collection = DEFAULT,
    deep: Annotated[bool, typer.Option("--deep", help="Read all that a Qdrant server holds, not only counts.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make catalog and vectors agree; forget documents that lost some.")
    ] = False,
    as_data: Json = False,
) -> int:
    """Check the installation, and the collection if there is one."""
    from api.doctor import Examination, examine, mend, print_examination

    mended = list(mend(collection)) if repair else []
    found = Examination([*mended, *examine(collection, wiring.read_settings(), deep=deep).checks])
    _print(found, as_data, print_examination)
    return Exit.DONE if found.healthy else Exit.ERROR


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to make it.")] = Path("demo"),
) -> int:
    """Make a small collection of documents and photos, ask it four questions, show the marked pages."""
    from api.demo import run_demo

    run_demo(folder)
    return Exit.DONE


def _write_pictures(engine: Engine, folder: Path, pages: Sequence[tuple[PageRef, list[Box]]], *, quiet: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for rank, (ref, boxes) in enumerate(pages, start=1):
        target = folder / f"{rank:02d}-{picture_name(ref)}"
        try:
            target.write_bytes(engine.picture(ref, boxes=boxes))
        except NotFound as exc:  # one page that cannot be shown costs no other
            console.err.print(f"pagelens: {printable(str(exc))}", markup=False, soft_wrap=True)
            continue
        if not quiet:
            console.out.print(str(target), soft_wrap=True, markup=False)


def _print(value: Any, as_data: bool, for_people: Any) -> None:
    if as_data:
        print(json.dumps(as_json(value), ensure_ascii=False, indent=2))
    else:
        for_people(value)


@cache
def _add_groups() -> None:
    """Add the command groups of rooms above this one, which is not to import them by name."""
    for entry in metadata.entry_points(group="pagelens.commands"):
        app.add_typer(entry.load(), name=entry.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the entry point of `pagelens`."""
    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    known |= {group.name or "" for group in app.registered_groups}
    given = next(iter(sys.argv[1:] if arguments is None else arguments), "--help")
    if given not in known:  # help lists them all; a plain command starts without loading them
        _add_groups()
    try:
        code = int(app(list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False) or 0)
        if code == Exit.INTERRUPTED:  # typer turns Ctrl-C into this
            console.err.print("Interrupted. What was read so far is kept; run the same command again to go on.")
        return code
    except PageLensError as exc:
        console.err.print(f"pagelens: {printable(str(exc))}", markup=False, soft_wrap=True)
        return {CollectionLocked: Exit.LOCKED, UsageError: Exit.USAGE}.get(type(exc), Exit.ERROR)
    except TyperException as exc:  # the command line itself
        message = exc.format_message() if isinstance(exc, typer.BadParameter) else str(exc)
        if message:
            console.err.print(f"pagelens: {printable(message)} See: pagelens --help", markup=False, soft_wrap=True)
        return Exit.USAGE
    except Exception as exc:
        if os.environ.get("PAGELENS_DEBUG"):
            raise
        said = f"pagelens: this should not have happened: {type(exc).__name__}: {exc}. PAGELENS_DEBUG=1 shows where."
        console.err.print(printable(said), markup=False, soft_wrap=True)
        return Exit.ERROR


if __name__ == "__main__":
    sys.exit(main())
