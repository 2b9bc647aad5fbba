"""How much one may ask for at once. Everything a caller can make large has its bound here."""

from dataclasses import dataclass

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one server."""

    body: int = 32 << 20  # bytes of a request, uploads apart
    upload: int = 1 << 30  # bytes of a request with uploads
    files: int = 200  # of one upload
    path_files: int = 20_000  # below the server-side paths of one request
    query: int = 2_000  # letters
    results: int = 100  # of one page of results
    depth: int = 1_000  # results one can page through
    width: int = 3_000  # pixels of a page picture
    head: float = 15.0  # seconds that a request's head may take
    idle: float = 20.0  # seconds that a body may stand still
    slowest: int = 4_096  # bytes a second that a body must come with, `idle` seconds given
    rate: float = 50.0  # requests a second of one key
    burst: int = 200  # of one key, at once
    guesses: int = 20  # wrong keys of one address, at once; then one in three seconds
    searches: int = 8  # at once,
    searches_waiting: int = 64  # and behind them
    answers: int = 2
    answers_waiting: int = 16
    pictures: int = 4
    pictures_waiting: int = 64
    writes: int = 4
    writes_waiting: int = 32
    streams: int = 64  # of job progress, at once
    patience: float = 10.0  # seconds that a search may wait for its turn,
    long_patience: float = 30.0  # and what takes longer itself: an answer, a picture, a write
    kept_results: int = 512  # of searches, for those who ask the same
    keep_jobs: float = 30 * DAY  # seconds that a job is told of once it has ended, and its Idempotency-Key known
    keep_uploads: float = 7 * DAY  # seconds that an upload is kept which no document stands on, or another too

    @property
    def threads(self) -> int:
        """Threads that hold every request that may run or wait, so that no kind keeps another from its turn."""
        running = self.searches + self.answers + self.pictures + self.writes
        waiting = self.searches_waiting + self.answers_waiting + self.pictures_waiting + self.writes_waiting
        return running + waiting + 32
