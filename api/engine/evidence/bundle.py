"""Evidence bundles: an answer and its citations as open JSON that can be checked without PageLens.

The format is described in docs/evidence.md and in `bundle.schema.json`; `verify_evidence` checks one, and imports
nothing of this package.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import jsonschema

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.evidence.filters_json import filters_to_json
from pagelens.api.engine.evidence.located_words import LocatedWord, is_interrupted, locate_words, squeezed
from pagelens.api.engine.file_names import file_name
from pagelens.api.engine.language_models import EXTRACTIVE
from pagelens.api.engine.lookup import find_page
from pagelens.core.errors import UsageError
from pagelens.core.keys import page_key
from pagelens.core.types import Answer, Citation, CitationState, Depth, Filters
from pagelens.generate.vision import uncited_claims
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.reader import Snapshot

FORMAT, VERSION = "pagelens-evidence", 1
DECIMALS = 6  # of a box: a thousandth of a point on A4

HOW: Mapping[CitationState | None, str] = {
    "quoted": "these words stand on the page; nothing is said of their answering the question",
    "supported": "numbers, names and content words of the statement stand together in one statement of the page",
    "image-only": "a model, asked neutrally what the page image says on the question, read the same facts",
    "unconfirmed": "the statement could not be confirmed on the page",
    None: "not checked",
}

_MARK = re.compile(r"\[\d{1,3}\]")
_BRACKETS = str.maketrans("[]【】", "()()")

Bundle = dict[str, Any]
"""A bundle as JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionOptions:
    """How a question was asked: what it takes to ask it again (`replay`)."""

    k: int
    filters: Filters
    spelling: bool
    depth: Depth
    across: bool | None

    def as_json(self) -> dict[str, Any]:
        """Return its entry in a bundle."""
        return {**asdict(self), "filters": filters_to_json(self.filters)}


def make_bundle(
    engine: Engine,
    answer: Answer,
    *,
    options: QuestionOptions | None = None,
    name_of: Callable[[str], str] = file_name,
    redact: Callable[[str], str] = str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Bundle:
    """Return the evidence bundle of an answer that the engine has just given.

    `options`: how it was asked; None for a question with a picture or a conversation. `name_of` returns the name that
    a path is shown by, `redact` a message without what must not leave this machine. Raises UsageError where a cited
    page has changed since.
    """
    with engine.snapshot() as snapshot:
        rows = [_cited_page(snapshot, citation) for citation in answer.citations]
        context = [
            {"sha256": find_page(snapshot, ref).document.sha256, "page": ref.number} for ref in answer.context_pages
        ]
        generation = snapshot.generation
    program = {"name": "pagelens", "version": metadata.version("pagelens")}
    maker = _CitationMaker(
        answer_text=_plain(_MARK.sub("", answer.text)),
        checked_by=" ".join(program.values()),
        name_of=name_of,
        must_spell=answer.generation not in (None, generation),
    )
    citations = [
        maker.make(f"c{number}", citation, *row)
        for number, (citation, row) in enumerate(zip(answer.citations, rows, strict=True), 1)
    ]
    manifest, usage = engine.manifest, answer.usage
    return with_digest(
        {
            "format": FORMAT,
            "version": VERSION,
            "made_by": program,
            "time": clock().isoformat(timespec="seconds"),
            "question": answer.question,
            **({"options": options.as_json()} if options else {}),
            "context": context,
            "answer": {
                "text": answer.text,
                "found": answer.found,
                "confidence": round(answer.confidence, DECIMALS),
                "reason": redact(answer.reason),
                "notes": [redact(note) for note in answer.notes],
            },
            "sentences": _sentences(answer, citations),
            "citations": citations,
            "models": {
                "answer": EXTRACTIVE if usage is None else redact(usage.model),
                "prompts": [] if usage is None else list(usage.prompts),
                "lanes": {name: redact(lane.model) for name, lane in manifest.lanes.items()},
            },
            "collection": {"commit": answer.generation, "profile": manifest.profile, "created": manifest.created},
        }
    )


def with_digest(bundle: Bundle) -> Bundle:
    """Return a bundle with the SHA-256 of all the rest of it: sorted keys, no blanks, ASCII.

    It tells accidental changes. It is no signature: whoever changes a bundle can compute it anew.
    """
    content = {key: value for key, value in bundle.items() if key != "digest"}
    data = json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")
    return {**content, "digest": hashlib.sha256(data).hexdigest()}


def to_json(bundle: Bundle) -> str:
    """Return a bundle as the text of a file."""
    return json.dumps(bundle, ensure_ascii=False, indent=1) + "\n"


def read_bundle(path: Path) -> Bundle:
    """Return the bundle in a file. Raises UsageError where it is none."""
    schema = json.loads(Path(__file__).with_name("bundle.schema.json").read_bytes())
    try:
        read: Bundle = json.loads(path.read_bytes())
        jsonschema.validate(read, schema)
    except (OSError, ValueError, jsonschema.ValidationError) as exc:
        reason = exc.message if isinstance(exc, jsonschema.ValidationError) else exc
        raise UsageError(f"expected an evidence bundle in {path}, found: {reason}") from exc
    return read


def _cited_page(snapshot: Snapshot, citation: Citation) -> tuple[DocumentRow, PageRow]:
    row = find_page(snapshot, citation.ref)
    key = page_key(row.key, citation.ref.number)
    return row, snapshot.pages([key])[key]


@dataclass(frozen=True, slots=True)
class _CitationMaker:
    """Makes the citations of one answer's bundle."""

    answer_text: str  # as `_plain` returns it
    checked_by: str  # name and version of this program
    name_of: Callable[[str], str]
    must_spell: bool  # the collection has a later commit: each page must still spell its quote

    def make(self, identity: str, citation: Citation, row: DocumentRow, page: PageRow) -> dict[str, Any]:
        """Return a citation of a bundle. Raises UsageError where its page no longer spells its quote."""
        words = locate_words(citation, page.text)
        quote = _quote(citation, words)
        if self.must_spell and citation.boxes and quote != citation.quote:
            raise UsageError(
                f"expected {citation.ref} as it was when the question was answered, found another commit of the "
                "collection. Ask again."
            )
        document, statement = row.document, citation.claim if _plain(citation.claim) in self.answer_text else ""
        return {
            "id": identity,
            "mark": citation.mark,
            "file": {
                "name": self.name_of(citation.ref.path),
                "sha256": document.sha256,
                "kind": document.kind,
                "bytes": document.size,
            },
            "page": {
                "number": citation.ref.number,
                "label": citation.label,
                "count": document.page_count,
                "width": page.width,
                "height": page.height,
            },
            "quote": quote,
            "words": [
                {"text": word.text, "box": [round(value, DECIMALS) for value in word.box], "line": word.line}
                for word in words
            ],
            "words_from": citation.source,
            "statement": statement,
            "verbatim": _is_verbatim(quote, statement) and not is_interrupted(words, page.text),
            "checked": {
                "state": citation.state,
                "how": HOW[citation.state],
                "why": citation.claim,
                "missing": list(citation.missing),
                "by": self.checked_by,
            },
        }


def _is_verbatim(quote: str, statement: str) -> bool:
    """Return whether a statement repeats a quote; " … " stands between a table's header and its row."""
    return bool(quote) and _plain(quote) in _plain(statement.replace(" … ", " "))


def _plain(text: str) -> str:
    """Return a text without blanks, its square brackets round, as answers have those of a page."""
    return squeezed(text).translate(_BRACKETS)


def _quote(citation: Citation, words: Sequence[LocatedWord]) -> str:
    """Return the words as text: the citation's own quote where they spell it."""
    spelled = squeezed("".join(word.text for word in words))
    return citation.quote if spelled == squeezed(citation.quote) else " ".join(word.text for word in words)


def _sentences(answer: Answer, citations: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the statements of an answer with the ids of their citations; a model's without citations come last."""
    cited: dict[str, list[str]] = {}
    for citation in citations:
        if citation["statement"]:
            cited.setdefault(citation["statement"], []).append(citation["id"])
    uncited = uncited_claims(answer.text) if answer.usage is not None and answer.found else []
    return [{"text": text, "citations": ids} for text, ids in [*cited.items(), *((text, []) for text in uncited)]]
