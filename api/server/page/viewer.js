// The viewer of one page: its picture with marks and selectable words, its text, the pages and hits beside it.

let keepsFeedback = false; // whether the server keeps what is done with hits
let shown = null;
let evidence = { boxes: [], quotes: [], highlight: "" }; // what is marked on the shown page
let lastQuery = ""; // of the last search or question

const wordsOf = (quote) =>
  new RegExp(quote.trim().split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+"), "g");

// Positions of quotes in a page's text; "a … b" is two pieces, one after the other.
function places(text, quotes) {
  const found = [];
  for (const quote of quotes) {
    let from = 0;
    for (const piece of quote.split(" … ").filter((one) => one.trim())) {
      const words = wordsOf(piece);
      words.lastIndex = from;
      const at = words.exec(text);
      if (at) found.push([at.index, from = at.index + at[0].length]);
    }
  }
  return found.sort((a, b) => a[0] - b[0]);
}

function marked(text, quotes) {
  const parts = [];
  let end = 0;
  for (const [from, to] of places(text, quotes)) {
    if (from < end) continue;
    parts.push(text.slice(end, from), make("mark", { textContent: text.slice(from, to) }));
    end = to;
  }
  return [...parts, text.slice(end)];
}

// The boxes of quotes on a page, one for the words of each line.
function boxesOf(read, quotes) {
  const lines = [];
  for (const [from, to] of places(read.text, quotes)) {
    let line = null;
    for (const { start, end, box } of read.words) {
      if (end <= from || start >= to) continue;
      const middle = (box.y0 + box.y1) / 2;
      if (line && middle > line.y0 && middle < line.y1 && box.x0 >= line.x0) {
        Object.assign(line, { x1: Math.max(line.x1, box.x1), y0: Math.min(line.y0, box.y0), y1: Math.max(line.y1, box.y1) });
      } else lines.push((line = { ...box }));
    }
  }
  return lines;
}

const pen = make("canvas").getContext("2d");

// A page's words, invisible over its picture, to be selected and copied.
function wordLayer(read) {
  const layer = make("div", { className: "words" });
  layer.setAttribute("aria-hidden", "true"); // the text beside the picture is read instead
  pen.font = "100px sans-serif";
  read.words.forEach(({ text, end, box }, at) => {
    const span = make("span", { textContent: text });
    const height = 100 * (box.y1 - box.y0) * (read.height / read.width); // in hundredths of the picture's width
    span.style.left = `${100 * box.x0}%`;
    span.style.top = `${100 * box.y0}%`;
    span.style.fontSize = `${height}cqw`;
    span.style.transform = `scaleX(${(100 * (box.x1 - box.x0)) / ((pen.measureText(text).width / 100) * height) || 1})`;
    layer.append(span, read.words[at + 1] ? read.text.slice(end, read.words[at + 1].start) : "");
  });
  return layer;
}

const openPage = reportErrors(async (page, boxes = [], quotes = []) => {
  const wasOpen = $("viewer").open;
  if (wasOpen && shown?.page === page.page && String(evidence.quotes) === String(quotes)) return;
  if (!wasOpen) {
    $("sheet").replaceChildren();
    $("page-text").replaceChildren();
    $("page-name").textContent = page.name;
    $("page-number").textContent = place(page);
    $("viewer").showModal();
  }
  const now = (opening = {});
  const read = await (await call(inside(`/pages/${page.page}`))).json();
  if (opening !== now || !$("viewer").open) return;
  shown = { ...page, name: read.name, label: read.label, count: read.page_count, read };
  const found = boxes.length ? boxes : boxesOf(read, quotes);
  evidence = { boxes: found, quotes, highlight: found.length ? "" : quotes[0] || "" };
  $("heat").hidden = !lastQuery;
  $("up").hidden = $("down").hidden = !keepsFeedback || !lastQuery;
  for (const id of ["up", "down", "heat"]) $(id).setAttribute("aria-pressed", "false");
  $("page-name").textContent = read.title || read.name;
  $("page-name").title = read.name;
  $("page-number").textContent = `${place(read)} of ${read.page_count}`;
  $("previous").disabled = read.number <= 1;
  $("next").disabled = read.number >= read.page_count;
  showHitNumber();
  $("page-text").replaceChildren(...(read.text ? marked(read.text, quotes) : [read.caption || "No words on this page."]));
  const mark = $("page-text").querySelector("mark");
  $("page-text").scrollTop = mark ? mark.offsetTop - $("page-text").offsetTop - $("page-text").clientHeight / 3 : 0;
  await drawShown(evidence.boxes, { highlight: evidence.highlight });
});
let opening = null;

async function drawShown(boxes, marking) {
  drawnWidth = 1400;
  const { read } = shown;
  const paper = await draw($("sheet"), shown, boxes, drawnWidth, marking);
  if (!paper) return;
  drawnMarking = marking;
  paper.append(wordLayer(read));
  resize();
}

// Tells the server what was done with a page found for the last query, if its owner wants to know.
async function judge(page, verdict) {
  if (!keepsFeedback || !lastQuery) return;
  try {
    await post(inside("/feedback"), { query: lastQuery, page: page.page, verdict, ...(page.rank ? { rank: page.rank } : {}) });
    if (verdict !== "click") for (const id of ["up", "down"]) $(id).setAttribute("aria-pressed", String(id === verdict));
  } catch (error) {
    if (verdict !== "click") say(error.message, true);
  }
}

function openAdjacentPage(step) {
  const number = shown.number + step;
  if (number < 1 || number > (shown.count || number)) return;
  visit({ page: `${shown.document}-${number}`, document: shown.document, number, label: null, name: shown.name });
}

// The pages found by the search, or cited and shown with the answers, in the order in which they stand there.
const hitsBehind = () => [...document.querySelectorAll("main > section:not([hidden]) .card")];
const hitNumber = (hits) => hits.findIndex((one) => one.dataset.page === shown?.page);

function showHitNumber() {
  const hits = hitsBehind();
  const at = hitNumber(hits);
  $("hits").hidden = hits.length < 2;
  $("hit-number").textContent = at < 0 ? `${hits.length} hits` : `${at + 1} of ${hits.length}`;
  $("previous-hit").disabled = at === 0;
  $("next-hit").disabled = at === hits.length - 1;
}

function openAdjacentHit(step) {
  const hits = hitsBehind();
  const at = hitNumber(hits);
  hits[at < 0 ? 0 : at + step]?.click();
}

// Switches between a page's evidence and its heat map.
async function toggleHeat() {
  const on = $("heat").getAttribute("aria-pressed") !== "true";
  $("heat").setAttribute("aria-pressed", String(on));
  await (on ? drawShown([], { highlight: lastQuery, heat: true }) : drawShown(evidence.boxes, { highlight: evidence.highlight }));
}

let zoom = 1; // of the picture that fits
let fitting = "width"; // or "page"
let drawnWidth = 1400; // pixels of the picture that is shown
let drawnMarking = {};
const ZOOMS = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];

// Gives the picture its size; a finer picture is fetched where it is wanted.
async function resize() {
  const paper = $("sheet").querySelector(".paper");
  const image = paper?.querySelector("img");
  $("fit").textContent = fitting === "width" ? "Fit page" : "Fit width";
  $("zoom").textContent = `${Math.round(100 * zoom)}%`;
  if (!image) return;
  const wide = $("sheet").clientWidth;
  const high = $("sheet").parentElement.clientHeight - 2;
  const fit = fitting === "width" ? wide : Math.min(wide, (high * image.naturalWidth) / image.naturalHeight);
  const centre = $("sheet").scrollTop / Math.max(1, $("sheet").scrollHeight);
  paper.style.width = `${Math.floor(fit * zoom)}px`;
  $("sheet").scrollTop = centre * $("sheet").scrollHeight;
  const wanted = Math.min(3000, fit * zoom * devicePixelRatio);
  if (wanted <= drawnWidth * 1.2) return;
  drawnWidth = 3000;
  try {
    image.src = await picture(shown.page, drawnWidth, drawnMarking);
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error; // the coarser picture stays
  }
}

function zoomBy(step) {
  const at = ZOOMS.indexOf(zoom) + step;
  zoom = ZOOMS[Math.max(0, Math.min(ZOOMS.length - 1, at))];
  resize();
}

function toggleFit() {
  fitting = fitting === "width" ? "page" : "width";
  zoom = 1;
  resize();
}

// Asks a question of the shown page alone.
function askAboutPage(event) {
  event.preventDefault();
  const question = $("page-question").value.trim();
  if (!question) return;
  $("page-question").value = "";
  withoutPicture();
  clearFacets();
  narrowBy(new URLSearchParams({ "in-name": shown.name.replace(/[[*?]/g, "[$&]"), "first-page": shown.number, "last-page": shown.number }));
  go(fieldsOf([["ask", question]]), { again: true });
}

const download = reportErrors(async () => {
  const answer = await call(inside(`/documents/${shown.document}/file`));
  const link = make("a", { href: URL.createObjectURL(await answer.blob()), download: shown.name });
  link.click();
});

const VIEWER_KEYS = { ArrowLeft: () => openAdjacentPage(-1), ArrowRight: () => openAdjacentPage(1), p: () => openAdjacentHit(-1), n: () => openAdjacentHit(1),
  "+": () => zoomBy(1), "-": () => zoomBy(-1), f: toggleFit };
