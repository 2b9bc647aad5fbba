"""Who does what to whom: relations by a dependency tree, and claims that change them."""

from collections.abc import Sequence

import pytest

from pagelens.core.types import ParsedWord
from pagelens.encode.text.dependency_parser import BuiltinDependencyParser
from pagelens.generate.citations import opposites, roles, similarity
from pagelens.generate.citations.checking import CitationChecker
from pagelens.generate.citations.claims import tokenize
from pagelens.generate.citations.phrase import Phrase
from pagelens.generate.citations.similarity import WordSimilarity
from tests.generate.pages import analyze, set_page
from tests.generate.test_statements import OneAngle

PARSER = BuiltinDependencyParser.load()


def edges(text: str) -> set[str]:
    """Return the relations of a sentence as "head role dependent"."""
    read = Phrase(text, tokenize(text), str, (), PARSER)
    assert read.relations is not None
    words = [item.folded for item in read.items]
    return {f"{words[head]} {role} {words[dependent]}" for head, role, dependent in read.relations.edges}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The council of Perth approved the code.", {"approved subj council", "approved obj code", "council of perth"}),
        ("The code was approved by the council of Perth.", {"approved subj council", "approved obj code"}),
        ("The code has to be approved by the council.", {"approved obj code", "approved subj council"}),
        ("The code was read and approved by the council.", {"read obj code", "approved obj code"}),
        ("The crews who sold the ferry went home.", {"sold subj crews", "sold obj ferry", "went subj crews"}),
        ("The ferry sold by the crews went home.", {"sold obj ferry", "sold subj crews"}),
        ("The crews bought and sold the ferry.", {"bought subj crews", "sold subj crews"}),
        ("The crews want to sell the ferry.", {"sell subj crews", "sell obj ferry"}),
        ("The ferry is the pride of Oban.", {"pride is ferry", "pride of oban"}),
        ("The firm's ferry went from Oban to Perth.", {"ferry of firm", "went from oban", "went to perth"}),
    ],
)
def test_roles_are_the_same_in_both_voices_and_in_shared_clauses(text: str, expected: set[str]) -> None:
    assert expected <= edges(text)


def test_a_negation_is_about_the_word_that_it_depends_on() -> None:
    text = "Dogs are not allowed on the deck, where no visitors fail to pay."
    read = Phrase(text, tokenize(text), str, (), PARSER)
    assert read.relations is not None
    negated = [read.items[item].folded for item in read.relations.negated if item is not None]
    assert negated == ["allowed", "visitors", "pay"]


PAGE = set_page(
    "The ferry company of Oban paid the railway company of Perth for the pier.\n\n"
    "The harbour office, which sells tickets to visitors, is the property of the town council.\n\n"
    "The crews of Oban are more likely than the crews of Perth to ask for insurance.\n\n"
    "Fares rose by 14% among visitors from Norway (32%) and fell among visitors from Iceland (18%).\n\n"
    "The fleet of Oban burned fuel. It never reported a fire to the harbour office.\n\n"
    "The steward checks red tickets in the cabin and blue tickets on the upper deck.\n\n"
    "The pier at Oban reflects the practical skill of the old masons.\n\n"
    "Painters from Norway paid 20 pounds for tea, and sailors from Iceland paid 35 pounds for beer.\n\n"
    "The available cabins are shown in the harbour list. The fares of adults and children are 12 and 7 pounds, "
    "respectively.\n\n"
    "The owner of the pier is the mayor, and the tenant is the skipper who drops the anchor.\n\n"
    "Younger crews trust older crews.\n\n"
    "Self-declared sailors and self-declared non-sailors were asked for the twelfth year."
)


def reason(claim: str) -> str:
    checker = CitationChecker(analyze, None, PARSER)
    return checker.check(claim, checker.read(PAGE)).reason


@pytest.mark.parametrize(
    "claim",
    [
        "The railway company of Perth was paid by the ferry company of Oban for the pier.",
        "For the pier the ferry company of Oban paid the railway company of Perth.",
        "Tickets are sold to visitors by the harbour office.",
        "The town council's property is the harbour office, which sells tickets to visitors.",
        "More likely to ask for insurance than the crews of Perth are the crews of Oban.",
        "Blue tickets are checked by the steward on the upper deck, and red tickets in the cabin.",
        "Masons are old.",
        "The fleet of Oban never reported a fire to the harbour office.",
        "35 pounds were paid for beer by sailors from Iceland.",
    ],
)
def test_what_keeps_the_roles_is_supported_in_any_order(claim: str) -> None:
    assert reason(claim) == ""


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("The railway company of Perth paid the ferry company of Oban for the pier.", "roles"),
        ("Visitors sell tickets to the harbour office.", "roles"),
        ("The owner of the pier is the skipper, and the tenant is the mayor.", "roles"),
        ("Older crews trust younger crews.", "roles"),
        ("The town council is the property of the harbour office.", "roles"),
        ("The crews of Perth are more likely than the crews of Oban to ask for insurance.", "roles"),
        ("Fares rose among visitors from Norway (18%) and fell among visitors from Iceland (32%).", "numbers"),
        ("Painters from Norway paid 35 pounds for tea.", "numbers"),
        ("The fares of adults and children are 7 and 12 pounds, respectively.", "numbers"),
        ("The fleet of Oban reported a fire to the harbour office.", "negation"),
        ("The unavailable cabins are shown in the harbour list.", "negation"),
        ("The pier at Oban reflects the musical skill of the old masons.", "replaced"),
        ("Self-declared non-sailors were asked for the tenth year.", "ordinal"),
    ],
)
def test_what_changes_them_is_not_and_why_is_told(claim: str, expected: str) -> None:
    assert reason(claim) == expected


@pytest.mark.parametrize("claim", ["Green tickets are checked by the steward in the cabin and on the upper deck."])
def test_colours_exclude_each_other(claim: str) -> None:
    assert reason(claim) == "negation"


def test_a_first_word_with_a_capital_is_a_name_only_if_it_is_tagged_as_one() -> None:
    checker = CitationChecker(analyze, None, PARSER)
    page = checker.read(set_page("The harbour office sells cheap tickets to all visitors in summer."))
    claim = "{} harbour office sells cheap tickets to all visitors in summer."
    assert checker.check(claim.format("Beautiful"), page).missing == []
    assert checker.check(claim.format("Hanson"), page).missing == ["Hanson"]


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("The harbour office sells tickets.", True),
        ("Die Karten werden in der Meisterei an Besucher verkauft.", False),
        ("Het kantoor is in de haven en was over de brug te bereiken.", False),
        ("Le port vend les billets par la poste.", False),
        ("海港办公室卖票。", False),
    ],
)
def test_only_english_sentences_have_relations(text: str, english: bool) -> None:
    assert (Phrase(text, tokenize(text), str, (), PARSER).relations is not None) == english


# Thresholds


def test_words_in_one_place_are_near_from_1_2_deviations_on() -> None:
    def near(cosine: float) -> bool:
        words = WordSimilarity(OneAngle(cosine))
        words.add(["ship", "vessel"])
        return words.near("ship", "vessel")

    bounds = [step / 100 for step in range(100) if near(step / 100)]
    mean, deviation = 0.0, 0.14  # of a word's cosines with unrelated ones: 0.1 and -0.1 in turn, both axes
    assert similarity.MIN_NEAR_SCORE == 1.2
    assert bounds and bounds[0] == pytest.approx(mean + 1.2 * deviation, abs=0.02)


class Chain:
    """A parser of "alpha of the beta gamma delta": each word behind "the" depends on the word before it."""

    def parse(self, words: Sequence[str], blank_behind: Sequence[bool]) -> list[ParsedWord]:
        known = {"alpha": (0, "ROOT"), "of": (0, "prep"), "the": (3, "det")}
        last = [known.get(word, (at - 1, "dep")) for at, word in enumerate(words)]
        last[3] = 1, "pobj"
        return [ParsedWord(tag="NN", head=head, relation=relation) for head, relation in last]


@pytest.mark.parametrize(("between", "contradicts"), [("beta gamma delta", False), ("beta gamma delta kappa", True)])
def test_another_word_in_a_role_contradicts_beyond_four_edges(between: str, contradicts: bool) -> None:
    claim, statement = (
        Phrase(text, tokenize(text), str, (), Chain())
        for text in ("alpha of the omega", f"alpha of the {between} omega")  # beta is what alpha is of
    )
    pairs = {0: 0, 1: len(statement.items) - 1}
    assert any(roles.contradicting_roles(claim, statement, pairs)) == contradicts


@pytest.mark.parametrize(
    ("word", "other", "negated"),
    [
        ("available", "unavailable", True),
        ("form", "inform", False),
        ("active", "inactive", True),
        ("sold", "told", False),
    ],
)
def test_a_prefix_turns_a_word_of_five_letters_round(word: str, other: str, negated: bool) -> None:
    assert opposites.is_negated_form(word, other) == opposites.is_negated_form(other, word) == negated
