"""How the web page feels: first paint, and the time from the Enter key to the results and to their first picture.

    python -m benchmarks.web_page_latency COLLECTIONS [--queries 40] [--before FOLDER]

COLLECTIONS is a folder that `pagelens serve` serves (its collection `default` is searched). Drives Chromium against a
server process of its own. Each search has words of its own, so that none is answered from a cache. Times are the
browser's, in milliseconds; those of the API are of the same requests, from sending to the last byte, as the browser saw
them; "cpu" is what the server's process spent meanwhile. On a busy machine only ratios say much.

`--before` is another checkout of this repository, served beside this one: each search is done on both in turn.
"""

import argparse
import json
import random
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil

from tests.api.server.browser import Browser
from tests.api.server.processes import ROOT, ServerProcess

_OBSERVER = """
globalThis.felt = (words) => new Promise((done) => {
  performance.clearResourceTimings();
  $("query").value = words;
  $("results").replaceChildren();
  const began = performance.now();
  const times = {};
  const look = () => {
    const now = performance.now() - began;
    const some = $("results").children.length;
    const came = some || $("message").textContent !== "Searching …";
    if (times.results === undefined && came) times.results = now;
    const [api] = performance.getEntriesByType("resource").filter((one) => one.name.endsWith("/search"));
    if (api && times.results !== undefined && (!some || $("results").querySelector("img"))) {
      done({ ...times, picture: now, api: api.responseEnd - api.startTime });
    } else setTimeout(look, 4); // animation frames do not come in a tab that is not seen
  };
  $("search-form").requestSubmit();
  setTimeout(look, 4);
});
0
"""


def words_of(server: ServerProcess, count: int, seed: int = 7) -> list[str]:
    """Return queries of two words in a row from pages drawn by chance."""
    rng = random.Random(seed)
    documents = server.client.get("/v1/documents", params={"limit": 500}).json()["documents"]
    queries: list[str] = []
    while len(queries) < count:
        document = rng.choice(documents)
        page = f"{document['id']}-{rng.randint(1, document['pages'])}"
        words = [word for word in server.client.get(f"/v1/pages/{page}").json()["text"].split() if word.isalpha()]
        if len(words) > 10:
            at = rng.randrange(len(words) - 2)
            queries.append(" ".join(words[at : at + 2]))
    return queries


def describe(times: list[float]) -> str:
    """Return median and 95th percentile in words."""
    return f"p50 {np.percentile(times, 50):.0f}, p95 {np.percentile(times, 95):.0f} ms (n = {len(times)})"


class Page:
    """The web page of a server process of one checkout."""

    def __init__(self, checkout: Path, collections: Path, profile: Path) -> None:
        self.name = checkout.name
        self.server = ServerProcess(collections, "--model", "extractive", cwd=checkout)
        self.server.wait_ready()
        self._process = psutil.Process(self.server.process.pid)
        self._browser = Browser(profile)

    def paint(self) -> float:
        """Return the time of the first contentful paint of a new tab, in milliseconds."""
        self._browser.renew()
        self._browser.open(self.server.address)
        self._browser.wait("performance.getEntriesByName('first-contentful-paint').length")
        return float(self._browser.value("performance.getEntriesByName('first-contentful-paint')[0].startTime"))

    def prepare(self) -> None:
        """Make the page ready for `search`."""
        self._browser.wait("document.getElementById('message').textContent")
        self._browser.value(_OBSERVER)

    def search(self, query: str) -> dict[str, float]:
        """Return the times of a search, in milliseconds."""
        before = self._cpu()
        times: dict[str, float] = self._browser.value(f"felt({json.dumps(query)})")
        return {**times, "cpu": 1_000 * (self._cpu() - before)}

    def close(self) -> None:
        """Stop the browser and the server."""
        self._browser.close()
        self.server.stop()

    def _cpu(self) -> float:
        spent = self._process.cpu_times()
        return spent.user + spent.system


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collections", type=Path)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--before", type=Path, help="another checkout, measured in turn with this one")
    arguments = parser.parse_args()
    checkouts = [ROOT, *([arguments.before.resolve()] if arguments.before else [])]
    with ExitStack() as stack:
        pages = []
        for checkout in checkouts:
            profile = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            pages.append(Page(checkout, arguments.collections.resolve(), profile))
            stack.callback(pages[-1].close)
        for page in pages:
            print(f"{page.name}: first contentful paint: {describe([page.paint() for _ in range(10)])}", flush=True)
            page.prepare()
        queries = words_of(pages[0].server, arguments.queries)
        felt = [[page.search(query) for page in pages] for query in queries]
    for number, page in enumerate(pages):
        for name in ("api", "results", "picture", "cpu"):
            print(f"{page.name}: {name}: {describe([row[number][name] for row in felt])}")
        print(f"{page.name}: results / api: {ratio([(row[number]['results'], row[number]['api']) for row in felt])}")
    if arguments.before:
        for name in ("api", "results", "cpu"):
            print(f"{name}, now / before: {ratio([(row[0][name], row[1][name]) for row in felt])}")


def ratio(pairs: list[tuple[float, float]]) -> str:
    """Return the median of the ratios, and the ratio of the 95th percentiles, in words."""
    first, second = np.array(pairs).T
    p50, p95 = np.median(first / second), np.percentile(first, 95) / np.percentile(second, 95)
    return f"p50 {p50:.2f}, of the p95 {p95:.2f}, of the sums {first.sum() / second.sum():.2f}"


if __name__ == "__main__":
    main()
