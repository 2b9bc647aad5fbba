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
  if (!wasOpen) heated = false;
  $("heat").setAttribute("aria-pressed", String(heated));
  for (const id of ["up", "down"]) $(id).setAttribute("aria-pressed", "false");
  $("reason").replaceChildren();
  $("page-name").textContent = read.title || read.name;
  $("page-name").title = read.name;
  $("page-number").textContent = read.kind === "photo" && read.page_count === 1 ? "" : t("{page} of {n}", { page: place(read), n: number(read.page_count) });
  const beside = hitsBehind().length > 1 && read.page_count === 1; // photos follow each other
  $("previous").disabled = !beside && read.number <= 1;
  $("next").disabled = !beside && read.number >= read.page_count;
  showHitNumber();
  showStrip(read);
  showFacts(read);
  $("page-text").hidden = read.kind === "photo" && !read.text; // what is known of it stands above
  $("page-text").replaceChildren(...(read.text ? marked(read.text, quotes) : [read.caption || t("No words on this page.")]));
  const mark = $("page-text").querySelector("mark");
  $("page-text").scrollTop = mark ? mark.offsetTop - $("page-text").offsetTop - $("page-text").clientHeight / 3 : 0;
  await drawShown(wasOpen && (heated || !found.length));
});
let opening = null;

// Draws the shown page with its evidence or its heat map; `keep`: at the place that is seen.
async function drawShown(keep) {
  drawnWidth = 1400;
  const { read } = shown;
  const marking = heated && lastQuery ? { highlight: lastQuery, heat: true } : { highlight: evidence.highlight };
  const paper = await draw($("sheet"), shown, marking.heat ? [] : evidence.boxes, drawnWidth, { ...marking, keep });
  if (!paper) return;
  drawnMarking = marking;
  paper.append(wordLayer(read));
  resize();
}

// Tells the server what was done with a page found for the last query, if its owner wants to know.
async function judge(page, verdict) {
  if (!keepsFeedback || !lastQuery) return;
  const thumb = verdict === "click" ? {} : { id: (page.thumb ??= randomId()) }; // another thumb replaces the first
  const judged = { query: lastQuery, page: page.page, verdict, ...(page.rank ? { rank: page.rank } : {}), ...thumb };
  try {
    await post(inside("/feedback"), judged);
    if (verdict === "click" || page !== shown) return;
    for (const id of ["up", "down"]) $(id).setAttribute("aria-pressed", String(id === verdict));
    $("reason").replaceChildren(reasonForm(judged));
  } catch (error) {
    if (verdict !== "click") say(error.message, true);
  }
}

const randomId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// A field for the reason of a thumb that was sent: both are sent again, with the thumb's id, so that it counts once.
function reasonForm(judged) {
  const field = make("input", { type: "text", maxLength: 500, autocomplete: "off", required: true, placeholder: t("Why? (may be left out)"), ariaLabel: t("Why? (may be left out)") });
  const form = make("form", { className: "reason" }, field, make("button", { type: "submit", className: "quiet", textContent: t("Send") }));
  form.addEventListener("submit", reportErrors(async (event) => {
    event.preventDefault();
    const why = field.value.trim();
    if (!why) return;
    await post(inside("/feedback"), { ...judged, why });
    form.replaceChildren(make("span", { className: "faint", role: "status", textContent: t("Kept. Thank you.") }));
  }));
  return form;
}

const pageOf = (number) => ({ page: `${shown.document}-${number}`, document: shown.document, number, label: null, name: shown.name });

// Turns a page; from a photo to the one beside it.
function openAdjacentPage(step) {
  if (shown.count === 1) return openAdjacentHit(step);
  const to = shown.number + step;
  return to < 1 || to > (shown.count || to) ? null : visit(pageOf(to));
}

// The pages of the document as small pictures, the shown one in sight.
function showStrip(read) {
  $("strip").hidden = read.page_count < 2;
  if ($("strip").dataset.document !== read.document) {
    $("strip").dataset.document = read.document;
    $("strip").replaceChildren(...Array.from({ length: read.page_count < 2 ? 0 : read.page_count }, (_, at) => {
      const sheet = make("span", { className: "sheet" });
      const made = make("button", { type: "button" }, sheet, make("span", { className: "faint", textContent: number(at + 1) }));
      made.setAttribute("aria-label", t("page {n}", { n: at + 1 }));
      whenSeen(sheet, () => draw(sheet, pageOf(at + 1), [], 160).then((paper) => paper?.querySelector("img").setAttribute("alt", "")));
      made.addEventListener("click", () => visit(pageOf(at + 1)));
      return made;
    }));
  }
  for (const [at, one] of [...$("strip").children].entries()) {
    if (at + 1 === read.number) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  const current = $("strip").children[read.number - 1];
  if (current) $("strip").scrollTop = current.offsetTop - $("strip").clientHeight / 2;
}

// What is known of a photo: date, place on a small map, camera, keywords, people, guesses.
const showFacts = reportErrors(async (read) => {
  $("facts").hidden = read.kind !== "photo";
  $("facts").replaceChildren();
  if (read.kind !== "photo") return;
  const { date, metadata } = await (await call(inside(`/documents/${read.document}`))).json();
  if (shown?.document !== read.document) return;
  const where = [...new Set([metadata.place, metadata.city, metadata.region, metadata.country].filter(Boolean))].join(", ");
  const facts = [[t("Caption"), metadata.caption], [t("Date"), date && dateText(date, { dateStyle: "full", timeStyle: "short" })], [t("Place"), where], [t("Camera"), [metadata.camera, metadata.lens].filter(Boolean).join(", ")],
    [t("Keywords"), metadata.keywords], [t("People"), metadata.people], [t("By"), metadata.creator]].filter(([, value]) => value);
  $("facts").append(...facts.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: String(value) })]));
  if (read.guesses.length) $("facts").append(make("dt", { textContent: t("Guesses") }), make("dd", {}, guessTags(read.guesses)));
  if (metadata.latitude !== undefined && metadata.longitude !== undefined) $("facts").append(make("dd", { className: "wide" }, smallMap(metadata.latitude, metadata.longitude)));
});

// Searches for what looks like the shown page, or like the part of it in a box.
function searchLike(box = null) {
  const part = box ? `:${[box.x0, box.y0, box.x1, box.y1].map((one) => one.toFixed(4)).join(",")}` : "";
  return go(new URLSearchParams([["like", `${shown.page}${part}`], ...(collection ? [["in", collection]] : [])]), { again: true });
}

const LEAST_PART = 0.02; // of the page's width and height, below which a drag is a click
let dragged = null; // where a box was begun, 0..1, and its element

function choosePart(on) {
  $("part").setAttribute("aria-pressed", String(on));
  $("sheet").classList.toggle("parting", on);
  if (!on) dropPart();
}

function dropPart() {
  dragged?.box.remove();
  dragged = null;
}

function pointed(event) {
  const paper = $("sheet").querySelector(".paper").getBoundingClientRect();
  return [(event.clientX - paper.left) / paper.width, (event.clientY - paper.top) / paper.height].map((one) => Math.max(0, Math.min(1, one)));
}

function partOf(event) {
  const [x, y] = pointed(event);
  return { x0: Math.min(x, dragged.x), y0: Math.min(y, dragged.y), x1: Math.max(x, dragged.x), y1: Math.max(y, dragged.y) };
}

$("part").addEventListener("click", () => choosePart($("part").getAttribute("aria-pressed") !== "true"));
$("sheet").addEventListener("pointerdown", (event) => {
  if (!$("sheet").classList.contains("parting") || !$("sheet").querySelector(".paper img")) return;
  event.preventDefault();
  dropPart();
  const [x, y] = pointed(event);
  dragged = { x, y, box: make("span", { className: "part" }) };
  $("sheet").querySelector(".paper").append(dragged.box);
  $("sheet").setPointerCapture(event.pointerId);
});
$("sheet").addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const { x0, y0, x1, y1 } = partOf(event);
  for (const [name, value] of Object.entries({ left: x0, top: y0, width: x1 - x0, height: y1 - y0 })) dragged.box.style[name] = `${100 * value}%`;
});
$("sheet").addEventListener("pointerup", (event) => {
  if (!dragged) return;
  const box = partOf(event);
  dropPart();
  if (box.x1 - box.x0 < LEAST_PART || box.y1 - box.y0 < LEAST_PART) return;
  choosePart(false);
  searchLike(box);
});
$("similar").addEventListener("click", () => searchLike());

// The pages found by the search, or cited and shown with the answers, in the order in which they stand there.
const hitsBehind = () => [...document.querySelectorAll("main > section:not([hidden]) .card")];
const hitNumber = (hits) => hits.findIndex((one) => one.dataset.page === shown?.page);

function showHitNumber() {
  const hits = hitsBehind();
  const at = hitNumber(hits);
  $("hits").hidden = hits.length < 2;
  $("hit-number").textContent = at < 0 ? counted(hits.length, "{n} hit", "{n} hits") : t("{at} of {n}", { at: number(at + 1), n: number(hits.length) });
  $("previous-hit").disabled = at === 0;
  $("next-hit").disabled = at === hits.length - 1;
}

function openAdjacentHit(step) {
  const hits = hitsBehind();
  const at = hitNumber(hits);
  hits[at < 0 ? 0 : at + step]?.click();
}

// Switches between the pages' evidence and their heat maps, until the viewer is closed.
let heated = false;

async function toggleHeat() {
  heated = !heated;
  $("heat").setAttribute("aria-pressed", String(heated));
  await drawShown(true);
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
  $("fit").textContent = fitting === "width" ? t("Fit page") : t("Fit width");
  $("zoom").textContent = `${Math.round(100 * zoom)}%`;
  if (!image) return;
  const wide = $("sheet").clientWidth;
  const high = $("sheet").parentElement.clientHeight - 2;
  const fit = fitting === "width" ? wide : Math.min(wide, (high * image.naturalWidth) / image.naturalHeight);
  const top = $("sheet").scrollTop / Math.max(1, $("sheet").scrollHeight); // the line at the top and the middle stay there
  const middle = ($("sheet").scrollLeft + wide / 2) / Math.max(1, $("sheet").scrollWidth);
  paper.style.width = `${Math.floor(fit * zoom)}px`;
  $("sheet").scrollTop = top * $("sheet").scrollHeight;
  $("sheet").scrollLeft = middle * $("sheet").scrollWidth - wide / 2;
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
  s: () => searchLike(), "+": () => zoomBy(1), "-": () => zoomBy(-1), f: toggleFit };
