"""Pooling stands in the options of a space: vectors pooled differently are never compared. Pools nothing itself."""

import re
from dataclasses import replace

from pagelens.core.spaces import Space

_OPTION = re.compile(r"(?:^|; )pooled=(\d+)$")


def pooled_space(space: Space, factor: int) -> Space:
    """Return the space of vectors pooled by a factor (1: as they are)."""
    assert factor >= 1 and space.multi_vector, (factor, space)
    if factor == 1:
        return space
    return replace(space, options="; ".join(filter(None, [space.options, f"pooled={factor}"])))


def pool_factor(space: Space) -> int:
    """Return the factor that a space's vectors are pooled by, 1 if they are not."""
    found = _OPTION.search(space.options)
    return int(found.group(1)) if found else 1
