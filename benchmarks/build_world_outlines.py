"""Make the outlines of countries that ship with the web page: `python -m benchmarks.build_world_outlines FILE`.

A development tool. FILE is `countries-110m.json` of the npm package world-atlas 2.0.2 (ISC): Natural Earth's borders at
1:110 million (public domain) as TopoJSON. It writes `api/server/page/world.json`: the text of an SVG path in whole
steps of 1/4 degree, x = longitude + 180 and y = 90 - latitude, each border once.
"""

import json
import sys
from itertools import accumulate, pairwise
from pathlib import Path

from pagelens.api.server.routes.web_page import FOLDER

STEPS = 4  # of a degree
MIN_POINTS = 3  # smaller outlines are left out: islands of less than a step


def arc_path(arc: list[list[int]], scale: list[float], translate: list[float]) -> str:
    """Return an arc of the topology (differences of quantised positions) as a part of a path; "" if it is too small."""
    points = [
        (round((x * scale[0] + translate[0] + 180) * STEPS), round((90 - y * scale[1] - translate[1]) * STEPS))
        for x, y in accumulate(arc, lambda at, step: [at[0] + step[0], at[1] + step[1]])
    ]
    pieces: list[list[tuple[int, int]]] = [points[:1]]
    for before, point in pairwise(points):
        if abs(point[0] - before[0]) > 180 * STEPS:  # over the edge of the map
            pieces.append([])
        if point != before:
            pieces[-1].append(point)
    return "".join(_piece_path(piece) for piece in pieces if len(piece) >= MIN_POINTS)


def _piece_path(piece: list[tuple[int, int]]) -> str:
    steps = [f"{b[0] - a[0]} {b[1] - a[1]}" for a, b in pairwise(piece)]
    return f"M{piece[0][0]} {piece[0][1]}l{' '.join(steps)}".replace(" -", "-")


def main() -> None:
    """Write the outlines."""
    topology = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    scale, translate = topology["transform"]["scale"], topology["transform"]["translate"]
    path = "".join(arc_path(arc, scale, translate) for arc in topology["arcs"])
    (FOLDER / "world.json").write_text(json.dumps({"steps": STEPS, "path": path}) + "\n", "utf-8")


if __name__ == "__main__":
    main()
