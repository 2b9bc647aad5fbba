"""A thread-safe LRU cache that belongs to an object.

`functools.lru_cache` on a method keeps a reference to the method's owner. A model in such a reference cycle stays in
memory until the garbage collector runs; an attribute of this class is freed with its owner.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


def _one(_: object) -> int:
    return 1


class LRUCache(Generic[T]):
    """The values used last, by key, that weigh at most `size` together. Safe to share between threads."""

    def __init__(self, size: int, *, weigh: Callable[[T], int] = _one) -> None:
        """`weigh` returns the weight of a value, such as its bytes; by default `size` counts values."""
        self._size, self._weigh = size, weigh
        self._weight = 0
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = self.misses = 0

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of a key; call `make` for it if it is not cached."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                self.hits += 1
                return self._values[key]
            self.misses += 1
        value = make()  # outside the lock: two threads may make the same value, but none waits
        self.put(key, value)
        return value

    def find(self, key: Hashable) -> T | None:
        """Return the value of a key; None if it is not cached. Not counted."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: T) -> None:
        """Cache a value; one that weighs more than all may is not kept."""
        with self._lock:
            if key in self._values:
                self._weight -= self._weigh(self._values.pop(key))
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._size:
                self._weight -= self._weigh(self._values.popitem(last=False)[1])
