"""A PostgreSQL for the tests that want one, started once, and catalogs on it."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

import pagelens.api.engine.blas_threads  # noqa: F401  # before numpy, as programs have it: waiting threads spin
from pagelens.index.layout import CatalogRecord
from tests.index.postgres_process import PASSWORD, PostgresProcess, find_programs, unprivileged

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _state_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Addresses that tests give are not recorded as the developer's, whose `pagelens.toml` is not read."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    os.environ["PAGELENS_CONFIG"] = "none"


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[PostgresProcess]:
    programs, user = find_programs(), unprivileged()
    if programs is None:
        pytest.skip("no PostgreSQL here: its package is not installed")
    if user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
    with PostgresProcess(programs, user) as process:
        yield process


@pytest.fixture
def postgres(postgres_process: PostgresProcess, monkeypatch: pytest.MonkeyPatch) -> PostgresProcess:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.delenv("PAGELENS_CATALOG_URL", raising=False)
    return postgres_process


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> CatalogRecord | None:
    """Where the catalog of a test's collection lies: each test runs on both."""
    if request.param == "sqlite":
        return None
    process: PostgresProcess = request.getfixturevalue("postgres")
    return process.record()
