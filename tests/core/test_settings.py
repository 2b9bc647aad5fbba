from pathlib import Path

from pagelens.core.settings import Settings


def test_the_cache_folder_follows_the_desktop_standard(tmp_path: Path) -> None:
    assert Settings.from_environment({"XDG_CACHE_HOME": str(tmp_path)}).cache == tmp_path / "pagelens"
    assert Settings.from_environment({}).cache == Path.home() / ".cache" / "pagelens"


def test_the_environment_sets_models_folder_offline_mode_and_threads(tmp_path: Path) -> None:
    environment = {"PAGELENS_MODELS": str(tmp_path), "PAGELENS_OFFLINE": "1", "PAGELENS_THREADS": "3"}
    settings = Settings.from_environment(environment)
    assert (settings.models, settings.offline, settings.threads) == (tmp_path, True, 3)
    defaults = Settings.from_environment({"PAGELENS_OFFLINE": "no", "PAGELENS_THREADS": "many"})
    assert (defaults.models, defaults.offline, defaults.threads) == (None, False, None)
    assert Settings.from_environment({"HF_HUB_OFFLINE": "1"}).offline


def test_micro_batching_is_on_unless_the_environment_turns_it_off() -> None:
    environments: tuple[dict[str, str], ...] = (
        {},
        {"PAGELENS_MICRO_BATCHING": "1"},
        {"PAGELENS_MICRO_BATCHING": "0"},
        {"PAGELENS_MICRO_BATCHING": "no"},
    )
    assert [Settings.from_environment(environment).micro_batching for environment in environments] == [
        True,
        True,
        False,
        False,
    ]


def test_whether_searches_are_reranked_is_left_open_unless_the_environment_names_a_reranker() -> None:
    named = [Settings.from_environment({"PAGELENS_RERANKER": name}) for name in ("", " builtin ", "none", "/models/x")]
    assert [(settings.reranker, settings.reranks) for settings in named] == [
        ("builtin", None),
        ("builtin", True),
        ("none", True),
        ("/models/x", True),
    ]
