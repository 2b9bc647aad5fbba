"""Model calls in the open: each is reported once, with tokens, images, time and outcome, and nothing of a text."""

import logging
from itertools import count

import pytest

from pagelens.core import tracing
from pagelens.core.errors import GenerationError
from pagelens.generate.llm.chat import ChatRequest, ImagePart, Message, TextPart, complete
from pagelens.generate.llm.metering import Prices
from pagelens.generate.llm.observed import ModelCall, ObservedModel
from pagelens.generate.llm.openai_compatible import OpenAICompatibleModel
from pagelens.generate.llm.retrying import RetryPolicy
from pagelens.generate.llm.scripted import ScriptedModel
from tests.generate.model_server import Complete, Fail, running

SECRET = "the vault's number is 4711"
REQUEST = ChatRequest(
    "Read.", [Message("user", [TextPart(SECRET), ImagePart(b"x", "image/png", 30, 20)])], prompt="answer@1"
)


def observed(*replies: str | GenerationError) -> tuple[ObservedModel, list[ModelCall]]:
    calls: list[ModelCall] = []
    ticks = count(10.0, 2.5)
    model = ScriptedModel(list(replies), name="tiny")
    return ObservedModel(model, prices=Prices(2, 10), on_call=calls.append, clock=lambda: next(ticks)), calls


def test_a_call_is_reported_when_its_reply_has_ended() -> None:
    model, calls = observed("yes, indeed.")
    token = tracing.request_id.set("r-1")
    text, end = complete(model, REQUEST)
    tracing.request_id.reset(token)
    [call] = calls
    assert text == "yes, indeed." and (call.model, call.prompt, call.request) == ("tiny", "answer@1", "r-1")
    assert (call.images, call.seconds, call.outcome) == ([(30, 20)], 2.5, "stop")
    assert (call.input_tokens, call.output_tokens) == (end.input_tokens, end.output_tokens)
    assert call.input_tokens and call.output_tokens
    assert call.cost == pytest.approx((call.input_tokens * 2 + call.output_tokens * 10) / 1e6)


def test_a_failed_call_is_reported_with_the_code_of_its_error() -> None:
    model, calls = observed(GenerationError("refused", "no"))
    with pytest.raises(GenerationError):
        complete(model, REQUEST)
    assert [(call.outcome, call.input_tokens, call.cost) for call in calls] == [("refused", None, None)]


def test_a_call_that_the_reader_leaves_is_reported_as_closed() -> None:
    model, calls = observed("a long reply in many pieces")
    events = model.stream(REQUEST)
    next(events)
    assert calls == []
    events.close()
    assert [call.outcome for call in calls] == ["closed"]


def test_the_log_has_a_line_for_each_call_and_no_word_of_it(caplog: pytest.LogCaptureFixture) -> None:
    model, _ = observed(f"It says: {SECRET}")
    with caplog.at_level(logging.INFO, logger="pagelens.generate.llm.observed"):
        complete(model, REQUEST)
    [record] = caplog.records
    fields = record.__dict__["fields"]
    assert (fields["prompt"], fields["images"], fields["outcome"]) == ("answer@1", ["30x20"], "stop")
    assert "4711" not in f"{record.getMessage()} {fields}"


def test_the_retries_of_a_call_have_one_idempotency_key_and_the_next_call_another() -> None:
    with running() as server:
        policy = RetryPolicy(sleep=lambda _: None)
        model = OpenAICompatibleModel("tiny", address=f"{server.root}/v1", retry_policy=policy)
        server.replies = [Fail(503), Complete(["yes"]), Complete(["yes"])]
        token = tracing.request_id.set("r-2")
        for _ in range(2):
            complete(model, REQUEST)
        tracing.request_id.reset(token)
    first, retried, other = (headers["idempotency-key"] for headers in server.headers)
    assert first == retried != other and first.startswith("pagelens-")
    assert {headers["x-request-id"] for headers in server.headers} == {"r-2"}
