"""Questions to a collection that a question-answering checkpoint in a folder answers."""

from pathlib import Path

import pytest

import pagelens
from pagelens.api.engine.language_models import load_extractor
from pagelens.core.errors import GenerationError
from tests.api.files import write_pdf
from tests.generate.tiny_readers import make_thirty_nine_reader


def test_a_checkpoint_named_at_opening_answers_with_the_sentence_and_its_boxes(tmp_path: Path) -> None:
    checkpoint = f"local-qa:{make_thirty_nine_reader(tmp_path / 'reader')}"
    write_pdf(
        tmp_path / "fleet.pdf", ["The harbour of Oban is old.", "The fleet is new.\nMaria counted thirty nine ships."]
    )
    with pagelens.open(tmp_path / "c", create=True, profile="builtin", llm=checkpoint) as engine:
        engine.index([tmp_path / "fleet.pdf"])
        answer = engine.ask("How many ships are in the fleet?")
        assert answer.found is True and "thirty nine" in answer.reason
        [citation] = answer.citations
        assert (citation.ref.number, citation.state, citation.quote) == (
            2,
            "quoted",
            "Maria counted thirty nine ships.",
        )
        assert citation.boxes
    with pytest.raises(GenerationError, match="only quotes answers"):
        load_extractor(checkpoint, engine.page_image_array)
