"""Exports descriptions as alternative texts: JSON, XMP sidecars, HTML figures. Each says which model wrote them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePath
from typing import Literal, get_args
from urllib.parse import quote

from pagelens.api.engine.file_names import printable
from pagelens.core.descriptions import Description
from pagelens.core.errors import UsageError
from pagelens.core.keys import document_of, number_of
from pagelens.core.types import MEMBER_SEPARATOR, Filters, PageRef
from pagelens.index.reader import Snapshot
from pagelens.index.selection import Selection

ExportFormat = Literal["json", "xmp", "html"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" xmp:CreatorTool="{mark}">
   <Iptc4xmpCore:AltTextAccessibility><rdf:Alt>
    <rdf:li xml:lang="x-default">{alt}</rdf:li><rdf:li xml:lang="{language}">{alt}</rdf:li>
   </rdf:Alt></Iptc4xmpCore:AltTextAccessibility>
   <Iptc4xmpCore:ExtDescrAccessibility><rdf:Alt>
    <rdf:li xml:lang="x-default">{caption}</rdf:li><rdf:li xml:lang="{language}">{caption}</rdf:li>
   </rdf:Alt></Iptc4xmpCore:ExtDescrAccessibility>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
"""IPTC's fields for accessibility. dc:description, which is a person's caption, is left alone."""


@dataclass(frozen=True, slots=True)
class DescribedPage:
    """A described page and its document's kind."""

    ref: PageRef
    is_photo: bool
    description: Description


def read_format(name: str) -> ExportFormat:
    """Return the format of this name. Raises UsageError."""
    for known in FORMATS:
        if known == name:
            return known
    raise UsageError(f"expected --export {' or '.join(FORMATS)}, found {name!r}")


def described_pages(snapshot: Snapshot, filters: Filters) -> list[DescribedPage]:
    """Return the described pages that match the filters, by path and number."""
    rows = snapshot.documents
    selection = snapshot.select(filters) or Selection()
    found = []
    for key, description in snapshot.descriptions().items():
        document, number = document_of(key), number_of(key)
        is_chosen = selection.documents is None or document in selection.documents
        is_chosen = is_chosen and (selection.pages is None or key in selection.pages)
        if is_chosen and document in rows and selection.first_page <= number <= selection.last_page:
            row = rows[document]
            found += [
                DescribedPage(PageRef(path, number), row.document.kind == "photo", description) for path in row.paths
            ]
    return sorted(found, key=lambda page: page.ref)


def to_json(pages: Sequence[DescribedPage]) -> str:
    """Return a JSON array with an object for each page."""
    return json.dumps([_as_object(page) for page in pages], ensure_ascii=False, indent=2) + "\n"


def _as_object(page: DescribedPage) -> dict[str, object]:
    description = page.description
    return {
        "path": page.ref.path,
        "page": page.ref.number,
        "alt": description.alt_text,
        "caption": description.caption,
        "text": description.picture_text,
        "objects": list(description.objects),
        "language": description.language,
        "described_by": {"model": description.model, "prompt": description.prompt, "at": description.at},
    }


def to_html(pages: Sequence[DescribedPage]) -> str:
    """Return an HTML figure for each page; the picture of a document's page is no file, so its figure links to it."""
    return "".join(_figure(page) for page in pages)


def _figure(page: DescribedPage) -> str:
    description, path = page.description, PurePath(page.ref.path)
    language, alt = escape(description.language), escape(description.alt_text)
    address = escape(f"file://{quote(page.ref.path.partition(MEMBER_SEPARATOR)[0])}")
    name = escape(printable(path.name))
    if page.is_photo and MEMBER_SEPARATOR not in page.ref.path:
        picture = f'<img src="{address}" alt="{alt}" lang="{language}">'
    else:
        picture = f'<a href="{address}#page={page.ref.number}">{name} p.{page.ref.number}: {alt}</a>'
    caption = f'<span lang="{language}">{escape(description.caption)}</span> <small>{escape(description.mark)}</small>'
    return f"<figure>\n  {picture}\n  <figcaption>{caption}</figcaption>\n</figure>\n"


def write_xmp_sidecars(pages: Sequence[DescribedPage], folder: Path) -> list[Path]:
    """Write a sidecar for each photo into a folder, in the photos' own folders below the one they share; return them.

    A sidecar that is there is replaced only if it was written so too. Raises UsageError, before anything is written.
    """
    photos = [page for page in pages if page.is_photo]
    targets = _sidecar_paths([page.ref.path for page in photos], folder)
    foreign = [path for path in targets if path.exists() and b'xmp:CreatorTool="described by ' not in path.read_bytes()]
    if foreign:
        raise UsageError(
            f"expected no sidecar of another program at {foreign[0]}, found one: it is kept. Give another folder: --out"
        )
    for page, target in zip(photos, targets, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(to_xmp(page.description), encoding="utf-8")
    return targets


def to_xmp(description: Description) -> str:
    """Return an XMP packet with the alternative text and the longer description."""
    values = {
        "mark": description.mark,
        "alt": description.alt_text,
        "caption": description.caption,
        "language": description.language,
    }
    return _XMP.format(**{name: escape(value) for name, value in values.items()})


def _sidecar_paths(paths: Sequence[str], folder: Path) -> list[Path]:
    """Return "FOLDER/2021/dog.jpg.xmp" for "/photos/2021/dog.jpg" where all photos are below /photos."""
    parts = [PurePath(path.replace(MEMBER_SEPARATOR, "/")).parts for path in paths]
    shared = 0
    while parts and all(len(of_path) > shared + 1 and of_path[shared] == parts[0][shared] for of_path in parts):
        shared += 1
    return [
        folder.joinpath(*(part for part in of_path[shared:] if part not in ("/", ".."))).with_name(of_path[-1] + ".xmp")
        for of_path in parts
    ]
