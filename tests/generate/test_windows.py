"""Long documents: windows that overlap, lists put together, conflicts kept, and the second look."""

import json
from collections.abc import Sequence

import numpy as np

from pagelens.core.types import ContextPage, Extraction, ImageArray, PageRef
from pagelens.generate.extraction.extractor import ModelExtractor
from pagelens.generate.extraction.windows import are_alike, extract_all, page_windows
from pagelens.generate.llm.chat import ChatRequest, TextPart
from pagelens.generate.llm.scripted import ScriptedModel
from pagelens.generate.prompts import Budget
from tests.generate.pages import analyze, show

SCHEMA = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "rows": {
            "type": "array",
            "items": {"properties": {"name": {"type": "string"}, "price": {"type": "number"}}, "type": "object"},
        },
    },
}
PAGES = [
    show(f"Item {word} | {number}.50\n\nagain {word} | {number}.50", "a.pdf", number)
    for number, word in enumerate(("alder", "birch", "cedar", "dogwood", "elm"), start=1)
]


def reply_with_all_rows(request: ChatRequest) -> str:
    """Return the rows of the pages that the request shows."""
    text = "\n".join(part.text for part in request.messages[0].parts if isinstance(part, TextPart))
    rows: list[dict[str, object]] = []
    pages: dict[str, int] = {}
    for page in PAGES:
        if f"page {page.ref.number}\n" in text:
            word = page.text.text.split()[1]
            shown = text.count("file: a.pdf", 0, text.index(f"page {page.ref.number}\n"))
            for _ in range(2):
                pages |= {f"/rows/{len(rows)}/{name}": shown for name in ("name", "price")}
                rows.append({"name": word, "price": page.ref.number + 0.5})
    return json.dumps({"data": {"total": None, "rows": rows}, "pages": pages})


def extract(model: ScriptedModel, pages: Sequence[ContextPage] = PAGES, window: int = 2) -> Extraction:
    return extract_all(ModelExtractor(model, analyze, budget=Budget(images=window)), SCHEMA, pages)


def test_windows_share_a_page_and_reach_the_end() -> None:
    assert page_windows(5, 2) == [(0, 2), (1, 3), (2, 4), (3, 5)]
    assert (
        page_windows(6, 6) == [(0, 6)] and page_windows(7, 6) == [(0, 6), (5, 7)] and page_windows(3, 1)[-1] == (2, 3)
    )


def test_rows_of_a_page_in_two_windows_are_kept_once_also_if_two_are_equal() -> None:
    model = ScriptedModel(reply_with_all_rows)
    found = extract(model)
    assert isinstance(found.data, dict) and len(model.requests) == 4
    expected = [page.text.text.split()[1] for page in PAGES for _ in range(2)]
    assert [row["name"] for row in found.data["rows"]] == expected
    assert found.citations["/rows/9/price"].ref == PageRef("a.pdf", 5) and found.citations["/rows/9/price"].mark == 5
    assert [ref.number for ref in found.context_pages] == [1, 2, 3, 4, 5] and found.absent == ["/total"]
    assert found.usage is not None and (found.usage.calls, found.usage.pages) == (4, 5)


def test_a_row_that_two_windows_read_otherwise_is_kept_once_with_the_better_reading() -> None:
    def reply(request: ChatRequest) -> str:
        given = json.loads(reply_with_all_rows(request))
        if given["data"]["rows"][0]["name"] == "alder":
            given["data"]["rows"][2]["price"] = 88.25  # the first of page 2, which stands on no page
        return json.dumps(given)

    found = extract(ScriptedModel(reply), PAGES[:3])
    assert isinstance(found.data, dict)
    assert [row["price"] for row in found.data["rows"]] == [1.5, 1.5, 2.5, 2.5, 3.5, 3.5]


def test_rows_are_alike_if_half_of_their_values_are_equal() -> None:
    assert are_alike({"a": 1, "b": 2}, {"a": 1, "b": 3}) and not are_alike({"a": 1, "b": 2}, {"a": 3, "b": 4})
    assert not are_alike({"a": None}, {"a": None})


def test_a_value_that_pages_disagree_on_is_kept_with_the_other_as_a_conflict() -> None:
    def reply(request: ChatRequest) -> str:
        text = str(request.messages[0].parts)
        first = "page 1\\n" in text
        return json.dumps(
            {"data": {"total": 1.5 if first else 5.5, "rows": []}, "pages": {"/total": 1 if first else 2}}
        )

    found = extract(ScriptedModel(reply), [PAGES[0], PAGES[3], PAGES[4]])
    assert isinstance(found.data, dict) and found.data["total"] == 1.5
    [conflict] = found.conflicts
    assert (conflict.pointer, conflict.value, conflict.citation.ref.number) == ("/total", 5.5, 5)
    assert any("page 5 says 5.5" in note for note in found.notes)


def test_a_value_that_stands_on_its_page_is_preferred_to_one_that_does_not() -> None:
    def reply(request: ChatRequest) -> str:
        first = "page 1\\n" in str(request.messages[0].parts)
        return json.dumps({"data": {"total": 99.99 if first else 3.5, "rows": []}, "pages": {"/total": 2}})

    found = extract(ScriptedModel(reply), PAGES[:3])
    assert isinstance(found.data, dict) and found.data["total"] == 3.5
    assert found.citations["/total"].state == "quoted"


def picture(ref: PageRef, longest: int) -> ImageArray:
    del ref
    return np.zeros((longest, longest // 2, 3), np.uint8)


def look(*replies: object) -> tuple[Extraction, ScriptedModel]:
    model = ScriptedModel([json.dumps(reply) for reply in replies])
    extractor = ModelExtractor(model, analyze, load_page_image=picture, budget=Budget(image_side=800))
    return extractor.extract(SCHEMA, PAGES[:2]), model


FIRST = {"data": {"total": None, "rows": [{"name": "alder", "price": 7.5}]}, "pages": {"/rows/0/price": 1}}


def test_a_value_on_no_page_is_looked_at_again_in_a_larger_picture() -> None:
    found, model = look(FIRST, {"data": {"/rows/0/price": 1.5}})
    assert isinstance(found.data, dict) and found.data["rows"] == [{"name": "alder", "price": 1.5}]
    assert found.citations["/rows/0/price"].state == "quoted"
    first, second = model.requests
    assert second.images[0].height > 1.5 * first.images[0].height and len(second.images) == 1
    task = str(second.messages[0].parts[-1])
    assert "in the row with name" in task and "alder" in task and "7.5" not in task  # it is not told what it said
    assert found.usage is not None and found.usage.calls == 2


def test_what_is_read_a_second_time_alike_is_seen_in_the_picture_only() -> None:
    found, _ = look(FIRST, {"data": {"/rows/0/price": 7.5}})
    assert found.citations["/rows/0/price"].state == "image-only"


def test_what_the_second_look_does_not_settle_stays_unconfirmed() -> None:
    answers: list[object] = [{"data": {"/rows/0/price": 8.5}}, {"data": {"/rows/0/price": None}}, {"data": "none"}, []]
    for second in answers:
        found, _ = look(FIRST, second)
        assert isinstance(found.data, dict) and found.data["rows"][0]["price"] == 7.5
        assert found.citations["/rows/0/price"].state == "unconfirmed"
        assert "/rows/0/price" in found.notes[0]
