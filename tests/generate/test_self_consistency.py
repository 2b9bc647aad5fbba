"""Several replies of a model to one question: which is taken, what is said of the others, and what it costs."""

from collections.abc import Sequence

import pytest

from pagelens.core.types import Answer, AnswerStep, PageRef
from pagelens.generate.llm.chat import ChatRequest
from pagelens.generate.llm.metering import Prices
from pagelens.generate.llm.scripted import ScriptedModel
from pagelens.generate.prompts import Budget, build_prompt
from pagelens.generate.self_consistency import SampledReply, most_agreed
from pagelens.generate.vision import VisionAnswerer
from tests.generate.pages import analyze, show

PAGES = [
    show("Revenue in 2019 rose to 1,234 million euros, said Anna Smith.", "report.pdf", 3),
    show("Nine ships sail from Oban every week.", "fleet.pdf", 7),
]
RIGHT, WRONG = "Revenue in 2019 rose to 1,234 million euros [1].", "Revenue in 2019 rose to 1,243 million euros [1]."
REWORDED = "In 2019 revenue was EUR 1,234 million [1]."


def ask(*replies: str, checks: Sequence[str] = ()) -> tuple[Answer, ScriptedModel, list[object]]:
    model = ScriptedModel([*replies, *checks], accepts_images=False)
    answerer = VisionAnswerer(model, analyze, prices=Prices(2.0, 4.0), samples=len(replies))
    *events, answer = answerer.stream("How much?", PAGES)
    assert isinstance(answer, Answer)
    return answer, model, list(events)


def reply(text: str, *pages: int) -> SampledReply:
    return SampledReply.of(text, frozenset(PageRef("a.pdf", number) for number in pages), analyze)


@pytest.mark.parametrize(
    ("first", "second", "agree"),
    [
        (reply("It rose to 5 million", 1), reply("5,000,000 it was", 1), True),
        (reply("It rose to 5 million", 1), reply("It rose to 6 million", 1), False),
        (reply("It rose to 5 million", 1), reply("It rose to 5 million in 2019", 1), True),  # says more
        (reply("It rose to 5 million in 2019", 1), reply("It rose to 6 million in 2019", 1), False),
        (reply("It rose to 5 million", 1), reply("It rose a lot", 1), False),
        (reply("It rose to 5 million", 1), reply("It rose to 5 million", 2), False),
        (reply("It rose to 5 million", 1, 2), reply("It rose to 5 million", 2, 3), True),
        (reply("It rose to 5 million"), reply("It rose to 5 million"), True),
        (reply("It rose to 5 million"), reply("It rose to 5 million", 1), False),
        (reply("It was built by Anna Smith", 1), reply("It was built by Ms Smith, in stone", 1), True),
        (reply("It was built by Anna Smith", 1), reply("It was built by McAllister", 1), False),
        (reply(""), reply(""), True),
        (reply(""), reply("It rose to 5 million", 1), False),
    ],
)
def test_replies_agree_by_pages_numbers_and_names(first: SampledReply, second: SampledReply, agree: bool) -> None:
    assert first.agrees_with(second) == second.agrees_with(first) == agree
    assert first.agrees_with(first)


def test_the_first_of_equals_is_taken() -> None:
    agreement = most_agreed([reply("5 ships", 1), reply("6 ships", 1)])
    assert (agreement.chosen, agreement.count, agreement.total, agreement.others) == (0, 1, 2, ["6 ships"])


def test_what_most_samples_say_is_the_answer_and_the_rest_is_told() -> None:
    answer, model, events = ask(WRONG, RIGHT, REWORDED)
    assert answer.text == RIGHT and answer.citations[0].state == "supported"
    assert [event for event in events if not isinstance(event, AnswerStep)] == [RIGHT, *answer.citations]
    assert answer.notes[0] == (
        "2 of 3 samples agree on this; the others said: “Revenue in 2019 rose to 1,243 million euros.”."
    )
    assert answer.confidence == pytest.approx(2 / 3)
    assert [request.sampled for request in model.requests] == [True] * 3


def test_samples_that_all_agree_need_no_note() -> None:
    answer, _, _ = ask(RIGHT, REWORDED, RIGHT)
    assert answer.confidence == 1.0 and not any("samples" in note for note in answer.notes)


def test_most_samples_may_say_that_the_pages_do_not_answer() -> None:
    answer, _, events = ask("NOT_ANSWERABLE: the year", RIGHT, "NOT_ANSWERABLE")
    assert answer.found is False and answer.reason == "the year" and events == []
    assert answer.notes[0].startswith("2 of 3 samples agree") and "1,234 million" in answer.notes[0]
    answer, _, _ = ask(RIGHT, RIGHT, "NOT_ANSWERABLE")
    assert answer.found is True and "that the pages do not answer" in answer.notes[0]


def test_every_sample_is_paid_and_estimated() -> None:
    answer, model, _ = ask(RIGHT, RIGHT, RIGHT)
    single, _, _ = ask(RIGHT)
    usage, once = answer.usage, single.usage
    assert usage is not None and once is not None and usage.cost is not None and once.cost is not None
    assert usage.calls == len(model.requests) == 3
    assert usage.estimated_tokens == 3 * once.estimated_tokens
    assert usage.cost == pytest.approx(3 * once.cost)
    assert (
        once.estimated_tokens
        == build_prompt("Question: How much?", PAGES, budget=Budget(), load_page_image=None).tokens
    )


def test_a_single_reply_streams_and_is_not_sampled() -> None:
    _, model, events = ask(RIGHT)
    assert len(events) > 2 and not model.requests[0].sampled and not ChatRequest("", []).sampled
