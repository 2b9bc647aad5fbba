"""The text encoder with 8-bit products against the one in float32."""

from pathlib import Path

import numpy as np
import pytest

from pagelens.core.settings import Settings
from pagelens.encode.onnx_file import read_initializers
from pagelens.encode.text.minilm import BuiltinTextEncoder, IntegerTextEncoder, check_wheels
from pagelens.encode.text.minilm_integer import graph_weights, multiplies_integers
from tests.encode.texts import TEXTS

needs_dot_products = pytest.mark.skipif(not multiplies_integers(), reason="sums of 8-bit products may overflow here")


@pytest.fixture(scope="module")
def exact() -> BuiltinTextEncoder:
    return BuiltinTextEncoder.load(Settings(threads=1))


@pytest.fixture(scope="module")
def integer() -> IntegerTextEncoder:
    return IntegerTextEncoder(check_wheels(), workers=2)


@needs_dot_products
def test_vectors_of_texts_and_of_tokens_are_those_in_float32(
    exact: BuiltinTextEncoder, integer: IntegerTextEncoder
) -> None:
    vectors, tokens = integer.encode_with_tokens(TEXTS)
    expected, expected_tokens = exact.encode_with_tokens(TEXTS)
    assert (vectors * expected).sum(axis=1).min() > 0.999_99
    cosines = []
    for found, right in zip(tokens, expected_tokens, strict=True):
        np.testing.assert_array_equal(found.spans, right.spans)
        cosines.append((found.vectors * right.vectors).sum(axis=1))
    assert np.concatenate(cosines).min() > 0.999_99  # of one part of 8 bits .97


@needs_dot_products
def test_a_passage_has_the_same_vectors_alone_and_among_others(integer: IntegerTextEncoder) -> None:
    vectors, tokens = integer.encode_with_tokens(TEXTS)
    for text, vector, of_text in zip(TEXTS, vectors, tokens, strict=True):
        [alone], [tokens_alone] = integer.encode_with_tokens([text])
        np.testing.assert_array_equal(alone, vector)
        np.testing.assert_array_equal(tokens_alone.vectors, of_text.vectors)


def test_its_vectors_belong_to_the_space_of_the_encoder_in_float32(
    exact: BuiltinTextEncoder, integer: IntegerTextEncoder
) -> None:
    assert integer.space == exact.space
    assert integer.max_tokens == exact.max_tokens


def test_documents_are_encoded_with_it_where_the_processor_has_the_instructions(exact: BuiltinTextEncoder) -> None:
    if multiplies_integers():
        assert isinstance(exact.for_indexing(), IntegerTextEncoder)
        assert exact.for_indexing() is exact.for_indexing()
    else:
        assert exact.for_indexing() is exact


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512_vnni fma", True),
        ("flags\t\t: fpu avx2 avx_vnni", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("Features\t: fp asimd asimddp", False),
    ],
)
def test_the_instructions_are_found_in_what_linux_says_of_the_processor(
    tmp_path: Path, flags: str, expected: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n\nprocessor\t: 1\n{flags}\n")
    assert multiplies_integers(tmp_path / "cpuinfo") is expected
    assert not multiplies_integers(tmp_path / "absent")


def test_the_products_of_the_graph_are_the_matrices_of_the_wheel() -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(check_wheels())
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    used = [node.input[1] for node in model.graph.node if node.op_type == "MatMul" and f"{node.input[1]}_q" in stored]
    weights = graph_weights(read_initializers(check_wheels()))
    for layer in range(6):
        q, k, v, *others = (stored[f"{name}_q"] * stored[f"{name}_scale"] for name in used[6 * layer : 6 * layer + 6])
        for product, expected in zip(("qkv", "ao", "fi", "fo"), (np.concatenate([q, k, v], 1), *others), strict=True):
            found = weights[f"l{layer}.{product}.w"] * weights[f"l{layer}.{product}.s"]
            np.testing.assert_array_equal(found, expected)
