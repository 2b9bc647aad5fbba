"""Sessions of onnxruntime with one thread per call: parallel batches use the cores better than parallel operators."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pagelens.core.errors import WeightsError

Weights = Mapping[str, NDArray[Any]]
NO_WEIGHTS: Weights = MappingProxyType({})


class OnnxSession(Protocol):
    """The part of onnxruntime.InferenceSession that is used; the library has no types."""

    def run(self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return the named outputs for the inputs."""
        ...


def open_session(graph: Path, *, weights: Weights = NO_WEIGHTS, basic_optimization: bool = False) -> Any:
    """Return a session over a graph file, an `onnxruntime.InferenceSession`. Raises WeightsError.

    `weights` supplies initializers that the graph declares as external data, by name. `basic_optimization` leaves out
    the optimizations of the higher levels, which take time when a session is created.
    """
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if basic_optimization:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        if weights:
            values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
            options.add_external_initializers(list(weights), values)
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # onnxruntime's exceptions share no base
        raise WeightsError(f"onnxruntime {onnxruntime.__version__} cannot load {graph}: {exc}") from exc
