import numpy as np
import onnxruntime

from pagelens.encode.onnx_file import Graph


def test_onnxruntime_reads_every_kind_of_field_as_it_was_meant() -> None:
    random = np.random.default_rng(0)
    weight, bias = random.normal(size=(300, 3)).astype(np.float32), random.normal(size=300).astype(np.float32)
    graph = Graph("small")
    y = graph.node("Gemm", ["x", graph.constant("w", weight), graph.constant("b", bias)], "y", transB=1, alpha=0.5)
    y = graph.node("LeakyRelu", [y], "leaked", alpha=0.25)
    graph.node("ReduceMean", [y], "z", axes=[-1], keepdims=0)  # a negative number in a list
    model = graph.model({"x": ["n", 3]}, {"z": ["n"]})

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("x", ["n", 3])]
    x = random.normal(size=(5, 3)).astype(np.float32)
    (found,) = session.run(["z"], {"x": x})
    linear = 0.5 * x @ weight.T + bias
    np.testing.assert_allclose(found, np.where(linear < 0, 0.25 * linear, linear).mean(axis=1), atol=1e-5)


def test_a_scalar_constant_and_a_word_as_attribute_are_understood() -> None:
    graph = Graph("small")
    weight = graph.constant("w", np.ones((1, 1, 3, 3), np.float32))
    y = graph.node("Conv", ["x", weight], "y", auto_pad="SAME_UPPER", strides=[2, 2])
    graph.node("Min", [y, graph.constant("limit", np.array(5, np.float32))], "z")
    session = onnxruntime.InferenceSession(graph.model({"x": [1, 1, 4, 4]}, {"z": [1, 1, 2, 2]}))
    (found,) = session.run(["z"], {"x": np.ones((1, 1, 4, 4), np.float32)})
    # 3 x 3 ones at stride 2 on 4 x 4, padded below and to the right: 9, 6, 6, 4, cut at 5
    np.testing.assert_array_equal(found[0, 0], [[5, 5], [5, 4]])
