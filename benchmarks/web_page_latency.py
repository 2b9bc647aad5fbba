"""How the web page feels: first paint, and the time from the Enter key to the results and to their first picture.

`python -m benchmarks.web_page_latency COLLECTIONS [--queries 40]`: COLLECTIONS is a folder that `pagelens serve` serves
(its collection `default` is searched). Drives Chromium against a server process of its own. Each search has words of
its own, so that none is answered from a cache. Times are the browser's, in milliseconds; those of the API are of the
same requests, from sending to the last byte, as the browser saw them. On a busy machine only their ratio says much.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

import numpy as np

from tests.api.server.browser import Browser
from tests.api.server.processes import ServerProcess

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


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("collections", type=Path)
    parser.add_argument("--queries", type=int, default=40)
    arguments = parser.parse_args()
    server = ServerProcess(arguments.collections, "--model", "extractive")
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(Path(profile))
        try:
            server.wait_ready()
            paints = []
            for _ in range(10):
                browser.renew()
                browser.open(server.address)
                browser.wait("performance.getEntriesByName('first-contentful-paint').length")
                paints.append(browser.value("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            print(f"first contentful paint: {describe(paints)}", flush=True)
            browser.wait("document.getElementById('message').textContent")
            browser.value(_OBSERVER)
            felt = [browser.value(f"felt({json.dumps(query)})") for query in words_of(server, arguments.queries)]
        finally:
            browser.close()
            server.stop()
    for name in ("api", "results", "picture"):
        print(f"{name}: {describe([one[name] for one in felt])}")
    ratios = [one["results"] / one["api"] for one in felt]
    print(f"results / api: p50 {np.percentile(ratios, 50):.2f}, p95 {np.percentile(ratios, 95):.2f}")


if __name__ == "__main__":
    main()
