"""Runs mteb's retrieval tasks on a PageLens engine, as an implementation of mteb's `SearchProtocol`.

    import mteb
    from pagelens.evals.runs.mteb_search import EngineSearch

    mteb.evaluate(EngineSearch("mteb-work", profile="builtin"), tasks=mteb.get_tasks(tasks=["NanoNFCorpusRetrieval"]))

The corpus is written as files, texts as PDFs and images as PNG, into a collection for each task, subset and split. A
document's score is that of its best page. mteb is not a dependency: pip install mteb.
"""

import hashlib
from collections.abc import Iterable, Mapping
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.evals.datasets.text_pages import document_file_name, write_text_pages
from pagelens.evals.runs.trec_run import strictly_decreasing

Row = Mapping[str, Any]
Found = dict[str, dict[str, float]]  # query id -> document id -> score
PAGES_PER_DOCUMENT = 3  # pages searched for each document to return: a long text has several


class EngineSearch:
    """Indexes and searches for mteb. Files and collections are kept in `folder` and reused."""

    def __init__(self, folder: Path | str, *, profile: str = "auto", lanes: list[str] | None = None) -> None:
        self._folder = Path(folder)
        self._profile = profile
        self._lanes = lanes
        self._engine: Engine | None = None
        self._ids: dict[str, str] = {}  # file name -> the corpus's id

    def index(self, corpus: Iterable[Row], *, task_metadata: Any, hf_split: str, hf_subset: str, **_: Any) -> None:
        """Write the corpus as files and index them; files that are indexed already are only hashed."""
        self.close()
        work_folder = self._folder / document_file_name(f"{task_metadata.name}-{hf_subset}-{hf_split}").removesuffix(
            ".pdf"
        )
        documents = work_folder / "documents"
        documents.mkdir(parents=True, exist_ok=True)
        self._ids = dict(_write(row, documents) for row in corpus)
        self._engine = pagelens.open(work_folder / "collection", create=True, profile=self._profile)
        self._engine.index(documents)

    def search(
        self, queries: Iterable[Row], *, top_k: int, top_ranked: Any = None, **_: Any
    ) -> dict[str, dict[str, float]]:
        """Return query id -> document id -> score, at most `top_k`; among `top_ranked` only, if mteb reranks."""
        if self._engine is None:
            raise UsageError("expected a corpus before queries: call index first")
        allowed = {qid: set(ids) for qid, ids in (top_ranked or {}).items()}
        return {str(row["id"]): self._search(self._engine, row, top_k, allowed.get(str(row["id"]))) for row in queries}

    def close(self) -> None:
        """Close the collection."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb prints of a model: the name and the version of the engine. Needs mteb."""
        meta = import_module("mteb").models.ModelMeta
        about = {"name": f"pagelens/{self._profile}", "revision": pagelens.__version__}
        return meta.create_empty({**about, "modalities": ["text", "image"]})

    def _search(self, engine: Engine, row: Row, top_k: int, allowed: set[str] | None) -> dict[str, float]:
        text, picture = str(row.get("text") or "").strip(), row.get("image")
        if not text and picture is None:
            raise UsageError(f"expected a text or an image in query {row['id']}, found {', '.join(row)}")
        image = None if picture is None else _png(picture)
        depth = top_k if allowed is None else max(top_k, len(self._ids))
        hits = engine.search(text, image=image, k=depth * PAGES_PER_DOCUMENT, lanes=self._lanes).hits
        document_ids = dict.fromkeys(self._ids[name] for hit in hits if (name := Path(hit.ref.path).name) in self._ids)
        ranked = [document_id for document_id in document_ids if allowed is None or document_id in allowed][:top_k]
        return dict(
            zip(ranked, strictly_decreasing([1.0 / (position + 1) for position in range(len(ranked))]), strict=True)
        )


def _write(row: Row, folder: Path) -> tuple[str, str]:
    """Write a document of the corpus; return its file's name and its id."""
    identity = str(row["id"])
    picture = row.get("image")
    if picture is None:
        content = (str(row.get("title") or ""), str(row.get("text") or ""))
        mark = hashlib.sha256("\0".join((identity, *content)).encode()).hexdigest()[:12]
        name = f"{mark}.pdf"  # named by its content: another text under the same id is another file
        write_text_pages({name: content}, folder)
        return name, identity
    name = document_file_name(identity).removesuffix(".pdf") + ".png"
    if not (folder / name).exists():
        (folder / name).write_bytes(_png(picture))
    return name, identity


def _png(picture: Any) -> bytes:
    """Return a picture of a row, decoded or as the file's bytes, as a PNG file."""
    if not isinstance(picture, Image.Image):
        picture = Image.open(BytesIO(picture["bytes"]))
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
