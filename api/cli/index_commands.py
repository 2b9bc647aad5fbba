"""Commands that change what is indexed: index, reembed, remove, retry."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from glob import escape
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli.collection_output import print_reembedding, print_removed, print_render_failure, print_report
from pagelens.api.cli.command_options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    JsonOption,
    MaxPagesOption,
    MetadataKeyOption,
    MetadataTextOption,
    MetadataTypeOption,
    VerboseOption,
    parse_pairs,
    split_names,
)
from pagelens.api.cli.describe_command import describe_collection, descriptions_exit_code
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.progress_output import show_progress
from pagelens.api.cli.storage_options import (
    CatalogOption,
    FilesOption,
    PrefixOption,
    QuantizationKind,
    QuantizationOption,
    ReplicasOption,
    ShardsOption,
    StorageArguments,
    StoreKind,
    StoreOption,
    UrlOption,
    read_storage_options,
)
from pagelens.api.cli.terminal import display_path, err, print_result
from pagelens.api.engine import wiring
from pagelens.api.engine.components import DEFAULT_OCR
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import absolute_path, path_to_text, printable
from pagelens.api.engine.indexing import IndexFirst
from pagelens.api.engine.metadata_loading import FILE_COLUMN, find_key_column
from pagelens.api.engine.profiles import Profile, choose_profile
from pagelens.api.engine.results import IndexReport
from pagelens.api.engine.watching import watch
from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings
from pagelens.core.types import MEMBER_SEPARATOR, Filters
from pagelens.ingest.field_types import parse_types
from pagelens.ingest.files.digest import DigestCache
from pagelens.ingest.metadata_table import read_table
from pagelens.ingest.ocr.engines import EngineName, OcrMode
from pagelens.ingest.workers.ray_cluster import RayCluster, connect

NONE = QuantizationKind.NONE
_FILES_BELOW = ("", "/*", f"{MEMBER_SEPARATOR}*")  # of a path: itself, files in it, members of it


def index(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files and folders.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    profile: Annotated[
        str, typer.Option(help="auto, builtin, builtin-multilingual, cpu, gpu, or a text model's name or folder.")
    ] = "auto",
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Another model for a lane: image=NAME, page=none. May repeat.")
    ] = None,
    ocr: Annotated[
        OcrMode, typer.Option(help="Read pictures of text: of pages without text, of all, or never.")
    ] = DEFAULT_OCR.mode,
    ocr_engine: Annotated[EngineName, typer.Option(help="tesseract is faster and reads worse.")] = DEFAULT_OCR.engine,
    language: Annotated[
        list[str] | None, typer.Option(help="What scans are written in: en, de, ... May repeat.")
    ] = None,
    first: Annotated[
        IndexFirst | None,
        typer.Option(
            help="words: all files are found by their words first, vectors follow. all: both at once.",
            show_default="words; with --ray, all",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0, help="Processes that read files; 0: this process, without limits.", show_default="by cores"
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray", help="Read and encode on a Ray cluster, HOST:PORT; auto: one found here; local: Ray here."
        ),
    ] = None,
    max_pages: MaxPagesOption = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove indexed files below PATHS that are gone.")] = False,
    metadata: Annotated[
        Path | None,
        typer.Option("--metadata", help="A table of metadata for the files: CSV, JSON lines or Parquet."),
    ] = None,
    metadata_key: MetadataKeyOption = FILE_COLUMN,
    metadata_type: MetadataTypeOption = None,
    metadata_text: MetadataTextOption = None,
    describe: Annotated[
        str | None,
        typer.Option("--describe", help="Then describe the photos by this vision model: searchable. See: describe."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Begin --describe without asking.")] = False,
    verbose: VerboseOption = False,
    watching: Annotated[
        bool, typer.Option("--watch", help="Keep running, and index what changes below PATHS until Ctrl-C.")
    ] = False,
    store: StoreOption = StoreKind.FOLDER,
    url: UrlOption = "",
    prefix: PrefixOption = "",
    quantization: QuantizationOption = NONE,
    shards: ShardsOption = None,
    replicas: ReplicasOption = None,
    catalog: CatalogOption = "",
    files: FilesOption = "",
    json_output: JsonOption = False,
) -> int:
    """Index files and folders. Run it again at any time: unchanged files are hashed, not read again."""
    _require_existing(paths)
    types = parse_types(parse_pairs("--metadata-type", metadata_type))
    searched = None if metadata_text is None else split_names([metadata_text]) if metadata_text else []
    if metadata is not None:
        find_key_column(read_table(metadata), metadata_key)  # a table that cannot be read is found before the files are
    storage = StorageArguments(
        store=store,
        url=url,
        prefix=prefix,
        quantization=quantization,
        shards=shards,
        replicas=replicas,
        catalog=catalog,
        files=files,
    )
    cluster = None if ray is None else context.with_resource(_connect(ray, paths, workers))
    engine = _open_or_create(collection, paths, profile, parse_pairs("--model", model), storage, cluster)
    ocr_options = replace(DEFAULT_OCR, mode=ocr, engine=ocr_engine, languages=tuple(split_names(language) or ()))
    digest = DigestCache()  # kept between the runs of --watch: only changed files are hashed again

    def run() -> IndexReport:
        with show_progress(verbose=verbose) as on_progress:
            report = engine.index(
                paths,
                first=first or ("words" if cluster is None else "all"),
                prune=prune,
                ocr=ocr_options,
                workers=workers,
                max_pages=max_pages,
                digest=digest,
                excluded=[metadata] if metadata else (),
                on_progress=on_progress,
            )
        if metadata is not None:
            report.metadata = engine.load_metadata(metadata, key=metadata_key, types=types, searched=searched)
        if describe is not None:
            below = [f"{escape(path_to_text(absolute_path(path)))}{end}" for path in paths for end in _FILES_BELOW]
            filters = Filters(paths=tuple(below))
            report.descriptions = describe_collection(engine, describe, filters=filters, yes=yes)
        print_result(report, json_output, print_report)
        return report

    if watching:
        return _watch(paths, run)
    report = run()
    if report.descriptions is not None and (code := descriptions_exit_code(report.descriptions)):
        return code
    return ExitCode.SOME_FILES_FAILED if report.failed or report.failed_before else ExitCode.DONE


def _require_existing(paths: Sequence[Path]) -> None:
    missing = [str(path) for path in paths if not path.exists() and not path.is_symlink()]
    if missing:
        raise UsageError(f"expected files and folders that exist, found none at: {', '.join(missing)}")


def _connect(address: str, paths: Sequence[Path], workers: int | None) -> AbstractContextManager[RayCluster]:
    """Return the connection to a Ray cluster. Raises UsageError."""
    if workers == 0:
        raise UsageError("expected at least one worker with --ray, found 0: leave --workers out")
    return connect(address, paths=[absolute_path(path) for path in paths], readers=workers)


def _open_or_create(
    collection: Path,
    paths: Sequence[Path],
    profile: str,
    models: Mapping[str, str],
    storage: StorageArguments,
    cluster: RayCluster | None,
) -> Engine:
    """Open a collection, made first if there is none. Raises UsageError for options that only a new one may have."""
    settings = wiring.read_settings()
    if not wiring.collection_exists(collection):
        in_english = wiring.are_files_in_english(paths, settings) if profile == "auto" else None
        chosen = choose_profile(profile, settings, models=models, in_english=in_english)
        _create(collection, chosen, settings, read_storage_options(collection, storage))
    elif models:
        raise UsageError("expected --model with a new collection only. To change a model: pagelens reembed")
    elif storage != StorageArguments():
        raise UsageError(
            "expected storage options (--store, --catalog, --files, ...) with a new collection only. "
            "To move one: pagelens copy"
        )
    return wiring.open_collection(collection, settings, profile=None if models else profile, cluster=cluster)


def _create(collection: Path, profile: Profile, settings: Settings, storage: wiring.StorageOptions) -> None:
    """Create a collection; print its profile and the lanes that it is left without."""
    left_out = wiring.create_collection(collection, profile, settings, storage=storage)
    err.print(f"New collection {display_path(str(collection))}, profile {profile.name}: {profile.reason}.")
    for lane, reason in left_out.items():
        err.print(printable(f"Without the {lane} lane: {reason}"), markup=False, soft_wrap=True)


def _watch(paths: Sequence[Path], run: Callable[[], IndexReport]) -> int:
    """Index now and after each change, until Ctrl-C."""
    try:
        for _ in watch([absolute_path(path) for path in paths], run):
            sys.stdout.flush()
            err.print("Watching for changes. Stop with Ctrl-C.")
    except KeyboardInterrupt:
        err.print("Stopped watching.")
    return ExitCode.DONE


def reembed(
    profile: Annotated[
        str, typer.Option(help="auto, builtin, builtin-multilingual, cpu, gpu, or a text model's name or folder.")
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Another model for a lane: image=NAME, page=none. May repeat.")
    ] = None,
    json_output: JsonOption = False,
) -> int:
    """Re-embed a collection with other models. Searches use the old vectors until the end. Run it again after an
    interruption."""
    settings = wiring.read_settings()
    chosen = choose_profile(profile, settings, models=parse_pairs("--model", model))
    with show_progress() as on_progress:
        report = wiring.reembed_collection(
            collection, chosen, settings, on_progress=on_progress, on_render_failure=print_render_failure
        )
    print_result(report, json_output, print_reembedding)
    return ExitCode.SOME_FILES_FAILED if report.render_failures else ExitCode.DONE


def remove(
    documents: Annotated[
        list[str], typer.Argument(help="Files, folders with all below them, globs, or SHA-256 of documents.")
    ],
    collection: CollectionOption = DEFAULT_COLLECTION,
    json_output: JsonOption = False,
) -> int:
    """Remove documents from the collection: a file, a folder, a glob. The files themselves stay where they are."""
    removed = wiring.open_collection(collection).remove(documents)
    print_result({"removed": removed}, json_output, lambda _: print_removed(removed))
    return ExitCode.DONE


def retry(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files that failed; if left out, all of them.")] = None,
    max_pages: MaxPagesOption = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    json_output: JsonOption = False,
) -> int:
    """Read again the files that could not be read."""
    engine = wiring.open_collection(collection)
    with show_progress() as on_progress:
        report = engine.retry(paths or (), max_pages=max_pages, on_progress=on_progress)
    print_result(report, json_output, print_report)
    return ExitCode.SOME_FILES_FAILED if report.failed else ExitCode.DONE
