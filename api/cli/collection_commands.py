"""Commands on whole collections: status, copy, snapshot, restore, delete."""

from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.collection_output import print_archive, print_copy, print_status
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from pagelens.api.cli.exit_codes import ExitCode
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
from pagelens.api.engine import wiring
from pagelens.api.engine.file_names import printable
from pagelens.api.engine.originals import Originals
from pagelens.core.errors import CollectionNotFound, StoreError, UsageError
from pagelens.index.admin.archive import restore_snapshot, write_snapshot
from pagelens.index.admin.copying import CopyReport, copy_latest_commit, mark_unfinished
from pagelens.index.admin.removal import describe_removal, empty_trash, move_to_trash
from pagelens.index.layout import Layout, create_directories
from pagelens.index.reader import CollectionReader

CollectionArgument = Annotated[Path, typer.Argument(help="The collection's folder.")]
SnapshotArgument = Annotated[Path, typer.Argument(help="The snapshot file: a .tar.")]


def status(collection: CollectionOption = DEFAULT_COLLECTION, json_output: JsonOption = False) -> int:
    """Show what the collection holds, and which files could not be read and why."""
    terminal.print_result(wiring.open_collection(collection).status(), json_output, print_status)
    return ExitCode.DONE


def copy(
    to: Annotated[Path, typer.Option("--to", help="The copy's folder.")],
    collection: CollectionOption = DEFAULT_COLLECTION,
    store: StoreOption = StoreKind.FOLDER,
    url: UrlOption = "",
    prefix: PrefixOption = "",
    quantization: QuantizationOption = QuantizationKind.NONE,
    shards: ShardsOption = None,
    replicas: ReplicasOption = None,
    catalog: CatalogOption = "",
    files: FilesOption = "",
    json_output: JsonOption = False,
) -> int:
    """Copy a collection to another folder or other stores: its vectors to a Qdrant server or back, its catalog to
    PostgreSQL or back, its files to an address that several machines share. The original stays as it is.
    Run it again after an interruption, or to bring the copy up to date."""
    given = StorageArguments(
        store=store,
        url=url,
        prefix=prefix,
        quantization=quantization,
        shards=shards,
        replicas=replicas,
        catalog=catalog,
        files=files,
    )
    storage = read_storage_options(to, given)
    report = _copy_collection(collection, to, storage)
    terminal.print_result(report, json_output, lambda report: print_copy(report, to))
    return ExitCode.ERROR if report.problems else ExitCode.DONE


def _copy_collection(root: Path, to: Path, storage: wiring.StorageOptions) -> CopyReport:
    """Copy a collection to a new folder, or continue an interrupted copy; `storage`: the stores of a new copy.

    Raises CollectionNotFound, CollectionLocked, CollectionMismatch, StoreError.
    """
    if root.resolve() == to.resolve():
        raise UsageError(f"expected another folder for the copy than the original's, found {to}")
    reader = CollectionReader(root)
    try:
        if not wiring.collection_exists(to):
            create_directories(Layout(to))
            mark_unfinished(Layout(to), reader.layout)
            wiring.create_empty_collection(to, reader.manifest.profile, list(reader.manifest.lanes.values()), storage)
        report = copy_latest_commit(reader, to, terminal.print_documents_done)
    finally:
        reader.close()
    report.problems += [f"{title}: its file was not found, so its pages have no pictures" for title in _copy_files(to)]
    return report


def _copy_files(to: Path) -> list[str]:
    """Store the documents' files with the copy if it keeps originals; return the titles of documents without a file."""
    reader = CollectionReader(to)
    try:
        originals = Originals(reader.files, reader.layout, kept=reader.manifest.files is not None)
        with reader.snapshot() as snapshot:
            return originals.keep_missing(snapshot)
    finally:
        reader.close()


def snapshot(collection: CollectionArgument, file: SnapshotArgument, json_output: JsonOption = False) -> int:
    """Write a collection to one file, also while it is written to. Vectors on a server are included; the documents'
    own files are included if the collection keeps them (--files)."""
    report = write_snapshot(collection, file, terminal.print_documents_done)
    terminal.print_result(report, json_output, lambda report: print_archive(report, f"In {file}"))
    return ExitCode.DONE


def restore(file: SnapshotArgument, collection: CollectionArgument, json_output: JsonOption = False) -> int:
    """Restore a collection from a snapshot file, in a new folder. To move it to servers: pagelens copy."""
    report = restore_snapshot(file, collection)
    next_step = f"Use it: pagelens search ... -c {collection}"
    terminal.print_result(report, json_output, lambda report: print_archive(report, next_step))
    return ExitCode.DONE


def delete(
    collection: CollectionOption = DEFAULT_COLLECTION,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> int:
    """Delete a collection, with its data on Qdrant, on PostgreSQL and at its files' address. The indexed documents
    stay where they are. Run it again after an interruption."""
    root = collection.absolute()
    trash = root.with_name(f".{root.name}.deleted")  # beside the collection, so that one rename moves it there
    if wiring.collection_exists(root):
        if not yes and not _confirm_removal(root):
            raise UsageError("nothing was removed; --yes removes without asking")
        trash.mkdir(exist_ok=True)
        try:
            move_to_trash(Layout(root), trash)
        finally:
            if not any(trash.iterdir()):  # the move was refused
                trash.rmdir()
    elif not trash.is_dir():
        raise CollectionNotFound(f"expected a collection to remove at {root}, found none")
    empty_trash(trash)
    if any(trash.iterdir()):
        raise StoreError(
            f"{root} is removed, but not all of its data on servers is: a server does not answer, or another process "
            f"is reading the collection. Run the same command again. What is left is recorded in {trash}."
        )
    trash.rmdir()
    terminal.out.print(f"Removed: {root}", markup=False, soft_wrap=True)
    return ExitCode.DONE


def _confirm_removal(root: Path) -> bool:
    """Say what will be removed, and ask on the terminal; False if there is nobody to answer."""
    for line in ("To be removed:", *(f"  {place}" for place in describe_removal(Layout(root)))):
        terminal.err.print(printable(line), markup=False, soft_wrap=True)
    try:
        return typer.confirm(f"Delete the collection {terminal.display_path(str(root))}?", err=True, prompt_suffix=" ")
    except typer.Abort:
        return False
