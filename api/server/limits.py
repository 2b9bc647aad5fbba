"""The limits of one server: sizes, rates, concurrent requests and time-outs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Everything that a caller can make large has its limit here. Times are in seconds."""

    body_bytes: int = 32 << 20  # of a request without uploads
    upload_bytes: int = 1 << 30  # of a request with uploads
    upload_files: int = 200  # of one request
    path_files: int = 20_000  # below the server-side paths of one request
    query_chars: int = 2_000  # of a chat message
    result_depth: int = 1_000  # results that can be paged through
    header_timeout: float = 15.0  # for all headers of a request
    body_idle_timeout: float = 20.0  # between two parts of a body
    min_body_rate: int = 4_096  # bytes a second over a whole body, after `body_idle_timeout`
    rate: float = 50.0  # requests a second of one key
    burst: int = 200  # requests of one key at once
    wrong_keys: int = 20  # of one address at once; then one every three seconds
    searches: int = 8
    searches_waiting: int = 64
    answers: int = 2
    answers_waiting: int = 16
    images: int = 4
    images_waiting: int = 64
    writes: int = 4
    writes_waiting: int = 32
    streams: int = 64  # of job progress
    search_max_wait: float = 10.0  # for a free slot
    slow_max_wait: float = 30.0  # the same for answers, page images and writes
    cached_results: int = 512  # pages of results that are cached
    cached_rankings: int = 256  # searches that can be paged through after the collection changed

    @property
    def threads(self) -> int:
        """Threads for every request that may run or wait, so that waiting requests of one kind block no other kind."""
        running = self.searches + self.answers + self.images + self.writes
        waiting = self.searches_waiting + self.answers_waiting + self.images_waiting + self.writes_waiting
        return running + waiting + 32
