"""copy, snapshot, restore, delete and compaction are killed (SIGKILL) at instants spread over all that they do: nothing
that was committed is lost, nothing half done is taken for whole, and running the command again completes it.

Re-embedding: `tests.api.test_reembed_kill`.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pagelens.index import original_files
from pagelens.index.admin.archive import restore_snapshot, write_snapshot
from pagelens.index.creation import create
from pagelens.index.files.file_store_factory import create_file_store, open_file_store
from pagelens.index.layout import FilesRecord, Layout, describe_unfinished, exists, load, write_json
from pagelens.index.reader import CollectionReader
from pagelens.index.stores.compaction import MAX_SMALL_SEGMENTS
from tests.api.admin_child import pages_of
from tests.dying_process import Child, started
from tests.index.fixtures import TEXT
from tests.index.test_copying import Contents, contents
from tests.index.test_token_collection import PAGE, with_tokens, write

ROUNDS = [pytest.param(3, id="3"), pytest.param(20, id="20", marks=pytest.mark.slow)]


@dataclass
class Prepared:
    """A folder, a child that counts what it does in it, and a collection there."""

    folder: Path
    child: Child
    root: Path
    held: tuple[Contents, dict[str, tuple[str, ...]]]

    def instants(self, rounds: int, *command: object) -> list[int]:
        """Run a command in peace; return instants spread evenly over it, its very end among them."""
        code, done = self.child(*command)
        assert code == 0
        return [max(1, done * (n + 1) // rounds) for n in range(rounds)]

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    with started("tests.api.admin_child", tmp_path_factory.getbasetemp()) as child:
        yield child


@pytest.fixture
def prepared(tmp_path: Path, child: Child) -> Prepared:
    root = tmp_path / "collection"
    create(Layout(root), profile="test", lanes=[TEXT, PAGE])
    for name in "abcdef":
        write(root, with_tokens(f"/{name}.pdf", pages_of(name)))
    return Prepared(tmp_path, child, root, contents(root))


def checked(root: Path) -> list[str]:
    reader = CollectionReader(root)
    try:
        return reader.check()
    finally:
        reader.close()


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_copy_that_is_killed_says_what_it_is_and_the_next_run_completes_it(prepared: Prepared, rounds: int) -> None:
    to, original = prepared.folder / "copy", prepared.root
    command = ("copy", "-c", original, "--to", to)
    for fatal in prepared.instants(rounds, *command):
        shutil.rmtree(to)
        assert prepared.child(*command, fatal=fatal)[0] == -9
        assert contents(original) == prepared.held
        unfinished = describe_unfinished(Layout(to))
        if exists(Layout(to)):
            found = contents(to)[0]
            assert found.items() <= prepared.held[0].items(), fatal
            assert checked(to) == ([unfinished] if unfinished else []), fatal
            assert unfinished or found == prepared.held[0], fatal
        if unfinished:
            assert f"unfinished copy of {original}" in unfinished
        assert prepared.child(*command)[0] == 0
        assert (contents(to), checked(to)) == (prepared.held, [])
    assert prepared.names() == {"collection", "copy"}


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_snapshot_that_is_killed_leaves_nothing_or_the_whole_file(prepared: Prepared, rounds: int) -> None:
    file = prepared.folder / "c.tar"
    command = ("snapshot", prepared.root, file)
    whole = 0
    for fatal in prepared.instants(rounds, *command):
        file.unlink(missing_ok=True)
        assert prepared.child(*command, fatal=fatal)[0] == -9
        assert contents(prepared.root) == prepared.held
        assert prepared.names() - {"c.tar"} == {"collection"}, fatal
        if file.exists():
            restore_snapshot(file, prepared.folder / "back")
            assert contents(prepared.folder / "back") == prepared.held
            shutil.rmtree(prepared.folder / "back")
            whole += 1
    assert whole < rounds
    file.unlink(missing_ok=True)
    assert prepared.child(*command)[0] == 0


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_restoration_that_is_killed_leaves_nothing_or_the_whole_collection(prepared: Prepared, rounds: int) -> None:
    file, back = prepared.folder / "c.tar", prepared.folder / "back"
    write_snapshot(prepared.root, file)
    command = ("restore", file, back)
    for fatal in prepared.instants(rounds, *command):
        shutil.rmtree(back, ignore_errors=True)
        assert prepared.child(*command, fatal=fatal)[0] == -9
        assert prepared.names() - {"back"} == {"collection", "c.tar"}, fatal
        if back.exists():
            assert (contents(back), checked(back)) == (prepared.held, []), fatal
        else:
            assert prepared.child(*command)[0] == 0
        assert contents(back) == prepared.held


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_deletion_that_is_killed_is_continued_and_takes_nothing_of_others(prepared: Prepared, rounds: int) -> None:
    share, root = prepared.folder / "share", prepared.folder / "shared"
    share.mkdir()
    (share / "theirs.txt").write_text("a year's work")
    record = FilesRecord(share.as_uri(), "ours")
    command = ("delete", "-c", root, "--yes")

    def make() -> None:
        create_file_store(record)
        shutil.copytree(prepared.root, root)
        write_json(Layout(root).manifest, replace(load(Layout(root)), files=record).as_json())
        files = open_file_store(Layout(root), load(Layout(root)))
        original_files.store(files, "a" * 64, share / "theirs.txt")

    make()
    for fatal in prepared.instants(rounds, *command):
        make()
        assert prepared.child(*command, fatal=fatal)[0] == -9
        if exists(Layout(root)):
            assert contents(root) == prepared.held, fatal
            assert (share / "ours" / "originals" / ("a" * 64)).is_dir(), fatal
        if prepared.names() != {"collection", "share"}:  # not killed at the very end
            assert prepared.child(*command)[0] == 0, fatal
        assert prepared.names() == {"collection", "share"}
        assert [path.name for path in share.iterdir()] == ["theirs.txt"]
    assert contents(prepared.root) == prepared.held


def rows(root: Path) -> tuple[list[tuple[str, list[bytes]]], dict[str, tuple[str, ...]]]:
    """What a collection holds without its keys: a document that is added again after a kill has another one."""
    found, paths = contents(root)
    return sorted((lane, parts) for (lane, _), parts in found.items()), paths


@pytest.mark.parametrize("rounds", ROUNDS)
def test_compaction_that_is_killed_loses_no_row(prepared: Prepared, rounds: int) -> None:
    """The document after which there are too many small segments."""
    root, new = prepared.root, prepared.folder / "new"
    for number in range(6, MAX_SMALL_SEGMENTS):
        write(root, with_tokens(f"/{number}.pdf", pages_of(str(number))))
    before = rows(root)
    shutil.copytree(root, new)
    command = ("write", new, prepared.folder / "new.pdf")
    instants = prepared.instants(rounds, *command)
    after = rows(new)
    segments = Layout(new).vectors(PAGE.store)
    assert len(list(segments.iterdir())) == 1
    seen = set()
    for fatal in instants:
        shutil.rmtree(new)
        shutil.copytree(root, new)
        assert prepared.child(*command, fatal=fatal)[0] == -9
        assert rows(new) in (before, after), fatal
        assert checked(new) == [], fatal
        seen.add(len(list(segments.iterdir())))
        assert prepared.child(*command)[0] == 0
        assert (rows(new), checked(new)) == (after, []), fatal
    assert len(seen) > 1, "no instant was inside compaction"
