"""Whether quotes hold the expected answer: hand-worked cases of each format."""

import pytest

from pagelens.evals.measures.quoted_answers import QuoteGrade, grade_quotes

HOLDS, FAILS = QuoteGrade(holds=True, sure=True), QuoteGrade(holds=False, sure=True)
PERHAPS, HARDLY = QuoteGrade(holds=True, sure=False), QuoteGrade(holds=False, sure=False)


@pytest.mark.parametrize(
    ("expected", "answer_format", "quote", "grade"),
    [
        ("52300", "Int", "Timber, 2024: 52,300 tonnes", HOLDS),
        ("52300", "Int", "Timber, 2024: 52,301 tonnes", FAILS),
        ("30216492.00", "Float", "ITC Hotels Limited 3,02,16,492", HOLDS),  # digits grouped as in India
        ("44.96%", "Float", "institutional investors hold 45.0 of the shares", HOLDS),  # within 1%
        ("44.96%", "Float", "institutional investors hold 45.5 % of the shares", FAILS),
        ("204", "Int", "204 examples", HOLDS),
        ("54", "Int", "54 icons", PERHAPS),
        ("4", "Int", "Figure 4 shows the parts", PERHAPS),  # a small number may be another one
        ("4", "Int", "Four prompts are listed", PERHAPS),
        ("4", "Int", "Three prompts are listed", FAILS),
        (
            "National Atmospheric Research Laboratory",
            "Str",
            "the National Atmospheric Research Laboratory (NARL)",
            HOLDS,
        ),
        ("XL", "Str", "XL has 49 million subscribers", PERHAPS),  # short words stand in a quote by chance
        (
            "a quiet and relaxed environment",
            "Str",
            "the environment you stay in must be relaxed as well as quiet",
            PERHAPS,
        ),
        ("set white balance", "Str", "the balance of white pictures", HARDLY),
        ("set white balance", "Str", "the balance of the picture", FAILS),
        ("set white balance", "Str", "touch: settle white balance", PERHAPS),
        ("blue", "Str", "a blue logo", HOLDS),
        ("red", "Str", "a red car", PERHAPS),
        ("2015-2016", "Str", "Annual Report 2015-2016", HOLDS),
        ("['Microsoft', 'Oracle']", "List", "Oracle and Microsoft", HOLDS),
        ("['Microsoft', 'Oracle']", "List", "Oracle and others", HARDLY),
        ("['Microsoft', 'Oracle']", "List", "others", FAILS),
    ],
)
def test_a_quote_of_a_page_with_evidence(expected: str, answer_format: str, quote: str, grade: QuoteGrade) -> None:
    assert grade_quotes(expected, answer_format, [quote], on_evidence=True) == grade


def test_what_seems_to_hold_on_another_page_is_for_a_person_to_judge() -> None:
    assert grade_quotes("52300", "Int", ["52,300 tonnes"], on_evidence=False) == HARDLY
    assert grade_quotes("52300", "Int", ["50 tonnes"], on_evidence=False) == FAILS


def test_a_list_may_be_spread_over_quotes() -> None:
    assert grade_quotes("['Microsoft', 'Oracle']", "List", ["Microsoft", "by Oracle"], on_evidence=True) == HOLDS
