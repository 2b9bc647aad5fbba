"""The small set, a collection of it, and a run, made once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.datasets.folder import read_folder
from pagelens.evals.runs.plan import Plan, lanes_for
from pagelens.evals.runs.run_folder import Run
from pagelens.evals.runs.runner import perform_run
from pagelens.evals.runs.systems import lane_ablation
from tests.evals.sets import write_set


@dataclass(frozen=True)
class Evaluation:
    """What the tests look at."""

    data: DataSet
    engine: Engine
    plan: Plan
    run: Run


@pytest.fixture(scope="package")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluation]:
    root: Path = tmp_path_factory.mktemp("evals")
    data = read_folder(write_set(root / "set"))
    with pagelens.open(root / "collection", create=True, profile="builtin") as engine:
        engine.index(data.folder)
        plan = Plan(
            lane_ablation(lanes_for(engine, data)), ("within", "whole"), ("within", "whole", "foreign"), depth=10
        )
        yield Evaluation(data, engine, plan, perform_run(engine, data, plan, root / "run"))
