"""The builtin encoders are loaded once for all collections that a process has open, and go with the last one."""

import gc
import weakref

from pagelens.api.engine.encoders import Encoders, shared
from pagelens.core.settings import Settings
from pagelens.index.lexical.analysis import analyze

MODELS = {"text": "builtin", "page": "builtin", "image": "builtin"}


def test_collections_with_equal_settings_share_the_builtin_encoders() -> None:
    first, second = (Encoders(MODELS, analyze, Settings(threads=1)) for _ in range(2))
    assert first.builtin_text("text") is second.builtin_text("text")
    assert first.page_words is second.page_words
    other = Encoders(MODELS, analyze, Settings(threads=2))
    assert other.builtin_text("text") is not first.builtin_text("text"), "as many threads as its settings say"


class Loaded:
    """What a loader returns."""


def test_what_nobody_holds_is_freed_and_loaded_again() -> None:
    loads: list[int] = []

    def load(number: int) -> Loaded:
        loads.append(number)
        return Loaded()

    held = shared(load, 1)
    assert shared(load, 1) is held
    shared(load, 2)
    gone = weakref.ref(held)
    del held
    gc.collect()
    assert gone() is None
    assert isinstance(shared(load, 1), Loaded)
    assert loads == [1, 2, 1]
