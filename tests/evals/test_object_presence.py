"""Object hallucination: balanced questions, scores by hand, and a model that says yes to everything is exposed."""

from collections.abc import Callable

import numpy as np
import pytest

from pagelens.core.errors import UsageError
from pagelens.core.types import ImageArray
from pagelens.evals.measures.object_presence import (
    SAMPLINGS,
    PresenceQuestion,
    Sampling,
    presence_questions,
    presence_scores,
    read_yes_or_no,
)
from pagelens.evals.runs.presence_runs import ask_model, ask_second_look
from pagelens.generate.llm.chat import ChatRequest, TextPart
from pagelens.generate.llm.scripted import ScriptedModel

OBJECTS = {"a.jpg": ["dog", "ball"], "b.jpg": ["dog", "ball", "man"], "c.jpg": ["man", "boat"], "d.jpg": ["dog"]}
VOCABULARY = ["dog", "ball", "man", "boat", "owl", "elk"]
COLOURS = {picture: number * 60 for number, picture in enumerate(OBJECTS)}


def load(picture: str) -> ImageArray:
    return np.full((8, 8, 3), COLOURS[picture], np.uint8)


def replying(answer: Callable[[str], str]) -> ScriptedModel:
    """Return a model that answers from the text of the question alone."""

    def reply(request: ChatRequest) -> str:
        assert len(request.images) == 1
        return answer(" ".join(part.text for part in request.messages[0].parts if isinstance(part, TextPart)))

    return ScriptedModel(reply)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_as_many_absent_objects_are_asked_for_as_present_ones(sampling: Sampling) -> None:
    questions = presence_questions(OBJECTS, VOCABULARY, sampling)
    assert questions == presence_questions(OBJECTS, VOCABULARY, sampling)
    for picture, own in OBJECTS.items():
        chosen = [question for question in questions if question.picture == picture]
        assert sum(question.present for question in chosen) == len(own) == len(chosen) / 2
        assert all((question.object in own) is question.present for question in chosen)
    assert len({(question.picture, question.object) for question in questions}) == len(questions)


def absent(sampling: Sampling, picture: str) -> list[str]:
    questions = presence_questions(OBJECTS, VOCABULARY, sampling)
    return [question.object for question in questions if question.picture == picture and not question.present]


def test_popular_objects_are_the_most_frequent_and_adversarial_ones_occur_with_the_pictures_own() -> None:
    assert absent("popular", "d.jpg") == ["ball"]  # twice, as often as the man; by name
    assert absent("popular", "c.jpg") == ["dog", "ball"]
    assert absent("adversarial", "c.jpg") == ["ball", "dog"]  # each once with a man
    assert absent("adversarial", "a.jpg") == ["man", "boat"]
    with pytest.raises(UsageError, match="found none"):
        presence_questions({"a.jpg": VOCABULARY}, VOCABULARY, "random")


def test_scores_are_those_of_a_hand_worked_table() -> None:
    questions = [
        PresenceQuestion(picture="a", object=str(number), present=number < 4, sampling="random") for number in range(8)
    ]
    replies = [True, True, True, False, True, False, False, None]
    scores = presence_scores(questions, replies)
    assert (scores.questions, scores.unclear, scores.accuracy) == (8, 1, 5 / 8)
    assert (scores.precision, scores.recall, scores.f1, scores.yes_rate) == (3 / 4, 3 / 4, 3 / 4, 4 / 8)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Yes, there is.", True),
        (" **No**", False),
        ("no", False),
        ("There is none", None),
        ("", None),
        ("Yesterday", None),
    ],
)
def test_a_reply_is_read_by_its_first_word(reply: str, expected: bool | None) -> None:
    assert read_yes_or_no(reply) is expected


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_model_that_says_yes_to_everything_is_exposed_and_its_second_look_confirms_nothing(
    sampling: Sampling,
) -> None:
    questions = presence_questions(OBJECTS, VOCABULARY, sampling)
    scores = presence_scores(questions, ask_model(replying(lambda _: "Yes."), questions, load))
    assert (scores.accuracy, scores.recall, scores.yes_rate) == (0.5, 1.0, 1.0)
    assert scores.f1 == pytest.approx(2 / 3)
    assert not any(ask_second_look(replying(lambda _: "Yes."), questions, load))


def test_a_model_that_sees_is_right_and_one_that_refuses_to_say_is_not() -> None:
    questions = presence_questions(OBJECTS, VOCABULARY, "random")
    truths = [question.present for question in questions]
    assert ask_model(ScriptedModel(["yes" if one else "no" for one in truths]), questions, load) == truths
    assert presence_scores(questions, truths).accuracy == 1.0
    readings = [[f"The picture shows {one.object}.", "NOTHING"] if one.present else ["NOTHING"] for one in questions]
    assert ask_second_look(ScriptedModel([reply for one in readings for reply in one]), questions, load) == truths
    for ask in (ask_model, ask_second_look):
        vague = presence_scores(questions, ask(replying(lambda _: "Perhaps."), questions, load))
        assert (vague.accuracy, vague.yes_rate) == (0.5 if ask is ask_second_look else 0.0, 0.0)


def test_the_question_names_the_object_and_the_second_look_does_not() -> None:
    [question] = [one for one in presence_questions(OBJECTS, ["dog", "owl"], "random") if not one.present][:1]
    assert (question.text, question.claim) == ("Is there an owl in the picture?", "There is an owl in the picture.")
    texts: list[str] = []
    ask_model(replying(lambda text: texts.append(text) or "no"), [question], load)  # type: ignore[func-returns-value]
    ask_second_look(replying(lambda text: texts.append(text) or "no"), [question], load)  # type: ignore[func-returns-value]
    assert question.text in texts[0] and question.object not in texts[1]
