"""Damage to each kind of file of a collection, what each command then does, and the table of it in docs/at-rest.md.

Write the table: python -m tests.index.at_rest
"""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pagelens.core.errors import PageLensError
from pagelens.core.keys import document_of
from pagelens.core.types import QueryTokens
from pagelens.index import original_files
from pagelens.index.admin.archive import restore_snapshot, write_snapshot
from pagelens.index.admin.repair import repair
from pagelens.index.catalog.reads import DAMAGED
from pagelens.index.creation import create
from pagelens.index.lane_queries import DenseQuery, LaneQuery, LexicalQuery, MultiVectorQuery
from pagelens.index.layout import Layout
from pagelens.index.page_images import cached_page_image
from pagelens.index.reader import CollectionReader
from tests.index.fixtures import TEXT, sha, vector
from tests.index.test_token_collection import FRUIT, PAGE, tokens, with_tokens, write

TREES = ["apple tree", "pear tree old", "cherry tree young and green"]
NEW = ["a new page of apple"]
APPLE_TREE = QueryTokens(tokens("apple tree").vectors, ["apple", "tree"])
PICTURE = bytes(range(256)) * 4
FLIPS = 20
FULL = 3  # flips after which every command is run; after the others, those that read
KINDS = {
    "collection.json": "collection.json",
    "catalog.sqlite": "catalog.sqlite",
    "vectors, dense: keys.npy": "vectors/text-*/*/keys.npy",
    "vectors, dense: vectors.npy": "vectors/text-*/*/vectors.npy",
    "vectors, dense: segment.json": "vectors/text-*/*/segment.json",
    "vectors, multi-vector: keys.npy": "vectors/page-*/*/keys.npy",
    "vectors, multi-vector: offsets.npy": "vectors/page-*/*/offsets.npy",
    "vectors, multi-vector: vectors.npy": "vectors/page-*/*/vectors.npy",
    "vectors, multi-vector: scales.npy": "vectors/page-*/*/scales.npy",
    "vectors, multi-vector: boxes.npy": "vectors/page-*/*/boxes.npy",
    "vectors, multi-vector: centroids.npy": "vectors/page-*/*/centroids.npy",
    "vectors, multi-vector: posting_offsets.npy": "vectors/page-*/*/posting_offsets.npy",
    "vectors, multi-vector: posting_blocks.npy": "vectors/page-*/*/posting_blocks.npy",
    "vectors, multi-vector: segment.json": "vectors/page-*/*/segment.json",
    "words/: meta.json": "words/*/meta.json",
    "words/: .managed.json": "words/*/.managed.json",
    "words/: words.json": "words/*/words.json",
    "words/: .term": "words/*/*.term",
    "words/: .idx": "words/*/*.idx",
    "words/: .pos": "words/*/*.pos",
    "words/: .fast": "words/*/*.fast",
    "words/: .fieldnorm": "words/*/*.fieldnorm",
    "words/: .store": "words/*/*.store",
    "vocabulary.txt": "vocabulary.txt",
    "pictures/": "pictures/*/*.jpg",
    "originals/": "originals/*/*.pdf",
    "writer.lock": "writer.lock",
}
"""Kind of file -> where it lies in a collection."""

Answers = dict[str, object]


def make_collection(root: Path, folder: Path) -> None:
    """Create a collection of two documents, with a cached page image and an original."""
    create(Layout(root), profile="test", lanes=[TEXT, PAGE])
    folder.mkdir(exist_ok=True)
    for name, pages in (("a", FRUIT), ("b", TREES)):
        path = folder / f"{name}.pdf"
        path.write_text(name)
        write(root, replace(with_tokens(str(path), pages), perceptual_hashes={1: 2**63 + 5, 2: 7}))
    reader = CollectionReader(root)
    cached_page_image(reader.files, sha(FRUIT), 1, 100, lambda: PICTURE)
    original_files.store(reader.files, sha(FRUIT), folder / "a.pdf")
    reader.close()


def damages(size: int, flips: int) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Yield the damages of a file of `size` bytes, each with its kind."""
    for place in sorted({int(place) for place in np.linspace(0, size - 1, flips)} if size else set()):
        yield "byte flipped", lambda path, place=place: _flip(path, place)  # type: ignore[misc]
    if size:
        yield "truncated", lambda path: path.write_bytes(path.read_bytes()[: size // 2])
        yield "empty", lambda path: path.write_bytes(b"")
    yield "gone", lambda path: path.unlink()


def _flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x41
    path.write_bytes(data)


def answers(root: Path) -> tuple[Answers, list[str]]:
    """Return what a collection answers, and what it says is left out."""
    reader = CollectionReader(root)
    try:
        with reader.snapshot() as snapshot:
            queries: dict[str, LaneQuery] = {
                "words": LexicalQuery(("appl", "tree"), 10, None),
                "text": DenseQuery("text", vector("apple tree"), 10, None),
                "page": MultiVectorQuery(
                    "page", QueryTokens(tokens("apple tree").vectors, ["apple", "tree"]), 10, None
                ),
            }
            found = dict(zip(queries, snapshot.search(list(queries.values())), strict=True))
            result: Answers = {
                lane: sorted(zip(keys.tolist(), np.round(scores, 4).tolist(), strict=True))
                for lane, (keys, scores) in found.items()
                if lane not in snapshot.damaged
            }
            reported = [f"lane left out: {lane}" for lane in snapshot.damaged]
            live = [(key << 20) | number for key, row in snapshot.documents.items() for number in _numbers(row)]
            for key, page in snapshot.pages(live).items():
                if page.problem == DAMAGED:
                    reported.append("page left out")
                    continue
                row = snapshot.documents[document_of(key)]
                text = page.text
                shown = (row.paths, row.document, page.label, text.text, text.spans.tolist(), text.boxes.tolist())
                result[f"page {key}"] = repr((shown, page.caption, page.passages, page.width, page.height))
        result["picture"] = cached_page_image(reader.files, sha(FRUIT), 1, 100, lambda: PICTURE)
        try:
            original = original_files.find(reader.files, reader.layout, sha(FRUIT))
        except PageLensError:
            original = None
        if original is None:
            reported.append("original left out")
        else:
            result["original"] = original.read_bytes()
        return result, reported
    finally:
        reader.close()


def _numbers(row: object) -> range:
    return range(1, row.document.page_count + 1)  # type: ignore[attr-defined]


class WrongAnswer(Exception):
    """A collection answered otherwise than before it was damaged, and did not say so."""


class DamagedCollection:
    """A collection with one damaged file, anew for each command."""

    def __init__(self, pristine: Path, place: Path, workspace: Path) -> None:
        self._pristine, self._place, self._workspace = pristine, place, workspace
        self._expected, _ = answers(pristine)

    def run_all(self, damage: Callable[[Path], object], *, reading_only: bool = False) -> dict[str, str]:
        """Run each command, or two that only read, on a damaged copy; return what it did. Raises WrongAnswer, and what
        is no PageLensError."""
        commands = {
            "search": self._search,
            "index": self._index,
            "doctor": lambda root: self._check(root, deep=False),
            "doctor --deep": lambda root: self._check(root, deep=True),
            "doctor --repair": self._repair,
            "snapshot": self._snapshot,
        }
        chosen = ["search", "doctor --deep"] if reading_only else list(commands)
        return {name: self._run(commands[name], damage) for name in chosen}

    def _run(self, command: Callable[[Path], str], damage: Callable[[Path], object]) -> str:
        root = self._workspace / "c"
        shutil.rmtree(self._workspace, ignore_errors=True)
        shutil.copytree(self._pristine, root)
        damage(root / self._place)
        try:
            return command(root)
        except PageLensError as exc:
            self._require_kept(root)
            return f"refused ({type(exc).__name__})"

    def _search(self, root: Path) -> str:
        found, reported = answers(root)
        self._require_right(found, self._expected, complete=not reported)
        return ", ".join(sorted({*reported})) or "same answers"

    def _index(self, root: Path) -> str:
        write(root, with_tokens("/new.pdf", NEW))
        self._require_kept(root)
        found, reported = answers(root)
        for key, shown in self._expected.items():
            if key.startswith("page ") and not reported and found.get(key) != shown:
                raise WrongAnswer(f"after indexing: {key}: {shown}, found {found.get(key)}")
        return "indexed"

    def _check(self, root: Path, *, deep: bool) -> str:
        reader = CollectionReader(root)
        with contextlib.closing(reader):
            return "told" if reader.check(deep=deep) else "nothing to tell"

    def _repair(self, root: Path) -> str:
        report = repair(root)
        found, reported = answers(root)
        self._require_right(found, self._expected, complete=not reported and not report.removed_paths)
        removed = "documents to be indexed again" if report.removed_paths else "mended"
        return removed if report.problems else "nothing to mend"

    def _snapshot(self, root: Path) -> str:
        write_snapshot(root, self._workspace / "c.tar")
        restore_snapshot(self._workspace / "c.tar", self._workspace / "restored")
        found, reported = answers(self._workspace / "restored")
        assert set(reported) <= {"original left out"}, reported
        expected = {key: value for key, value in self._expected.items() if key not in ("picture", "original")}
        self._require_right(found, expected, complete=True)
        return "whole"

    def _require_right(self, found: Answers, expected: Answers, *, complete: bool) -> None:
        for key, shown in expected.items():
            partial_ranking = not complete and not key.startswith("page ")  # of the documents that are left
            if (complete or key in found) and not partial_ranking and found.get(key) != shown:
                raise WrongAnswer(f"{key}: expected {shown}, found {found.get(key)}")

    def _require_kept(self, root: Path) -> None:
        """Raise WrongAnswer if a segment was removed."""
        for segment in (self._pristine / "vectors").glob("*/*"):
            if not (root / segment.relative_to(self._pristine)).is_dir():
                raise WrongAnswer(f"{segment.name} was removed")


def outcomes(pristine: Path, kind: str, workspace: Path, flips: int = FLIPS) -> dict[str, dict[str, set[str]]]:
    """Return what each command did, by the kind of damage. Raises AssertionError where damage stays untold."""
    place = sorted(pristine.glob(KINDS[kind]))[0].relative_to(pristine)
    rows: dict[str, dict[str, set[str]]] = {}
    damaged = DamagedCollection(pristine, place, workspace)
    for number, (damage, inflict) in enumerate(damages((pristine / place).stat().st_size, flips)):
        done = damaged.run_all(inflict, reading_only=damage == "byte flipped" and number % (flips // FULL or 1) > 0)
        for command, what in done.items():
            rows.setdefault(damage, {}).setdefault(command, set()).add(what)
        lost = "left out" in done["search"] and "original" not in done["search"]
        assert not lost or done["doctor --deep"] != "nothing to tell", (kind, damage, done)
    return rows


def table() -> str:
    """Return docs/at-rest.md."""
    commands = ("search", "index", "doctor", "doctor --deep", "doctor --repair", "snapshot")
    lines = ["| file | damage | " + " | ".join(commands) + " |", "|---" * (len(commands) + 2) + "|"]
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        make_collection(Path(name) / "c", Path(name) / "files")
        for kind in KINDS:
            print(kind, file=sys.stderr)
            for damage, row in outcomes(Path(name) / "c", kind, Path(name) / "work").items():
                cells = [" / ".join(sorted(row[command])) for command in commands]
                lines.append(f"| {kind} | {damage} | " + " | ".join(cells) + " |")
    return _HEAD + "\n".join(lines) + "\n"


_HEAD = f"""# A damaged collection: what each command does

Made by a test (`python -m tests.index.at_rest > docs/at-rest.md`): each kind of file at rest, with a byte flipped at
{FLIPS} places one after another (search and `doctor --deep` at all, others at every {FLIPS // FULL}th), cut to half,
emptied, and removed. No command may end with a traceback, answer otherwise than before without saying so, or remove a
segment. Where a cell has several entries, it depends on the byte.

- *lane left out*, *page left out*: search answers from the rest, and says what is missing and why.
- *same answers*: the file is a cache and was built again, or the damage changes nothing.
- *told*, *nothing to tell*: whether the check reports a problem.
- *mended*: rebuilt. *documents to be indexed again*: the damaged documents were removed, and the next `pagelens index`
  reads their files.
- *refused*: the command ends with a message: what was expected, what was found, what to do. Nothing changes.
- *whole*: the snapshot was written, and restored it answers as before.

Beyond this table: of segments larger than 64 MiB, only the smaller arrays are verified when a search opens them;
`pagelens doctor`, `copy`, `snapshot` and compaction always verify all.

"""

if __name__ == "__main__":
    print(table(), end="")
