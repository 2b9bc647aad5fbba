"""Dependency trees of the builtin parser, against spaCy's own (3.8.18 with en_core_web_sm 3.8.0)."""

import numpy as np
import pytest

from pagelens.core.errors import WeightsError
from pagelens.encode.text import dependency_parser
from pagelens.encode.text.arc_eager import BREAK, LEFT, REDUCE, RIGHT, SHIFT, ParserState, unmoved
from pagelens.encode.text.dependency_parser import BuiltinDependencyParser

PARSER = BuiltinDependencyParser.load()

# What spaCy says of each sentence: tag/head/relation of each word.
SPACY = {
    "The code was approved by the council of Perth .": """
        DT/1/det NN/3/nsubjpass VBD/3/auxpass VBN/3/ROOT IN/3/agent DT/6/det NN/4/pobj IN/6/prep NNP/7/pobj
        ./3/punct
    """,
    "He said that she could n't leave .": (
        "PRP/1/nsubj VBD/1/ROOT IN/6/mark PRP/6/nsubj MD/6/aux RB/6/neg VB/1/ccomp ./1/punct"
    ),
    "What did you see in Oban in 2019 ?": """
        WP/3/dobj VBD/3/aux PRP/3/nsubj VB/3/ROOT IN/3/prep NNP/4/pobj IN/3/prep CD/6/pobj ./3/punct
    """,
    "Tickets are sold to visitors by the harbour office .": """
        NNS/2/nsubjpass VBP/2/auxpass VBN/2/ROOT IN/2/prep NNS/3/pobj IN/2/agent DT/8/det NNP/8/compound
        NN/5/pobj ./2/punct
    """,
    "A hearing is scheduled on the issue today .": """
        DT/1/det NN/3/nsubjpass VBZ/3/auxpass VBN/3/ROOT IN/3/prep DT/6/det NN/4/pobj NN/3/npadvmod
        ./3/punct
    """,
    "The crews , who asked for insurance , went home .": """
        DT/1/det NNS/8/nsubj ,/1/punct WP/4/nsubj VBD/1/relcl IN/4/prep NN/5/pobj ,/1/punct VBD/8/ROOT
        RB/8/advmod ./8/punct
    """,
    "Sales rose 14 % to $ 3.2 million . Costs fell .": """
        NNS/1/nsubj VBD/1/ROOT CD/3/nummod NN/1/npadvmod IN/1/prep $/7/quantmod CD/7/compound CD/4/pobj
        ./1/punct NNS/10/nsubj VBD/10/ROOT ./10/punct
    """,
    "Self - identified visitors say they feel safe .": """
        NN/2/npadvmod HYPH/2/punct VBN/3/amod NNS/4/nsubj VBP/4/ROOT PRP/6/nsubj VBP/4/ccomp JJ/6/acomp
        ./4/punct
    """,
    "Failing to pay ends the contract .": ("VBG/3/csubj TO/2/aux VB/0/xcomp VBZ/3/ROOT DT/5/det NN/3/dobj ./3/punct"),
    "The board ensures that the managers have clear goals .": """
        DT/1/det NN/2/nsubj VBZ/2/ROOT IN/6/mark DT/5/det NNS/6/nsubj VBP/2/ccomp JJ/8/amod NNS/6/dobj
        ./2/punct
    """,
}


def blanks_behind(words: list[str]) -> list[bool]:
    closing = {".", ",", "?", "%", "n't", "-"}
    following = [*words[1:], "."]
    return [word not in ("$", "-") and after not in closing for word, after in zip(words, following, strict=True)]


@pytest.mark.parametrize("sentence", SPACY)
def test_tags_heads_and_relations_are_those_of_spacy(sentence: str) -> None:
    words = sentence.split()
    parsed = PARSER.parse(words, blanks_behind(words))
    assert [f"{word.tag}/{word.head}/{word.relation}" for word in parsed] == SPACY[sentence].split()


def test_no_words_have_no_tree() -> None:
    assert PARSER.parse([], []) == []


def test_words_are_hashed_as_spacy_documents_it() -> None:
    assert dependency_parser.hash_text("coffee") == 3197928453018144401  # spaCy 101, "Vocab, hashes and lexemes"
    assert dependency_parser.hash_text("") == 0


@pytest.mark.parametrize(
    ("word", "shape"),
    [("Xerxes", "Xxxxx"), ("2019", "dddd"), ("C3PO", "XdXX"), ("AB-12345", "XX-dddd"), ("a" * 100, "LONG")],
)
def test_a_shape_repeats_a_sign_four_times_at_most(word: str, shape: str) -> None:
    assert dependency_parser._shape(word) == shape


def test_changed_weights_are_refused() -> None:
    with pytest.raises(WeightsError, match="expected SHA-256"):
        BuiltinDependencyParser.load(sha256="0" * 64)


# Transitions, by hand: "They fish ." -> fish is the root


def test_left_and_right_arcs_are_drawn_between_stack_and_buffer() -> None:
    state = ParserState(3)
    for action, label in [(SHIFT, ""), (LEFT, "nsubj"), (SHIFT, ""), (RIGHT, "punct"), (REDUCE, ""), (REDUCE, "")]:
        assert state.valid()[action]
        state.apply(action, label)
    assert state.final
    assert unmoved(state.governors, state.labels) == ([1, 1, 1], ["nsubj", "ROOT", "punct"])


def test_a_word_without_a_head_goes_back_to_the_buffer_and_is_not_shifted_twice() -> None:
    state = ParserState(3)
    state.apply(SHIFT, "")
    state.apply(SHIFT, "")
    state.apply(REDUCE, "")  # word 1 has no head yet, and word 0 stands below it
    assert state.context()[:3] == [1, 2, 0]
    assert state.valid().tolist() == [False, True, True, True, True]


def test_no_arc_crosses_the_beginning_of_a_sentence() -> None:
    state = ParserState(2)
    state.apply(BREAK, "ROOT")
    assert not state.valid()[BREAK]
    state.apply(SHIFT, "")
    assert state.valid().tolist() == [False, True, False, False, False]


def test_an_arc_that_was_moved_up_is_drawn_from_the_first_word_with_the_label_below() -> None:
    # "hearing is scheduled on issue": "on" hangs at the verb as prep||nsubjpass, and belongs to the subject
    governors, labels = unmoved([2, 2, -1, 2, 3], ["nsubjpass", "auxpass", "", "prep||nsubjpass", "pobj"])
    assert governors == [2, 2, 2, 0, 3]
    assert labels == ["nsubjpass", "auxpass", "ROOT", "prep", "pobj"]


def test_rows_of_embeddings_do_not_depend_on_the_other_words() -> None:
    keys = np.array([5, 2**63 + 11, 5], np.uint64)
    rows = dependency_parser._hash_rows(keys, 8)
    assert rows.shape == (3, 4) and (rows[0] == rows[2]).all() and (rows[0] != rows[1]).any()
