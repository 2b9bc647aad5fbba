"""Extractive question-answering checkpoints: their best span against the null answer, and the sentence quoted."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pagelens.core.errors import GenerationError
from pagelens.core.types import Answer
from pagelens.generate.llm.providers import ModelChoice, describe, load_chat_model, load_span_reader
from pagelens.generate.reader.local_reader import MAX_SPAN_TOKENS, LocalReader
from pagelens.generate.reader.span_answerer import ReaderAnswerer, sentence_around
from pagelens.generate.reader.spans import ScoredSpan
from tests.generate.pages import analyze, set_page, show
from tests.generate.tiny_readers import make_random_reader, make_thirty_nine_reader, save_tokenizer, tiny_config

library = pytest.importorskip("transformers")
torch: Any = pytest.importorskip("torch")

QUESTION = "How many ships?"
FLEET = "The company was founded in Oban. Maria counted thirty nine ships in the harbour. It rained."


@pytest.fixture(scope="module")
def random_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_random_reader(tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_thirty_nine_reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def answerer(folder: Path) -> ReaderAnswerer:
    return ReaderAnswerer(LocalReader(folder, device="cpu"), analyze)


class FixedReader:
    """Picks a word of each text with a given margin over the null answer."""

    name = "fixed"

    def __init__(self, word: str, *margins: float) -> None:
        self._word, self._margins = word, margins

    def best_spans(self, question: str, texts: Sequence[str]) -> list[ScoredSpan | None]:
        del question
        starts = [text.find(self._word) for text in texts]
        return [
            ScoredSpan(start, start + len(self._word), margin, 0.0) if start >= 0 else None
            for start, margin in zip(starts, self._margins, strict=True)
        ]


def test_scores_are_those_of_transformers_over_every_allowed_span(random_folder: Path) -> None:
    text = "maria saw thirty ships, nine of the"  # one window
    tokenizer = library.AutoTokenizer.from_pretrained(random_folder)
    model = library.AutoModelForQuestionAnswering.from_pretrained(random_folder).eval()
    inputs = tokenizer(QUESTION, text, return_tensors="pt", return_offsets_mapping=True)
    offsets, parts = inputs.pop("offset_mapping")[0].tolist(), inputs.sequence_ids(0)
    with torch.inference_mode():
        output = model(**inputs)
    start, end = output.start_logits[0].tolist(), output.end_logits[0].tolist()
    spans = [
        (start[first] + end[last], offsets[first][0], offsets[last][1])
        for first in range(len(parts))
        for last in range(first, min(first + MAX_SPAN_TOKENS, len(parts)))
        if parts[first] == parts[last] == 1
    ]
    [found] = LocalReader(random_folder, device="cpu").best_spans(QUESTION, [text])
    assert found is not None
    score, first, last = max(spans)
    assert (found.start, found.end) == (first, last)
    assert found.score == pytest.approx(score, abs=1e-5)
    assert found.null_score == pytest.approx(start[0] + end[0], abs=1e-5)


def test_texts_read_together_score_as_alone(random_folder: Path) -> None:
    reader = LocalReader(random_folder, device="cpu")
    texts = ["maria saw nine ships", " \n", "the ships of the thirty " * 40, "nine"]
    together = reader.best_spans(QUESTION, texts)
    for text, found in zip(texts, together, strict=True):
        [alone] = reader.best_spans(QUESTION, [text])
        if alone is None or found is None:
            assert alone is found is None and not text.strip()
        else:
            assert (found.start, found.end) == (alone.start, alone.end)
            assert found.margin == pytest.approx(alone.margin, abs=1e-4)


def test_windows_are_compared_by_their_margins(random_folder: Path) -> None:
    words = "maria of ships the nine thirty how many".split()
    text = " ".join(random.Random(0).choices(words, k=150))
    tokenizer = library.AutoTokenizer.from_pretrained(random_folder)
    reader = LocalReader(random_folder, device="cpu")
    windows = tokenizer(
        QUESTION,
        text,
        truncation="only_second",
        max_length=64,
        stride=22,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    slices = []
    for row, offsets in enumerate(windows["offset_mapping"]):
        inside = [offset for offset, part in zip(offsets, windows.sequence_ids(row), strict=True) if part == 1]
        slices.append(text[inside[0][0] : inside[-1][1]])
    alone = [span for span in reader.best_spans(QUESTION, slices) if span is not None]
    [found] = reader.best_spans(QUESTION, [text])
    assert found is not None and len(alone) == len(slices) > 3
    assert found.margin == pytest.approx(max(span.margin for span in alone), abs=1e-4)
    assert max(alone, key=lambda span: span.margin) != max(alone, key=lambda span: span.score)


@pytest.mark.parametrize("before", [0, 43, 44, 45, 66, 600])
def test_a_span_is_found_in_any_window_and_where_one_ends(before: int, folder: Path) -> None:
    """The first window holds 45 words: 64 tokens less 16 of the question and 3 marks."""
    text = f"{'ships ' * before}thirty nine {'of the ships ' * 50}"
    [found] = LocalReader(folder, device="cpu").best_spans(QUESTION * 30, [text])
    assert found is not None and found.margin > 0
    assert text[found.start : found.end] == "thirty nine"


def test_the_sentence_that_holds_the_span_is_quoted_with_its_boxes(answerer: ReaderAnswerer) -> None:
    pages = [show("The ships of Oban are many.", number=1), show(FLEET, number=2)]
    *pieces, answer = answerer.stream(QUESTION, pages)
    assert isinstance(answer, Answer) and answer.found is True and answer.confidence > 0.5
    assert pieces == [answer.text, *answer.citations]
    assert answer.text == "Maria counted thirty nine ships in the harbour. [1]"
    [citation] = answer.citations
    start = FLEET.index("Maria")
    assert citation.state == "quoted" and citation.ref.number == 2
    assert citation.boxes == pages[1].text.boxes_of(start, start + len(citation.quote)) != []
    assert "“thirty nine”" in answer.reason and "above no answer" in answer.reason


def test_pages_without_the_answer_are_refused_with_the_null_score(answerer: ReaderAnswerer) -> None:
    answer = answerer.answer(QUESTION, [show("The company was founded in Oban.")])
    assert answer.found is not True and "below no answer" in answer.reason


@pytest.mark.parametrize(
    ("margin", "found"), [(0.0, True), (-0.01, "closest"), (-2.19, "closest"), (-2.2, False), (-50.0, False)]
)
def test_the_null_score_decides_what_is_shown(margin: float, found: bool | str) -> None:
    """0.1 is the probability at a margin of -ln 9 = -2.197."""
    answer = ReaderAnswerer(FixedReader("nine", margin), analyze).answer(QUESTION, [show(FLEET)])
    assert answer.found == found and bool(answer.citations) == bool(found)
    assert ("perhaps no answer" in answer.text) == (found == "closest")
    assert answer.text.startswith("Not in these documents") == (found is False)


def test_the_page_with_the_largest_margin_is_quoted() -> None:
    pages = [show(FLEET, number=number) for number in (1, 2, 3)]
    answer = ReaderAnswerer(FixedReader("nine", 1.0, 3.0, 2.0), analyze).answer(QUESTION, pages)
    assert [citation.ref.number for citation in answer.citations] == [2]


def test_pages_without_words_are_no_answer(answerer: ReaderAnswerer) -> None:
    for pages in ([], [show("")]):
        answer = answerer.answer(QUESTION, pages)
        assert answer.found is False and answer.confidence == 0.0 and answer.reason == "the pages hold no text"


def test_a_follow_up_is_read_with_what_it_is_about(folder: Path) -> None:
    posed = []

    class Listening(LocalReader):
        def best_spans(self, question: str, texts: Any) -> Any:
            posed.append(question)
            return super().best_spans(question, texts)

    reader = ReaderAnswerer(Listening(folder, device="cpu"), analyze)
    list(reader.stream("And in 2020?", [show(FLEET)], history=[("How many ships had Oban in 2019?", "39")]))
    assert "2020" in posed[0] and "Oban" in posed[0]


def test_a_row_is_quoted_with_its_columns_and_a_span_over_two_sentences_with_both() -> None:
    table = set_page("Region | Ships | Crew\nOban | 39 | 410\nMallaig | 12 | 99")
    at = table.text.index("410")
    row = sentence_around(table, at, at + 3)
    assert row.text == "Oban 39 410" and row.header is not None
    page = set_page(FLEET)
    both = sentence_around(page, FLEET.index("Oban"), FLEET.index("counted"))
    assert both.text == FLEET.removesuffix(" It rained.")


def test_what_is_no_reader_is_an_error_that_says_so(tmp_path: Path, folder: Path) -> None:
    headless = tmp_path / "headless"
    save_tokenizer(headless)
    library.BertModel(tiny_config()).save_pretrained(headless)
    unknown = tmp_path / "unknown"
    unknown.mkdir()
    (unknown / "config.json").write_text('{"model_type": "unheard_of"}')
    for bad in (tmp_path / "nowhere", unknown, headless):
        with pytest.raises(GenerationError) as raised:
            load_span_reader(ModelChoice(f"local-qa:{bad}"))
        assert raised.value.code == "no-model" and str(bad) in str(raised.value)
    assert "qa_outputs" in str(raised.value)
    with pytest.raises(GenerationError, match="only quotes answers"):
        load_chat_model(ModelChoice(f"local-qa:{folder}"))
    assert load_span_reader(ModelChoice("openai:gpt-9")) is None


def test_a_reader_is_described_by_its_folder(folder: Path) -> None:
    assert (
        describe(ModelChoice(f"local-qa:{folder}")) == f"{folder}, picks answers on this machine through transformers"
    )
