"""The command `pagelens metadata`: loads a table of metadata, or lists the fields of a collection."""

from pathlib import Path
from typing import Annotated

import typer

from pagelens.api.cli.collection_output import print_metadata_report
from pagelens.api.cli.command_options import (
    DEFAULT_COLLECTION,
    CollectionOption,
    JsonOption,
    MetadataKeyOption,
    MetadataTextOption,
    MetadataTypeOption,
    parse_pairs,
    split_names,
)
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.search_output import print_facets
from pagelens.api.cli.terminal import print_result
from pagelens.api.engine import wiring
from pagelens.api.engine.metadata_loading import FILE_COLUMN
from pagelens.ingest.field_types import parse_types


def metadata(
    table: Annotated[
        Path | None, typer.Argument(help="A table; if left out, the fields of the collection are listed.")
    ] = None,
    collection: CollectionOption = DEFAULT_COLLECTION,
    key: MetadataKeyOption = FILE_COLUMN,
    types: MetadataTypeOption = None,
    text: MetadataTextOption = None,
    json_output: JsonOption = False,
) -> int:
    """Give files the values of a table: CSV, JSONL, Parquet. Nothing is read or encoded again."""
    given = parse_types(parse_pairs("--metadata-type", types))
    engine = wiring.open_collection(collection)
    if table is None:
        print_result({"facets": engine.facets()}, json_output, lambda found: print_facets(found["facets"]))
        return ExitCode.DONE
    searched = None if text is None else split_names([text]) if text else []
    report = engine.load_metadata(table, key=key, types=given, searched=searched)
    print_result(report, json_output, print_metadata_report)
    return ExitCode.DONE
