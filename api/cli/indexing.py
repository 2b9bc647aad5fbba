"""Commands that write: index, reembed, remove, retry."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli.console import err, shown
from pagelens.api.cli.exit_codes import Exit, print_value
from pagelens.api.cli.options import DEFAULT, Collection, EngineChoice, Json, OcrChoice, listed, pairs
from pagelens.api.cli.progress import progress
from pagelens.api.cli.reports import print_reembedding, print_removed, print_report, tell_unpictured
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import READ_SCANS
from pagelens.api.engine.file_names import absolute_path, printable
from pagelens.api.engine.profiles import Profile, choose_profile
from pagelens.api.engine.results import IndexReport
from pagelens.api.engine.storage_options import (
    Catalog,
    FilesAt,
    Places,
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
from pagelens.api.engine.watching import watch
from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings
from pagelens.ingest.files.digest_cache import KnownDigests

NONE = QuantizationKind.NONE


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
    quantization: Quantized = NONE,
    shards: Shards = None,
    replicas: Replicas = None,
    catalog: Catalog = "",
    files: FilesAt = "",
    as_data: Json = False,
) -> int:
    """Index files and folders. Run again at any time: unchanged files cost a hash."""
    missing = [str(path) for path in paths if not path.exists() and not path.is_symlink()]
    if missing:
        raise UsageError(f"expected files and folders that exist, found none at: {', '.join(missing)}")
    settings = wiring.read_settings()
    if not wiring.collection_exists(collection):
        chosen = choose_profile(profile, settings, models=pairs("--model", model))
        places = read_places(collection, store, url, prefix, quantization, shards, replicas, catalog, files)
        _create(collection, chosen, settings, places)
    elif model:
        raise UsageError("expected --model with a new collection only. To change a model: pagelens reembed")
    elif any((store is not StoreKind.FOLDER, url, prefix, quantization is not NONE, shards, replicas, catalog, files)):
        raise UsageError("expected options of where it lies with a new collection only. To move one: pagelens copy")
    engine = wiring.open_collection(collection, settings, profile=profile if model is None else None)
    reading = replace(READ_SCANS, mode=ocr.value, engine=ocr_engine.value, languages=tuple(listed(language) or ()))
    digest = KnownDigests()  # what has not changed since the last look is not hashed again

    def run() -> IndexReport:
        with progress() as tell:
            report = engine.index(paths, prune=prune, ocr=reading, workers=workers, digest=digest, on_progress=tell)
        print_value(report, as_data, print_report)
        return report

    if watching:
        return _watch(paths, run)
    report = run()
    return Exit.SOME_FAILED if report.failed or report.failed_before else Exit.DONE


def _create(collection: Path, profile: Profile, settings: Settings, places: Places) -> None:
    """Make a new collection and say what it is made with, and what it must do without."""
    left_out = wiring.create_collection(collection, profile, settings, places=places)
    err.print(f"New collection {shown(str(collection))}, profile {profile.name}: {profile.why}.")
    for lane, reason in left_out.items():
        err.print(printable(f"Without the {lane} lane: {reason}"), markup=False, soft_wrap=True)


def _watch(paths: Sequence[Path], run: Callable[[], IndexReport]) -> int:
    """Index now and at each change until Ctrl-C, which is how this ends."""
    try:
        for _ in watch([absolute_path(path) for path in paths], run):
            sys.stdout.flush()
            err.print("Watching. Ctrl-C ends it.")
    except KeyboardInterrupt:
        err.print("No longer watching.")
    return Exit.DONE


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
    with progress() as tell:
        report = wiring.reembed_collection(
            collection, chosen, settings, on_progress=tell, on_unpictured=tell_unpictured
        )
    print_value(report, as_data, print_reembedding)
    return Exit.SOME_FAILED if report.unpictured else Exit.DONE


def remove(
    documents: Annotated[list[str], typer.Argument(help="Paths, unique file names or SHA-256 of documents.")],
    collection: Collection = DEFAULT,
    as_data: Json = False,
) -> int:
    """Forget documents. The files themselves stay where they are."""
    removed = wiring.open_collection(collection).remove(documents)
    print_value({"removed": removed}, as_data, lambda _: print_removed(removed))
    return Exit.DONE


def retry(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files that failed; all of them if left out.")] = None,
    collection: Collection = DEFAULT,
    as_data: Json = False,
) -> int:
    """Read again the files that could not be read."""
    engine = wiring.open_collection(collection)
    with progress() as tell:
        report = engine.retry(paths or (), on_progress=tell)
    print_value(report, as_data, print_report)
    return Exit.SOME_FAILED if report.failed else Exit.DONE
