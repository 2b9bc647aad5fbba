"""Indexing on Ray: the same collection as without it, also where its actors are killed."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import psutil
import pytest

from pagelens.api.cli.main import main
from pagelens.api.engine import wiring
from pagelens.api.engine.indexing import OnProgress
from pagelens.api.engine.profiles import choose_profile
from pagelens.api.engine.results import IndexReport, Progress
from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings
from pagelens.index.layout import Layout, load
from pagelens.index.reader import CollectionReader
from pagelens.ingest.workers.ray_cluster import CORES_PER_ENCODER, LOCAL, RayCluster, connect
from tests.api.files import made_up_pages, write_pdf
from tests.api.test_kill import contents, rankings
from tests.ingest.files import noise
from tests.ingest.scans import LINES, picture_of, scan

pytest.importorskip("ray", reason="Ray is not installed")
pytestmark = pytest.mark.slow  # Ray alone takes 5 to 60 seconds to start

SETTINGS = Settings(threads=CORES_PER_ENCODER)
SIZES = (3, 1, 70, 7, *[2] * 10)  # pages of the PDFs
KILLS = 10
NOT_CONTENT = ("at",)  # columns: when it was recorded
HOW_IT_WAS_WRITTEN = ("alembic_version", "state", "segments", "runs", "checksums")  # commits depend on the time


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PDFs of one window and of three, a scan, a photo, an archive, the same bytes twice, a broken file."""
    folder = tmp_path_factory.mktemp("ray") / "files"
    for seed, size in enumerate(SIZES):
        write_pdf(folder / f"document-{seed}.pdf", made_up_pages(size, seed), title=f"Document number {seed}")
    (folder / "scan.pdf").write_bytes(scan(picture_of(*LINES)))
    noise(60, 40).save(folder / "photo.jpg")
    with ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr("member.txt", "A member of an archive.")
    (folder / "twice.pdf").write_bytes((folder / "document-0.pdf").read_bytes())
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    return folder


@pytest.fixture(scope="module")
def plain(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files indexed without Ray."""
    root = tmp_path_factory.mktemp("plain") / "c"
    report = index(root, files)
    assert len(report.failed) == 1 and report.documents == len(SIZES) + 4
    return root


@pytest.fixture(scope="module")
def cluster(files: Path) -> Iterator[RayCluster]:
    with connect(LOCAL, paths=[files], readers=2) as connected:
        yield connected


def index(
    root: Path, files: Path, cluster: RayCluster | None = None, on_progress: OnProgress = lambda _: None
) -> IndexReport:
    if not wiring.collection_exists(root):
        wiring.create_collection(root, choose_profile("builtin", SETTINGS), SETTINGS)
    with wiring.open_collection(root, SETTINGS, cluster=cluster) as engine:
        return engine.index([files], first="all", on_progress=on_progress)


def catalog(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the catalog, but when and in which pieces they were written."""
    with closing(sqlite3.connect(Layout(root).catalog)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for table in set(tables) - {*HOW_IT_WAS_WRITTEN}:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            names = ", ".join(f'"{column}"' for column in columns if column not in NOT_CONTENT)
            found[table] = sorted(connection.execute(f"SELECT {names} FROM {table}").fetchall(), key=repr)
    return found


def require_equal(root: Path, expected: Path) -> None:
    """Compare catalogs row by row, vectors byte by byte, and rankings with their scores."""
    assert catalog(root) == catalog(expected)
    with CollectionReader(root).snapshot() as new, CollectionReader(expected).snapshot() as old:
        assert contents(new) == contents(old)
        assert rankings(new, load(Layout(root))) == rankings(old, load(Layout(expected)))


def test_ray_gives_the_collection_of_the_plain_run(
    plain: Path, files: Path, cluster: RayCluster, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    report = index(tmp_path / "c", files, cluster, seen.append)
    require_equal(tmp_path / "c", plain)
    assert [Path(file.path).name for file in report.failed] == ["broken.pdf"]
    assert seen[-1].files == seen[-1].files_total == len(SIZES) + 5
    again = index(tmp_path / "c", files, cluster)
    assert (again.documents, again.pages) == (0, 0)


def test_ten_actors_killed_at_random_cost_nothing(
    plain: Path, files: Path, cluster: RayCluster, tmp_path: Path
) -> None:
    choose = random.Random(20)
    killed: list[str] = []
    stored = -1

    def kill_one(progress: Progress) -> None:
        """Kill an actor for each document or window that is stored; what is then under way is lost at most twice."""
        nonlocal stored
        alive = [child for child in psutil.Process().children(recursive=True) if child.name().startswith("ray::Actor")]
        if alive and len(killed) < KILLS and progress.pages > stored:
            stored = progress.pages
            victim = choose.choice(alive)
            killed.append(victim.name())
            victim.kill()

    report = index(tmp_path / "c", files, cluster, kill_one)
    assert len(killed) == KILLS
    assert [Path(file.path).name for file in report.failed] == ["broken.pdf"]
    require_equal(tmp_path / "c", plain)


def test_a_path_that_a_node_lacks_is_one_clear_line(cluster: RayCluster) -> None:
    missing = connect(LOCAL, paths=[Path("/not/there")])
    with pytest.raises(UsageError, match="mount their folder at the same path on every node"), missing:
        pass


def test_the_command_line_refuses_ray_without_workers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("a")
    assert main(["index", str(tmp_path / "a.txt"), "-c", str(tmp_path / "c"), "--ray", "local", "--workers", "0"]) == 2
    assert "leave --workers out" in capsys.readouterr().err
