"""Workers on a Ray cluster, or on Ray on this machine: the processes that read files, and actors of other kinds.

An actor that reads starts a worker process beside itself (`worker_handle`), so that the limits on time and memory are
those of a local run, and passes requests and messages on. An actor that was lost, alone or with its node, is replaced,
and what it was doing is done again. Ray is imported with the first cluster.
"""

import math
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pagelens.core.errors import PageLensError, UsageError
from pagelens.encode.batching import usable_cores
from pagelens.ingest.workers.messages import WorkerMessage, WorkerRequest
from pagelens.ingest.workers.worker_handle import START_SECONDS, WorkerDied, WorkerHandle, WorkerLost, WorkerTimeout
from pagelens.ingest.workers.worker_source import MAX_LOST, WarmWorkers

LOCAL = "local"  # Ray's own word for a cluster that is started on this machine and ends with the run

CORES_PER_ENCODER = 2
READER_CPUS, ENCODER_CPUS = 0.25, 0.5
"""What actors reserve of a CPU at most, which is less than they use: a reader for each CPU, an encoder for each two and
one reader more, which lists the members of containers, must have room, since an actor without room waits for ever."""
ALL_READERS_SHARE = 0.4  # of all CPUs, reserved by all readers together at most

MAX_STARTS = 10  # actors that may be lost while they start, in a row
_GRACE_SECONDS = 60.0  # that an answer may take beyond the limits that are enforced where the worker process is


class RayCluster:
    """A connection to a cluster, and what it has room for. Starts actors."""

    def __init__(self, cpus: int, gpus: int, readers: int | None) -> None:
        """`cpus`, `gpus`: those that are free. `readers`: worker processes that read files; None: one for each CPU."""
        self.readers = readers or cpus
        self._cpus, self._gpus = cpus, gpus
        self._reader_cpus = round(min(READER_CPUS, ALL_READERS_SHARE * cpus / (self.readers + 1)), 4)
        self._pools: list[ActorPool] = []
        self.source = WarmWorkers(self._start_reader, max_idle=self.readers + 1)

    def encoders(self, *, on_gpu: bool) -> int:
        """Return how many actors should encode; `on_gpu`: on GPUs, where there are any."""
        return self._gpus if on_gpu and self._gpus else max(1, self._cpus // CORES_PER_ENCODER)

    def pool(self, make: Callable[[], Any], *, on_gpu: bool) -> "ActorPool":
        """Return actors that encode; each has what `make`, which must be picklable, returns there."""
        threads = {"env_vars": {"OMP_NUM_THREADS": str(CORES_PER_ENCODER)}}  # Ray would set 1
        options = {"num_cpus": ENCODER_CPUS, "num_gpus": int(on_gpu and self._gpus > 0), "runtime_env": threads}
        start = partial(_start, make, options)
        self._pools.append(pool := ActorPool(start, self.encoders(on_gpu=on_gpu)))
        return pool

    def close(self) -> None:
        """End the actors."""
        self.source.close()
        for pool in self._pools:
            pool.close()

    def _start_reader(self, setup: bytes) -> "RayWorker":
        return RayWorker(partial(_start, partial(WorkerHost, setup), {"num_cpus": self._reader_cpus}))


@contextmanager
def connect(address: str, *, paths: Sequence[Path] = (), readers: int | None = None) -> Iterator[RayCluster]:
    """Connect to a cluster, or start `LOCAL`; on exit, actors end and the connection closes.

    Raises UsageError where Ray is not installed, the cluster cannot be reached or has no CPU, and where a node has
    another PageLens, or lacks one of the `paths`: files are read where they are, at the same path on every node.
    """
    ray = _import_ray()
    if own := not ray.is_initialized():
        _connect(ray, address)
    try:
        _check_nodes(ray, paths)
        free = ray.available_resources()
        cluster = RayCluster(max(1, int(free.get("CPU", 0))), int(free.get("GPU", 0)), readers)
        try:
            yield cluster
        finally:
            cluster.close()
    finally:
        if own:
            ray.shutdown()


class ActorPool:
    """Actors of one kind, each with up to one call that waits behind the current one. Thread-safe."""

    def __init__(self, start: Callable[[], Any], count: int) -> None:
        """`start` starts an actor without waiting for it."""
        self.concurrency = 2 * count  # calls at once that keep all actors busy
        self._start = start
        self._lock = threading.Lock()
        self._actors: list[Any] = [None] * count
        self._calls = [0] * count  # of each actor, not answered yet

    def call(self, method: str, *arguments: object) -> Any:
        """Return the answer of the actor with the fewest calls; where it is lost, another's.

        Raises WorkerLost after `MAX_LOST` lost actors, what the method raises, and PageLensError where no actor starts.
        """
        starts = losses = 0
        while True:
            with self._lock:
                slot = self._calls.index(min(self._calls))
                self._calls[slot] += 1
                actor = self._actors[slot] = self._actors[slot] or self._start()
            is_started = False
            try:
                _await_start(actor)
                is_started = True
                return _answer(actor.call.remote(method, *arguments))
            except WorkerLost as exc:
                with self._lock:
                    if self._actors[slot] is actor:
                        self._actors[slot] = None
                starts, losses = starts + (not is_started), losses + is_started
                if losses == MAX_LOST:
                    raise
                _require_starts(starts, exc)
            finally:
                with self._lock:
                    self._calls[slot] -= 1

    def close(self) -> None:
        """End the actors."""
        for actor in filter(None, self._actors):
            _kill(actor)


class Actor:
    """What runs on a node: an object that is made there with the first call."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._object: Any = None

    def call(self, method: str, *arguments: object) -> Any:
        """Call a method of the object."""
        self._object = self._object or self._make()
        return getattr(self._object, method)(*arguments)


class WorkerHost:
    """Starts a worker process on a node, and passes requests and messages on."""

    def __init__(self, setup: bytes) -> None:
        self._worker = WorkerHandle(setup)

    def is_alive(self) -> bool:
        """Tell whether the worker process is running."""
        return self._worker.is_alive

    def send(self, request: WorkerRequest) -> PageLensError | None:
        """See `Worker.send`; returns the error where there is one."""
        try:
            self._worker.send(request)
        except PageLensError as exc:
            return exc
        return None

    def receive(self, seconds: float, cpu_seconds: float) -> WorkerMessage | WorkerDied | WorkerTimeout:
        """See `Worker.receive`; returns the error where there is one."""
        try:
            return self._worker.receive(seconds, cpu_seconds)
        except (WorkerDied, WorkerTimeout) as exc:
            return exc


class RayWorker:
    """A worker process on a node. Implements `worker_source.Worker`."""

    def __init__(self, start: Callable[[], Any]) -> None:
        """`start` starts an `Actor` with a `WorkerHost`, without waiting for it."""
        self._start, self._actor = start, start()
        self._is_started = self._is_killed = False
        self._lost: WorkerLost | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the process is running, as far as is known."""
        try:
            return bool(_answer(self._actor.call.remote("is_alive"), _GRACE_SECONDS))
        except WorkerLost:
            return False

    def send(self, request: WorkerRequest) -> None:
        """Send a request. Raises PageLensError where the process could not be started."""
        try:
            self._await_start()
            error = _answer(self._actor.call.remote("send", request), START_SECONDS + _GRACE_SECONDS)
        except WorkerLost as exc:
            self._lost = exc  # `receive` says so, as of a local process
            return
        if error is not None:
            raise error

    def _await_start(self) -> None:
        """Wait until the actor runs; start another where it is lost before that, which says nothing about the work."""
        losses = 0
        while not self._is_started:
            try:
                _await_start(self._actor)
                self._is_started = True
            except WorkerLost as exc:
                if self._is_killed:
                    raise
                _require_starts(losses := losses + 1, exc)
                self._actor = self._start()
                if self._is_killed:  # meanwhile: `kill` has ended the one that was lost
                    _kill(self._actor)

    def receive(self, seconds: float, cpu_seconds: float = math.inf) -> WorkerMessage:
        """Return its next message. Raises WorkerDied, WorkerLost, WorkerTimeout; see `WorkerHandle.receive`."""
        if self._lost is not None:
            raise self._lost
        message = _answer(self._actor.call.remote("receive", seconds, cpu_seconds), seconds + _GRACE_SECONDS)
        if isinstance(message, Exception):
            raise message
        answer: WorkerMessage = message
        return answer

    def kill(self) -> None:
        """End the actor, and the process with it. For any thread; `receive` then raises WorkerDied."""
        self._is_killed = True
        _kill(self._actor)

    def dispose(self) -> None:
        """End the actor."""
        self.kill()


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would send figures to its makers
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the coming default, which it warns of
    try:
        import ray
    except ImportError as exc:
        raise UsageError("expected Ray for --ray, found none. Run: pip install 'pagelens[ray]'") from exc
    return ray


def _connect(ray: Any, address: str) -> None:
    local = {"num_cpus": usable_cores(), "include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(address, log_to_driver=False, logging_level="error", **local)
    except Exception as exc:  # whatever the sockets below raise
        expected = "Ray to start on this machine" if address == LOCAL else f"a Ray cluster at {address}, HOST:PORT"
        raise UsageError(f"expected {expected}, found: {_first_line(exc)}") from exc


def _check_nodes(ray: Any, paths: Sequence[Path]) -> None:
    """Raise UsageError for a node that cannot do the work; see `connect`."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    expected, sought = version("pagelens"), [str(path) for path in paths]

    def examine() -> tuple[str, list[str]]:  # sent as code: the node may have no PageLens
        from importlib.metadata import version
        from pathlib import Path

        return version("pagelens"), [path for path in sought if not Path(path).exists()]

    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if not nodes:
        raise UsageError("expected a Ray cluster with a CPU, found none")
    task = ray.remote(num_cpus=0)(examine)
    answers = [
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote()
        for node in nodes
    ]
    for node, answer in zip(nodes, answers, strict=True):
        name = node.get("NodeManagerHostname") or node["NodeID"]
        try:
            found, missing = ray.get(answer, timeout=START_SECONDS)
        except ray.exceptions.RayError as exc:
            reason = getattr(exc, "cause", None) or _first_line(exc)
            raise UsageError(f"expected PageLens {expected} on the node {name}, found: {reason}") from exc
        if found != expected:
            raise UsageError(f"expected PageLens {expected} on the node {name}, found {found}")
        if missing:
            raise UsageError(
                f"expected {missing[0]} on the node {name}, found nothing there. Files are read where they are: "
                "mount their folder at the same path on every node"
            )


@cache
def _actor_class() -> Any:
    import ray

    return ray.remote(Actor)


def _start(make: Callable[[], Any], options: Mapping[str, Any]) -> Any:
    # Spread: actors that reserve little would all go to the first node.
    return _actor_class().options(scheduling_strategy="SPREAD", **options).remote(make)


def _await_start(actor: Any) -> None:
    import ray

    try:
        ray.get(actor.__ray_ready__.remote(), timeout=START_SECONDS)
    except ray.exceptions.GetTimeoutError as exc:
        raise PageLensError(
            f"expected room for a worker on the Ray cluster within {START_SECONDS:g} s, found none: add nodes, or wait "
            "until other work on it has ended. What was indexed is kept"
        ) from exc
    except ray.exceptions.RayError as exc:
        raise WorkerLost(_first_line(exc)) from exc


def _require_starts(losses: int, exc: WorkerLost) -> None:
    """Raise PageLensError where so many actors were lost while they started that the next one will be, too."""
    if losses == MAX_STARTS:
        raise PageLensError(f"expected a worker to start on the Ray cluster, found that {losses} ended: {exc}") from exc


def _answer(reference: Any, seconds: float | None = None) -> Any:
    """Return the answer to a call. Raises WorkerLost, and what the method raised."""
    import ray

    try:
        return ray.get(reference, timeout=seconds)
    except ray.exceptions.RayTaskError as exc:
        raise exc.cause from exc
    except ray.exceptions.RayError as exc:  # also where no answer came in time: the node may be cut off
        raise WorkerLost(_first_line(exc)) from exc


def _kill(actor: Any) -> None:
    import ray

    if ray.is_initialized():
        ray.kill(actor)


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0]
