"""Tokens of images by each provider's own rule, worked by hand; and the price of requests before they are sent."""

import pytest

from pagelens.core.errors import UsageError
from pagelens.generate.llm.chat import ChatRequest, ImagePart, Message, TextPart
from pagelens.generate.llm.estimates import (
    Estimator,
    anthropic_tokens,
    count_images_for,
    openai_patch_tokens,
    openai_tile_tokens,
    patch_tokens,
)
from pagelens.generate.llm.metering import Prices
from pagelens.generate.llm.providers import ModelChoice


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        ((1_024, 1_024), 765),  # to 768 by 768: 2 by 2 tiles, 85 + 4 * 170; OpenAI's own example
        ((2_048, 4_096), 1_105),  # to 1,024 by 2,048, then 768 by 1,536: 2 by 3 tiles; OpenAI's own example
        ((512, 512), 255),  # one tile
        ((513, 512), 425),  # two tiles
    ],
)
def test_openai_counts_tiles_of_512_pixels(size: tuple[int, int], tokens: int) -> None:
    assert openai_tile_tokens(*size, base=85, tile=170) == tokens
    assert count_images_for("openai", "gpt-4o-2024-11-20")(*size) == tokens


def test_openai_counts_patches_of_32_pixels_for_small_models() -> None:
    assert openai_patch_tokens(1_024, 1_024, factor=1.0) == 1_024  # 32 by 32
    assert openai_patch_tokens(1_800, 2_400, factor=1.0) == 1_452  # to 33 by 44; OpenAI's own example
    assert count_images_for("openai", "gpt-4.1-mini")(320, 320) == 162  # 100 patches at 1.62
    assert count_images_for("openai", "gpt-4.1")(512, 512) == 255  # the large one has tiles


def test_the_longest_name_decides_among_models() -> None:
    assert count_images_for("openai", "gpt-4o-mini")(512, 512) == 2_833 + 5_667
    assert count_images_for("openai", "gpt-5-mini-2025")(320, 320) == 162
    assert count_images_for("openai", "gpt-5")(512, 512) == 210


def test_anthropic_takes_a_token_for_750_pixels_up_to_1568_on_the_longer_side() -> None:
    assert anthropic_tokens(1_000, 1_000) == 1_333
    assert anthropic_tokens(3_136, 1_568) == anthropic_tokens(1_568, 784) == 1_639
    assert count_images_for("anthropic", "claude-x")(750, 100) == 100


def test_a_local_model_takes_a_token_for_a_patch_of_28_pixels() -> None:
    assert patch_tokens(280, 560) == 200 == count_images_for("local", "folder")(280, 560)


def test_another_servers_model_is_counted_like_current_vision_models() -> None:
    assert count_images_for("openai", "qwen2.5-vl")(750, 1_000) == 1_000


def test_an_estimate_adds_texts_images_and_replies_and_takes_the_prices() -> None:
    image = ImagePart(b"", "image/png", 512, 512)
    request = ChatRequest("s" * 35, [Message("user", [TextPart("t" * 70), image])])
    made = Estimator("gpt-4o", count_images_for("openai", "gpt-4o"), Prices(2.0, 10.0)).estimate(
        [request, request], reply_tokens=50
    )
    assert (made.calls, made.images, made.output_tokens) == (2, 2, 100)
    assert made.input_tokens == 2 * (11 + 21 + 255)  # 3.5 characters a token, one more for each text
    assert made.cost == pytest.approx((574 * 2.0 + 100 * 10.0) / 1e6)
    assert Estimator("m", patch_tokens).estimate([request]).cost is None


def test_the_side_of_images_is_read_from_the_environment() -> None:
    environment = {"PAGELENS_LLM_MODEL": "gpt-4o", "PAGELENS_LLM_SIDE": "2000"}
    choice = ModelChoice.from_environment(environment)
    assert choice is not None and choice.budget.image_side == 2_000
    for wrong in ("639", "8001", "large"):
        with pytest.raises(UsageError, match="PAGELENS_LLM_SIDE"):
            ModelChoice.from_environment({**environment, "PAGELENS_LLM_SIDE": wrong})
