"""The small set, a collection of it, and a run, made once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import pagelens
from api.engine import Engine
from evals.dataset import DataSet
from evals.folder import read_folder
from evals.plan import Plan, lanes_for
from evals.run_folder import Run
from evals.running import perform_run
from evals.systems import lane_ablation
from tests.evals.sets import write_set


@dataclass(frozen=True)
class Made:
    """What the tests look at."""

    data: DataSet
    engine: Engine
    plan: Plan
    run: Run


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    root: Path = tmp_path_factory.mktemp("evals")
    data = read_folder(write_set(root / "set"))
    with pagelens.open(root / "collection", create=True, profile="builtin") as engine:
        engine.index(data.folder)
        plan = Plan(
            lane_ablation(lanes_for(engine, data)), ("within", "whole"), ("within", "whole", "foreign"), depth=10
        )
        yield Made(data, engine, plan, perform_run(engine, data, plan, root / "run"))
