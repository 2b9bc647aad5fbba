"""Exports evidence bundles: as W3C Web Annotations, and as PDFs whose citations are highlight annotations."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pagelens.api.engine.evidence.bundle import Bundle
from pagelens.api.engine.evidence.located_words import line_boxes
from pagelens.core.errors import UsageError
from pagelens.core.types import Box
from pagelens.ingest.files.digest import digest
from pagelens.ingest.readers.mupdf import LOCK, pymupdf

CONTEXT = "http://www.w3.org/ns/anno.jsonld"
PDF_FRAGMENTS = "http://tools.ietf.org/rfc/rfc8118"
MEDIA_FRAGMENTS = "http://www.w3.org/TR/media-frags/"
YELLOW = (1.0, 0.93, 0.43)
MEDIA_TYPES = {"pdf": "application/pdf"}


def to_annotations(bundle: Bundle) -> str:
    """Return a bundle's citations as an annotation collection (W3C Web Annotation Data Model, 2017), JSON-LD.

    A target is `urn:sha256:` with the digest of the file; its selectors are the page, the quote, and the boxes of the
    lines in percent of the page.
    """
    items = [_annotation(citation, bundle) for citation in bundle["citations"]]
    collection = {
        "@context": CONTEXT,
        "id": f"urn:sha256:{bundle['digest']}",
        "type": "AnnotationCollection",
        "label": bundle["question"],
        "total": len(items),
        "first": {"type": "AnnotationPage", "startIndex": 0, "items": items},
    }
    return json.dumps(collection, ensure_ascii=False, indent=1) + "\n"


def _annotation(citation: Mapping[str, Any], bundle: Bundle) -> dict[str, Any]:
    file, page = citation["file"], citation["page"]
    on_page: list[dict[str, Any]] = [
        {"type": "FragmentSelector", "conformsTo": MEDIA_FRAGMENTS, "value": f"xywh=percent:{_percent(box)}"}
        for box in line_boxes(citation)
    ]
    on_page += [{"type": "TextQuoteSelector", "exact": citation["quote"]}] if citation["quote"] else []
    selector: dict[str, Any] = {
        "type": "FragmentSelector",
        "conformsTo": PDF_FRAGMENTS,
        "value": f"page={page['number']}",
    }
    return {
        "id": f"urn:sha256:{bundle['digest']}#{citation['id']}",
        "type": "Annotation",
        "motivation": "highlighting" if citation["verbatim"] else "linking",
        "created": bundle["time"],
        "generator": {"type": "Software", "name": citation["checked"]["by"]},
        "body": {
            "type": "TextualBody",
            "purpose": "describing",
            "value": citation["statement"] or citation["checked"]["why"],
        },
        "target": {
            "source": {
                "id": f"urn:sha256:{file['sha256']}",
                "name": file["name"],
                **({"format": MEDIA_TYPES[file["kind"]]} if file["kind"] in MEDIA_TYPES else {}),
            },
            "selector": {**selector, "refinedBy": on_page} if on_page else selector,
        },
    }


def _percent(box: Box) -> str:
    """Return "x,y,w,h" in percent of the page."""
    values = (box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0)
    return ",".join(f"{100 * value:.4f}".rstrip("0").rstrip(".") for value in values)


def write_highlighted_pdfs(bundle: Bundle, files: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Write a copy of each cited PDF among `files` with its citations as highlight annotations; yield the copies.

    A citation's note holds the statement and the state. Files are known by their SHA-256. Raises UsageError where a
    copy would replace one of the files.
    """
    by_digest = {digest(file): file for file in files}
    folder.mkdir(parents=True, exist_ok=True)
    cited: dict[str, list[Mapping[str, Any]]] = {}
    for citation in bundle["citations"]:
        if citation["file"]["kind"] == "pdf" and citation["file"]["sha256"] in by_digest:
            cited.setdefault(citation["file"]["sha256"], []).append(citation)
    written: set[Path] = set()
    for sha256, citations in cited.items():
        source = by_digest[sha256]
        target = folder / source.name
        target = target.with_name(f"{sha256[:8]}-{source.name}") if target in written else target
        written.add(target)
        if target.exists() and target.resolve() in {file.resolve() for file in files}:
            raise UsageError(f"expected another folder for the marked copies: {target} is one of the files")
        with LOCK, pymupdf.open(source) as document:
            for citation in citations:
                _highlight(document[citation["page"]["number"] - 1], citation)
            document.save(target)
        yield target


def _highlight(page: Any, citation: Mapping[str, Any]) -> None:
    """Add one highlight annotation with a quad for each line; none for a citation without words."""
    width, height = page.rect.width, page.rect.height
    quads = [
        (pymupdf.Rect(box.x0 * width, box.y0 * height, box.x1 * width, box.y1 * height) * page.derotation_matrix).quad
        for box in line_boxes(citation)
    ]
    if not quads:
        return
    highlight = page.add_highlight_annot(quads=quads)
    highlight.set_colors(stroke=YELLOW)
    checked = citation["checked"]
    statement = citation["statement"] or checked["why"]
    highlight.set_info(title=checked["by"], content=f"[{citation['mark']}] {statement} ({checked['state']})")
    highlight.update()
