"""What is known of a language: the words that ask, deny and compare, as regular expressions without regard to case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pagelens.core.function_words import FUNCTION_WORDS

AnswerType = Literal[
    "meaning",
    "percent",
    "money",
    "year",
    "date",
    "number",
    "person",
    "organisation",
    "place",
    "colour",
    "reason",
    "how-to",
    "list",
    "definition",
    "yes-no",
]
"""What a question asks for. A question may ask for several: the first of this order that it asks for is the one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionLanguage:
    """A language's tables. Patterns hold no groups that are counted on."""

    code: str
    name: str
    asks: Mapping[AnswerType, str]  # by which a question shows what it asks for
    negation: str  # of a statement or a question
    exclusion: str  # what states an exception without denying
    comparisons: tuple[str, ...]  # superlatives of one direction each, with "only"
    number_words: str  # numbers written as words
    times: str  # names of months and days, and words that say when
    reasons: str  # words that give a reason
    colours: str
    common_words: str = ""  # separated by blanks: words of the subject that an answer often says otherwise
    spaced: bool = True  # whether words are separated by blanks
    nouns_in_capitals: bool = False  # whether all nouns begin with a capital letter
    form_words: str = ""  # separated by blanks: words about the document or the form of the answer
    pictured: str  # of a question about a picture, a chart, or the pages themselves
    computed: str  # of a question for what is computed from several figures
    follow_up: str  # of a question that leaves its subject to the one before
    participles: str = "(?!)"  # verbs by their endings: an answer may tell what was done in other words
    main_verb: str = "(?!)"  # with one group, the verb of a question: the same holds of it
    wants_list: str = "(?!)"  # of a question for several things
    count: str = "(?!)"  # "how many", behind which stands what is counted
    measure: str = "(?!)"  # "how many", "how long", whose words do not describe the subject
    page: str = "(?!)"  # "page 12"

    @property
    def function_words(self) -> frozenset[str]:
        """Words that ask or bind, and do not describe the subject, in small letters."""
        return FUNCTION_WORDS[self.code]


def words(listed: str) -> str:
    """Return a pattern for any of the words or patterns, separated by blanks ("_" stands for a blank in one)."""
    return r"\b(?:" + "|".join(word.replace("_", r"\s+") for word in listed.split()) + r")\b"


def cased_words(listed: str) -> str:
    """Return the same for words whose capitals count: "may" is no month."""
    return f"(?-i:{words(listed)})"


def parts(listed: str) -> str:
    """Return a pattern for any of the listed strings, wherever it stands: for scripts without blanks."""
    return "(?:" + "|".join(listed.split()) + ")"
