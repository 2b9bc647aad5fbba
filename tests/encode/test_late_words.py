from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.build_token_basis import (
    principal_directions,
    vocabulary_vectors,
    vocabulary_words,
)
from pagelens.api.engine.embedding import PageBatch, PassageAndWordsEmbedder
from pagelens.core.errors import WeightsError
from pagelens.core.types import PageText, Passage, no_text
from pagelens.encode.batching import unit_rows
from pagelens.encode.page.late_words import BuiltinPageEncoder, _describes
from pagelens.encode.page.token_basis import BASES, TokenBasis, load_rows
from pagelens.encode.text.minilm import MODEL, TOKENIZER, BuiltinTextEncoder
from pagelens.index.lexical.analysis import analyze

BASIS = BASES[MODEL]
LAKE = "The lake is 120 metres deep. Its water comes from the river, and pike live in it."
BANK = "Revenue of the bank grew by 8% in FY2018; dividends were paid in March."


def page_of(text: str) -> PageText:
    """A page with one word every thousandth of its width, so that a box names its word."""
    spans, position = [], 0
    for word in text.split():
        start = text.index(word, position)
        position = start + len(word)
        spans.append((start, position))
    boxes = np.array([(n / 1000, 0, (n + 1) / 1000, 1) for n in range(len(spans))], np.float32)
    return PageText(text=text, spans=np.array(spans, np.int32).reshape(-1, 2), boxes=boxes.reshape(-1, 4))


def words_at(page: PageText, boxes: NDArray[np.float32]) -> list[str]:
    numbers = np.rint(boxes[:, 0] * 1000).astype(int)
    return [page.text[start:end] for start, end in page.spans[numbers]]


@pytest.fixture(scope="module")
def encoder(text_encoder: BuiltinTextEncoder) -> BuiltinPageEncoder:
    return BuiltinPageEncoder(text_encoder, analyze)


def max_sim(query: NDArray[np.float32], page: NDArray[np.float32]) -> float:
    return sum(max(float(word @ token) for token in page) for word in query)


def test_a_token_has_its_words_box_and_punctuation_has_no_token(encoder: BuiltinPageEncoder) -> None:
    page = page_of("Ærø's solar-power,\n(FY2018) -- rose & rose")
    (tokens,) = encoder.encode_texts([page])
    token_words = words_at(page, tokens.boxes)
    # Ærø's is Æ, r, ø, s without the apostrophe; FY2018 is F, Y, 20, 18
    assert token_words == ["Ærø's"] * 4 + ["solar-power,"] * 2 + ["(FY2018)"] * 4 + ["rose"] * 2
    assert tokens.vectors.shape == (12, 128)
    np.testing.assert_allclose(np.linalg.norm(tokens.vectors, axis=1), 1, atol=1e-6)


def test_a_page_without_words_has_no_tokens(encoder: BuiltinPageEncoder) -> None:
    empty, marks, lake = encoder.encode_texts([no_text(), page_of("-- ... &"), page_of(LAKE)])
    for none in (empty, marks):
        assert none.vectors.shape == (0, 128)
        assert none.boxes.shape == (0, 4)
    assert len(lake.vectors) == 9  # lake 120 metres deep water comes river pike live
    assert encoder.encode_texts([]) == []


def test_vectors_are_the_text_encoders_projected_on_the_shipped_basis(
    encoder: BuiltinPageEncoder, text_encoder: BuiltinTextEncoder
) -> None:
    page = page_of(LAKE)
    (tokens,), (whole,) = encoder.encode_texts([page]), text_encoder.encode_tokens([LAKE])
    kept = {"lake", "120", "metres", "deep", "water", "comes", "river", "pike", "live"}
    rows = [LAKE[start:end] in kept for start, end in whole.spans]
    np.testing.assert_allclose(tokens.vectors, unit_rows(whole.vectors[rows] @ load_rows(BASIS)), atol=1e-4)


def test_nothing_is_lost_of_a_page_longer_than_the_model_reads(
    encoder: BuiltinPageEncoder, text_encoder: BuiltinTextEncoder
) -> None:
    page = page_of(" ".join(f"pike{number} swims" for number in range(300)))
    (tokens,) = encoder.encode_texts([page])
    assert text_encoder.count_tokens([page.text])[0] > 3 * text_encoder.max_tokens
    assert len(tokens.vectors) == text_encoder.count_tokens([page.text])[0]
    token_words = words_at(page, tokens.boxes)
    assert list(dict.fromkeys(token_words)) == list(dict.fromkeys(page.text.split()))


def test_a_word_at_the_start_of_a_window_is_encoded_with_what_follows_it(
    encoder: BuiltinPageEncoder, text_encoder: BuiltinTextEncoder
) -> None:
    filler = " ".join(["trout"] * text_encoder.max_tokens)
    (long,), (short,) = encoder.encode_texts([page_of(f"{filler} {LAKE}")]), encoder.encode_texts([page_of(LAKE)])
    np.testing.assert_allclose(long.vectors[-len(short.vectors) :], short.vectors, atol=1e-4)


def test_a_word_broken_at_a_line_end_is_encoded_whole_and_stands_in_the_boxes_of_its_parts(
    encoder: BuiltinPageEncoder, text_encoder: BuiltinTextEncoder
) -> None:
    broken, whole = (
        page_of("asbestos con-\ntamination near the old tan-\nnery"),
        "asbestos contamination near the old tannery",
    )
    (tokens,), (expected,) = encoder.encode_texts([broken]), encoder.encode_texts([page_of(whole)])
    np.testing.assert_allclose(tokens.vectors, expected.vectors, atol=1e-4)
    first = words_at(broken, tokens.boxes)
    assert set(first) >= {"asbestos", "con-", "near", "old", "tan-", "nery"}
    passages = [Passage(0, 0, len(broken.text))]
    batch = PageBatch(kind="pdf", texts=[broken], passages=[passages], inputs=[[f"A title\n{whole}"]], images=[None])
    PassageAndWordsEmbedder(text_encoder, encoder, "builtin").embed(batch)
    assert words_at(broken, batch.tokens["page"][0].boxes) == first


def test_a_query_names_its_words_and_leaves_out_those_without_a_term(encoder: BuiltinPageEncoder) -> None:
    (tokens,) = encoder.encode_queries(["What was the dividend, in FY2018?"])
    assert tokens.words == ["dividend", *["FY2018"] * 4] or tokens.words == [*["dividend"] * 2, *["FY2018"] * 4]
    assert tokens.vectors.shape == (len(tokens.words), 128)
    assert tokens.weights is None


def test_a_query_of_nothing_but_stop_words_keeps_them_and_an_empty_one_is_empty(encoder: BuiltinPageEncoder) -> None:
    stops, marks, empty = encoder.encode_queries(["What is it?", "??", " "])
    assert stops.words == ["What", "is", "it", "it"]  # the question mark is a token of "it?"
    assert marks.words == ["??", "??"]
    assert empty.vectors.shape == (0, 128)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("Was zeigt die Karte im Bericht?", {"zeigt", "Karte", "Bericht"}),
        ("Сколько спутников в этом отчёте?", {"спутников", "отчёте"}),
        ("¿Qué muestra el mapa del informe?", {"muestra", "mapa", "informe"}),
        ("كم عدد الصور في هذا التقرير؟", {"عدد", "الصور", "التقرير"}),
        ("Wer ist es?", {"Wer", "ist", "es"}),
    ],
)
def test_a_query_leaves_out_the_function_words_of_its_language_unless_it_has_no_others(
    query: str, words: set[str], encoder: BuiltinPageEncoder
) -> None:
    assert set(encoder.encode_queries([query])[0].words) == words


def test_hiragana_up_to_two_letters_are_inflections() -> None:
    assert [_describes(token, "ja") for token in ("のは", "された", "ミ", "地図")] == [False, True, True, True]


def test_the_page_that_answers_has_more_of_the_query(encoder: BuiltinPageEncoder) -> None:
    lake, bank = encoder.encode_texts([page_of(LAKE), page_of(BANK)])
    deep, paid = encoder.encode_queries(["How deep does the water reach?", "When was the dividend paid?"])
    assert max_sim(deep.vectors, lake.vectors) > max_sim(deep.vectors, bank.vectors) + 0.1
    assert max_sim(paid.vectors, bank.vectors) > max_sim(paid.vectors, lake.vectors) + 0.1


def test_the_best_token_for_a_query_is_the_word_itself(encoder: BuiltinPageEncoder) -> None:
    page = page_of(BANK)
    (tokens,), (query,) = encoder.encode_texts([page]), encoder.encode_queries(["dividends"])
    best = int((tokens.vectors @ query.vectors.T).max(axis=1).argmax())
    assert words_at(page, tokens.boxes[best : best + 1]) == ["dividends"]


def test_pages_are_encoded_independently(encoder: BuiltinPageEncoder) -> None:
    pages = [page_of(LAKE), no_text(), page_of(BANK * 30), page_of(BANK)]
    for page, tokens in zip(pages, encoder.encode_texts(pages), strict=True):
        (alone,) = encoder.encode_texts([page])
        np.testing.assert_array_equal(tokens.boxes, alone.boxes)
        np.testing.assert_allclose(tokens.vectors, alone.vectors, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(words=st.lists(st.text(st.characters(exclude_categories=["Z", "Cs"]), min_size=1), max_size=8))
def test_any_text_gives_unit_rows_in_boxes_of_its_words(words: list[str], text_encoder: BuiltinTextEncoder) -> None:
    encoder = BuiltinPageEncoder(text_encoder, analyze)
    page = page_of(" ".join(words))
    (tokens,), (query,) = encoder.encode_texts([page]), encoder.encode_queries([page.text])
    assert len(tokens.vectors) == len(tokens.boxes)
    assert {tuple(box) for box in tokens.boxes} <= {tuple(box) for box in page.boxes}
    assert len(query.vectors) == len(query.words)
    for vectors in (tokens.vectors, query.vectors):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_space_is_multi_vector_and_names_its_parts(
    encoder: BuiltinPageEncoder, text_encoder: BuiltinTextEncoder
) -> None:
    assert str(encoder.space) == "sentence-transformers/all-MiniLM-L6-v2 tokens@8199be6f699a (128, multi-vector)"
    assert text_encoder.space.fingerprint in encoder.space.options
    assert encoder.space.fingerprint != text_encoder.space.fingerprint


def test_the_shipped_directions_are_those_of_the_models_vocabulary(text_encoder: BuiltinTextEncoder) -> None:
    vectors = vocabulary_vectors(text_encoder, vocabulary_words(text_encoder))
    shipped, made = load_rows(BASIS), principal_directions(vectors)
    np.testing.assert_allclose(shipped.T @ shipped, np.eye(128), atol=2e-3)  # stored in half precision
    held = [float(np.square(vectors @ basis).sum()) for basis in (shipped, made)]
    assert held[0] == pytest.approx(held[1], rel=1e-3)
    assert held[1] > 0.75 * len(vectors)  # a third of the dimensions hold most of what there is


def test_a_basis_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="expected SHA-256"):
        load_rows(TokenBasis(TOKENIZER, BASIS.sha256))
    with pytest.raises(WeightsError, match="install pagelens again"):
        load_rows(TokenBasis(tmp_path / "none.npy", BASIS.sha256))
