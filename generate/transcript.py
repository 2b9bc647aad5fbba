"""A user's image in answers: the transcript that begins a model's reply, and the words that are shown of it."""

from dataclasses import dataclass

from pagelens.generate.answer_text import printable
from pagelens.generate.citations.marks import disarm_marks
from pagelens.generate.prompts import MAX_TRANSCRIPT_WORDS, TRANSCRIPT_TAGS

IMAGE_QUESTION = "What is on my picture, and what do the pages say about it?"  # where the user writes none
_OPEN, _CLOSE = TRANSCRIPT_TAGS
_THINK, _END_THINK = "<think>", "</think>"
_NO_WORDS = ("", "none", "nothing")


def image_words_text(words: str, *, by_ocr: bool) -> str:
    """Return the sentence of an answer on the words that stand on the user's image, without marks of citations."""
    shown = disarm_marks(printable(words)).split()
    if " ".join(shown).strip(" .").lower() in _NO_WORDS:
        return "No words could be read on your picture."
    more = " …" if len(shown) > MAX_TRANSCRIPT_WORDS else ""
    source = " (read by OCR)" if by_ocr else ""
    return f"On your picture{source}: “{' '.join(shown[:MAX_TRANSCRIPT_WORDS])}{more}”"


@dataclass(slots=True)
class TranscriptFilter:
    """Takes the transcript from the start of a streamed reply; holds the reply back until it is complete."""

    transcript: str | None = None  # None: the reply has none, or it is not complete yet
    complete: bool = False  # whether it is clear what the transcript is
    _buffer: str = ""

    def feed(self, piece: str) -> str:
        """Take the next piece of the reply; return what follows the transcript of it."""
        if self.complete:
            return piece
        self._buffer += piece
        return self._split(final=False)

    def finish(self) -> str:
        """Return the text that was held back. A transcript that does not end is the whole reply."""
        return "" if self.complete else self._split(final=True)

    def _split(self, *, final: bool) -> str:
        text = self._buffer.lstrip()
        if text.startswith(_THINK):
            _, end, text = text.partition(_END_THINK)
            text = text.lstrip()
            if not end and not final:
                return ""
        if not final and (_THINK.startswith(text) or _OPEN.startswith(text)):
            return ""
        self.complete = final
        if text.startswith(_OPEN):
            words, end, text = text.removeprefix(_OPEN).partition(_CLOSE)
            if not end and not final:
                return ""
            self.transcript = printable(words)
            text = text.lstrip()
        self.complete = True
        return text
