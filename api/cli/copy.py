"""`pagelens copy`: a collection in another folder, its vectors in another store. The original stays as it is."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import terminal
from pagelens.api.cli.command_options import DEFAULT_COLLECTION, CollectionOption, JsonOption
from pagelens.api.cli.storage_options import (
    CatalogOption,
    FilesOption,
    PrefixOption,
    QuantizationKind,
    QuantizationOption,
    ReplicasOption,
    ShardsOption,
    StorageOptions,
    StoreKind,
    StoreOption,
    UrlOption,
    read_storage_options,
)
from pagelens.api.engine import wiring
from pagelens.api.engine.originals import Originals
from pagelens.core.errors import UsageError
from pagelens.index.admin.copying import CopyReport, copy_latest_commit
from pagelens.index.reader import CollectionReader


def copy_collection(
    root: Path, to: Path, storage: StorageOptions, tell: Callable[[int, int], None] = lambda done, total: None
) -> CopyReport:
    """Copy a collection to a new folder, or go on with such a copy; `storage` say where a new copy lies.

    Raises CollectionNotFound, CollectionLocked, CollectionMismatch, StoreError.
    """
    if root.resolve() == to.resolve():
        raise UsageError(f"expected another folder for the copy than the original's, found {to}")
    reader = CollectionReader(root)
    try:
        if not wiring.collection_exists(to):
            wiring.create_empty_collection(to, reader.manifest.profile, list(reader.manifest.lanes.values()), storage)
        report = copy_latest_commit(reader, to, tell)
        report.problems += [f"{title}: its file is nowhere, its pages have no pictures" for title in _keep_files(to)]
        return report
    finally:
        reader.close()


def _keep_files(to: Path) -> list[str]:
    """Keep the documents' files where the copy keeps them; return the titles of those that cannot be found."""
    reader = CollectionReader(to)
    try:
        originals = Originals(reader.files, reader.layout, kept=reader.manifest.files is not None)
        with reader.snapshot() as snapshot:
            return originals.keep_missing(snapshot)
    finally:
        reader.close()


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
    """Copy a collection to another folder, its vectors to a Qdrant server or back, its catalog to PostgreSQL or back,
    its files to an address that several machines share.
    Run it again after an interruption, or to bring the copy up to date."""
    storage = read_storage_options(to, store, url, prefix, quantization, shards, replicas, catalog, files)

    def tell(done: int, total: int) -> None:
        terminal.err.print(f"{done} of {total} documents", markup=False)

    report = copy_collection(collection, to, storage, tell)
    if json_output:
        print(json.dumps(asdict(report), ensure_ascii=False, indent=2))
    else:
        _print(report, to)
    return 1 if report.problems else 0


def _print(report: CopyReport, to: Path) -> None:
    rate = f", {report.pages / report.seconds:.0f} pages/s" if report.seconds else ""
    said = f"{report.documents} documents with {report.pages} pages copied in {report.seconds:.1f} s{rate}"
    terminal.out.print(f"{said}; {report.kept} were there, {report.removed} removed.", markup=False, soft_wrap=True)
    terminal.out.print(f"Compared: {report.alike} of {report.searches} searches find the same.", markup=False)
    for problem in report.problems:
        terminal.out.print(problem, markup=False, soft_wrap=True)
    terminal.out.print(f"Use it: pagelens search ... -c {to}", markup=False, soft_wrap=True)
