"""What the scripts of other systems write is what `pagelens eval score` reads; the picture of costs is to scale."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.depth_picture import Point, draw
from benchmarks.peers.__main__ import PEERS, REQUIREMENTS
from benchmarks.peers.harness import PageId, Search, measure
from pagelens.evals.cli.commands import app
from tests.evals.sets import write_set


def test_the_rankings_of_a_system_are_scored_in_both_scopes_and_its_costs_are_kept(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")

    def systems(documents: Path) -> dict[str, Search]:
        assert documents == folder / "documents"

        def search(question: str, document: str | None) -> Iterable[PageId]:
            del question
            return [("tides.pdf", 2), ("tides.pdf", 2)] if document is None else [(document, 2)]

        return {"second page": search}

    out = tmp_path / "second.jsonl"
    places = ["--documents", str(folder / "documents"), "--questions", str(folder / "queries.jsonl"), "--out", str(out)]
    measure(systems, arguments=places)
    app(["score", str(out), str(folder), "--out", str(tmp_path / "run")], standalone_mode=False)
    rows = json.loads((tmp_path / "run" / "scores.json").read_text("utf-8"))["systems"]
    hits = {row["scope"]: row["measures"]["R@1"]["mean"] for row in rows}
    assert {row["system"] for row in rows} == {"second page"}
    assert hits == {"whole": 1 / 4, "within": 2 / 4}
    costs = json.loads(out.with_suffix(".costs.json").read_text("utf-8"))["second page"]
    assert 0 <= costs["p50"] <= costs["p95"] and costs["index_seconds"] >= 0


@pytest.mark.parametrize("name", PEERS)
def test_every_system_has_a_script_and_pinned_requirements(name: str) -> None:
    lines = (REQUIREMENTS / f"{name}.txt").read_text("utf-8").splitlines()
    assert lines and all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert (REQUIREMENTS.parent / f"{PEERS[name].script}.py").exists()


def test_the_picture_has_a_dot_for_each_depth_at_its_cost_and_its_quality(tmp_path: Path) -> None:
    points = [Point("quick", 50, 100, 0.60, 0.70), Point("thorough & long", 100, 200, 0.64, 0.80)]
    draw(tmp_path / "depth.svg", points)
    root = ElementTree.parse(tmp_path / "depth.svg").getroot()
    dots = [dot for dot in root.iter() if dot.tag.endswith("circle")]
    ndcg, two_part = dots[:2], dots[2:]
    axis = 52  # pixels left of the first panel's plot
    assert float(ndcg[1].get("cx", "")) - axis == pytest.approx(2 * (float(ndcg[0].get("cx", "")) - axis), abs=0.1)
    assert float(two_part[1].get("cy", "")) < float(two_part[0].get("cy", ""))
    assert any("thorough & long: 100 CPU-ms" in text.text for text in root.iter() if text.text)
