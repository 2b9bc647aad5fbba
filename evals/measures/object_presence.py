"""Object hallucination in POPE's form: "Is there a dog in the picture?" about present and absent objects, balanced.

Li et al., "Evaluating object hallucination in large vision-language models" (2023). For each picture as many absent
objects are asked for as present ones. Absent ones are drawn at random, are the most frequent objects of all pictures
("popular"), or those that occur most often together with the picture's own ("adversarial"). The positive class is a
present object; a model that says yes to everything has accuracy 0.5, recall 1, F1 2/3 and a yes-rate of 1.
"""

import random
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pagelens.core.errors import UsageError

Sampling = Literal["random", "popular", "adversarial"]
SAMPLINGS: tuple[Sampling, ...] = get_args(Sampling)
PER_PICTURE = 3  # present objects asked for of one picture, and absent ones, as in the paper
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceQuestion:
    """Whether an object is in a picture."""

    picture: str
    object: str
    present: bool
    sampling: Sampling

    @property
    def text(self) -> str:
        """The question to a model."""
        return f"Is there {with_article(self.object)} in the picture?"

    @property
    def claim(self) -> str:
        """The statement that the second look at citations checks."""
        return f"There is {with_article(self.object)} in the picture."


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceScores:
    """How well replies fit the pictures. Replies that are neither yes nor no are wrong."""

    questions: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    yes_rate: float  # 0.5 would be right: as many objects are present as absent
    unclear: int  # replies that are neither yes nor no


def presence_questions(
    objects: Mapping[str, Collection[str]],
    vocabulary: Sequence[str],
    sampling: Sampling,
    *,
    per_picture: int = PER_PICTURE,
    seed: int = 0,
) -> list[PresenceQuestion]:
    """Return balanced questions about pictures, whose objects `objects` names, all of them from `vocabulary`.

    Pictures without an object are left out; where fewer objects are absent than present, fewer of both are asked for.
    Raises UsageError where no question can be asked.
    """
    chance = random.Random(f"{seed} {sampling}")
    counts = Counter(one for found in objects.values() for one in set(found))
    together = _pairs(objects)
    questions = []
    for picture in sorted(objects):
        present = sorted(set(objects[picture]))
        absent = sorted(set(vocabulary) - set(present))
        count = min(per_picture, len(present), len(absent))
        chosen = chance.sample(present, count)
        if sampling == "random":
            others = chance.sample(absent, count)
        elif sampling == "popular":
            others = sorted(absent, key=lambda one: (-counts[one], one))[:count]
        else:
            others = sorted(absent, key=lambda one: (-sum(together[one, own] for own in present), one))[:count]
        for name, is_present in [*((one, True) for one in chosen), *((one, False) for one in others)]:
            questions.append(PresenceQuestion(picture=picture, object=name, present=is_present, sampling=sampling))
    if not questions:
        raise UsageError("expected pictures with an object and another object that they lack, found none")
    return questions


def read_yes_or_no(reply: str) -> bool | None:
    """Return what a reply says first: yes or no; None where it begins with neither."""
    first = next(iter(_WORDS.findall(reply.lower())), "")
    return {"yes": True, "no": False}.get(first)


def presence_scores(questions: Sequence[PresenceQuestion], replies: Sequence[bool | None]) -> PresenceScores:
    """Return the scores of one reply for each question; None: neither yes nor no."""
    pairs = [(question.present, reply) for question, reply in zip(questions, replies, strict=True)]
    right = sum(present is reply for present, reply in pairs)
    yes = sum(reply is True for _, reply in pairs)
    hits = sum(present and reply is True for present, reply in pairs)
    positives = sum(present for present, _ in pairs)
    return PresenceScores(
        questions=len(pairs),
        accuracy=right / len(pairs) if pairs else 0.0,
        precision=hits / yes if yes else 0.0,
        recall=hits / positives if positives else 0.0,
        f1=2 * hits / (yes + positives) if yes + positives else 0.0,
        yes_rate=yes / len(pairs) if pairs else 0.0,
        unclear=sum(reply is None for _, reply in pairs),
    )


def with_article(name: str) -> str:
    """Return a name with the article that its first letter takes."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _pairs(objects: Mapping[str, Collection[str]]) -> Counter[tuple[str, str]]:
    """Return in how many pictures two objects occur together."""
    return Counter((one, other) for found in objects.values() for one in set(found) for other in set(found))
