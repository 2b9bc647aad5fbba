"""Whether a claim stands in one statement of a page, and does not contradict it."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagelens.core.spaces import Space
from pagelens.generate.citations import opposites, statements
from pagelens.generate.citations.checking import CitationChecker, ClaimCheck
from pagelens.generate.citations.pairing import same_family
from pagelens.generate.citations.similarity import WordSimilarity
from tests.generate.pages import analyze, set_page

PAGE = set_page(
    "The ferry company of Oban carried more passengers than the railway company of Perth in 2019.\n\n"
    "The Board ensures that the managers have clear goals. It meets every third month.\n\n"
    "The harbour office sells tickets to visitors. Dogs are not allowed on the upper deck.\n\n"
    "The company sold two ships to Norway in 2020, while its oldest ferry was repaired by a yard in Greenock.\n\n"
    "Fares went up by 14 percentage points. In all 1,234,567 people came by sea.\n\n"
    "Fuel costs rose from 15 to 26 million pounds. The crews asked for insurance against winter storms.\n\n"
    "The fleet burned 3.2 million litres of fuel. A fire drill is held before every season.\n\n"
    "Sailings were cancelled because of the storms of March. A steward may revoke a ticket that was not paid.\n\n"
    "If the alarm sounds, leave the cabin and call a steward."
)


def check(claim: str) -> ClaimCheck:
    checker = CitationChecker(analyze)
    return checker.check(claim, checker.read(PAGE))


@pytest.mark.parametrize(
    "claim",
    [
        "In 2019 the ferry company of Oban carried more passengers than the railway company of Perth.",
        "Clear goals of the managers are ensured by the Board.",
        "The Board meets every third month.",
        "Tickets are sold to visitors by the harbour office.",
        "On the upper deck dogs are not allowed.",
        "Two ships were sold to Norway by the company in 2020.",
        "A yard in Greenock repaired its oldest ferry.",
        "Fuel costs rose from 15,000,000 to 26,000,000 pounds.",
        "A drill for fire is held before every season.",
        "About 1.2 million people came by sea.",
        "Fares went up by 14 points.",
        "3.2 million litres of fuel were burned by the fleet.",
        "Leave the cabin and call a steward if the alarm sounds.",
        "The company sold two ships to Norway, and the harbour office sells tickets to visitors.",
    ],
)
def test_what_a_statement_says_in_other_words_is_supported(claim: str) -> None:
    assert check(claim).reason == ""


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("The railway company of Perth carried more passengers than the ferry company of Oban in 2019.", "moved"),
        ("The ferry company of Oban carried fewer passengers than the railway company of Perth in 2019.", "negation"),
        ("The managers ensure that the Board has clear goals.", "moved"),
        ("Visitors are sold by the harbour office to tickets.", "moved"),
        ("Dogs are allowed on the upper deck.", "negation"),
        ("The harbour office does not sell tickets to visitors.", "negation"),
        ("The company was sold by Norway to two ships in 2020.", "moved"),
        ("Fuel costs rose from 26 to 15 million pounds.", "moved"),
        ("Fuel costs fell from 15 to 26 million pounds.", "negation"),
        ("The Board meets every second month.", "ordinal"),
        ("Sailings were cancelled because of thieves and whales.", "cause"),
        ("A steward may not revoke a ticket that was paid.", "negation"),
        ("Only the harbour office sells tickets to visitors.", "restriction"),
        ("The company sold two ships to Norway because its ferry was old.", "cause"),
        ("A fire drill is held after every season.", "negation"),
        ("Fares went up by 14%.", "unit"),
        ("About 1.3 million people came by sea.", "facts"),
        ("About 1.2 thousand people came by sea.", "facts"),
        ("The fleet burned 3.2 million litres of water and soup.", "words"),
        ("The company burned its fleet for insurance money.", "moved"),
        ("The crews sold visitors the oldest ferry of Oban.", "facts"),
        ("Sharks are not allowed on the upper deck.", "facts"),
    ],
)
def test_what_it_does_not_say_is_not_and_why_is_told(claim: str, reason: str) -> None:
    found = check(claim).reason
    assert found == reason or (reason == "moved" and found in {"order", "prepositions", "roles", "numbers"})


# Thresholds


def never(_word: str, _other: str) -> bool:
    return False


WORDS = [f"zq{first}{second}" for first in "abcdefghijk" for second in "abcdefghijk"]  # no inflections, no family


@pytest.mark.parametrize(("present", "supported"), [(86, True), (84, False)])
def test_85_of_100_words_must_stand_in_the_statement(present: int, supported: bool) -> None:
    lacking = {round(at * 100 / (100 - present)) + 1 for at in range(100 - present)}  # no two in a row
    page = set_page(" ".join(word for at, word in enumerate(WORDS[:100]) if at not in lacking))
    page_words = CitationChecker(analyze).read(page)
    claim = " ".join(WORDS[:100])
    found = statements.PageStatements(page_words, str)
    found._statements = [statements._Statement(page_words, 0, len(page_words.tokens), str)]  # sentences are cut at 60
    support = found.find(claim, lambda _claim, _statement: (never, never))
    assert support is not None and (support.reason == "") == supported


@pytest.mark.parametrize(("lacking", "reason"), [([5], ""), ([5, 6], "gap")])
def test_one_word_may_be_lacking_but_not_two_in_a_row(lacking: Sequence[int], reason: str) -> None:
    page = set_page(" ".join(word for at, word in enumerate(WORDS[:20]) if at not in lacking))
    checker = CitationChecker(analyze)
    assert checker.check(" ".join(WORDS[:20]), checker.read(page)).reason == reason


class OneAngle:
    """An encoder of two words at a given cosine; any other is at right angles to both, and nearly so to each other."""

    max_tokens = 8

    def __init__(self, cosine: float) -> None:
        self._cosine = cosine

    @property
    def space(self) -> Space:
        raise NotImplementedError

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = []
        for at, text in enumerate(texts):
            row = np.zeros(len(texts) + 2)
            if text == "ship":
                row[0] = 1
            elif text == "vessel":
                row[:2] = self._cosine, (1 - self._cosine**2) ** 0.5
            else:
                row[0] = row[1] = 0.1 * (-1) ** at
                row[at + 2] = (1 - 0.02) ** 0.5
            rows.append(row)
        return np.array(rows, np.float32)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.encode_queries(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [1 for _ in texts]


def test_words_are_similar_from_three_and_a_half_deviations_on() -> None:
    def similar(cosine: float) -> bool:
        words = WordSimilarity(OneAngle(cosine))
        words.add(["ship", "vessel"])
        return words("ship", "vessel")

    bounds = [step / 100 for step in range(100) if similar(step / 100)]
    assert bounds and bounds[0] == pytest.approx(0.49, abs=0.005)


@pytest.mark.parametrize(
    ("word", "other", "same"),
    [
        ("develop", "development", True),
        ("emotion", "emotional", True),
        ("value", "valuation", False),
        ("inter", "international", False),
        ("nation", "national", True),
        ("abcd", "abcde", False),
        ("abcdefxxx", "abcdefyyyy", True),
        ("abcdefxxx", "abcdefyyyyy", False),
    ],
)
def test_words_of_a_family_share_five_letters_and_six_tenths(word: str, other: str, same: bool) -> None:
    assert same_family(word, other) == same


def test_every_opposite_is_one_both_ways() -> None:
    assert all(word in opposites.OPPOSITES[other] for word, others in opposites.OPPOSITES.items() for other in others)
    assert not opposites.NEGATIONS & opposites.OPPOSITES.keys() - {"fail", "unable"}


@settings(deadline=None, max_examples=50)
@given(st.text("aeio sdt.,not1290 ", max_size=120))
def test_any_text_is_aligned_with_any_page(claim: str) -> None:
    assert check(claim).supported == (check(claim).reason == "")
