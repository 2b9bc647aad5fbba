"""Creates an empty collection in a folder."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from pagelens.index import server_addresses
from pagelens.index.catalog.databases import create_sqlite_catalog
from pagelens.index.layout import (
    CatalogRecord,
    FilesRecord,
    LaneRecord,
    Layout,
    Manifest,
    ServerRecord,
    create_directories,
    write_json,
)
from pagelens.index.stores.compaction import read_token_bits


def create(
    layout: Layout,
    *,
    profile: str,
    lanes: Sequence[LaneRecord],
    server: ServerRecord | None = None,
    catalog: CatalogRecord | None = None,
    files: FilesRecord | None = None,
) -> Manifest:
    """Create the folder, the catalog unless it is on a server, and last `collection.json`. Tables are created here and
    never on opening: a catalog without them is damaged. The addresses are recorded as given by the user.

    Raises UsageError when the folder has other files or a setting is wrong, CollectionDamaged when it has a
    collection's data.
    """
    if server is None:
        read_token_bits(os.environ)
    create_directories(layout)
    if catalog is None:
        create_sqlite_catalog(layout)
    manifest = Manifest(
        profile=profile,
        lanes={lane.name: lane for lane in lanes},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        server=server,
        catalog=catalog,
        files=files,
    )
    for record in (server, catalog, files):
        if record is not None and record.url:
            server_addresses.remember(record.url)
    write_json(layout.manifest, manifest.as_json())
    return manifest
