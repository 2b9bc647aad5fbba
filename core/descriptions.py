"""Descriptions of page images by a vision model: what is stored of them, and the words they are found by."""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_ALT = 150  # characters of an alternative text; a longer one is read out as a whole by screen readers, without pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a model wrote about a page's image. No word of it is the document's own."""

    caption: str
    alt_text: str
    picture_text: str  # the text in the picture, as the model read it
    objects: Sequence[str]
    language: str  # ISO 639-1 code of the language that was requested
    model: str
    prompt: int  # version of the prompt
    at: str = ""  # when it was made, ISO 8601 in UTC

    @property
    def mark(self) -> str:
        """Who described the page: "described by MODEL (prompt 1)"."""
        return f"described by {self.model} (prompt {self.prompt})"

    @property
    def words(self) -> str:
        """The words that the page is found by, on one line for each part."""
        alt_text = "" if self.alt_text in self.caption else self.alt_text
        return "\n".join(filter(None, (self.caption, alt_text, self.picture_text, ", ".join(self.objects))))

    @property
    def labelled(self) -> str:
        """The caption after who wrote it: "described by MODEL (prompt 1): A dog in the snow."."""
        return f"{self.mark}: {self.caption}"
