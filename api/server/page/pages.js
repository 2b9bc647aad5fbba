// Pages: as cards, and the viewer of one page with its text.

const place = (page) => `page ${page.label && page.label !== String(page.number) ? `${page.label} (${page.number})` : page.number}`;

function spots(boxes) {
  return boxes.map((box) => {
    const spot = make("span", { className: "spot" });
    spot.style.left = `${100 * box.x0}%`;
    spot.style.top = `${100 * box.y0}%`;
    spot.style.width = `${100 * (box.x1 - box.x0)}%`;
    spot.style.height = `${100 * (box.y1 - box.y0)}%`;
    return spot;
  });
}

async function draw(target, page, boxes, width, marking = {}) {
  const paper = make("div", { className: "paper" });
  target.replaceChildren(paper);
  try {
    const image = make("img", { alt: `${page.name}, ${place(page)}` });
    image.src = await picture(page.page, width, marking);
    await image.decode();
    paper.append(image, ...spots(boxes));
    const first = boxes.length ? Math.min(...boxes.map((box) => box.y0)) * image.clientHeight : 0;
    target.scrollTop = Math.max(0, first - target.clientHeight / 3);
  } catch (error) {
    paper.append(make("p", { className: "faint", textContent: error instanceof Refused ? error.message : "This page cannot be shown." }));
  }
}

function card(hit) {
  const boxes = hit.evidence.flatMap((one) => one.boxes);
  const quote = hit.evidence.map((one) => one.quote).find(Boolean);
  const sheet = make("div", { className: "sheet" });
  const framed = make("div", { className: "framed" }, sheet, make("span", { className: "rank", textContent: hit.rank }));
  const ranks = { ...hit.lanes, ...(hit.rerank ? { reranked: hit.rerank } : {}) };
  const lanes = Object.entries(ranks).map(([lane, at]) =>
    make("span", { textContent: `${lane} ${at.rank}`, title: `${lane}: rank ${at.rank}, score ${at.score.toPrecision(4)}` }));
  const like = hit.duplicates.length ? [make("p", { className: "faint", textContent: `and ${hit.duplicates.length} that look the same` })] : [];
  const details = [hit.kind === "photo" ? "" : place(hit), hit.kind === "photo" ? hit.guesses.map((one) => one.label).slice(0, 2).join(", ") : hit.title];
  const made = make("button", { type: "button", className: "card", data: { page: hit.page } }, framed,
    make("h3", { textContent: hit.name }),
    make("p", { className: "faint", textContent: details.filter(Boolean).join(" · ") }),
    ...(quote ? [make("p", {}, make("q", { textContent: quote }))] : []),
    ...factsOf(hit),
    ...(hit.description ? [make("p", { className: "faint", textContent: `${hit.description.described_by}: ${hit.description.caption}` })] : []),
    ...like, make("div", { className: "lanes" }, ...lanes));
  made.addEventListener("click", () => {
    judge(hit, "click");
    openPage(hit, boxes, quote ? [quote] : []);
  });
  draw(sheet, hit, boxes, 480);
  return made;
}

let keepsFeedback = false; // whether the server keeps what is done with hits
let shown = null;
let evidence = {}; // boxes and query marked on the shown page
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

const openPage = reportErrors(async (page, boxes = [], quotes = [], highlight = "") => {
  shown = page;
  evidence = { boxes, highlight };
  $("heat").hidden = !lastQuery;
  $("up").hidden = $("down").hidden = !keepsFeedback || !lastQuery;
  for (const id of ["up", "down"]) $(id).setAttribute("aria-pressed", "false");
  $("heat").setAttribute("aria-pressed", "false");
  $("page-name").textContent = page.name;
  $("page-number").textContent = place(page);
  $("page-text").replaceChildren();
  if (!$("viewer").open) $("viewer").showModal();
  const drawn = draw($("sheet"), page, boxes, 1400, { highlight });
  const read = await (await call(inside(`/pages/${page.page}`))).json();
  if (shown !== page) return;
  shown = { ...page, name: read.name, count: read.page_count };
  $("page-name").textContent = read.name;
  $("page-number").textContent = `${place(read)} of ${read.page_count}`;
  $("previous").disabled = read.number <= 1;
  $("next").disabled = read.number >= read.page_count;
  $("page-text").append(...(read.text ? marked(read.text, quotes) : [read.caption || "No words on this page."]));
  const mark = $("page-text").querySelector("mark");
  if (mark) $("page-text").scrollTop = mark.offsetTop - $("page-text").offsetTop - $("page-text").clientHeight / 3;
  await drawn;
});

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
  openPage({ ...shown, rank: null, page: `${shown.document}-${number}`, number, label: null });
}

// Switches between a page's evidence and its heat map.
async function toggleHeat() {
  const on = $("heat").getAttribute("aria-pressed") !== "true";
  $("heat").setAttribute("aria-pressed", String(on));
  await (on ? draw($("sheet"), shown, [], 1400, { highlight: lastQuery, heat: true }) : draw($("sheet"), shown, evidence.boxes, 1400, { highlight: evidence.highlight }));
}

const download = reportErrors(async () => {
  const answer = await call(inside(`/documents/${shown.document}/file`));
  const link = make("a", { href: URL.createObjectURL(await answer.blob()), download: shown.name });
  link.click();
});
