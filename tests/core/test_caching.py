"""A cache keeps what was used last, within its size."""

from pagelens.core.caching import LRUCache


def test_the_values_used_last_are_kept_as_far_as_their_weights_allow() -> None:
    cache: LRUCache[str] = LRUCache(10, weigh=len)
    cache.put("a", "four")
    cache.put("b", "five.")
    assert cache.find("a") == "four"  # used again: b is now the oldest
    cache.put("c", "two")
    assert [cache.find(key) for key in "abc"] == ["four", None, "two"]
    cache.put("a", "a")  # the place of its old value is free again
    cache.put("d", "sixsix")
    assert [cache.find(key) for key in "acd"] == ["a", "two", "sixsix"]


def test_a_value_that_weighs_more_than_the_cache_may_hold_is_not_kept() -> None:
    cache: LRUCache[str] = LRUCache(3, weigh=len)
    assert cache.get("long", lambda: "longer than three") == "longer than three"
    assert cache.find("long") is None
    cache.put("short", "abc")
    assert cache.find("short") == "abc"


def test_without_weights_the_size_counts_values() -> None:
    cache: LRUCache[str] = LRUCache(2)
    for key in "abc":
        cache.put(key, "a long value")
    assert [cache.find(key) is None for key in "abc"] == [True, False, False]
