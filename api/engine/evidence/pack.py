"""Packs an evidence bundle with pictures of the cited pages and the verifier into one zip file."""

import zipfile
from io import BytesIO
from pathlib import Path

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.evidence.annotations import to_annotations
from pagelens.api.engine.evidence.bundle import Bundle, to_json, with_digest
from pagelens.api.engine.evidence.located_words import line_boxes
from pagelens.core.types import Answer, Box, PageRef

HERE = Path(__file__).parent
SHIPPED = ("verify_evidence.py", "bundle.schema.json")
EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's earliest time: the same bundle gives the same bytes


def pack_bundle(engine: Engine, answer: Answer, bundle: Bundle) -> bytes:
    """Return a zip: the bundle, a marked picture of each cited page, W3C annotations, the schema and the verifier.

    `answer` is the one that the bundle is of. In the zip each citation names its `picture`. Raises NotFound where a
    cited file is gone.
    """
    pictures: dict[PageRef, str] = {}
    boxes: dict[PageRef, list[Box]] = {}
    citations = []
    for citation, cited in zip(bundle["citations"], answer.citations, strict=True):
        name = f"pages/{citation['file']['sha256'][:12]}-p{cited.ref.number}.jpg"
        boxes.setdefault(cited.ref, []).extend(line_boxes(citation))
        citations.append({**citation, "picture": pictures.setdefault(cited.ref, name)})
    packed = with_digest({**bundle, "citations": citations})
    files = {"evidence.json": to_json(packed).encode(), "annotations.jsonld": to_annotations(packed).encode()}
    files |= {name: engine.page_image(ref, boxes=boxes[ref]) for ref, name in pictures.items()}
    files |= {name: (HERE / name).read_bytes() for name in SHIPPED}
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    return stream.getvalue()
