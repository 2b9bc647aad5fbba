import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.encode.loading import (
    IMAGE_ENCODERS,
    PAGE_ENCODERS,
    TEXT_ENCODERS,
    EncoderKind,
    load_image_encoder,
    load_page_encoder,
    load_text_encoder,
)
from pagelens.encode.weights import HuggingFaceHub
from tests.encode.hub_server import served


def test_the_report_says_what_is_ready_and_why_the_rest_is_not(tmp_path: Path) -> None:
    whole, bare = tmp_path / "models" / "whole", tmp_path / "models" / "bare"
    for folder in (whole, bare):
        (folder / "1_Pooling").mkdir(parents=True)
    pooling = '[{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]'
    (whole / "modules.json").write_text(pooling, "utf-8")
    (whole / "1_Pooling" / "config.json").write_text("{}", "utf-8")
    settings = Settings(models=tmp_path / "models", offline=True)
    names = ["builtin", "org/whole", "org/bare", "org/absent", "no name"]
    reports = TEXT_ENCODERS.report(settings, names=names, hub=HuggingFaceHub(cache=tmp_path / "cache"))

    assert [report.name for report in reports] == names
    assert [report.ready for report in reports] == [True, True, False, False, False]
    assert [report.found_in for report in reports] == ["wheels", "folder", "folder", None, None]
    assert reports[1].path == whole
    assert [report.problem for report in reports[:2]] == ["", ""]
    assert "modules.json" in reports[2].problem
    assert "pagelens models fetch org/absent" in reports[3].problem
    assert "'no name'" in reports[4].problem


def test_the_report_makes_no_request_even_if_online(tmp_path: Path) -> None:
    with served("org/tiny", {"config.json": b"{}"}) as repository:
        hub = HuggingFaceHub(cache=tmp_path, endpoint=repository.endpoint)
        (report,) = TEXT_ENCODERS.report(Settings(), names=["org/tiny"], hub=hub)
        assert repository.requests == []
    assert not report.ready
    assert "pagelens models fetch" in report.problem


LOADERS: list[tuple[EncoderKind, Callable[..., object]]] = [
    (TEXT_ENCODERS, load_text_encoder),
    (IMAGE_ENCODERS, load_image_encoder),
    (PAGE_ENCODERS, load_page_encoder),
]
CASES = [(load, kind, library) for kind, load in LOADERS for library in kind.libraries]


@pytest.mark.parametrize(("load", "kind", "library"), CASES)
def test_without_a_library_one_line_names_the_extra_and_nothing_is_fetched(
    load: Callable[..., object], kind: EncoderKind, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)  # Python's own mark for a module that cannot be imported
    with served("org/tiny", {"config.json": b"{}"}) as repository:
        hub = HuggingFaceHub(cache=tmp_path, endpoint=repository.endpoint)
        with pytest.raises(WeightsError) as raised:
            load("org/tiny", Settings(), hub=hub)
        assert repository.requests == []
    assert str(raised.value) == f"{library} not installed; run `pip install 'pagelens[models]'`"
    assert library in kind.libraries


def test_a_report_names_the_libraries_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modules.json").write_text("[]", "utf-8")
    for library in ("torch", "sentence_transformers"):
        monkeypatch.setitem(sys.modules, library, None)
    (report,) = TEXT_ENCODERS.report(Settings(), names=[str(tmp_path)], hub=HuggingFaceHub(cache=tmp_path / "cache"))
    assert not report.ready and report.path == tmp_path
    assert report.problem == "torch and sentence_transformers not installed; run `pip install 'pagelens[models]'`"


def test_a_library_that_fails_to_import_is_one_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modules.json").write_text("[]", "utf-8")
    monkeypatch.setitem(sys.modules, "pagelens.encode.text.sentence_transformers", None)
    with pytest.raises(WeightsError, match=r"^cannot import .*; run `pip install 'pagelens\[models\]'`$"):
        load_text_encoder(str(tmp_path), Settings(offline=True))


def test_without_the_hubs_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(WeightsError, match=r"expected the weights of org/tiny.*pip install 'pagelens\[models\]'"):
        load_text_encoder("org/tiny", Settings())
