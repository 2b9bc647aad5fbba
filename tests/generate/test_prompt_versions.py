"""Prompts have names and versions: a changed text without a new version is noticed here."""

import hashlib

import pytest

from pagelens.evals.authoring.model_questions import SYSTEM as QUESTION_PROPOSAL
from pagelens.evals.runs.judge import PROMPT, PROMPT_ID
from pagelens.evals.runs.presence_runs import SYSTEM as OBJECT_PRESENCE
from pagelens.generate.describer import FIGURE_TASK, PHOTO_TASK
from pagelens.generate.describer import SYSTEM as DESCRIPTION
from pagelens.generate.extraction.extractor import SYSTEM as EXTRACTION
from pagelens.generate.prompts import IMAGE_READING, IMAGE_RULES, IMAGE_TEXT_RULES
from pagelens.generate.prompts import SYSTEM as ANSWER
from pagelens.generate.question_splitter import PROMPT_ID as SPLITTING_ID
from pagelens.generate.question_splitter import SYSTEM as SPLITTING
from pagelens.generate.summaries.summariser import MERGING, SUMMARY
from pagelens.generate.vision_reranker import PROMPT_ID as RERANKING_ID
from pagelens.generate.vision_reranker import SYSTEM as RERANKING

TEXTS = {
    ANSWER.id: ANSWER.text + IMAGE_RULES + IMAGE_TEXT_RULES,
    IMAGE_READING.id: IMAGE_READING.text,
    EXTRACTION.id: EXTRACTION.text,
    DESCRIPTION.id: DESCRIPTION.text + FIGURE_TASK + PHOTO_TASK,
    QUESTION_PROPOSAL.id: QUESTION_PROPOSAL.text,
    OBJECT_PRESENCE.id: OBJECT_PRESENCE.text,
    PROMPT_ID: PROMPT,
    SPLITTING_ID: SPLITTING,
    RERANKING_ID: RERANKING,
    SUMMARY.id: SUMMARY.text,
    MERGING.id: MERGING.text,
}
DIGESTS = {
    "answer@1": "f363eff7e0722aec",
    "image-reading@1": "b2a16ed689a795d9",
    "extraction@1": "c7aa9eb72bcfce63",
    "description@1": "c108a5250de820cb",
    "question-proposal@1": "0597a5ed5b98e11a",
    "object-presence@1": "33bfc0a777b2e46a",
    "judge@1": "72d30c93a3fd0657",
    "question-splitting@1": "cf217b3778002321",
    "reranking@1": "6c1091bade76cff8",
    "summary@1": "235ff40e51d0989b",
    "summary-merging@1": "994405b40d3c15db",
}


def test_every_prompt_has_a_name_of_its_own_and_a_version() -> None:
    assert set(TEXTS) == set(DIGESTS) and len({name.split("@")[0] for name in TEXTS}) == len(TEXTS)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_the_text_of_a_version_never_changes(name: str) -> None:
    digest = hashlib.sha256(TEXTS[name].encode()).hexdigest()[:16]
    assert digest == DIGESTS[name], f"the prompt {name} was changed: count its version up, and note the digest {digest}"
