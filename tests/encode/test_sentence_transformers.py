import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.encode.loading import BUILTIN, load_text_encoder
from tests.encode.checkpoints import LENGTH, bare_bert, minilm_folder, text_checkpoint
from tests.encode.texts import TEXTS

OFFLINE = Settings(offline=True)
SHORT = ["the lake is deep", "what grew", "", "solar power and wind power on the lake"]
PROMPT = "what is: "


def by_hand(folder: Path, texts: list[str], *, pooling: str, prompt: str = "") -> NDArray[np.float32]:
    """Encode with plain transformers, one text at a time, so without padding, batches or sentence-transformers."""
    import pagelens.encode.torch_support  # noqa: F401, I001
    import torch
    from transformers import AutoTokenizer, BertModel

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder)  # in evaluation mode
    rows = []
    for text in texts:
        encoded = tokenizer(prompt + text, truncation=True, max_length=LENGTH, return_tensors="pt")
        with torch.no_grad():
            hidden = model(input_ids=encoded["input_ids"]).last_hidden_state[0].numpy()
        row = hidden[0] if pooling == "cls" else hidden.mean(axis=0)
        rows.append(row / np.linalg.norm(row))
    return np.stack(rows)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_pooling_and_the_query_prompt_come_from_the_checkpoint(pooling: str, tmp_path: Path) -> None:
    folder = text_checkpoint(tmp_path / "tiny", pooling=pooling, prompts={"query": PROMPT})
    encoder = load_text_encoder(str(folder), OFFLINE)
    queries = by_hand(folder, SHORT, pooling=pooling, prompt=PROMPT)
    passages = by_hand(folder, SHORT, pooling=pooling)
    np.testing.assert_allclose(encoder.encode_queries(SHORT), queries, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_passages(SHORT), passages, atol=1e-5)
    # The comparison can fail: the prompt and the pooling each move the vectors.
    other = by_hand(folder, SHORT, pooling="mean" if pooling == "cls" else "cls")
    assert np.abs(queries - passages).max() > 0.05
    assert np.abs(other - passages).max() > 0.05
    assert f"Pooling({pooling})" in encoder.space.options
    assert f"tokens={LENGTH}" in encoder.space.options
    assert f'query="{PROMPT}"; passage=""' in encoder.space.options
    assert encoder.max_tokens == LENGTH - 2  # [CLS] and [SEP]


def test_a_passage_prompt_is_used_under_each_of_its_names(tmp_path: Path) -> None:
    for name in ("document", "passage", "corpus"):
        folder = text_checkpoint(tmp_path / name, pooling="mean", prompts={name: "the water: "})
        encoder = load_text_encoder(str(folder), OFFLINE)
        expected = by_hand(folder, SHORT, pooling="mean", prompt="the water: ")
        np.testing.assert_allclose(encoder.encode_passages(SHORT), expected, atol=1e-5)
        assert encoder.max_tokens == LENGTH - 2 - 3  # [CLS], [SEP] and the prompt's "the", "water", ":"


def test_english_bge_gets_its_known_query_prompt_and_its_namesakes_do_not(tmp_path: Path) -> None:
    bge = load_text_encoder(str(text_checkpoint(tmp_path / "bge-small-en-v1.5", pooling="cls")), OFFLINE)
    known = "Represent this sentence for searching relevant passages: "
    assert f'query="{known}"; passage=""' in bge.space.options
    expected = by_hand(tmp_path / "bge-small-en-v1.5", SHORT, pooling="cls", prompt=known)
    np.testing.assert_allclose(bge.encode_queries(SHORT), expected, atol=1e-5)

    for name in ("bge-m3", "bge-small-zh-v1.5", "bge-small-en-v1.5-mine"):
        encoder = load_text_encoder(str(text_checkpoint(tmp_path / name, pooling="cls")), OFFLINE)
        assert 'query=""' in encoder.space.options


def test_a_checkpoints_own_prompt_is_kept_even_for_english_bge(tmp_path: Path) -> None:
    folder = text_checkpoint(tmp_path / "bge-base-en-v1.5", pooling="cls", prompts={"query": PROMPT})
    assert f'query="{PROMPT}"' in load_text_encoder(str(folder), OFFLINE).space.options


def test_two_checkpoints_that_differ_in_weights_alone_are_two_spaces(tmp_path: Path) -> None:
    one, two, same = (
        load_text_encoder(str(text_checkpoint(tmp_path / name / "tiny", pooling="cls", seed=seed)), OFFLINE).space
        for name, seed in (("one", 0), ("two", 1), ("same", 0))
    )
    assert one == same
    assert one.fingerprint != two.fingerprint
    assert one.options == two.options


def test_a_bare_folder_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"expected modules\.json in .*1_Pooling/config\.json.*save"):
        load_text_encoder(str(bare_bert(tmp_path / "bare")), OFFLINE)


def test_a_folder_whose_pooling_has_no_configuration_is_refused(tmp_path: Path) -> None:
    folder = text_checkpoint(tmp_path / "tiny", pooling="cls")
    shutil.rmtree(folder / "1_Pooling")
    with pytest.raises(WeightsError, match=r"expected 1_Pooling/config\.json"):
        load_text_encoder(str(folder), OFFLINE)


def test_modules_json_that_is_no_list_of_modules_is_refused(tmp_path: Path) -> None:
    folder = text_checkpoint(tmp_path / "tiny", pooling="cls")
    for damaged in ("", "[{}]", '{"a": 1}', "[1]"):
        (folder / "modules.json").write_text(damaged, "utf-8")
        with pytest.raises(WeightsError, match=r"expected a list of modules in .*modules\.json"):
            load_text_encoder(str(folder), OFFLINE)


def test_damaged_weights_are_a_weights_error(tmp_path: Path) -> None:
    folder = text_checkpoint(tmp_path / "tiny", pooling="cls")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="expected a checkpoint that sentence-transformers can load"):
        load_text_encoder(str(folder), OFFLINE)


def test_the_builtin_encoder_agrees_with_the_same_model_in_fp32_on_torch() -> None:
    torch_encoder = load_text_encoder(str(minilm_folder()), OFFLINE)
    builtin = load_text_encoder(BUILTIN, OFFLINE)
    cosines = np.sum(torch_encoder.encode_passages(TEXTS) * builtin.encode_passages(TEXTS), axis=1)
    assert len(TEXTS) == 12
    assert cosines.min() > 0.99, cosines
    assert torch_encoder.count_tokens(TEXTS) == builtin.count_tokens(TEXTS)
    assert torch_encoder.max_tokens == builtin.max_tokens
