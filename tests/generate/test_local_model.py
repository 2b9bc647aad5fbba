"""Models that run here: tiny random ones say nonsense, but they must read every picture, stream, and stop when told."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.errors import GenerationError
from pagelens.core.types import ImageArray, PageRef
from pagelens.generate.llm.chat import ChatRequest, Finished, Message, TextDelta, TextPart, complete
from pagelens.generate.llm.image_parts import encode_image
from pagelens.generate.llm.local_model import THREAD_NAME, LocalModel
from pagelens.generate.llm.providers import ModelChoice, load_chat_model
from pagelens.generate.prompts import Budget
from pagelens.generate.vision import VisionAnswerer
from tests.generate.pages import analyze, show
from tests.generate.tiny_models import make_idefics, make_qwen, make_text

MAKERS: dict[str, Callable[[Path], Path]] = {"qwen": make_qwen, "idefics": make_idefics}


@pytest.fixture(scope="module", params=list(MAKERS))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    folder = MAKERS[request.param](tmp_path_factory.mktemp("models") / request.param)
    return LocalModel(folder, device="cpu")


@pytest.fixture(scope="module")
def text_model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return LocalModel(make_text(tmp_path_factory.mktemp("models") / "text"), device="cpu")


def picture(height: int, width: int, seed: int = 0) -> ImageArray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def request(*sizes: tuple[int, int], tokens: int = 6, seed: int = 0) -> ChatRequest:
    parts = [encode_image(picture(*size, seed + at), max_side=400) for at, size in enumerate(sizes)]
    return ChatRequest("be brief", [Message("user", [*parts, TextPart("What is there?")])], tokens)


def running() -> int:
    return sum(thread.name == THREAD_NAME for thread in threading.enumerate())


def test_several_pictures_of_different_sizes_are_read_each(model: LocalModel) -> None:
    assert model.accepts_images
    counts = []
    for sizes in ([], [(140, 100)], [(140, 100), (60, 200)], [(140, 100), (60, 200), (300, 300)]):
        _, end = complete(model, request(*sizes))
        assert end.input_tokens is not None and end.output_tokens is not None and 0 < end.output_tokens <= 6
        counts.append(end.input_tokens)
    assert counts == sorted(set(counts))  # each picture adds tokens


def test_what_is_in_a_picture_changes_what_is_said(model: LocalModel) -> None:
    replies = {complete(model, request((120, 120), seed=seed))[0] for seed in range(3)}
    assert len(replies) > 1
    assert complete(model, request((120, 120), seed=0))[0] in replies


def test_a_reply_streams_and_says_when_it_was_cut(model: LocalModel) -> None:
    events = list(model.stream(request((100, 100), tokens=9)))
    assert isinstance(events[-1], Finished) and all(isinstance(item, TextDelta) for item in events[:-1])
    assert events[-1].reason == ("length" if events[-1].output_tokens == 9 else "stop")


def test_who_stops_reading_stops_the_run(text_model: LocalModel) -> None:
    events = text_model.stream(request(tokens=3_500))
    next(events)
    assert running() == 1
    events.close()
    assert running() == 0
    assert complete(text_model, request(tokens=4))[1].output_tokens == 4  # and the next has its turn


def test_a_request_that_does_not_fit_is_refused_before_it_runs(model: LocalModel) -> None:
    with pytest.raises(GenerationError) as raised:
        next(model.stream(request(tokens=100_000)))
    assert raised.value.code == "too-long" and "4096" in str(raised.value)


def test_a_text_model_says_that_it_does_not_see(text_model: LocalModel) -> None:
    assert not text_model.accepts_images
    with pytest.raises(GenerationError) as raised:
        next(text_model.stream(request((50, 50))))
    assert raised.value.code == "no-pictures"


def test_a_page_goes_through_a_local_model_to_an_answer(model: LocalModel) -> None:
    pages = [show("Revenue rose to 1,234 million.", number=number) for number in (1, 2)]

    def draw(ref: PageRef, longest: int) -> ImageArray:
        return picture(longest, longest // 2, ref.number)

    answer = VisionAnswerer(
        model, analyze, load_page_image=draw, budget=Budget(image_side=200, reply_tokens=20)
    ).answer("How much?", pages)
    assert answer.usage is not None and answer.usage.pictures == 2 and answer.usage.output_tokens
    assert not any(item.state == "supported" for item in answer.citations)  # nonsense stands on no page


def test_a_folder_that_holds_no_checkpoint_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "unheard_of"}')
    with pytest.raises(GenerationError) as raised:
        load_chat_model(ModelChoice(f"local:{tmp_path}"))
    assert raised.value.code == "no-model" and str(tmp_path) in str(raised.value)
