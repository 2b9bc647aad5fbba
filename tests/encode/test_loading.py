from pathlib import Path

from pagelens.core.settings import Settings
from pagelens.encode.loading import report_text_encoders
from pagelens.encode.weights import HuggingFaceHub
from tests.encode.hub_server import served


def test_the_report_says_what_is_ready_and_why_the_rest_is_not(tmp_path: Path) -> None:
    whole, bare = tmp_path / "models" / "whole", tmp_path / "models" / "bare"
    for folder in (whole, bare):
        (folder / "1_Pooling").mkdir(parents=True)
    (whole / "modules.json").write_text('[{"path": "1_Pooling", "type": "x.Pooling"}]', "utf-8")
    (whole / "1_Pooling" / "config.json").write_text("{}", "utf-8")
    settings = Settings(models=tmp_path / "models", offline=True)
    names = ["builtin", "org/whole", "org/bare", "org/absent", "no name"]
    reports = report_text_encoders(settings, names=names, hub=HuggingFaceHub(cache=tmp_path / "cache"))

    assert [report.name for report in reports] == names
    assert [report.ready for report in reports] == [True, True, False, False, False]
    assert [report.found_in for report in reports] == ["wheels", "folder", "folder", None, None]
    assert reports[1].path == whole
    assert [report.problem for report in reports[:2]] == ["", ""]
    assert "modules.json" in reports[2].problem
    assert "hf download org/absent" in reports[3].problem
    assert "'no name'" in reports[4].problem


def test_the_report_asks_no_hub_even_when_it_might(tmp_path: Path) -> None:
    with served("org/tiny", {"config.json": b"{}"}) as repository:
        hub = HuggingFaceHub(cache=tmp_path, endpoint=repository.endpoint)
        (report,) = report_text_encoders(Settings(), names=["org/tiny"], hub=hub)
        assert repository.requests == []
    assert not report.ready
    assert "the hub will be asked" in report.problem
