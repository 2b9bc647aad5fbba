// Searches: what is asked of the server, and how it was understood.

let image = "";
let likeness = ""; // the page that the picture is of, "PAGE" or "PAGE:x0,y0,x1,y1"
const likenesses = new Map(); // likeness -> data URL
let cursor = null;
let currentSearch = null;

// Whether there is something to search for beside words.
const narrows = () => Boolean(image || chosen.size || Object.keys(narrowed()).length);

// Hits asked for at once: the first ones are shown while the server looks for the evidence of as many more.
const PORTION = 6;

async function searchNow(more = false) {
  const query = $("query").value.trim();
  if (!query && !narrows()) return;
  if (!more) {
    currentSearch = { query, k: PORTION, explain: true, fold: true, filters: filters(), ...depth(), facets: ["*"], sort: $("sort").value, spelling: !addressed().has("as-written"), ...(image ? { image, not_itself: Boolean(likeness) } : {}) };
    lastQuery = query;
    cursor = null;
    say(t("Searching …"));
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
  if ($("narrow").open) showCounts();
  showUnderstood(found);
  $("results").classList.toggle("weak", found.weak);
  addHits(found.hits, queryWords(now.query));
  const n = number(found.pages_searched);
  const count = $("results").children.length;
  $("view").hidden = !count;
  say([count ? "" : found.nothing_found || t("Nothing found in {n} pages.", { n }),
    count ? (found.weak ? t("Nothing matches well. The nearest of {n} pages are:", { n }) : t("Best of {n} pages.", { n })) : "",
    count && found.query_references.length ? t("The question names: {names}.", { names: found.query_references.join(", ") }) : "",
    found.approximate_lanes.length && $("results").querySelector(".photos") ? t("Photos are found by what they may show, roughly.") : ""].filter(Boolean).join(" "));
  // A refusal, since the collection has changed, is told to who asks for more.
  if (!more && cursor) await searchNow(true).catch((error) => { if (!(error instanceof Refused)) throw error; });
}

const search = reportErrors(searchNow);

// Shows how the query was understood: words that were corrected, with a way back, and what was not understood.
function showUnderstood(found) {
  const corrected = found.corrections.map(({ corrected: word, word: written }) => t("“{word}” instead of “{written}”", { word, written })).join(", ");
  const asWritten = make("button", { type: "button", className: "quiet", textContent: t("Search as written") });
  asWritten.addEventListener("click", () => go(fieldsOf([["q", $("query").value.trim()], ["as-written", ""]])));
  $("understood").replaceChildren(...(corrected ? [t("Searched for {words}.", { words: corrected }), " ", asWritten, " "] : []), found.notes.join(" · "), ...stepLines(found.steps));
  $("understood").hidden = !corrected && !found.notes.length && !found.steps.length;
}

const REASONS = { question: "Searched for", part: "and for its part", missing: "and for pages that have" };

// The searches of a thorough search, each with the first pages that it found.
function stepLines(steps) {
  return steps.map((step) => make("span", { className: "step",
    textContent: `${t(REASONS[step.reason])} “${step.text}”: ${step.pages.map((page) => `${page.name}, ${place(page)}`).join("; ") || t("no page")}` }));
}

const takePicture = reportErrors(async (file) => {
  if (!file || !file.type.startsWith("image/")) throw new Refused(t("Expected a picture to search by or to ask about."));
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Refused(t("This file cannot be read.")));
    reader.readAsDataURL(file);
  });
  pictures.push(url);
  likeness = "";
  withPicture(url);
  await go(fieldsOf([["q", $("query").value.trim()]]), { again: true });
});

function withPicture(url) {
  image = url.slice(url.indexOf(",") + 1);
  $("thumb").src = url;
  $("thumb").hidden = $("drop-picture").hidden = false;
}

function withoutPicture() {
  image = likeness = "";
  $("thumb").hidden = $("drop-picture").hidden = true;
}

// The picture of an entry of the browser's history.
function usePicture(fields) {
  const like = fields.get("like") || "";
  const url = like ? likenesses.get(like) : fields.has("picture") && pictures[window.history.state?.picture];
  if (!url) return withoutPicture();
  likeness = like;
  return withPicture(url);
}

// Gets the picture of a page, or of a part of it, and then shows the address that names it.
const loadLikeness = reportErrors(async (like, then) => {
  const wanted = /^([0-9a-f]{64}-\d+)(?::([\d.]+),([\d.]+),([\d.]+),([\d.]+))?$/.exec(like);
  if (!wanted) throw new Refused(t("This address names no page to search by."));
  const [x0, y0, x1, y1] = wanted[2] ? wanted.slice(2).map(Number) : [0, 0, 1, 1];
  const sheet = make("img", { src: await picture(wanted[1], wanted[2] ? 1600 : 800) });
  await sheet.decode();
  const [width, height] = [(x1 - x0) * sheet.naturalWidth, (y1 - y0) * sheet.naturalHeight].map((side) => Math.max(1, Math.round(side)));
  const canvas = make("canvas", { width, height });
  canvas.getContext("2d").drawImage(sheet, x0 * sheet.naturalWidth, y0 * sheet.naturalHeight, width, height, 0, 0, width, height);
  likenesses.set(like, canvas.toDataURL("image/jpeg", 0.92));
  if (addressed().get("like") === like) await then();
});
