import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.core.types import Box, ImageArray, QueryTokens, TokenMatrix
from pagelens.encode.loading import PAGE_ENCODERS, load_page_encoder
from pagelens.encode.page.colpali import ColPaliEncoder
from pagelens.encode.page.heatmaps import heat_map, spread
from pagelens.encode.weights import HuggingFaceHub, WeightsFolder
from tests.concurrent_calls import call_concurrently
from tests.encode.tiny_vision import FAMILIES, make_adapter, make_page_checkpoint, weights_of

OFFLINE = Settings(offline=True)
QUERIES = ["What grew in Lake Zug?", "twenty-two m2", ""]
BLACK = Box(0.15, 0.55, 0.23, 0.61)  # where the altered page is


def page_picture(width: float = 595, height: float = 842, *, altered: bool = False) -> ImageArray:
    """Return a page of text, rendered as real ones are; altered: with a black rectangle at `BLACK`."""
    document = pymupdf.open()
    page = document.new_page(width=width, height=height)
    for line in range(int(height // 20) - 3):
        page.insert_text((40, 50 + 20 * line), f"{line} The lake is deep and solar power grew by {line * 7} percent.")
    if altered:
        page.draw_rect((BLACK.x0 * width, BLACK.y0 * height, BLACK.x1 * width, BLACK.y1 * height), fill=(0, 0, 0))
    pixels = page.get_pixmap(dpi=100)
    return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3)


@dataclass(frozen=True)
class Encoded:
    """A family's checkpoint and what our encoder makes of a portrait page, a landscape one, and the page altered."""

    name: str
    folder: Path
    pages: list[TokenMatrix]
    altered: TokenMatrix
    queries: list[QueryTokens]


@pytest.fixture(scope="module", params=list(FAMILIES))
def encoded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    folder = make_page_checkpoint(request.param, tmp_path_factory.mktemp("tiny") / request.param)
    encoder = ColPaliEncoder.load(WeightsFolder(request.param, folder, "0" * 64, "path"), OFFLINE, pages=2)
    pages = encoder.encode_page_images([page_picture(), page_picture(600, 400)])  # one batch, padded
    (altered,) = encoder.encode_page_images([page_picture(altered=True)])
    return Encoded(request.param, folder, pages, altered, encoder.encode_queries(QUERIES))


def test_concurrent_queries_equal_queries_in_a_batch(encoded: Encoded) -> None:
    encoder = ColPaliEncoder.load(WeightsFolder(encoded.name, encoded.folder, "0" * 64, "path"), OFFLINE)
    together = call_concurrently(lambda text: encoder.encode_queries([text])[0], QUERIES)
    for one, expected in zip(together, encoded.queries, strict=True):
        assert one.words == expected.words
        np.testing.assert_allclose(one.vectors, expected.vectors, atol=1e-5)


def by_colpali_engine(
    family: str, folder: Path, pictures: list[ImageArray], queries: list[str]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Encode with the family's own model and processor, one at a time and so without padding."""
    tiny = FAMILIES[family]
    model = tiny.model.from_pretrained(folder)  # in evaluation mode
    processor = tiny.processor.from_pretrained(folder)
    pages, texts = [], []
    with torch.no_grad():
        for picture in pictures:
            batch = processor.process_images([Image.fromarray(picture)])
            pages.append(model(**batch)[0][processor.get_image_mask(batch)[0]].numpy())
        for query in queries:
            batch = processor.process_queries([query])
            assert batch["attention_mask"].all()
            texts.append(model(**batch)[0].numpy())
    return pages, texts


def test_vectors_are_those_of_colpali_engines_own_calls(encoded: Encoded) -> None:
    shown = [page_picture(), page_picture(600, 400)]
    pages, queries = by_colpali_engine(encoded.name, encoded.folder, shown, QUERIES)
    for ours, theirs in zip(encoded.pages, pages, strict=True):
        np.testing.assert_allclose(ours.vectors, theirs, atol=1e-5)
    for query, expected in zip(encoded.queries, queries, strict=True):
        np.testing.assert_allclose(query.vectors, expected, atol=1e-5)
    # The comparison can fail: tokens differ, and so do pages.
    assert np.abs(pages[0] - np.roll(pages[0], 1, axis=0)).max(axis=1).mean() > 0.01
    assert np.abs(encoded.pages[0].vectors - encoded.altered.vectors).max() > 0.05


def test_a_page_gives_its_patches_and_nothing_else(encoded: Encoded) -> None:
    tiny = FAMILIES[encoded.name]
    page = encoded.pages[0]
    assert page.vectors.shape == (tiny.tokens, 320 if encoded.name == "ColQwen3" else 128)
    assert page.boxes.shape == (tiny.tokens, 4)
    np.testing.assert_allclose(np.linalg.norm(page.vectors, axis=1), 1, atol=1e-6)
    # The finest patches cover the page once, and the picture as a whole covers it once more.
    areas = (page.boxes[:, 2:] - page.boxes[:, :2]).prod(axis=1)
    assert areas.sum() == pytest.approx(2 if tiny.coarse else 1, abs=1e-3)
    assert page.boxes.min() == 0 and page.boxes.max() == 1


def test_a_patch_changes_most_where_the_page_changed(encoded: Encoded) -> None:
    tiny, page = FAMILIES[encoded.name], encoded.pages[0]
    changes = np.linalg.norm(page.vectors - encoded.altered.vectors, axis=1)
    parts = [slice(0, tiny.tokens - tiny.coarse), slice(tiny.tokens - tiny.coarse, tiny.tokens)]
    for part in parts[: 2 if tiny.coarse else 1]:
        x0, y0, x1, y1 = page.boxes[part][changes[part].argmax()]
        assert x0 < BLACK.x1 and BLACK.x0 < x1 and y0 < BLACK.y1 and BLACK.y0 < y1, (x0, y0, x1, y1)


def test_a_heat_map_has_the_pages_shape_and_the_querys_words(encoded: Encoded) -> None:
    rows, columns = FAMILIES[encoded.name].grid
    portrait = heat_map(encoded.queries[0], encoded.pages[0])
    assert portrait.words == ["What", "grew", "in", "Lake", "Zug"]
    assert portrait.by_word.shape == (5, rows, columns)
    assert portrait.overall.shape == (rows, columns)
    landscape = heat_map(encoded.queries[0], encoded.pages[1]).overall
    assert landscape.size == len(encoded.pages[1].vectors) - FAMILIES[encoded.name].coarse
    if encoded.name != "ColPali":  # which squashes every page to a square
        assert landscape.shape[0] < landscape.shape[1]
    picture = page_picture()
    overlay = spread(portrait.overall, *picture.shape[:2])
    assert overlay.shape == picture.shape[:2]
    assert overlay.min() == 0 and overlay.max() == 1


def test_a_heat_map_has_each_patchs_similarity_in_its_place(encoded: Encoded) -> None:
    query, page = encoded.queries[0], encoded.pages[0]
    found = heat_map(query, page)
    rows, columns = found.overall.shape
    pieces = [index for index, word in enumerate(query.words) if word == "grew"]
    for row, column in ((0, 0), (rows - 1, 2), (5, columns - 1)):
        x, y = (column + 0.5) / columns, (row + 0.5) / rows
        inside = (page.boxes[:, 0] < x) & (x < page.boxes[:, 2]) & (page.boxes[:, 1] < y) & (y < page.boxes[:, 3])
        patch = np.flatnonzero(inside)[0]  # of a tiled page the tile's, which comes before the whole
        expected = float(np.mean([query.vectors[piece] @ page.vectors[patch] for piece in pieces]))
        assert found.by_word[1, row, column] == pytest.approx(expected, abs=1e-5)


def test_each_token_of_a_query_names_its_word(encoded: Encoded) -> None:
    first, second, empty = encoded.queries
    assert [len(query.words) for query in encoded.queries] == [len(query.vectors) for query in encoded.queries]
    named = [word for word in first.words if word]
    assert named == ["What"] * 4 + ["grew"] * 4 + ["in"] * 2 + ["Lake"] * 4 + ["Zug"] * 3  # a token a byte
    assert first.words[-10:] == [""] * 10  # what the family adds
    assert {word for word in second.words if word} == {"twenty-two", "m2"}
    assert not any(empty.words) and len(empty.words) >= 10


def test_special_tokens_in_a_query_are_plain_text(tmp_path: Path) -> None:
    for family in ("ColPali", "ColQwen2", "ColIdefics3"):
        encoder = load_page_encoder(str(make_page_checkpoint(family, tmp_path / family)), OFFLINE)
        marks = "<image> <|image_pad|> lake <end_of_utterance><pad>"
        hostile, plain = encoder.encode_queries([marks, "lake"])
        assert "lake" in hostile.words
        assert len(hostile.words) > len(plain.words) + 20  # letters, not marks


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_page_checkpoint("ColQwen2", tmp_path_factory.mktemp("tiny") / "colqwen2")


@pytest.mark.parametrize(
    ("family", "prefix"),
    [("ColQwen2", ""), ("ColQwen2", "model."), ("ColQwen2_5", "model."), ("ColIdefics3", ""), ("ColPali", "")],
)
def test_an_adapter_is_applied_with_current_and_with_older_tensor_names(
    family: str, prefix: str, tmp_path: Path
) -> None:
    base = make_page_checkpoint(family, tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", family, prefix=prefix)
    encoder = load_page_encoder(str(adapter), OFFLINE)
    _, (expected,) = by_colpali_engine(family, adapter, [], QUERIES[:1])
    _, (without,) = by_colpali_engine(family, base, [], QUERIES[:1])
    np.testing.assert_allclose(encoder.encode_queries(QUERIES[:1])[0].vectors, expected, atol=1e-5)
    assert np.abs(expected - without).max() > 0.01
    assert "base=base@" in encoder.space.options


def test_an_adapters_base_is_searched_for_like_any_model(qwen: Path, tmp_path: Path) -> None:
    adapter = make_adapter(qwen, tmp_path / "adapter", "ColQwen2")
    config = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    hub = HuggingFaceHub(cache=tmp_path / "cache")
    settings = Settings(models=tmp_path / "models", offline=True)
    for base in ("org/colqwen2-base", "/home/somebody/colqwen2-base"):
        config["base_model_name_or_path"] = base
        (adapter / "adapter_config.json").write_text(json.dumps(config), "utf-8")
        with pytest.raises(WeightsError, match=r"expected the weights of .*colqwen2-base, did not find them"):
            load_page_encoder(str(adapter), settings, hub=hub)
        (report,) = PAGE_ENCODERS.report(settings, names=[str(adapter)], hub=hub)
        assert not report.ready and "colqwen2-base" in report.problem
    shutil.copytree(qwen, tmp_path / "models" / "colqwen2-base")
    assert load_page_encoder(str(adapter), settings, hub=hub).space.multi_vector
    (report,) = PAGE_ENCODERS.report(settings, names=[str(adapter)], hub=hub)
    assert report.ready


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"architectures": ["BertModel"], "model_type": "bert"}, "expected one of ColPali, .* found 'BertModel'"),
        ({"architectures": ["ColQwen2ForRetrieval"], "model_type": "colqwen2"}, "without -hf in its name"),
        ({"architectures": ["ColQwen2"], "model_type": "qwen2_vl"}, r"expected model\*\.safetensors"),
    ],
)
def test_a_folder_that_is_no_checkpoint_of_a_family_is_refused(
    config: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(WeightsError, match=message):
        load_page_encoder(str(tmp_path), OFFLINE)


def test_damaged_weights_are_a_weights_error(qwen: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(qwen, tmp_path / "damaged")
    content = weights_of(folder).read_bytes()
    weights_of(folder).write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="expected a ColQwen2 that colpali_engine can load"):
        load_page_encoder(str(folder), OFFLINE)
