"""Checkpoints in Hugging Face's format: vectors equal to transformers' own, whole weights, and no code of theirs."""

import pagelens.encode.torch_support  # noqa: F401

# isort: split
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.core.types import ImageArray
from pagelens.encode.loading import IMAGE_ENCODERS, VISUAL_ENCODERS, load_image_encoder, load_visual_encoder
from tests.encode.tiny_transformers import (
    CONTEXT,
    make_dinov2,
    make_transformers_clip,
    save_as_pytorch,
    wrap_for_sentence_transformers,
)
from tests.encode.tiny_vision import make_clip_checkpoint, rename_tensors, weights_of

library: Any = transformers
OFFLINE = Settings(offline=True, threads=1)
TEXTS = ["a photo of the lake", "", "red boat seen from above", "the lake " * 60, "THE LAKE"]
FAMILIES = ["clip", "siglip", "siglip2"]


def pictures() -> list[ImageArray]:
    """Return eleven pictures of several shapes: more than a batch."""
    random = np.random.default_rng(0)
    shapes = [(90, 120), (120, 90), (64, 64), (20, 20), (40, 160), *[(50 + step, 70) for step in range(6)]]
    return [random.integers(0, 256, (*shape, 3), np.uint8) for shape in shapes]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("hugging-face")
    return {family: make_transformers_clip(root / family, family) for family in FAMILIES} | {
        "dinov2": make_dinov2(root / "dinov2")
    }


def by_transformers(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Encode with the library's own model class, one picture and one text at a time, normalised."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    model: Any = getattr(library, config["architectures"][0]).from_pretrained(folder).eval()
    processor: Any = library.AutoImageProcessor.from_pretrained(folder, backend="pil")
    tokenizer: Any = library.AutoTokenizer.from_pretrained(folder)
    padding = {} if config["model_type"] == "clip" else {"padding": "max_length"}
    with torch.no_grad():
        images = [
            model.get_image_features(**processor(images=Image.fromarray(picture), return_tensors="pt"))
            for picture in pictures()
        ]
        lower = [text.lower() for text in TEXTS]
        tokens = [
            tokenizer(text, truncation=True, max_length=CONTEXT, return_tensors="pt", **padding) for text in lower
        ]
        texts = [model.get_text_features(input_ids=found["input_ids"]) for found in tokens]
    return unit(images), unit(texts)


def unit(outputs: list[Any]) -> NDArray[np.float32]:
    rows = torch.cat([output.pooler_output for output in outputs]).numpy()
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors_are_those_of_transformers_own_calls(family: str, folders: dict[str, Path]) -> None:
    encoder = load_image_encoder(str(folders[family]), OFFLINE)
    images, texts = by_transformers(folders[family])
    np.testing.assert_allclose(encoder.encode_images(pictures()), images, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_queries(TEXTS), texts, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_queries(TEXTS[:1]), texts[:1], atol=1e-5)  # short, without a long one
    # The comparison can fail: other pictures and other texts have other vectors; capitals make no difference.
    assert np.abs(images - np.roll(images, 1, axis=0)).max(axis=1).min() > 0.01
    assert np.abs(texts[:4] - np.roll(texts[:4], 1, axis=0)).max(axis=1).min() > 0.01
    assert encoder.space.dim == images.shape[1] == (24 if family == "clip" else 32)
    assert f"family={family}; picture=" in encoder.space.options and "tokens=12" in encoder.space.options
    assert encoder.logit_scale > 0


def test_siglip_reads_capitals_as_small_letters_whatever_its_tokenizer_does(folders: dict[str, Path]) -> None:
    # The published SigLIP2 folders name a tokenizer that keeps capitals, although the model was trained without any.
    small, capital = load_image_encoder(str(folders["siglip"]), OFFLINE).encode_queries(["the lake", "The LAKE"])
    np.testing.assert_array_equal(small, capital)


def test_a_clip_of_sentence_transformers_is_the_clip_inside_it(folders: dict[str, Path], tmp_path: Path) -> None:
    inner = Path(shutil.copytree(folders["clip"], tmp_path / "clip"))
    save_as_pytorch(inner)  # as clip-ViT-B-32 is published
    outer = wrap_for_sentence_transformers(inner, tmp_path / "outer")
    expected = load_image_encoder(str(folders["clip"]), OFFLINE).encode_images(pictures()[:2])
    np.testing.assert_array_equal(load_image_encoder(str(outer), OFFLINE).encode_images(pictures()[:2]), expected)
    report, *_ = IMAGE_ENCODERS.report(OFFLINE, names=[str(outer)])
    assert report.ready


def test_dinov2_gives_its_class_token(folders: dict[str, Path]) -> None:
    encoder = load_visual_encoder(str(folders["dinov2"]), OFFLINE)
    model: Any = library.Dinov2Model.from_pretrained(folders["dinov2"]).eval()
    processor: Any = library.AutoImageProcessor.from_pretrained(folders["dinov2"], backend="pil")
    with torch.no_grad():
        outputs = [model(**processor(images=Image.fromarray(shown), return_tensors="pt")) for shown in pictures()]
    np.testing.assert_allclose(encoder.encode_images(pictures()), unit(outputs), atol=1e-5)
    class_tokens = torch.cat([output.last_hidden_state[:, 0] for output in outputs]).numpy()
    class_tokens /= np.linalg.norm(class_tokens, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.encode_images(pictures()), class_tokens, atol=1e-5)
    assert encoder.encode_images([]).shape == (0, 32) == (0, encoder.space.dim)
    assert VISUAL_ENCODERS.report(OFFLINE, names=[str(folders["dinov2"])])[0].ready
    with pytest.raises(WeightsError, match=r"expected an image and text encoder \(clip, siglip, siglip2\).*'dinov2'"):
        load_image_encoder(str(folders["dinov2"]), OFFLINE)


def test_the_visual_lane_takes_clip_like_models_of_every_format(folders: dict[str, Path], tmp_path: Path) -> None:
    for folder in (folders["siglip"], make_clip_checkpoint(tmp_path / "open_clip")):
        visual = load_visual_encoder(str(folder), OFFLINE).encode_images(pictures()[:2])
        np.testing.assert_array_equal(visual, load_image_encoder(str(folder), OFFLINE).encode_images(pictures()[:2]))


@pytest.mark.parametrize("family", [*FAMILIES, "dinov2"])
@pytest.mark.parametrize("pickled", [False, True], ids=["safetensors", "pytorch"])
def test_a_removed_tensor_is_refused_by_name(
    family: str, pickled: bool, folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders[family], tmp_path / "tiny"))
    names: list[str] = []

    def rename(key: str) -> str | None:
        names.append(key)
        return None if key.endswith("fc1.weight") and ("layers.1." in key or "layer.1." in key) else key

    rename_tensors(weights_of(folder), rename)
    if pickled:
        save_as_pytorch(folder)
    with pytest.raises(WeightsError, match=r"every parameter .* not in its files, so random: .*fc1\.weight"):
        load_visual_encoder(str(folder), OFFLINE)


def test_changed_values_are_refused_whatever_the_report_says(folders: dict[str, Path], tmp_path: Path) -> None:
    from pagelens.encode.weight_verification import LoadReport, check_loaded

    folder = Path(shutil.copytree(folders["clip"], tmp_path / "tiny"))
    save_as_pytorch(folder)
    model: Any = library.CLIPModel.from_pretrained(folder)
    check_loaded(model, [LoadReport()], [folder / "pytorch_model.bin"], name="tiny")
    with torch.no_grad():
        model.visual_projection.weight.add_(1)
    with pytest.raises(WeightsError, match=r"so random: visual_projection\.weight"):
        check_loaded(model, [LoadReport()], [folder / "pytorch_model.bin"], name="tiny")


def test_models_that_need_code_of_their_own_are_refused(tmp_path: Path) -> None:
    config = {
        "model_type": "jina_clip",
        "auto_map": {"AutoModel": "jinaai/jina-clip-implementation--modeling.JinaCLIP"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    for load in (load_image_encoder, load_visual_encoder):
        with pytest.raises(WeightsError, match=r"found 'jina_clip'; it needs code of its own, which is never run"):
            load(str(tmp_path), OFFLINE)


def test_weights_that_are_a_pickle_run_no_code(folders: dict[str, Path], tmp_path: Path) -> None:
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (trap,)

    folder = Path(shutil.copytree(folders["clip"], tmp_path / "tiny"))
    weights_of(folder).unlink()
    torch.save({"visual_projection.weight": Trap()}, folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="expected a checkpoint that transformers can load"):
        load_image_encoder(str(folder), OFFLINE)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([("models.Transformer", "."), ("models.Pooling", "1"), ("models.Dense", "2")], "expected one CLIP model"),
        ([("models.CLIPModel", "../other")], "expected a module inside"),
    ],
    ids=["text encoder", "escaping path"],
)
def test_other_folders_of_sentence_transformers_are_refused(
    modules: list[tuple[str, str]], message: str, tmp_path: Path
) -> None:
    listed = [{"type": f"sentence_transformers.{name}", "path": path} for name, path in modules]
    (tmp_path / "modules.json").write_text(json.dumps(listed), "utf-8")
    with pytest.raises(WeightsError, match=message):
        load_image_encoder(str(tmp_path), OFFLINE)


def test_a_module_with_code_of_its_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "custom_st.Transformer", "path": ""}]), "utf-8")
    with pytest.raises(WeightsError, match=r"found custom_st\.Transformer: code of a checkpoint is never run"):
        load_image_encoder(str(tmp_path), OFFLINE)


def test_a_folder_without_weights_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders["clip"], tmp_path / "tiny"))
    weights_of(folder).unlink()
    with pytest.raises(WeightsError, match=r"expected weights \(\*\.safetensors or pytorch_model\*\.bin\)"):
        load_image_encoder(str(folder), OFFLINE)
