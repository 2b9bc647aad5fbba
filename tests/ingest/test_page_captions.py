"""Captions and short blocks of a page: which texts a picture is compared with."""

import numpy as np

from pagelens.core.types import PageText
from pagelens.ingest.text.captions import MAX_CAPTIONS, MAX_CHARACTERS, MIN_WORDS, find_captions


def page(*blocks: str) -> PageText:
    return PageText(text="\n\n".join(blocks), spans=np.zeros((0, 2), np.int32), boxes=np.zeros((0, 4), np.float32))


def test_short_blocks_are_captions_and_long_ones_and_single_words_are_not() -> None:
    body = "The harbour was built in stages over many years. " * 8
    found = find_captions(
        page("12", "Harbour report", body, "Figure 3: the new\nbreakwater at low tide", "Timber stacked high")
    )
    assert found == ["Figure 3: the new breakwater at low tide", "Timber stacked high"]
    assert find_captions(page()) == [] == find_captions(page(""))


def test_the_limits_are_as_documented() -> None:
    assert (MIN_WORDS, MAX_CHARACTERS, MAX_CAPTIONS) == (3, 240, 8)
    at_limit = "boat " * 47 + "harbo"  # 240 characters
    assert find_captions(page(at_limit)) == [at_limit]
    assert find_captions(page(at_limit + "u")) == []
    assert find_captions(page("two words")) == [] and find_captions(page("now three words")) == ["now three words"]


def test_captions_come_before_other_short_blocks_where_there_are_too_many() -> None:
    lines = [f"item number {number}" for number in range(20)]
    for caption in ("Fig. 2 a red boat", "FIGURE 12. Two boats", "Abb. 4: ein rotes Boot", "Photo: a boat at sea"):
        assert find_captions(page(*lines, caption)) == [*lines[: MAX_CAPTIONS - 1], caption]
    assert find_captions(page(*lines, "Figures of speech abound")) == lines[:MAX_CAPTIONS]
