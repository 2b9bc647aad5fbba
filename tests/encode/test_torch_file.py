import collections
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from pagelens.core.errors import WeightsError
from pagelens.encode.torch_file import read_tensors


def saved(path: Path, content: object) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def test_tensors_come_back_as_torch_wrote_them(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = torch.randn(4, 6, 3)
    tensors = collections.OrderedDict(
        whole=whole,
        part=whole[1:3, ::2].transpose(0, 2),  # a view: same storage, its own offset and strides
        number=torch.tensor(7),
        empty=torch.zeros(0, 5),
    )
    found = read_tensors(saved(tmp_path / "w.pth", tensors))
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(found[name], tensor.numpy())


class Trap:
    """A pickle that makes a file when it is loaded by a trusting reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_a_file_that_names_a_function_is_refused_and_nothing_is_called(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    path = saved(tmp_path / "w.pth", {"trap": Trap(sprung)})
    with pytest.raises(WeightsError, match="which no tensor needs"):
        read_tensors(path)
    assert not sprung.exists()


@pytest.mark.parametrize("cut", [0, 10, 300, -1])
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    whole = saved(tmp_path / "w.pth", {"a": torch.ones(100)}).read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[:cut])
    with pytest.raises(WeightsError, match="expected a dictionary of tensors"):
        read_tensors(tmp_path / "cut.pth")


def test_what_is_not_a_dictionary_of_tensors_is_refused(tmp_path: Path) -> None:
    for content in ([torch.ones(2)], {"a": 1}, torch.ones(2)):
        with pytest.raises(WeightsError, match="expected a dictionary of tensors"):
            read_tensors(saved(tmp_path / "w.pth", content))
    with pytest.raises(WeightsError, match="cannot read it"):
        read_tensors(tmp_path / "none.pth")


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path / "w.pth", {"a": torch.ones(100)}).read_bytes()
    # the shape (100,) is pickled as the byte 100 behind the opcode K; claim 101
    stream = io.BytesIO(whole)
    for _ in range(3):
        pickle.load(stream)
    start = stream.tell()
    found = whole.index(b"Kd\x85", start)
    (tmp_path / "w.pth").write_bytes(whole[: found + 1] + bytes([101]) + whole[found + 2 :])
    with pytest.raises(WeightsError, match="reaches number 100 of 100"):
        read_tensors(tmp_path / "w.pth")
