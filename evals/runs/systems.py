"""Systems under test: lanes and how they are fused, parsed from `words`, `words+text`, `fused`, `fused:plain:k=10`.

Options follow the lanes, separated by colons: `plain` (reciprocal-rank fusion as published: ranks only, equal weights),
or one half of it, `unscaled` or `equal`; `no-references` (documents and pages named in the query are not put first);
`k=10`; `weights=words=2,text=1` (fixed; a lane that is not named has weight 1). `quick` and `thorough` are the depth of
the search (`pagelens.retrieve.depth`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, cast, get_args

from pagelens.core.errors import UsageError
from pagelens.core.types import DEFAULT_DEPTH, Depth
from pagelens.retrieve.search import Fusion

FUSED = "fused"  # the name of all lanes together, as shipped
OPTIONS = "plain, unscaled, equal, no-references, k=10, weights=words=2,text=1, quick, thorough"
FUSIONS = ("plain", "unscaled", "equal", "no-references", "k=10", "k=30", "k=120")  # the fusion ablation
DEPTHS = get_args(Depth)
EQUAL: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class System:
    """Lanes (None: all of the engine's), how they are fused (None: as shipped), and the depth of the search."""

    lanes: tuple[str, ...] | None = None
    fusion: Fusion | None = None
    depth: Depth = DEFAULT_DEPTH

    def as_json(self) -> dict[str, Any]:
        """Return the system as JSON for a configuration."""
        fusion = self.fusion
        options = (
            {"k": fusion.k, "scaled": fusion.scaled, "query_references": fusion.query_references} if fusion else None
        )
        weights = {"weights": dict(fusion.weights) if fusion.weights is not None else None} if fusion else {}
        return {
            "lanes": list(self.lanes) if self.lanes else None,
            "fusion": {**options, **weights} if options else None,
            **({"depth": self.depth} if self.depth != DEFAULT_DEPTH else {}),
        }


AS_SHIPPED = System()


def parse_system(text: str, lanes: Sequence[str]) -> System:
    """Parse a system of the collection's `lanes`. Raises UsageError with what was expected."""
    name, *options = text.split(":")
    parts = tuple(dict.fromkeys(name.split("+")))
    unknown = [part for part in parts if part not in lanes]
    if name != FUSED and unknown:
        raise UsageError(f"expected lanes among {', '.join(lanes)}, or {FUSED}, found {unknown[0]!r}")
    depth, fusion = DEFAULT_DEPTH, Fusion()
    for option in options:
        if option in DEPTHS:
            depth = cast(Depth, option)
        else:
            fusion = _with(fusion, option, parts if name != FUSED else lanes)
    fused = any(option not in DEPTHS for option in options)
    return System(None if name == FUSED else parts, fusion if fused else None, depth)


def chosen_systems(names: Sequence[str], lanes: Sequence[str]) -> dict[str, System]:
    """Return the systems that a user names. Raises UsageError for an unknown one."""
    return {name: parse_system(name, lanes) for name in names}


def lane_ablation(lanes: Sequence[str], *, pairs: bool = True) -> dict[str, System]:
    """Return each lane alone, each pair, and all lanes fused, which is the system as shipped."""
    systems = {lane: System((lane,)) for lane in lanes}
    if pairs and len(lanes) > 2:
        systems |= {"+".join(pair): System(pair) for pair in combinations(lanes, 2)}
    return systems | ({FUSED: AS_SHIPPED} if len(lanes) > 1 else {})


def fusion_ablation(lanes: Sequence[str]) -> dict[str, System]:
    """Return all lanes fused in each way of `FUSIONS`, and as shipped."""
    return chosen_systems([*(f"{FUSED}:{option}" for option in FUSIONS), FUSED], lanes)


def file_name_part(system: str) -> str:
    """Return a system's name as a part of a file name that is valid on any file system."""
    return system.replace(":", "~")


def _with(fusion: Fusion, option: str, lanes: Sequence[str]) -> Fusion:
    """Return the fusion with an option applied."""
    if option == "plain":
        return replace(fusion, scaled=False, weights=EQUAL)
    if option == "unscaled":
        return replace(fusion, scaled=False)
    if option == "equal":
        return replace(fusion, weights=EQUAL)
    if option == "no-references":
        return replace(fusion, query_references=False)
    name, _, value = option.partition("=")
    if name == "k":
        return replace(fusion, k=_number(value, option))
    if name == "weights" and value:
        return replace(fusion, weights=_weights(value, option, lanes))
    raise UsageError(f"expected a way of fusing among {OPTIONS}, found {option!r}")


def _weights(text: str, option: str, lanes: Sequence[str]) -> dict[str, float]:
    weights = {}
    for part in text.split(","):
        lane, _, value = part.partition("=")
        if lane not in lanes:
            raise UsageError(f"expected a lane of the system ({', '.join(lanes)}) in {option!r}, found {lane!r}")
        weights[lane] = _number(value, option)
    return weights


def _number(text: str, option: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UsageError(f"expected a number of 0 or more in {option!r}, found {text!r}")
    return value
