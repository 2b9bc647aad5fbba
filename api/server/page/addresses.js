// The page's address: what is searched for, asked, narrowed to and opened stands in its fragment, which no server sees.
// Fields: q, or ask (once for each question of a conversation), or documents, or photos; like (a page, or a part of it, as
// a picture to search by); filters; in (collection); page and mark.

const pictures = []; // data URLs of the pictures searched by; an entry of the browser's history knows its number
let shownMain = null; // the address of what stands behind the viewer

const pictureNumber = () => (image ? pictures.indexOf($("thumb").src) : -1);

const addressed = () => new URLSearchParams(location.hash.slice(1));

// The address without its opened page.
function mainOf(fields) {
  const main = new URLSearchParams(fields);
  for (const name of ["page", "mark"]) main.delete(name);
  return main;
}

// The address of a search or question with the filters chosen at the moment.
function fieldsOf(parts) {
  const fields = new URLSearchParams([...parts, ...(likeness ? [["like", likeness]] : image ? [["picture", ""]] : []), ...Object.entries({ ...narrowed(), ...depth() })]);
  for (const [field, condition] of chosen) fields.set(`where.${field}`, condition);
  if ($("sort").value) fields.set("sort", $("sort").value);
  if (collection) fields.set("in", collection);
  return fields;
}

// Goes to an address and shows what it names; `again` also if that is shown already.
function go(fields, { opened = null, replace = false, again = false } = {}) {
  const hash = String(fields);
  const state = { picture: pictureNumber(), opened };
  const stays = replace || hash === String(addressed());
  window.history[stays ? "replaceState" : "pushState"](state, "", hash ? `#${hash}` : location.pathname);
  return showAddress(again);
}

const goHome = () => go(new URLSearchParams(collection ? { in: collection } : {}), { again: true });

// Opens a page: a new entry of the browser's history, but none for each page turned in the viewer.
function visit(page, boxes = [], quotes = []) {
  const fields = mainOf(addressed());
  fields.set("page", page.page);
  for (const quote of quotes) fields.append("mark", quote);
  if (collection) fields.set("in", collection);
  const turned = $("viewer").open;
  const { name, document, number, label, rank } = page;
  const kept = { page: { page: page.page, name, document, number, label, rank }, boxes, quotes, pushed: turned ? Boolean(window.history.state?.opened?.pushed) : true };
  return go(fields, { opened: kept, replace: turned });
}

function leavePage() {
  if (!addressed().has("page")) return;
  if (window.history.state?.opened?.pushed) window.history.back();
  else go(mainOf(addressed()), { replace: true });
}

function pageLink(page, quotes) {
  const fields = new URLSearchParams([["page", page.page], ...(collection ? [["in", collection]] : []), ...quotes.map((quote) => ["mark", quote])]);
  return `${location.origin}${location.pathname}#${fields}`;
}

async function showAddress(again = false) {
  const fields = addressed();
  const main = String(mainOf(fields));
  const work = [];
  if (again || main !== shownMain) {
    shownMain = main;
    work.push(showMain(fields, again));
  }
  work.push(showPage(fields));
  await Promise.all(work);
}

function showMain(fields, again) {
  const like = fields.get("like") || "";
  if (like && !likenesses.has(like)) return loadLikeness(like, () => showMain(fields, again));
  usePicture(fields);
  chooseCollection(fields.get("in"));
  narrowBy(fields);
  dropPending();
  const questions = fields.getAll("ask");
  const words = questions[0] ?? fields.get("q") ?? "";
  if ($("query").value.trim() !== words) $("query").value = words;
  markStrong();
  if (fields.has("documents")) return showDocuments();
  if (fields.has("review")) return showReview();
  if (fields.has("photos")) return showPhotos();
  remember(fields);
  if (questions.length) return showAnswers(questions, again);
  if (words || narrows()) return search();
  if (fields.has("picture")) return showHome(t("The picture of this search is not part of its address: choose it again."));
  return showHome();
}

function showPage(fields) {
  const id = /^([0-9a-f]{64})-(\d+)$/.exec(fields.get("page") || "");
  if (!id) return $("viewer").close();
  const kept = window.history.state?.opened;
  if (kept?.page.page === id[0]) return openPage(kept.page, kept.boxes, kept.quotes);
  return openPage({ page: id[0], document: id[1], number: Number(id[2]), label: null, name: "" }, [], fields.getAll("mark"));
}

window.addEventListener("popstate", () => showAddress());
