"""Models over real HTTP: requests, replies, errors, and which calls are retried."""

import base64
import io
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.anthropic_model import AnthropicModel
from pagelens.generate.llm.chat import ChatEvent, ChatModel, ChatRequest, Finished, Message, Part, TextDelta, TextPart
from pagelens.generate.llm.image_parts import encode_image
from pagelens.generate.llm.openai_compatible import OpenAICompatibleModel
from pagelens.generate.llm.retrying import RetryPolicy
from tests.generate.model_server import (
    BreakOff,
    Complete,
    Endless,
    Fail,
    FailWithin,
    Garble,
    ModelServer,
    ScriptedReply,
    Stall,
    running,
)

REQUEST = ChatRequest("be brief", [Message("user", [TextPart("hello")])], max_tokens=50)


@pytest.fixture(scope="module")
def module_server() -> Iterator[ModelServer]:
    with running() as server:
        yield server


@pytest.fixture
def server(module_server: ModelServer) -> ModelServer:
    module_server.replies.clear()
    module_server.requests.clear()
    module_server.headers.clear()
    module_server.left = threading.Event()
    return module_server


class Waits(list[float]):
    """Records the waits instead of sleeping."""

    def policy(self, **changes: float) -> RetryPolicy:
        return replace(RetryPolicy(idle_timeout=10, sleep=self.append), **changes)  # type: ignore[arg-type]


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture(params=["openai", "anthropic"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def connect(protocol: str, server: ModelServer, policy: RetryPolicy) -> ChatModel:
    if protocol == "openai":
        return OpenAICompatibleModel("tiny", address=f"{server.root}/v1", retry_policy=policy)
    return AnthropicModel("tiny", address=server.root, key="secret", retry_policy=policy)


def text_of(events: list[ChatEvent]) -> str:
    return "".join(item.text for item in events if isinstance(item, TextDelta))


def error_of(model: ChatModel, request: ChatRequest = REQUEST) -> tuple[list[ChatEvent], GenerationError]:
    """Return what came, and the error that it ended with."""
    came: list[ChatEvent] = []
    with pytest.raises(GenerationError) as raised:
        for event in model.stream(request):
            came.append(event)  # noqa: PERF402 - what came before the error counts
    return came, raised.value


def test_a_reply_comes_in_its_pieces_with_the_tokens_it_took(server: ModelServer, protocol: str, waits: Waits) -> None:
    server.replies = [Complete(["Hel", "lo ", "wörld"])]
    events = list(connect(protocol, server, waits.policy()).stream(REQUEST))
    assert [item.text for item in events if isinstance(item, TextDelta)] == ["Hel", "lo ", "wörld"]
    assert events[-1] == Finished("stop", 321, 12)
    assert waits == []


def test_a_reply_that_ran_into_its_limit_says_so(server: ModelServer, protocol: str, waits: Waits) -> None:
    server.replies = [Complete(["cut"], reason="length")]
    assert list(connect(protocol, server, waits.policy()).stream(REQUEST))[-1] == Finished("length", 321, 12)


def test_a_busy_server_is_called_again_after_its_retry_after(server: ModelServer, protocol: str, waits: Waits) -> None:
    server.replies = [
        Fail(429, headers={"retry-after": "7"}),
        Fail(429, headers={"retry-after": "3"}),
        Complete(["ok"]),
    ]
    assert text_of(list(connect(protocol, server, waits.policy()).stream(REQUEST))) == "ok"
    assert waits == [7.0, 3.0]
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_a_broken_server_is_called_again_after_longer_and_longer_waits(
    server: ModelServer, protocol: str, waits: Waits, status: int
) -> None:
    server.replies = [Fail(status), Fail(status), Fail(status), Complete(["ok"])]
    assert text_of(list(connect(protocol, server, waits.policy()).stream(REQUEST))) == "ok"
    assert [0.5 <= wait / doubled <= 1 for wait, doubled in zip(waits, (1, 2, 4), strict=True)] == [True] * 3


def test_patience_ends_after_so_many_attempts(server: ModelServer, protocol: str, waits: Waits) -> None:
    server.replies = [Fail(503)] * 5
    _, error = error_of(connect(protocol, server, waits.policy(max_attempts=3)))
    assert error.code == "server" and "Tried 3 times" in str(error)
    assert len(server.requests) == 3


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(
    server: ModelServer, protocol: str, waits: Waits
) -> None:
    server.replies = [Fail(429, headers={"retry-after": "3600"}), Complete(["ok"])]
    _, error = error_of(connect(protocol, server, waits.policy()))
    assert error.code == "busy" and "3600 s" in str(error)
    assert waits == [] and len(server.requests) == 1


def test_an_error_within_the_stream_is_tried_again_only_before_the_first_word(
    server: ModelServer, protocol: str, waits: Waits
) -> None:
    kind = "overloaded" if protocol == "openai" else "overloaded_error"
    server.replies = [FailWithin([], kind), Complete(["ok"])]
    model = connect(protocol, server, waits.policy())
    assert text_of(list(model.stream(REQUEST))) == "ok"
    server.replies = [FailWithin(["half a"], kind), Complete(["never"])]
    came, error = error_of(model)
    assert text_of(came) == "half a" and error.code == "server"
    assert len(server.requests) == 3


CAUSES: list[tuple[Fail, str]] = [
    (Fail(401, "Incorrect API key provided"), "no-key"),
    (Fail(403, "not allowed here"), "refused"),
    (Fail(404, "The model `tiny` does not exist"), "no-model"),
    (Fail(400, "model 'tiny' not found"), "no-model"),
    (Fail(400, "This model's maximum context length is 4096 tokens", "context_length_exceeded"), "too-long"),
    (Fail(400, "prompt is too long: 250000 tokens > 200000 maximum"), "too-long"),
    (Fail(413, "Request Entity Too Large"), "too-long"),
    (Fail(400, "image input is not supported - hint: you may need to provide the mmproj"), "no-pictures"),
    (Fail(400, "tiny is not a multimodal model"), "no-pictures"),
    (Fail(400, "stream_options is unknown"), "rejected"),
    (Fail(429, "You exceeded your current quota, check your billing", "insufficient_quota"), "refused"),
]


@pytest.mark.parametrize(("reply", "code"), CAUSES)
def test_each_cause_has_its_own_error_and_is_not_tried_again(
    server: ModelServer, protocol: str, waits: Waits, reply: Fail, code: str
) -> None:
    server.replies = [reply, Complete(["never"])]
    _, error = error_of(connect(protocol, server, waits.policy()))
    assert error.code == code
    assert (reply.message[:20] in str(error) and "expected" in str(error)) or code == "rejected" or code == "refused"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (BreakOff(["half "]), "cut-off"),
        (BreakOff(["half "], cleanly=False), "cut-off"),
        (Garble(["half "]), "malformed"),
        (Stall(["half "]), "timed-out"),
    ],
)
def test_a_reply_that_breaks_off_is_an_error_and_never_requested_again(
    server: ModelServer, protocol: str, waits: Waits, reply: ScriptedReply, code: str
) -> None:
    server.replies = [reply, Complete(["never"])]
    silence = 2.0 if isinstance(reply, Stall) else 30.0  # a busy machine takes its time before what breaks off
    came, error = error_of(connect(protocol, server, waits.policy(idle_timeout=silence)))
    assert text_of(came) == "half " and error.code == code
    assert not any(isinstance(item, Finished) for item in came)
    assert len(server.requests) == 1 and waits == []


def test_a_server_that_never_begins_is_not_called_again(server: ModelServer, protocol: str, waits: Waits) -> None:
    server.replies = [Stall([]), Complete(["never"])]
    came, error = error_of(connect(protocol, server, waits.policy(idle_timeout=0.3)))
    assert came == [] and error.code == "timed-out" and len(server.requests) == 1


def test_a_reply_may_not_go_on_for_ever(server: ModelServer, protocol: str, waits: Waits) -> None:
    moments = iter(range(10_000))
    policy = replace(waits.policy(total_timeout=5), clock=lambda: float(next(moments)))
    server.replies = [Endless()]
    came, error = error_of(connect(protocol, server, policy))
    assert error.code == "timed-out" and 5 <= len(came) <= 7
    assert server.left.wait(5)


def test_who_stops_reading_ends_the_call_at_the_server(server: ModelServer, protocol: str, waits: Waits) -> None:
    server.replies = [Endless()]
    events = connect(protocol, server, waits.policy()).stream(REQUEST)
    assert next(events) == TextDelta("more ")
    assert not server.left.is_set()
    events.close()
    assert server.left.wait(5)


def test_a_refusal_is_an_error_that_says_so(server: ModelServer, protocol: str, waits: Waits) -> None:
    server.replies = [Complete(["I"], reason="content_filter")]
    assert error_of(connect(protocol, server, waits.policy()))[1].code == "refused"


def test_nobody_at_the_address_is_an_error_that_names_it(protocol: str, waits: Waits) -> None:
    nobody = ModelServer(root="http://127.0.0.1:9")
    _, error = error_of(connect(protocol, nobody, waits.policy()))
    assert error.code == "unreachable" and "127.0.0.1:9" in str(error) and waits == []


def test_pictures_arrive_as_files_in_their_place(server: ModelServer, protocol: str, waits: Waits) -> None:
    picture = np.zeros((60, 40, 3), np.uint8)
    picture[:30] = 200
    part = encode_image(picture, max_side=50)
    server.replies = [Complete(["ok"])]
    parts: list[Part] = [TextPart("before"), part, TextPart("after")]
    list(connect(protocol, server, waits.policy()).stream(ChatRequest("s", [Message("user", parts)])))
    content = server.requests[0]["messages"][-1]["content"]
    assert [item["type"] for item in content] == ["text", "image_url" if protocol == "openai" else "image", "text"]
    sent = content[1]["image_url"]["url"].split(",")[1] if protocol == "openai" else content[1]["source"]["data"]
    seen = Image.open(io.BytesIO(base64.b64decode(sent)))
    assert seen.size == (33, 50) and not seen.getexif()
    assert np.asarray(seen.convert("L"))[10, 10] == pytest.approx(200, abs=3)


def test_a_picture_of_one_column_is_a_picture() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        part = encode_image(np.zeros((3, 1, 3), np.uint8), max_side=50)
    assert (part.width, part.height) == (1, 3)


def test_the_system_text_and_the_limits_are_sent(server: ModelServer, protocol: str, waits: Waits) -> None:
    server.replies = [Complete(["ok"])]
    list(connect(protocol, server, waits.policy()).stream(REQUEST))
    sent = server.requests[0]
    assert sent["max_tokens"] == 50 and sent["stream"] is True and sent["model"] == "tiny"
    system = sent["system"] if protocol == "anthropic" else sent["messages"][0]["content"]
    assert system == "be brief"


def test_a_text_only_model_is_never_sent_a_picture(server: ModelServer) -> None:
    part = encode_image(np.zeros((8, 8, 3), np.uint8), max_side=8)
    model = OpenAICompatibleModel("tiny", address=f"{server.root}/v1", accepts_images=False)
    _, error = error_of(model, ChatRequest("s", [Message("user", [part])]))
    assert error.code == "no-pictures" and server.requests == []
