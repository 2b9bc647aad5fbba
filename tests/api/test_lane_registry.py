"""The lane registry: its rows fit what they build, and everything that lists lanes lists those of the registry."""

import pytest

from pagelens.api.engine.encoders import Encoders
from pagelens.api.engine.lane_registry import LANE_NAMES, LANES, MODEL_LANES, LaneSpec
from pagelens.api.engine.profiles import PROFILES, choose_profile
from pagelens.api.server.schemas.requests import SearchRequest
from pagelens.core.errors import UsageError
from pagelens.core.settings import Settings
from pagelens.index.lexical.analysis import analyze


@pytest.fixture(scope="module")
def builtin() -> Encoders:
    return Encoders(PROFILES["builtin"], analyze, Settings(threads=2))


@pytest.mark.parametrize("spec", LANES, ids=LANE_NAMES)
def test_a_row_builds_the_lane_that_it_names(spec: LaneSpec, builtin: Encoders) -> None:
    if spec.follows:  # which the builtin model does not fill
        assert spec.make_lane(builtin) is None
        return
    lane = spec.make_lane(builtin)
    assert lane is not None and lane.name == spec.name


def test_every_stored_lane_is_filled_by_one_embedder(builtin: Encoders) -> None:
    embedders = [spec.make_embedder(builtin) for spec in LANES if spec.make_embedder and spec.name in builtin.models]
    filled = [record.name for embedder in embedders for record in embedder.lanes]
    assert sorted(filled) == sorted(name for name in LANE_NAMES if name not in ("words", "captions"))


def test_other_lanes_follow_the_model_of_the_image_lane() -> None:
    def chosen(**models: str) -> dict[str, str]:
        return {**choose_profile("builtin", Settings(), models=models).models}

    rest = {"text": "builtin", "page": "builtin"}
    assert chosen() == {**rest, "image": "builtin"} == chosen(visual="builtin") == chosen(captions="none")
    assert (
        chosen(image="x") == {**rest, "image": "x", "captions": "x"} == chosen(image="x", captions="x", visual="none")
    )
    assert chosen(image="x", captions="none") == {**rest, "image": "x"}
    assert chosen(visual="y") == {**rest, "image": "builtin", "visual": "y"}
    assert chosen(image="none", visual="y") == {**rest, "visual": "y"}
    assert choose_profile("cpu", Settings()).models["captions"] == PROFILES["cpu"]["image"]
    with pytest.raises(UsageError, match="expected the model of the image lane for captions, or none, found y"):
        chosen(image="x", captions="y")
    for image, visual in (("x", "builtin"), ("builtin", "none")):
        with pytest.raises(UsageError, match="expected visual=builtin together with image=builtin"):
            chosen(image=image, visual=visual)


def test_a_lane_with_models_can_be_filled_and_reported() -> None:
    for spec in MODEL_LANES.values():
        assert spec.make_embedder is not None and spec.encoders is not None, spec.name


def test_a_profile_has_one_model_for_each_lane_with_models() -> None:
    assert list(PROFILES) == ["builtin", "builtin-multilingual", "cpu", "gpu"]
    for name in PROFILES:
        assert set(PROFILES[name]) == set(MODEL_LANES) - {"visual", "captions"}  # these follow the image lane's model
        for spec in (MODEL_LANES[lane] for lane in PROFILES[name]):
            assert sum(name in card.profiles for card in spec.models) == 1, (name, spec.name)


def test_a_text_model_by_name_has_the_builtin_models_in_the_other_lanes() -> None:
    chosen = choose_profile("some/model", Settings())
    assert chosen.models == {**PROFILES["builtin"], "text": "some/model"}


def test_the_server_accepts_the_lanes_of_the_registry_and_no_others() -> None:
    assert SearchRequest(query="x", lanes=list(LANE_NAMES)).lanes == list(LANE_NAMES)
    with pytest.raises(ValueError, match="visual"):
        SearchRequest.model_validate({"query": "x", "lanes": ["colour"]})
