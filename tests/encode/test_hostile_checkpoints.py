"""Checkpoints that somebody prepared to run code when they are loaded: they are refused, and nothing runs."""

import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import pagelens.encode.torch_support  # noqa: F401

# isort: split
import open_clip
import torch

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.encode.loading import load_image_encoder, load_text_encoder
from tests.encode.checkpoints import text_checkpoint
from tests.encode.test_torch_file import Trap
from tests.encode.tiny_vision import make_clip_checkpoint, weights_of

OFFLINE = Settings(offline=True)
Save = Callable[[object, Path], None]


def save_legacy(content: object, path: Path) -> None:
    """Write the format that torch wrote before version 1.6."""
    torch.save(content, path, _use_new_zipfile_serialization=False)


def save_plain_pickle(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content))


def save_torchscript(content: object, path: Path) -> None:
    """Write an archive of TorchScript whose data is a pickle of `content`."""
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))  # type: ignore[no-untyped-call]
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, pickle.dumps(content) if name.endswith("/data.pkl") else data)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip_checkpoint(tmp_path_factory.mktemp("tiny") / "clip")


@pytest.fixture(scope="module")
def architecture(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the same architecture, for files of weights without a folder."""
    path = tmp_path_factory.mktemp("architecture") / "PageLens-hostile.json"
    path.write_text(json.dumps(json.loads((clip / "open_clip_config.json").read_text("utf-8"))["model_cfg"]), "utf-8")
    open_clip.add_model_config(path)
    return path.stem


def test_the_traps_spring_where_files_are_trusted(tmp_path: Path) -> None:
    torch.save({"state_dict": Trap(tmp_path / "sprung")}, tmp_path / "w.pt")
    torch.load(tmp_path / "w.pt", weights_only=False)
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("save", [torch.save, save_legacy, save_plain_pickle, save_torchscript])
@pytest.mark.parametrize("ending", ["pt", "bin", "pth", "safetensors"])
def test_a_file_of_weights_runs_no_code(architecture: str, tmp_path: Path, save: Save, ending: str) -> None:
    file = tmp_path / f"w.{ending}"
    save({"state_dict": Trap(tmp_path / "sprung")}, file)
    with pytest.raises(WeightsError, match="expected a checkpoint that open_clip can load"):
        load_image_encoder(f"{architecture}@{file}", OFFLINE)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", ["open_clip_pytorch_model.bin", "open_clip_model.pth"])
def test_a_folder_whose_weights_are_a_pickle_runs_no_code(clip: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(clip, tmp_path / "clip")
    weights_of(folder).unlink()
    torch.save({"state_dict": Trap(tmp_path / "sprung")}, folder / name)
    with pytest.raises(WeightsError):
        load_image_encoder(str(folder), OFFLINE)
    assert not (tmp_path / "sprung").exists()


@pytest.fixture
def text_folder(tmp_path: Path) -> Path:
    """A whole text checkpoint beside a module that makes the file `sprung` when it is imported."""
    folder = text_checkpoint(tmp_path / "text", pooling="mean")
    code = f"from pathlib import Path\nPath({str(tmp_path / 'sprung')!r}).touch()\n"
    (folder / "modeling_trap.py").write_text(code + "class Trap:\n    pass\n")
    return folder


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_text_checkpoints_own_module_is_not_imported(text_folder: Path, tmp_path: Path, place: int) -> None:
    modules = json.loads((text_folder / "modules.json").read_text("utf-8"))
    modules[place]["type"] = "modeling_trap.Trap"
    (text_folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    with pytest.raises(WeightsError, match=r"expected modules of sentence-transformers alone.*modeling_trap"):
        load_text_encoder(str(text_folder), OFFLINE)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("model_type", ["bert", "trap"])
def test_a_text_checkpoints_own_model_class_is_not_imported(text_folder: Path, tmp_path: Path, model_type: str) -> None:
    """With a known type transformers has a class of its own; with an unknown one there is nothing to load."""
    path = text_folder / "config.json"
    own = dict.fromkeys(("AutoConfig", "AutoModel", "AutoTokenizer"), "modeling_trap.Trap")
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "auto_map": own, "model_type": model_type}))
    if model_type == "trap":
        with pytest.raises(WeightsError, match="expected a checkpoint that sentence-transformers can load"):
            load_text_encoder(str(text_folder), OFFLINE)
    else:
        load_text_encoder(str(text_folder), OFFLINE)
    assert not (tmp_path / "sprung").exists()


def test_text_weights_that_are_a_pickle_run_no_code(text_folder: Path, tmp_path: Path) -> None:
    (text_folder / "model.safetensors").unlink()
    torch.save(Trap(tmp_path / "sprung"), text_folder / "pytorch_model.bin")
    with pytest.raises(WeightsError):
        load_text_encoder(str(text_folder), OFFLINE)
    assert not (tmp_path / "sprung").exists()
