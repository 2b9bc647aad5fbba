"""Text of documents in answers: whatever stands on a page, a program that renders Markdown shows it as text."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pagelens.api.server.markdown import MarkdownEscaper, escape_links, escape_markdown
from pagelens.api.server.schemas.openai import SOURCES_HEADING
from tests.api.files import write_pdf
from tests.api.server.conftest import Server, Started

RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ACTIVE = {"link_open", "image", "html_inline", "html_block", "code_inline", "fence"}
PIECES = (
    *("![", "[", "](", "]", ")", "(", "<", ">", "\\", "`", "```", "~~~", "!", ":", "/", "\n", "\n\n", " ", "]: "),
    *("[1]", "[2]", "[1](", "[1]: ", "[1][", "x", "http://evil.example/", "https:", "//evil", "www", ".evil.example"),
    *("<img src=x>", "<!--", "javascript:", "&#91;", "&lt;", "www.evil.example"),
)
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=14)


def token_types(tokens: Any) -> set[str]:
    """Return the types of Markdown tokens and of those inside them."""
    return {token.type for token in tokens} | {kind for token in tokens for kind in token_types(token.children or ())}


@given(HOSTILE)
def test_no_text_in_pieces_becomes_a_link_an_image_html_or_code(pieces: list[str]) -> None:
    escaper = MarkdownEscaper()
    text = "".join(escaper.escape(piece) for piece in pieces)
    assert not token_types(RENDERER.parse(text)) & ACTIVE, text
    assert "://" not in text and "www." not in text  # what some programs make a link of without brackets


@given(HOSTILE)
def test_text_without_citations_has_no_mark_left_and_is_shown_as_it_is(pieces: list[str]) -> None:
    line = "".join(pieces).replace("\n", " ")
    text = escape_links(line)
    assert not token_types(RENDERER.parse(text)) & ACTIVE, text
    assert "[1]" not in text
    assert text.replace("\\", "") == line.replace("\\", "")


def test_citation_marks_and_plain_words_stay_as_they_are() -> None:
    plain = "Timber grew to **52,300** tonnes (2024) [1][2].\n- a list: item at 10:30, ada@example.org"
    assert MarkdownEscaper().escape(plain) == plain
    assert MarkdownEscaper(keep_marks=False).escape("see [1]") == "see \\[1\\]"
    assert escape_markdown("a](x) *b*") == "a\\]\\(x) \\*b\\*"


def test_markdown_of_a_document_is_shown_in_a_chat_and_its_own_mark_is_no_citation(
    start: Started, tmp_path_factory: Any
) -> None:
    server: Server = start()
    page = "Timber grew to 52,300 tonnes in 2024 [7] ![x](http://evil.example/?q) [1](http://evil.example)."
    file = write_pdf(tmp_path_factory.mktemp("hostile") / "timber.pdf", [page])
    server.add({"timber.pdf": file.read_bytes()})
    body = {"model": "pagelens", "messages": [{"role": "user", "content": "How much did timber grow to in 2024?"}]}
    message = server.client.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    text, _, sources = message["content"].partition(SOURCES_HEADING)
    assert "52,300" in text and "(7)" in text and "evil.example" in text
    assert not token_types(RENDERER.parse(text)) & ACTIVE, text
    [annotation] = message["annotations"]
    cited = annotation["url_citation"]
    assert cited["end_index"] == len(text) and text[cited["start_index"] :] == "[1]"
    assert "link_open" in token_types(RENDERER.parse(sources))
