"""Summaries: by a scripted model, part by part, each sentence checked; and the outline without a model."""

from pagelens.core.types import PageRef
from pagelens.generate.llm.chat import ChatRequest, TextPart
from pagelens.generate.llm.scripted import ScriptedModel
from pagelens.generate.prompts import Budget
from pagelens.generate.summaries.outline import outline
from pagelens.generate.summaries.summariser import MERGING, SUMMARY, ModelSummariser
from tests.generate.pages import analyze, show

REVENUE = show("Results\n\nRevenue in 2019 rose to 1,234 million euros in all regions.", "report.pdf", 1)
STAFF = show("Staff\n\nThe staff is 45 people in three offices at the year's end.", "report.pdf", 2, "ii")
FLEET = show("The fleet\n\nNine ships sail from Oban to the western islands every week.", "fleet.pdf", 1)
PAGES = [REVENUE, STAFF, FLEET]
WHOLE, SMALL = Budget(), Budget(tokens=450, reply_tokens=100)  # one page a request


def texts_of(request: ChatRequest) -> str:
    return "\n".join(part.text for item in request.messages for part in item.parts if isinstance(part, TextPart))


def summariser(model: ScriptedModel, budget: Budget = WHOLE) -> ModelSummariser:
    return ModelSummariser(model, analyze, budget=budget)


def test_pages_that_fit_into_one_request_are_summarised_by_one_and_each_sentence_is_checked() -> None:
    model = ScriptedModel(["Revenue rose to 1,234 million euros in 2019 [1]. The staff is 46 people [2]."])
    summary = summariser(model).summarise(PAGES, sentences=2)
    assert [citation.state for citation in summary.citations] == ["supported", "unconfirmed"]
    assert [citation.ref.number for citation in summary.citations] == [1, 2]
    assert summary.confidence == 0.5 and "1 of 2 citations" in summary.notes[0]
    assert summary.usage is not None and summary.usage.prompts == (SUMMARY.id,)
    assert "2 sentences at most" in texts_of(model.requests[0])


def test_parts_are_merged_and_marks_lead_through_the_parts_to_the_pages() -> None:
    model = ScriptedModel(
        [
            "Revenue rose to 1,234 million euros in 2019 [1].",
            "The staff is 45 people [1].",
            "Nine ships sail from Oban [1].",
            "Nine ships sail from Oban [3]. Revenue rose to 1,234 million euros in 2019 [1].",
        ]
    )
    summary = summariser(model, SMALL).summarise(PAGES, sentences=2)
    assert [request.prompt for request in model.requests] == [SUMMARY.id] * 3 + [MERGING.id]
    assert "[2] The staff is 45 people" in texts_of(model.requests[3])
    assert [(one.mark, one.ref, one.state) for one in summary.citations] == [
        (1, PageRef("fleet.pdf", 1), "supported"),
        (2, PageRef("report.pdf", 1), "supported"),
    ]
    assert summary.text == "Nine ships sail from Oban [1]. Revenue rose to 1,234 million euros in 2019 [2]."
    assert list(summary.context_pages) == [page.ref for page in PAGES]
    assert summary.usage is not None and summary.usage.calls == 4


def test_a_sentence_that_the_merging_adds_is_unconfirmed() -> None:
    model = ScriptedModel(["A [1].", "The staff is 45 people [1].", "B [1].", "The staff doubled to 90 people [2]."])
    summary = summariser(model, SMALL).summarise(PAGES, sentences=2)
    assert [citation.state for citation in summary.citations] == ["unconfirmed"]


def test_the_requests_for_an_estimate_are_those_that_are_sent() -> None:
    model = ScriptedModel(["A [1]."] * 4)
    made = summariser(model, SMALL)
    requests = made.requests(PAGES, sentences=2)
    made.summarise(PAGES, sentences=2)
    assert [len(texts_of(request)) for request in requests] == [len(texts_of(one)) for one in model.requests[:3]]


def test_without_a_model_lead_sentences_and_figures_are_quoted_under_their_pages() -> None:
    growth = show(
        "Growth\n\nThe harbour grew in every quarter of the year.\n\nTimber rose by 12% to €4 million and fish by 3%.",
        "report.pdf",
        3,
    )
    made = outline([REVENUE, STAFF, growth], lines=6)
    assert made.text.splitlines() == [
        "Page 1: Results",
        "- Revenue in 2019 rose to 1,234 million euros in all regions. [1]",
        "Page 2 (printed ii): Staff",
        "- The staff is 45 people in three offices at the year's end. [2]",
        "Page 3: Growth",
        "- The harbour grew in every quarter of the year. [3]",
        "- Timber rose by 12% to €4 million and fish by 3%. [3]",
    ]
    assert {citation.state for citation in made.citations} == {"quoted"}
    for citation, page in zip(made.citations, [REVENUE, STAFF, growth, growth], strict=True):
        assert citation.quote in " ".join(page.text.text.split()) and citation.boxes


def test_an_outline_of_fewer_lines_takes_pages_evenly() -> None:
    pages = [show(f"Part {n}\n\nThe part has its own sentence with number {n}.", number=n) for n in range(1, 13)]
    made = outline(pages, lines=4)
    assert [citation.ref.number for citation in made.citations] == [1, 4, 7, 10]


def test_pages_without_sentences_have_no_outline() -> None:
    made = outline([show("Annual report", "report.pdf", 1)], lines=6)
    assert made.found is False and made.citations == []
