from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pagelens.core.errors import WeightsError
from pagelens.encode.onnx_file import read_initializers
from pagelens.encode.text.minilm import check_wheels

onnx = pytest.importorskip("onnx")


def written(path: Path, *tensors: object) -> Path:
    graph = onnx.helper.make_graph([], "weights", [], [], list(tensors))
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    return path


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int8, np.int32, np.int64])
def test_arrays_come_back_as_the_library_wrote_them(tmp_path: Path, dtype: type) -> None:
    array: NDArray[Any] = np.random.default_rng(0).integers(0, 100, (3, 200, 2)).astype(dtype)
    single: NDArray[Any] = np.array(7, dtype)
    tensors = [onnx.numpy_helper.from_array(each, name) for name, each in (("a" * 300, array), ("single", single))]
    found = read_initializers(written(tmp_path / "model.onnx", *tensors))
    assert list(found) == ["a" * 300, "single"]
    for name, expected in (("a" * 300, array), ("single", single)):
        assert found[name].dtype == dtype
        np.testing.assert_array_equal(found[name], expected)


def test_arrays_of_other_types_and_those_that_are_not_stored_as_bytes_are_left_out(tmp_path: Path) -> None:
    doubles = onnx.numpy_helper.from_array(np.ones(3), "doubles")
    listed = onnx.helper.make_tensor("listed", onnx.TensorProto.FLOAT, (2,), [1.0, 2.0])
    kept = onnx.numpy_helper.from_array(np.ones(3, np.float32), "kept")
    assert list(read_initializers(written(tmp_path / "model.onnx", doubles, listed, kept))) == ["kept"]


def test_the_wheel_has_what_the_library_reads() -> None:
    found = read_initializers(check_wheels())
    for tensor in onnx.load(check_wheels()).graph.initializer:
        if tensor.name in found:
            np.testing.assert_array_equal(found[tensor.name], onnx.numpy_helper.to_array(tensor))
    assert sum(name.endswith("_q") for name in found) == 38  # 36 matrices, word pieces, positions


@pytest.mark.parametrize("content", [b"", b"\x3a\xff\x01", b"\x3b\x00", b"\x3a\x04\x2a\x02\x42"])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match="expected a model in ONNX format"):
        read_initializers(tmp_path / "model.onnx")
