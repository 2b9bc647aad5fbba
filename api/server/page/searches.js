// Searches: what is asked of the server, and how it was understood.

let image = "";
let cursor = null;
let currentSearch = null;

const search = reportErrors(async (more = false) => {
  const query = $("query").value.trim();
  if (!query && !image && !chosen.size) return;
  if (!more) {
    currentSearch = { query, k: 12, explain: true, fold: true, filters: filters(), ...depth(), facets: ["*"], sort: $("sort").value, spelling: !addressed().has("as-written"), ...(image ? { image } : {}) };
    lastQuery = query;
    cursor = null;
    say("Searching …");
  }
  const now = currentSearch;
  const from = cursor;
  const found = await (await post(inside("/search"), { ...now, ...(from ? { cursor: from } : {}) })).json();
  if (now !== currentSearch || from !== cursor) return; // another search was started in the meantime, or the same twice
  cursor = found.next_cursor;
  if (!more) {
    show("results");
    $("results").replaceChildren();
  }
  $("more").hidden = !cursor;
  showFacets(found.facets);
  showUnderstood(found);
  $("results").classList.toggle("weak", found.weak);
  addHits(found.hits, queryWords(now.query));
  const references = found.query_references.length ? ` The question names: ${found.query_references.join(", ")}.` : "";
  const guess = found.approximate_lanes.length && found.hits.some((hit) => hit.kind === "photo") ? " Photos are found by what they may show, roughly." : "";
  const count = $("results").children.length;
  const best = found.weak ? `Nothing matches well. The nearest of ${found.pages_searched} pages are:` : `Best of ${found.pages_searched} pages.`;
  say(count ? `${best}${references}${guess}` : found.nothing_found || `Nothing found in ${found.pages_searched} pages.`);
});

// Shows how the query was understood: words that were corrected, with a way back, and what was not understood.
function showUnderstood(found) {
  const corrected = found.corrections.map((one) => `“${one.corrected}” instead of “${one.word}”`).join(", ");
  const asWritten = make("button", { type: "button", className: "quiet", textContent: "Search as written" });
  asWritten.addEventListener("click", () => go(fieldsOf([["q", $("query").value.trim()], ["as-written", ""]])));
  $("understood").replaceChildren(...(corrected ? [`Searched for ${corrected}. `, asWritten, " "] : []), found.notes.join(" · "), ...stepLines(found.steps));
  $("understood").hidden = !corrected && !found.notes.length && !found.steps.length;
}

const REASONS = { question: "Searched for", part: "and for its part", missing: "and for pages that have" };

// The searches of a thorough search, each with the first pages that it found.
function stepLines(steps) {
  return steps.map((step) => make("span", { className: "step",
    textContent: `${REASONS[step.reason]} “${step.text}”: ${step.pages.map((page) => `${page.name}, ${place(page)}`).join("; ") || "no page"}` }));
}

const takePicture = reportErrors(async (file) => {
  if (!file || !file.type.startsWith("image/")) throw new Refused("Expected a picture to search by or to ask about.");
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Refused("This file cannot be read."));
    reader.readAsDataURL(file);
  });
  pictures.push(url);
  withPicture(url);
  await go(fieldsOf([["q", $("query").value.trim()]]), { again: true });
});

function withPicture(url) {
  image = url.slice(url.indexOf(",") + 1);
  $("thumb").src = url;
  $("thumb").hidden = $("drop-picture").hidden = false;
}

function withoutPicture() {
  image = "";
  $("thumb").hidden = $("drop-picture").hidden = true;
}

// The picture of an entry of the browser's history.
function usePicture(fields) {
  const url = fields.has("picture") && pictures[window.history.state?.picture];
  if (url) withPicture(url);
  else withoutPicture();
}
