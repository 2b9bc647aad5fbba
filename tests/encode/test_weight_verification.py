import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.encode.loading import load_page_encoder
from pagelens.encode.weight_verification import check_loaded
from tests.encode.tiny_vision import FAMILIES, make_adapter, make_page_checkpoint, rename_tensors, weights_of

OFFLINE = Settings(offline=True)
WEIGHTS = dict.fromkeys(FAMILIES, "custom_text_proj.weight") | {"ColIdefics3": "linear.weight"}


def changed_copy(folder: Path, copy: Path, rename: dict[str, str | None]) -> Path:
    """Copy a checkpoint with tensors, named by how they end, renamed or removed."""
    shutil.copytree(folder, copy)
    ends = tuple(rename)

    def renamed(name: str) -> str | None:
        end = next((end for end in ends if name.endswith(end)), None)
        return name if end is None else rename[end]

    rename_tensors(weights_of(copy), renamed)
    return copy


@pytest.mark.parametrize("family", FAMILIES)
def test_a_removed_tensor_is_refused_by_name(family: str, tmp_path: Path) -> None:
    made, ends = make_page_checkpoint(family, tmp_path / "whole"), WEIGHTS[family]
    folder = changed_copy(made, tmp_path / "removed", {ends: None})
    with pytest.raises(WeightsError, match=rf"not in its files, so random: {ends}\."):
        load_page_encoder(str(folder), OFFLINE)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_renamed_tensor_is_refused_by_both_names(family: str, tmp_path: Path) -> None:
    made = make_page_checkpoint(family, tmp_path / "whole")
    layer = "layers.1.mlp.Wo.weight" if family == "ColModernVBert" else "layers.1.self_attn.q_proj.weight"
    text = "text_model" if family in ("ColModernVBert", "ColIdefics3") else "language_model"
    full = next(name for name in tensor_names(made) if text in name and name.endswith(layer))
    folder = changed_copy(made, tmp_path / "renamed", {full: f"old.{layer}"})
    with pytest.raises(WeightsError, match=rf"so random: .*{text}\S*{layer}; .*no use to the model: \S*old\.{layer}"):
        load_page_encoder(str(folder), OFFLINE)


def tensor_names(folder: Path) -> list[str]:
    with safe_open(weights_of(folder), "pt") as file:
        return list(file.keys())


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_page_checkpoint("ColQwen2", tmp_path_factory.mktemp("tiny") / "colqwen2")


def test_a_tensor_of_another_shape_is_refused_by_name(qwen: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(qwen, tmp_path / "wider")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["vision_config"]["mlp_ratio"] = 3
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(
        WeightsError, match=r"of another shape in its files: visual\.blocks\.0\.mlp\.fc1\.bias \(64,\), not"
    ):
        load_page_encoder(str(folder), OFFLINE)


def test_layers_that_the_configuration_does_not_count_are_refused(qwen: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(qwen, tmp_path / "shallow")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["text_config"] |= {"num_hidden_layers": 1, "layer_types": ["full_attention"]}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(WeightsError, match=r"of no use to the model: language_model\.layers\.1\."):
        load_page_encoder(str(folder), OFFLINE)


def test_a_language_models_head_among_the_weights_is_allowed(qwen: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(qwen, tmp_path / "headed")
    norm = "language_model.norm.weight"
    tensors = load_file(weights_of(folder))
    save_file({**tensors, "lm_head.weight": tensors[norm].clone()}, weights_of(folder), {"format": "pt"})
    assert load_page_encoder(str(folder), OFFLINE).space.dim == 128


def test_numbers_that_are_not_those_of_the_files_are_found_without_any_report(qwen: Path) -> None:
    model = FAMILIES["ColQwen2"].model.from_pretrained(qwen)
    check_loaded(model, [], [weights_of(qwen)], name="tiny")
    check_loaded(model.to(torch.bfloat16), [], [weights_of(qwen)], name="tiny")  # rounded as the file's would be
    with torch.no_grad():
        model.language_model.layers[1].mlp.up_proj.weight[0] += 0.1
    with pytest.raises(WeightsError, match=r"tiny .*so random: language_model\.layers\.1\.mlp\.up_proj\.weight\."):
        check_loaded(model, [], [weights_of(qwen)], name="tiny")


def test_an_adapter_that_is_applied_only_in_part_is_refused(qwen: Path, tmp_path: Path) -> None:
    adapter = make_adapter(qwen, tmp_path / "adapter", "ColQwen2")
    lost = "language_model.layers.1.self_attn.v_proj.lora_B.weight"
    with pytest.raises(WeightsError, match=r"so random: language_model\.layers\.1\.self_attn\.v_proj\.lora_B\.default"):
        load_page_encoder(str(changed_copy(adapter, tmp_path / "removed", {lost: None})), OFFLINE)
    elsewhere = changed_copy(adapter, tmp_path / "elsewhere", {})
    rename_tensors(weights_of(elsewhere), lambda name: name.replace("language_model.layers", "decoder.layers"))
    with pytest.raises(WeightsError, match=r"so random: language_model.*no use to the model: decoder\.layers"):
        load_page_encoder(str(elsewhere), OFFLINE)
    fewer = changed_copy(adapter, tmp_path / "fewer", {})
    config = json.loads((fewer / "adapter_config.json").read_text("utf-8"))
    config["target_modules"] = r".*(q_proj|custom_text_proj)$"
    (fewer / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(WeightsError, match=r"no use to the model: .*down_proj\.lora_A"):
        load_page_encoder(str(fewer), OFFLINE)


def test_an_adapter_over_a_model_that_was_never_trained_for_retrieval_is_refused(qwen: Path, tmp_path: Path) -> None:
    bare = changed_copy(qwen, tmp_path / "bare", {"custom_text_proj.weight": None})
    adapter = make_adapter(qwen, tmp_path / "adapter", "ColQwen2")
    config = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    config["base_model_name_or_path"] = str(bare)
    (adapter / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(WeightsError, match=r"so random: custom_text_proj\.base_layer\.weight"):
        load_page_encoder(str(adapter), OFFLINE)
