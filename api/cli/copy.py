"""`pagelens copy`: a collection in another folder, its vectors in another store. The original stays as it is."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli import console
from pagelens.api.cli.options import DEFAULT, Collection, Json
from pagelens.api.engine import wiring
from pagelens.api.engine.originals import Originals
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
from pagelens.core.errors import UsageError
from pagelens.index.admin.copying import CopyReport, copy_newest
from pagelens.index.reader import CollectionReader


def copy_collection(
    root: Path, to: Path, places: Places, tell: Callable[[int, int], None] = lambda done, total: None
) -> CopyReport:
    """Copy a collection to a new folder, or go on with such a copy; `places` say where a new copy lies.

    Raises CollectionNotFound, CollectionLocked, CollectionMismatch, StoreError.
    """
    if root.resolve() == to.resolve():
        raise UsageError(f"expected another folder for the copy than the original's, found {to}")
    reader = CollectionReader(root)
    try:
        if not wiring.collection_exists(to):
            wiring.make_place(to, reader.manifest.profile, list(reader.manifest.lanes.values()), places)
        report = copy_newest(reader, to, tell)
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
    collection: Collection = DEFAULT,
    store: Store = StoreKind.FOLDER,
    url: Url = "",
    prefix: Prefix = "",
    quantization: Quantized = QuantizationKind.NONE,
    shards: Shards = None,
    replicas: Replicas = None,
    catalog: Catalog = "",
    files: FilesAt = "",
    as_data: Json = False,
) -> int:
    """Copy a collection to another folder, its vectors to a Qdrant server or back, its catalog to PostgreSQL or back,
    its files to an address that several machines share.
    Run it again after an interruption, or to bring the copy up to date."""
    places = read_places(to, store, url, prefix, quantization, shards, replicas, catalog, files)

    def tell(done: int, total: int) -> None:
        console.err.print(f"{done} of {total} documents", markup=False)

    report = copy_collection(collection, to, places, tell)
    if as_data:
        print(json.dumps(asdict(report), ensure_ascii=False, indent=2))
    else:
        _print(report, to)
    return 1 if report.problems else 0


def _print(report: CopyReport, to: Path) -> None:
    rate = f", {report.pages / report.seconds:.0f} pages/s" if report.seconds else ""
    said = f"{report.documents} documents with {report.pages} pages copied in {report.seconds:.1f} s{rate}"
    console.out.print(f"{said}; {report.kept} were there, {report.removed} removed.", markup=False, soft_wrap=True)
    console.out.print(f"Compared: {report.alike} of {report.searches} searches find the same.", markup=False)
    for problem in report.problems:
        console.out.print(problem, markup=False, soft_wrap=True)
    console.out.print(f"Use it: pagelens search ... -c {to}", markup=False, soft_wrap=True)
