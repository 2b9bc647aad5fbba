"""The ONNX graphs that ship inside the package."""

import pytest

pytest.importorskip("onnx")


def test_the_shipped_graphs_are_those_that_the_build_script_writes() -> None:
    from benchmarks.build_onnx_graphs import all_graphs

    graphs = all_graphs()
    assert len(graphs) == 5
    for path, content in graphs.items():
        assert path.read_bytes() == content, f"run `python -m benchmarks.build_onnx_graphs`: {path.name} is out of date"
