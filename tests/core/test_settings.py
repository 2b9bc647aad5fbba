from pathlib import Path

from pagelens.core.settings import Settings


def test_what_can_be_made_again_is_kept_where_the_desktop_says(tmp_path: Path) -> None:
    assert Settings.from_environment({"XDG_CACHE_HOME": str(tmp_path)}).cache == tmp_path / "pagelens"
    assert Settings.from_environment({}).cache == Path.home() / ".cache" / "pagelens"


def test_the_environment_says_where_models_are_and_whether_to_stay_offline(tmp_path: Path) -> None:
    said = {"PAGELENS_MODELS": str(tmp_path), "PAGELENS_OFFLINE": "1", "PAGELENS_THREADS": "3"}
    settings = Settings.from_environment(said)
    assert (settings.models, settings.offline, settings.threads) == (tmp_path, True, 3)
    unsaid = Settings.from_environment({"PAGELENS_OFFLINE": "no", "PAGELENS_THREADS": "many"})
    assert (unsaid.models, unsaid.offline, unsaid.threads) == (None, False, None)
    assert Settings.from_environment({"HF_HUB_OFFLINE": "1"}).offline


def test_micro_batching_is_on_unless_the_environment_says_no() -> None:
    said: tuple[dict[str, str], ...] = (
        {},
        {"PAGELENS_MICRO_BATCHING": "1"},
        {"PAGELENS_MICRO_BATCHING": "0"},
        {"PAGELENS_MICRO_BATCHING": "no"},
    )
    assert [Settings.from_environment(one).micro_batching for one in said] == [True, True, False, False]
