// Pages as pictures with marks, and what was found as a list of documents.

const place = (page) => t("page {n}", { n: page.label && page.label !== String(page.number) ? `${page.label} (${page.number})` : page.number });

const unseen = new Map(); // element -> what to do once it is seen
const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    watcher.unobserve(target);
    unseen.get(target)();
    unseen.delete(target);
  }
}, { rootMargin: "300px" });

// Does something once an element comes near to what is seen.
function whenSeen(element, work) {
  unseen.set(element, work);
  watcher.observe(element);
}

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

const DARK = 110; // luminance, 0..255, below which yellow multiplied is not seen
const YELLOW = 60; // by how much less blue there is than red and green
const SAMPLED = 96; // pixels of a picture's width, for the colour under a mark

// Gives marks on dark or yellow ground a colour that is seen there.
function contrast(image, marks, boxes) {
  if (!boxes.length) return;
  const canvas = make("canvas", { width: SAMPLED, height: Math.max(1, Math.round((SAMPLED * image.naturalHeight) / image.naturalWidth)) });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  boxes.forEach((box, at) => {
    const size = [Math.max(1, (box.x1 - box.x0) * canvas.width), Math.max(1, (box.y1 - box.y0) * canvas.height)].map(Math.ceil);
    const { data } = pen.getImageData(Math.floor(box.x0 * canvas.width), Math.floor(box.y0 * canvas.height), ...size);
    const [red, green, blue] = [0, 1, 2].map((channel) => data.filter((_, i) => i % 4 === channel).reduce((sum, one) => sum + one, 0) / (data.length / 4));
    if (0.2126 * red + 0.7152 * green + 0.0722 * blue < DARK) marks[at].classList.add("on-dark");
    else if (Math.min(red, green) - blue > YELLOW) marks[at].classList.add("on-yellow");
  });
}

// Draws a page into an element; what was drawn there stays until the picture has come. It scrolls to the first box, or
// with `keep` not at all.
async function draw(target, page, boxes, width, { keep = false, ...marking } = {}) {
  const paper = make("div", { className: "paper" });
  const now = (target.drawing = paper);
  try {
    const image = make("img", { alt: `${page.name}, ${place(page)}` });
    image.src = await picture(page.page, width, marking);
    await image.decode();
    if (target.drawing !== now) return null;
    const marks = spots(boxes);
    contrast(image, marks, boxes);
    paper.append(image, ...marks);
    paper.style.width = target.querySelector(".paper")?.style.width || "";
    target.replaceChildren(paper);
    if (keep) return paper;
    const first = boxes.length ? Math.min(...boxes.map((box) => box.y0)) * image.clientHeight : 0;
    target.scrollTop = Math.max(0, first - target.clientHeight / 3);
    return paper;
  } catch (error) {
    if (target.drawing !== now) return null;
    if (error instanceof Refused && marking.heat) { // a page without words has none
      const plain = await draw(target, page, boxes, width, { keep });
      plain?.before(make("p", { className: "faint", role: "status", textContent: error.message }));
      return plain;
    }
    if (error instanceof Unreachable) unreachable(target, () => draw(target, page, boxes, width, { keep, ...marking }));
    if (!(error instanceof Unreachable) || !target.firstChild) {
      const reason = error instanceof Refused ? error.message : t("This page cannot be shown.");
      target.replaceChildren(make("p", { className: "faint", textContent: reason }));
    }
    return null;
  }
}

// A page as a picture that opens it.
function thumbnail(page, boxes, quotes, ...captions) {
  const sheet = make("span", { className: "sheet" });
  const made = make("button", { type: "button", className: "card", data: { page: page.page } }, sheet, make("span", { className: "caption" }, ...captions));
  made.addEventListener("click", () => {
    judge(page, "click");
    visit(page, boxes, quotes);
  });
  const told = made.textContent.includes(place(page)); // then the picture's own name would be read a second time
  draw(sheet, page, boxes, 480).then((paper) => told && paper?.querySelector("img").setAttribute("alt", ""));
  return made;
}

const plain = (word) => word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const FUNCTION_WORDS = new Set(("a an and are as at be by did do does for from had has have how in is it its of on or that the their this to was were what when where which who why will with " +
  "der die das und ist im den dem des ein eine mit von zu wie was le la les un une des du de et est dans pour que qui el los las una y es en por").split(" "));

// The words of a query that are worth bold print; what is excluded and operators are not.
function queryWords(query) {
  const words = query.replace(/(^|\s)-\S+/g, " ").replace(/\b(OR|AND|NOT)\b|\w+:/g, " ").match(/[\p{L}\p{N}]+/gu) || [];
  return [...new Set(words.map(plain))].filter((word) => !FUNCTION_WORDS.has(word));
}

// Whether two words are forms of one: four letters at the beginning are the same and almost all that follow, or an "s" is added.
function sameWord(one, other) {
  const [short, long] = one.length < other.length ? [one, other] : [other, one];
  if (long === short || long === `${short}s`) return true;
  let shared = 0;
  while (shared < short.length && short[shared] === long[shared]) shared += 1;
  return shared >= 4 && short.length - shared <= 1 && long.length - shared <= 3 && !/\d/.test(short);
}

function bold(text, words) {
  return text.split(/([\p{L}\p{N}]+)/u).map((part, at) =>
    at % 2 && words.some((word) => sameWord(word, plain(part))) ? make("b", { textContent: part }) : part);
}

// The sentence of a quote that has most of the words; "…" where the quote cuts it.
function sentence(quote, words) {
  const text = quote.replace(/\s+/g, " ").trim();
  const all = [...new Intl.Segmenter("en", { granularity: "sentence" }).segment(text)].map((one) => one.segment.trim());
  const count = (one) => words.filter((word) => (one.match(/[\p{L}\p{N}]+/gu) || []).some((other) => sameWord(word, plain(other)))).length;
  const best = all.reduce((first, one) => (count(one) > count(first) ? one : first), all[0] || "");
  const before = best === all[0] && /^\p{Ll}/u.test(best) ? "… " : "";
  const after = best === all.at(-1) && /[\p{L}\p{N},;]$/u.test(best) ? " …" : "";
  return before + best + after;
}

function why(hit) {
  const ranks = { ...hit.lanes, ...(hit.rerank ? { reranked: hit.rerank } : {}) };
  const lanes = Object.entries(ranks).map(([lane, at]) =>
    make("li", { textContent: `${lane} ${at.rank}`, title: t("{lane}: rank {rank}, score {score}", { lane, rank: at.rank, score: at.score.toPrecision(4) }) }));
  const made = make("details", { className: "why" }, make("summary", { textContent: t("Why?") }),
    make("p", { textContent: t("Place {n} by its ranks in these lanes:", { n: number(hit.rank) }) }), make("ul", {}, ...lanes));
  made.querySelector("summary").setAttribute("aria-label", t("Why was {name} found?", { name: `${hit.name}, ${place(hit)}` }));
  return made;
}

function hitOf(hit, words) {
  const boxes = hit.evidence.flatMap((one) => one.boxes);
  const quotes = hit.evidence.map((one) => one.quote).filter(Boolean);
  const photo = hit.kind === "photo";
  const lines = [photo ? hit.name : hit.page_count > 1 ? place(hit) : "", ...factsOf(hit),
    hit.description ? `${hit.description.described_by}: ${hit.description.caption}` : "",
    hit.duplicates.length ? counted(hit.duplicates.length, "and {n} that looks the same", "and {n} that look the same") : ""].filter(Boolean);
  const captions = lines.map((line, at) => make("span", { className: at || !photo ? "faint" : "title", textContent: line }));
  if (photo && hit.guesses.length) captions.push(guessTags(hit.guesses));
  if (quotes.length) captions.splice(1, 0, make("q", {}, ...bold(sentence(quotes[0], words), words)));
  return make("div", { className: "hit" }, thumbnail(hit, boxes, quotes.slice(0, 1), ...captions), why(hit));
}

const SHOWN_PAGES = 4; // of a document with more pages found

// A file name without folder and extension, a title without its signs, to compare them.
const stem = (name) => plain(name.replace(/^.*\//, "").replace(/\.\w+$/, "")).replace(/[^\p{L}\p{N}]+/gu, " ").trim();

function documentOf(hit) {
  const file = hit.title && stem(hit.title) !== stem(hit.name) ? hit.name : hit.title ? t(KINDS[hit.kind]) : "";
  const about = [file, hit.page_count > 1 ? counted(hit.page_count, "{n} page", "{n} pages") : ""].filter(Boolean).join(" · ");
  const rest = make("button", { type: "button", className: "quiet rest", hidden: true });
  const made = make("article", { className: "document", data: { document: hit.document } },
    make("h2", { textContent: hit.title || hit.name }), make("p", { className: "faint file", title: hit.name, textContent: about }), make("div", { className: "hits" }), rest);
  rest.addEventListener("click", () => {
    made.classList.add("all");
    rest.hidden = true;
    made.querySelectorAll(".card")[SHOWN_PAGES].focus();
  });
  return made;
}

// Adds hits to the list: pages to their document's, photos that follow each other to one grid.
function addHits(hits, words) {
  for (const hit of hits) {
    if (hit.kind === "photo") {
      if (!$("results").lastElementChild?.matches(".photos")) $("results").append(make("div", { className: "photos" }));
      $("results").lastElementChild.append(hitOf(hit, words));
      continue;
    }
    let group = $("results").querySelector(`[data-document="${hit.document}"]`);
    if (!group) $("results").append((group = documentOf(hit)));
    const list = group.querySelector(".hits");
    list.append(hitOf(hit, words));
    const count = list.children.length;
    group.classList.toggle("several", count > 1);
    const rest = group.querySelector(".rest");
    rest.hidden = count <= SHOWN_PAGES || group.classList.contains("all");
    rest.textContent = t("{n} more of this document", { n: number(count - SHOWN_PAGES) });
  }
}
