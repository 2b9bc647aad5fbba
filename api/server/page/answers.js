// Searches, and streamed answers whose marks lead to the pages.

let image = "";
let cursor = null;
let currentSearch = null;
let history = [];
let runningAnswer = null;

const search = reportErrors(async (more = false, spelling = true) => {
  const query = $("query").value.trim();
  if (!query && !image && !chosen.size) return;
  if (!more) {
    currentSearch = { query, k: 12, explain: true, fold: true, filters: filters(), ...depth(), facets: ["*"], sort: $("sort").value, spelling, ...(image ? { image } : {}) };
    lastQuery = query;
    cursor = null;
    show("results");
    $("results").replaceChildren();
    $("understood").hidden = true;
    say("Searching …");
  }
  const now = currentSearch;
  const from = cursor;
  const found = await (await post(inside("/search"), { ...now, ...(from ? { cursor: from } : {}) })).json();
  if (now !== currentSearch || from !== cursor) return; // another search was started in the meantime, or the same twice
  cursor = found.next_cursor;
  $("more").hidden = !cursor;
  showFacets(found.facets);
  showUnderstood(found);
  $("results").classList.toggle("weak", found.weak);
  $("results").append(...found.hits.map(card));
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
  asWritten.addEventListener("click", () => search(false, false));
  $("understood").replaceChildren(...(corrected ? [`Searched for ${corrected}. `, asWritten, " "] : []), found.notes.join(" · "), ...stepLines(found.steps));
  $("understood").hidden = !corrected && !found.notes.length && !found.steps.length;
}

const REASONS = { question: "Searched for", part: "and for its part", missing: "and for pages that have" };

// The searches of a thorough search, each with the first pages that it found.
function stepLines(steps) {
  return steps.map((step) => make("span", { className: "step",
    textContent: `${REASONS[step.reason]} “${step.text}”: ${step.pages.map((page) => `${page.name}, ${place(page)}`).join("; ") || "no page"}` }));
}

// Drops the responses that have not arrived yet.
function dropPending() {
  currentSearch = null;
  runningAnswer?.abort();
}

const ask = reportErrors(async () => {
  const question = $("query").value.trim();
  if (!question && !image) return;
  lastQuery = question;
  dropPending();
  runningAnswer = new AbortController();
  show("answers");
  say("");
  const answerText = make("div", { className: "answer-text waiting" });
  const sources = make("ol", { className: "sources" });
  const notes = make("div", { className: "faint" });
  const own = image ? [make("img", { className: "own", src: $("thumb").src, alt: "Your picture" })] : [];
  const exchange = make("article", { className: "exchange" }, ...own, make("h2", { textContent: question || "What is this?" }), answerText, sources, notes);
  $("answers").prepend(exchange);
  $("query").value = "";
  try {
    await follow(question, answerText, sources, notes, runningAnswer.signal);
  } finally {
    answerText.classList.remove("waiting");
  }
});

async function follow(question, answerText, sources, notes, signal) {
  const options = { headers: { Accept: "text/event-stream" }, signal };
  const body = { question, history, filters: filters(), ...depth(), ...(image ? { image } : {}) };
  let text = "";
  const cited = new Map();
  for await (const [name, data] of events(await post(inside("/answer"), body, options))) {
    if (name === "text") text += data.text;
    if (name === "citation") cited.set(data.mark, [...(cited.get(data.mark) || []), data]);
    if (name === "problem") throw new Refused([data.detail, data.next_step].filter(Boolean).join(" "));
    if (name === "answer") {
      text = data.text;
      cited.clear();
      data.citations.forEach((one) => cited.set(one.mark, [...(cited.get(one.mark) || []), one]));
      const left = Object.entries(data.missing_lanes).map(([lane, reason]) => `Without the ${lane} lane: ${reason}`);
      notes.replaceChildren(...[...left, ...data.notes].map((note) => make("p", { textContent: note })), ...stepLines(data.steps));
      answerText.classList.toggle("closest", data.found === "closest");
      if (data.found && data.reason) notes.append(make("p", { textContent: `Confidence ${Math.round(100 * data.confidence)}%: ${data.reason}` }));
      if (!data.found && data.context_pages.length) notes.append(pagesRead(data.context_pages));
      history = [...history, { question: (question || "(a picture)").slice(0, 2000), answer: text.slice(0, 20000) }].slice(-8);
    }
    answerText.replaceChildren(...withMarks(text, cited));
    sources.replaceChildren(...[...cited.values()].map(source));
  }
}

// A mark may stand for several quotes of its page.
const openCitation = (all) => openPage(all[0], all.flatMap((one) => one.boxes), all.map((one) => one.quote).filter(Boolean));

function withMarks(text, cited) {
  return text.split(/(\[\d{1,3}\])/).map((part) => {
    const all = /^\[\d+\]$/.test(part) ? cited.get(Number(part.slice(1, -1))) : null;
    if (!all) return part;
    const mark = make("button", { type: "button", className: "cite", textContent: part, title: `${all[0].name}, ${place(all[0])}` });
    mark.addEventListener("click", () => openCitation(all));
    return mark;
  });
}

const STATES = { quoted: "quoted", supported: "supported by the page", "image-only": "seen in the picture only", unconfirmed: "not confirmed" };

function source(all) {
  const [first] = all;
  const quotes = all.map((one) => make("div", {},
    ...(one.quote ? [make("q", { textContent: one.quote })] : [make("span", { textContent: one.claim })]),
    ...(one.state ? [make("span", { className: `state ${one.state}`, textContent: STATES[one.state] })] : [])));
  const button = make("button", { type: "button" }, make("strong", { textContent: `[${first.mark}] ${first.name}, ${place(first)}` }), ...quotes);
  button.addEventListener("click", () => openCitation(all));
  return make("li", {}, button);
}

function pagesRead(pages) {
  const links = pages.map((page) => {
    const button = make("button", { type: "button", className: "quiet", textContent: `${page.name}, ${place(page)}` });
    button.addEventListener("click", () => openPage(page));
    return button;
  });
  return make("p", {}, "Pages read: ", ...links);
}

const takePicture = reportErrors(async (file) => {
  if (!file || !file.type.startsWith("image/")) throw new Refused("Expected a picture to search by or to ask about.");
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Refused("This file cannot be read."));
    reader.readAsDataURL(file);
  });
  image = url.slice(url.indexOf(",") + 1);
  $("thumb").src = url;
  $("thumb").hidden = $("drop-picture").hidden = false;
  await search();
});

function withoutPicture() {
  image = "";
  $("thumb").hidden = $("drop-picture").hidden = true;
}
